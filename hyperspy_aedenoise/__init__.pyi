from . import components, data
from ._citation import citation
from ._denoiser.denoiser import AutoencoderDenoiser
from ._noise.model import NoiseModel
from ._signals.check import check_denoising
from ._signals.compare import compare_denoising
from ._signals.draws import get_autoencoder_draws, map_over_draws
from ._signals.fit import decompose_autoencoder
from ._signals.gui import autoencoder_gui
from ._signals.match_reference import match_reference
from ._signals.methods import get_autoencoder_scores, plot_autoencoder_scores
from ._signals.noise import add_noise, estimate_noise
from ._signals.plot_methods import (
    plot_autoencoder_loadings,
    plot_autoencoder_training,
)
from ._signals.results import (
    get_autoencoder_energy_shift,
    get_autoencoder_loadings,
    get_autoencoder_model,
    get_autoencoder_uncertainty,
)

__version__: str
__all__ = [
    "AutoencoderDenoiser",
    "NoiseModel",
    "add_noise",
    "autoencoder_gui",
    "check_denoising",
    "citation",
    "compare_denoising",
    "components",
    "data",
    "decompose_autoencoder",
    "estimate_noise",
    "get_autoencoder_draws",
    "get_autoencoder_energy_shift",
    "get_autoencoder_loadings",
    "get_autoencoder_model",
    "get_autoencoder_scores",
    "get_autoencoder_uncertainty",
    "map_over_draws",
    "match_reference",
    "plot_autoencoder_loadings",
    "plot_autoencoder_scores",
    "plot_autoencoder_training",
]

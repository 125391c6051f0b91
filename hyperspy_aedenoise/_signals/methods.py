"""The functions that become methods of ``EELSSpectrum``."""

from hyperspy_aedenoise._signals.check import check_denoising
from hyperspy_aedenoise._signals.compare import compare_denoising
from hyperspy_aedenoise._signals.draws import get_autoencoder_draws, map_over_draws
from hyperspy_aedenoise._signals.fit import decompose_autoencoder
from hyperspy_aedenoise._signals.gui import autoencoder_gui
from hyperspy_aedenoise._signals.noise import estimate_noise
from hyperspy_aedenoise._signals.plot_methods import (
    plot_autoencoder_loadings,
    plot_autoencoder_training,
)
from hyperspy_aedenoise._signals.results import (
    get_autoencoder_energy_shift,
    get_autoencoder_loadings,
    get_autoencoder_model,
    get_autoencoder_uncertainty,
)

#: HyperSpy 3 will call loadings scores; both names stay.
get_autoencoder_scores = get_autoencoder_loadings
plot_autoencoder_scores = plot_autoencoder_loadings

#: The methods by name.
SIGNAL_METHODS = {
    function.__name__: function
    for function in (
        estimate_noise,
        decompose_autoencoder,
        get_autoencoder_model,
        get_autoencoder_loadings,
        get_autoencoder_energy_shift,
        get_autoencoder_uncertainty,
        get_autoencoder_draws,
        map_over_draws,
        plot_autoencoder_training,
        plot_autoencoder_loadings,
        compare_denoising,
        check_denoising,
        autoencoder_gui,
    )
} | {
    "get_autoencoder_scores": get_autoencoder_scores,
    "plot_autoencoder_scores": plot_autoencoder_scores,
}

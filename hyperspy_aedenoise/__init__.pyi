from . import components, data
from ._citation import citation
from ._denoiser.denoiser import AutoencoderDenoiser
from ._noise.model import NoiseModel
from ._signals.match_reference import match_reference
from ._signals.noise import add_noise

__all__ = [
    "AutoencoderDenoiser",
    "NoiseModel",
    "add_noise",
    "citation",
    "components",
    "data",
    "match_reference",
]

from . import components, data
from ._citation import citation
from ._denoiser import AutoencoderDenoiser
from ._methods import add_noise
from ._noise import NoiseModel
from ._reference import match_reference

__all__ = [
    "AutoencoderDenoiser",
    "NoiseModel",
    "add_noise",
    "citation",
    "components",
    "data",
    "match_reference",
]

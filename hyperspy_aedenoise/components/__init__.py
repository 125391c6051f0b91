"""Model components."""

from hyperspy_aedenoise.components._autoencoder_edge import AutoencoderEdge

__all__ = ["AutoencoderEdge"]


def __dir__():
    return sorted(__all__)

from ._autoencoder_edge import AutoencoderEdge

__all__ = ["AutoencoderEdge"]

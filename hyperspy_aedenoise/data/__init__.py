"""Simulated spectrum images, clean."""

from hyperspy_aedenoise.data._sto_o_k import sto_o_k

__all__ = ["sto_o_k"]


def __dir__():
    return sorted(__all__)

from ._sto_o_k import sto_o_k

__all__ = ["sto_o_k"]

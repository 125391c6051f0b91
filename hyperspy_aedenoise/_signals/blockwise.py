"""A function of spectra on a signal's data: at once, or block by block if lazy."""

import numpy as np

from hyperspy_aedenoise._observation.blocks import in_whole_spectra
from hyperspy_aedenoise._signals.spectra import energy_last, output_type


def blockwise(signal, function, n_out=None, along=()):
    """Apply a function of spectra to a signal's data.

    Parameters
    ----------
    signal : EELSSpectrum
    function : callable
        Takes spectra, shape (..., n_channels), the dtype of the result, and the parts
        of `along` that belong to the spectra; returns an array of that type, shape
        (..., n_out). For lazy signals it must be something that can be sent to other
        processes.
    n_out : int, optional
        Default: the number of channels.
    along : sequence of ndarray, shape (...)
        One value for each position.

    Returns
    -------
    ndarray or dask array, shape (..., n_out)
        With the energy axis last.
    """
    dtype = output_type(signal.data.dtype)
    data = energy_last(signal, signal.data)
    if not signal._lazy:
        return function(data, dtype, *along)
    import dask
    import dask.array as da

    data = in_whole_spectra(data)
    chunks = data.chunks[:-1]
    return da.map_blocks(
        _on_block,
        data,
        *(da.from_array(one[..., None], (*chunks, (1,))) for one in along),
        # one for all tasks: it may hold a whole fit
        function=dask.delayed(function, traverse=False),
        result_type=dtype,
        chunks=(*chunks, (n_out or data.shape[-1],)),
        meta=np.empty((0,) * data.ndim, dtype),
    )


def _on_block(spectra, *along, function, result_type):
    return function(spectra, result_type, *(one[..., 0] for one in along))


class OnChannels:
    """A function of spectra, (n, n_channels), on those channels that are used.

    Parameters
    ----------
    function : callable
        From and to spectra, shape (n, n_channels).
    kept : ndarray of bool, shape (n_all_channels,)
        The others are NaN in the result.
    """

    #: Spectra that are treated at a time.
    AT_ONCE = 4096

    def __init__(self, function, kept):
        self.function, self.kept = function, kept

    def __call__(self, spectra, dtype):
        rows = spectra.reshape(-1, spectra.shape[-1])
        result = np.full(rows.shape, np.nan, dtype)
        for start in range(0, len(rows), self.AT_ONCE):
            part = slice(start, start + self.AT_ONCE)
            result[part, self.kept] = self.function(rows[part][:, self.kept])
        return result.reshape(spectra.shape)

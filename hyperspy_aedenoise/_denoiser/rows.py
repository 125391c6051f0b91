"""Functions of rows, applied to arrays of spectra."""

import numpy as np

from hyperspy_aedenoise._errors import must_be
from hyperspy_aedenoise._observation.spectra_by_blocks import slices


def of_length(values, n_expected, argument="spectra"):
    """Values as an array whose last axis is as long as expected, or a refusal."""
    values = np.asarray(values)
    if values.shape[-1:] != (n_expected,):
        raise ValueError(
            must_be(
                argument,
                f"arrays whose last axis has length {n_expected}",
                f"shape {values.shape}",
                "The autoencoder was trained on other spectra; train it on these.",
            )
        )
    return values


def by_rows(function, values, n_out):
    """Apply a function of rows, one by one.

    Parameters
    ----------
    function : callable
        From (n, n_in), float32, to (n, n_out).
    values : ndarray, shape (..., n_in)
    n_out : int

    Returns
    -------
    ndarray of float32, shape (..., n_out)
        NaN where a row isn't finite.
    """
    rows = values.reshape(-1, values.shape[-1]).astype(np.float32, copy=False)
    finite = np.isfinite(rows).all(axis=1)
    if finite.all():
        output = function(rows)
    else:
        output = np.full((len(rows), n_out), np.nan, np.float32)
        if finite.any():
            output[finite] = function(rows[finite])
    return output.reshape((*values.shape[:-1], n_out))


def by_shape(function, values, *n_out):
    """Apply a function of rows that asks how they lie.

    Parameters
    ----------
    function : callable
        From (n, n_in) and a shape with the product n to (n, *n_out).
    values : ndarray, shape (..., n_in)
    *n_out : int

    Returns
    -------
    ndarray, shape (..., *n_out)
        NaN where a row isn't finite.
    """
    rows = values.reshape(-1, values.shape[-1])
    with np.errstate(invalid="ignore", over="ignore"):
        output = function(rows, values.shape[:-1])
    output[~_finite(rows)] = np.nan
    return output.reshape((*values.shape[:-1], *n_out))


def by_parts(*arrays):
    """Some rows at a time of arrays of one shape, (..., n_channels)."""
    rows = [values.reshape(-1, values.shape[-1]) for values in arrays]
    for part in slices(*rows[0].shape):
        yield [values[part] for values in rows]


def _finite(rows):
    """Which rows are finite throughout, also in single precision."""
    # the sum of finite values of single precision is finite in double precision
    with np.errstate(invalid="ignore", over="ignore"):
        return np.isfinite(np.sum(rows, axis=1, dtype=np.float64))

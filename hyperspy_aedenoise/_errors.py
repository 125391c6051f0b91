"""The wording of refusals: what is wrong, what is allowed, what to do."""

from numbers import Integral, Real

import numpy as np


def must_be(argument, allowed, got, advice):
    """One sentence form for every refusal.

    Parameters
    ----------
    argument : str
        Name of the argument, as the user wrote it.
    allowed : str
        What would have been accepted.
    got : str
        What came.
    advice : str
        What to do next, a full sentence.

    Returns
    -------
    str

    Examples
    --------
    >>> must_be("iterations", "a positive integer", "0", "The default is 750.")
    '`iterations` must be a positive integer; got 0. The default is 750.'
    """
    return f"`{argument}` must be {allowed}; got {got}. {advice}"


def positive_integer(argument, value, advice):
    """Return `value` as an int, or refuse it."""
    is_integer = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_integer:
        raise TypeError(must_be(argument, "a positive integer", repr(value), advice))
    if value < 1:
        raise ValueError(must_be(argument, "a positive integer", repr(value), advice))
    return int(value)


def not_negative(argument, value, unit, advice):
    """Return `value` as a float >= 0, or refuse it."""
    allowed = f"a number >= 0 in {unit}"
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(must_be(argument, allowed, repr(value), advice))
    if not np.isfinite(value) or value < 0:
        raise ValueError(must_be(argument, allowed, repr(value), advice))
    return float(value)


def one_of(argument, value, options, advice):
    """Return `value` if it is one of the named `options`, or refuse it."""
    if value not in options:
        allowed = "one of " + ", ".join(repr(option) for option in options)
        raise ValueError(must_be(argument, allowed, repr(value), advice))
    return value


def real_spectra(argument, values):
    """Return `values` as an array of real numbers with an energy axis, or refuse.

    Parameters
    ----------
    argument : str
        Name of the argument, as the user wrote it.
    values : array_like of real numbers, shape (..., n_channels)

    Returns
    -------
    ndarray, shape (..., n_channels)
        In native byte order.
    """
    values = np.asarray(values)
    if values.dtype.kind not in "fiu":
        raise TypeError(
            must_be(
                argument,
                "real numbers (counts per channel)",
                f"dtype {values.dtype}",
                "Convert it first, for instance with `s.real` or "
                "`s.change_dtype('float32')`.",
            )
        )
    if values.ndim == 0 or values.shape[-1] < 8:
        raise ValueError(
            must_be(
                argument,
                "spectra of at least 8 channels along the last axis",
                f"shape {values.shape}",
                "Check which axis is the energy loss.",
            )
        )
    if values.size == 0:
        raise ValueError(
            must_be(
                argument,
                "at least one spectrum",
                f"shape {values.shape}",
                "Check masks and slices.",
            )
        )
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def finite_spectra(argument, spectra, left_out, place=None):
    """Refuse NaN and infinity in the spectra that are used, saying where.

    Parameters
    ----------
    argument : str
        Name of the argument, as the user wrote it.
    spectra : ndarray, shape (..., n_channels)
    left_out : ndarray of bool, shape (...), or None
        True at probe positions that are not used.
    place : callable, optional
        Words for a position (tuple of indices) and a channel. Default: the indices.
    """
    bad = ~np.isfinite(spectra)
    if left_out is not None:
        bad[left_out] = False
    n_bad = int(bad.sum())
    if n_bad == 0:
        return
    advice = "Leave them out with `navigation_mask` or `signal_mask`, or replace them."
    if argument == "signal" and left_out is not None and left_out.any():
        advice += (
            " Is the order of your `navigation_mask` (x, y)? A mask made from `s.data` "
            "has to be transposed, `mask.T`."
        )
    *position, channel = (int(i) for i in np.argwhere(bad)[0])
    n_spectra = int(bad.any(axis=-1).sum())
    raise ValueError(
        must_be(
            argument,
            "finite where it is used",
            f"{n_bad} NaN or infinite values in {n_spectra} spectra, the first at "
            f"{(place or _indices)(tuple(position), channel)}",
            advice,
        )
    )


def _indices(position, channel):
    return f"array index {position}, channel {channel}"

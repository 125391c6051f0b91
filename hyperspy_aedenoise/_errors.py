"""The wording of refusals: what is wrong, what is allowed, what to do."""

from numbers import Integral, Real

import numpy as np

#: Least and largest size of values: single precision ends at the squares of 1e-19 and
#: 1e19, and what is made of them is up to a thousand times larger or smaller.
USUAL_SIZE = (1e-15, 1e15)


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


def finite_number(argument, value, unit, advice):
    """Return `value` as a float, or refuse it."""
    allowed = f"a finite number in {unit}"
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(must_be(argument, allowed, repr(value), advice))
    if not np.isfinite(value):
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
    values : array_like or dask array of real numbers, shape (..., n_channels)

    Returns
    -------
    ndarray or dask array, shape (..., n_channels)
        In native byte order.
    """
    values = unmasked(values)
    if not hasattr(values, "dask"):  # a dask array stays one
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
    if values.dtype.isnative:
        return values
    return values.astype(values.dtype.newbyteorder("="))


def of_usual_size(argument, some):
    """Refuse values whose squares single precision can't hold.

    Parameters
    ----------
    argument : str
        Name of the argument, as the user wrote it.
    some : ndarray
        Values; NaN doesn't count.
    """
    largest = float(np.nanmax(np.abs(some), initial=0))
    low, high = USUAL_SIZE
    if largest and not low <= largest <= high:
        raise ValueError(
            must_be(
                argument,
                f"of values that reach {low:g} to {high:g}",
                f"at most {largest:.2g}",
                "Their squares get lost in single precision: multiply them first, for "
                f"instance `s * {10.0 ** -np.floor(np.log10(largest)):g}`.",
            )
        )


def unmasked(values):
    """What is masked in an array of `numpy.ma` as NaN; other arrays as they are.

    Parameters
    ----------
    values : array_like or dask array
        That of dask may hold such arrays.

    Returns
    -------
    array_like or dask array
    """
    if isinstance(getattr(values, "_meta", None), np.ma.MaskedArray):
        kind = _kind_with_nan(values.dtype)
        return values.map_blocks(_filled, kind, dtype=kind, meta=np.empty(0, kind))
    if not isinstance(values, np.ma.MaskedArray):
        return values
    if not np.ma.is_masked(values):
        return values.data
    return _filled(values, _kind_with_nan(values.dtype))


def _kind_with_nan(dtype):
    """Floating-point type for values of a type, some of which are NaN."""
    return np.promote_types(dtype.newbyteorder("="), np.float32)


def _filled(values, kind):
    return np.ma.filled(np.ma.asarray(values).astype(kind), np.nan)


class NotFinite(ValueError):
    """Spectra that hold NaN or infinite values where they are used.

    Parameters
    ----------
    argument : str
        Name of the argument, as the user wrote it.
    n_bad, n_spectra : int
        Such values, and spectra with any.
    first : tuple of int
        Position (indices) and channel of the first one.
    """

    def __init__(self, argument, n_bad, n_spectra, first):
        self.n_bad, self.n_spectra, self.first = n_bad, n_spectra, first
        *position, channel = first
        where = f"array index {tuple(position)}, channel {channel}"
        super().__init__(self.told_of(argument, where))

    def told_of(self, argument, where, advice=""):
        """The sentence, with the argument and the place in words of the caller's."""
        return must_be(
            argument,
            "finite where it is used",
            f"{self.n_bad} NaN or infinite value{'s' * (self.n_bad != 1)} in "
            f"{self.n_spectra} spectr{'um' if self.n_spectra == 1 else 'a'}, the first "
            f"at {where}",
            "Leave them out with `navigation_mask` or `signal_mask`, or replace them."
            + advice,
        )


def finite_spectra(argument, spectra, left_out=None):
    """Refuse NaN and infinity in the spectra that are used, saying where.

    Parameters
    ----------
    argument : str
        Name of the argument, as the user wrote it.
    spectra : ndarray, shape (..., n_channels)
    left_out : ndarray of bool, shape (...), optional
        True at probe positions that are not used.

    Raises
    ------
    NotFinite
    """
    bad = ~np.isfinite(spectra)
    if left_out is not None:
        bad[left_out] = False
    n_bad = int(bad.sum())
    if n_bad:
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise NotFinite(argument, n_bad, int(bad.any(axis=-1).sum()), first)


def generator(random_state):
    """Random generator of a seed, or a refusal that names the argument."""
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError) as error:
        raise type(error)(
            must_be(
                "random_state",
                "an integer >= 0, a `numpy.random.Generator` or None",
                repr(random_state),
                "The same integer gives the same result again.",
            )
        ) from error

"""Few counts: values that are whole numbers of electrons, as direct detectors give."""

import numpy as np

#: Share of the values that need not be whole numbers of electrons: replaced spikes.
_OTHERS = 1e-3
#: What is less than this share of the largest value is rounding.
_NOTHING = 1e-4
#: How far from a whole number a value may be by rounding, in electrons.
_ROUNDED = 0.01
#: Most counts in a channel, on average, that are few: with more they are nearly
#: Gaussian.
_FEW = 4.0
#: How far the scatter of neighbouring channels may be off that of counts, besides four
#: standard errors.
_UNLIKE_COUNTS = 0.05


def are_few_counts(spectra, unit):
    """Whether spectra are small whole numbers of electrons, and nothing else.

    Parameters
    ----------
    spectra : ndarray, shape (n_spectra, n_channels)
    unit : float
        Signal units per electron.

    Returns
    -------
    bool
    """
    if not unit > 0 or not 0 < spectra.mean(dtype=float) < _FEW * unit:
        return False
    counts = spectra / unit
    whole = (np.abs(counts - np.rint(counts)) < _ROUNDED) & (counts > -_ROUNDED)
    return bool(whole.mean() >= 1 - _OTHERS)


def unit_of_counts(spectra):
    """Signal units per electron where spectra are few counts and Poisson distributed.

    Parameters
    ----------
    spectra : ndarray, shape (n_spectra, n_channels)

    Returns
    -------
    float or None
        None where they are anything else, or it can't be told.

    Notes
    -----
    Counts in neighbouring channels differ by as much as they are large: the square of
    the difference and the sum have the same expected value. So few hardly differ by
    anything else.
    """
    highest = spectra.max()
    if not highest > 0:
        return None
    unit = float(spectra[spectra > _NOTHING * highest].min())
    if not are_few_counts(spectra, unit):
        return None
    counts = spectra / unit
    squares = np.square(np.diff(counts, axis=1)).sum(axis=1)
    sums = (counts[:, 1:] + counts[:, :-1]).sum(axis=1)
    ratio = squares.sum() / sums.sum()
    error = np.sqrt(np.square(squares - ratio * sums).sum()) / sums.sum()
    return unit if abs(ratio - 1) < _UNLIKE_COUNTS + 4 * error else None

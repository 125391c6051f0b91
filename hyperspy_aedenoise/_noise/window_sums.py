"""Windows of energy whose sums scatter less than noise: something was fitted there."""

import numpy as np
from scipy.stats import chi2

#: Places at which windows may begin and end, and fewest channels in one.
_N_PLACES, _FEWEST_CHANNELS = 128, 8
#: Variance of sums, relative to that of the noise, below which they were fitted.
_FITTED = 0.3
#: Chance that noise alone scatters as little, of all windows together.
_CHANCE = 1e-4


def window_of_a_fit(spectra, parts):
    """The window in which sums over channels scatter much less than the noise.

    Parameters
    ----------
    spectra : ndarray, shape (n_spectra, n_channels)
    parts : list of NoiseModel
        Counting and read-out noise, as each has a correlation of its own.

    Returns
    -------
    channels : slice or None
        None where there is no such window.
    ratio : float
        Variance of its sums from spectrum to spectrum, relative to that of the noise.

    Notes
    -----
    What spectra have in common and what tells them apart can only add to the variance
    of sums. A background that was fitted to each spectrum and subtracted takes it off
    in the window of the fit, as sums over it are the same before and after the fit.
    """
    n_spectra, n_channels = spectra.shape
    mean = spectra.mean(axis=0)
    places = np.unique(np.linspace(0, n_channels, _N_PLACES + 1).astype(int))
    first, last = (index.ravel() for index in np.meshgrid(places, places))
    first, last = (index[last - first >= _FEWEST_CHANNELS] for index in (first, last))
    if not len(first):
        return None, 1.0
    sums = np.zeros((n_spectra, len(places)))
    np.cumsum(
        np.add.reduceat(spectra - mean, places[:-1], axis=1), axis=1, out=sums[:, 1:]
    )
    covariance = sums.T @ sums / (n_spectra - 1)
    begins, ends = (np.searchsorted(places, index) for index in (first, last))
    variances = np.diag(covariance)
    measured = variances[ends] + variances[begins] - 2 * covariance[ends, begins]
    expected = sum(_expected(part, mean, first, last) for part in parts)
    ratio = np.maximum(measured, 0) / np.maximum(expected, np.finfo(float).tiny)
    lowest = np.argmin(ratio)
    chance = chi2.cdf(ratio[lowest] * (n_spectra - 1), n_spectra - 1) * len(ratio)
    if ratio[lowest] > _FITTED or chance > _CHANCE:
        return None, float(ratio[lowest])
    return slice(int(first[lowest]), int(last[lowest])), float(ratio[lowest])


def _expected(noise, mean, first, last):
    """Variance of the sum of noise over windows, shape (n_windows,)."""
    spread = np.sqrt(noise.variance(mean))
    total = np.zeros(len(first))
    for lag, correlation in enumerate(noise.correlation[: len(spread)]):
        cumulated = np.zeros(len(spread) - lag + 1)
        np.cumsum(spread[lag:] * spread[: len(spread) - lag], out=cumulated[1:])
        upto = np.maximum(last - lag, first)
        pairs = cumulated[upto] - cumulated[first]
        total += (1 if lag == 0 else 2) * correlation * pairs
    return total

"""What random matrix theory says of noise among principal components."""

import numpy as np


def largest_of_noise(ratio):
    """Largest variance of a principal component of white noise of variance 1.

    The edge of the distribution of V. A. Marchenko and L. A. Pastur, Math. USSR
    Sbornik 1 (1967) 457, https://doi.org/10.1070/SM1967v001n04ABEH001994, which many
    samples approach.

    Parameters
    ----------
    ratio : float
        Values per sample.

    Returns
    -------
    float
    """
    return (1 + np.sqrt(ratio)) ** 2


def optimal_gain(variance, ratio):
    """Factor for a principal component that leaves the least squared error.

    Parameters
    ----------
    variance : ndarray, shape (...)
        As it was seen in noisy samples, in units of the noise.
    ratio : float
        Values per sample.

    Returns
    -------
    ndarray, shape (...)
        0 to 1; 0 where noise alone reaches as much.

    Notes
    -----
    For the samples themselves and the Frobenius loss: equation (7) of M. Gavish and
    D. L. Donoho, IEEE Trans. Inf. Theory 63 (2017) 2137,
    https://doi.org/10.1109/TIT.2017.2653801, with their ``y**2`` the variance if
    `ratio` is at most 1; for a larger one both are divided by it, and it drops out.
    """
    root = np.sqrt(np.maximum((variance - 1 - ratio) ** 2 - 4 * ratio, 0))
    above = variance > largest_of_noise(ratio)
    return np.where(above, root / np.maximum(variance, 1), 0.0)


def rank_of_unknown_level(white, margin):
    """Number of principal components above white noise whose level isn't known.

    Parameters
    ----------
    white : ndarray, shape (n_spectra, n_channels)
        Fluctuations about the mean spectrum.
    margin : float
        Variance that a component needs, in units of the largest one of noise.

    Returns
    -------
    int
        Less than half of the number there can be: the others show the noise.
    """
    n_spectra, n_channels = white.shape
    gram = white.T @ white if n_spectra > n_channels else white @ white.T
    smaller, larger = sorted((n_spectra - 1, n_channels))
    eigenvalues = np.linalg.eigvalsh(gram)[-smaller:]
    # Relative to the median eigenvalue the edge needs no noise level.
    ratio = smaller / larger
    edge = largest_of_noise(ratio) / _marchenko_pastur_median(ratio)
    rank = int((eigenvalues > margin * edge * np.median(eigenvalues)).sum())
    return min(rank, (smaller - 1) // 2)


def _marchenko_pastur_median(ratio):
    """Median eigenvalue of unit noise, of the shorter to the longer side `ratio`."""
    low, high = (1 - np.sqrt(ratio)) ** 2, (1 + np.sqrt(ratio)) ** 2
    edges = np.linspace(low, high, 2001)
    x = (edges[1:] + edges[:-1]) / 2
    density = np.sqrt(np.maximum((high - x) * (x - low), 0)) / x
    cumulated = np.cumsum(density)
    return float(np.interp(0.5, cumulated / cumulated[-1], x))

"""What every denoiser has to be compared with, at its best, given the truth.

Nothing here comes from the package, so that no error of the package can hide in its
own baseline. Spectra are arrays of shape (..., n_channels), `spread` and `correlation`
the true noise: standard deviation by which values are divided, shape (n_channels,) or
(n_spectra, n_channels), and autocorrelation along energy.
"""

import numpy as np
import scipy.linalg
import scipy.signal
from skimage.restoration import denoise_nl_means

#: Most components of the best PCA.
MOST = 30


def mse(values, clean):
    """Mean squared error."""
    return float(np.square(values - clean).mean())


def spreads(variance):
    """Standard deviations of the noise by which spectra may be scaled.

    Parameters
    ----------
    variance : ndarray, shape (..., n_channels)
        True ones.

    Returns
    -------
    list of ndarray
        That of each channel in the mean; and, where spectra differ, that of each
        spectrum, too: the outer product of means over either (as M. R. Keenan and P. G.
        Kotula do, Surf. Interface Anal. 36 (2004) 203, doi:10.1002/sia.1657).
    """
    rows = variance.reshape(-1, variance.shape[-1])
    channels = rows.mean(axis=0)
    if np.ptp(rows, axis=0).max() == 0:
        return [np.sqrt(channels)]
    spectra = rows.mean(axis=1, keepdims=True) / channels.mean()
    return [np.sqrt(channels), np.sqrt(spectra * channels)]


def oracle_pca(noisy, clean, spread):
    """PCA of spectra scaled to equal noise, and the number of components.

    The number is the one closest to the truth.
    """
    rows = noisy.reshape(-1, noisy.shape[-1]) / spread
    left, singular, right = np.linalg.svd(rows, full_matrices=False)
    truth = clean.reshape(rows.shape)
    model, best = 0, (np.inf, None, 0)
    for number in range(min(MOST, *rows.shape)):
        model = model + np.outer(left[:, number] * singular[number], right[number])
        error = mse(model * spread, truth)
        if error < best[0]:
            best = error, model * spread, number + 1
    return best[1].reshape(noisy.shape), best[2]


def optimal_shrinkage(noisy, spread, correlation=(1.0,)):
    """Singular values shrunk for the Frobenius loss, after whitening.

    M. Gavish and D. L. Donoho, IEEE Trans. Inf. Theory 63 (2017) 2137, equation (7).
    """
    rows = noisy.reshape(-1, noisy.shape[-1]) / spread
    lags = np.zeros(rows.shape[1])
    lags[: len(correlation)] = correlation
    lower = np.linalg.cholesky(scipy.linalg.toeplitz(lags))
    white = scipy.linalg.solve_triangular(lower, rows.T, lower=True).T
    left, singular, right = np.linalg.svd(white, full_matrices=False)
    shorter, longer = sorted(white.shape)
    ratio = shorter / longer
    y = singular / np.sqrt(longer)
    root = np.sqrt(np.maximum((y**2 - ratio - 1) ** 2 - 4 * ratio, 0))
    kept = np.where(y > 1 + np.sqrt(ratio), root / np.maximum(y, 1), 0)
    restored = (left * (kept * np.sqrt(longer))) @ right
    return ((restored @ lower.T) * spread).reshape(noisy.shape)


def savitzky_golay(noisy, clean):
    """Cubic Savitzky-Golay filter; the window is the best one by the truth."""
    tried = [
        scipy.signal.savgol_filter(noisy, window, 3, axis=-1)
        for window in (5, 7, 9, 13, 17, 25)
    ]
    return min(tried, key=lambda values: mse(values, clean))


def volumetric(noisy, clean, spread):
    """Non-local means of the whole volume; the strength is the best by the truth.

    As it is in scikit-image, on the volume scaled to equal noise.
    """
    scaled = noisy / spread
    volume = scaled.reshape((1, *noisy.shape) if noisy.ndim == 2 else noisy.shape)
    tried = [
        denoise_nl_means(
            volume, patch_size=3, patch_distance=3, h=strength, sigma=1, fast_mode=True
        ).reshape(noisy.shape)
        * spread
        for strength in (0.5, 0.8, 1.2)
    ]
    return min(tried, key=lambda values: mse(values, clean))

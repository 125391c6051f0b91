"""What every denoiser has to be compared with: PCA at its best, given the truth.

Spectra are arrays of shape (n_spectra, n_channels); nothing here comes from the
package, so that no error of the package can hide in its own baseline.
"""

import numpy as np


def oracle_pca(noisy, clean, most=30):
    """PCA with the number of components that is closest to the truth.

    Returns
    -------
    mse : float
    components : int
    """
    u, s, v = np.linalg.svd(noisy, full_matrices=False)
    errors = [
        np.square((u[:, :k] * s[:k]) @ v[:k] - clean).mean() for k in range(1, most + 1)
    ]
    best = int(np.argmin(errors))
    return float(errors[best]), best + 1


def optimal_shrinkage(noisy, clean, sigma):
    """Singular values shrunk for the Frobenius loss, white noise of known sigma.

    M. Gavish and D. L. Donoho, IEEE Trans. Inf. Theory 63 (2017) 2137, equation (7).

    Returns
    -------
    mse : float
    """
    u, s, v = np.linalg.svd(noisy, full_matrices=False)
    shorter, longer = sorted(noisy.shape)
    ratio = shorter / longer
    y = s / (sigma * np.sqrt(longer))
    root = np.sqrt(np.maximum((y**2 - ratio - 1) ** 2 - 4 * ratio, 0))
    kept = np.where(y > 1 + np.sqrt(ratio), root / np.maximum(y, 1), 0)
    restored = (u * (kept * sigma * np.sqrt(longer))) @ v
    return float(np.square(restored - clean).mean())

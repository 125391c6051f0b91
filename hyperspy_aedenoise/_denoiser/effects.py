"""What latent variables mean, in spectra."""

import numpy as np


def effects(denoiser, latent):
    """What each latent variable adds to a spectrum.

    Parameters
    ----------
    denoiser : AutoencoderDenoiser
    latent : array_like, shape (..., output_dimension)
        Of some spectra; NaN where there is none.

    Returns
    -------
    ndarray, shape (output_dimension, n_channels)
        In signal units, if it rises by its own standard deviation.
    """
    rows = np.reshape(latent, (-1, np.shape(latent)[-1])).astype(np.float32)
    rows = rows[np.isfinite(rows).all(axis=1)]
    mean, steps = rows.mean(axis=0), np.diag(rows.std(axis=0))
    return (denoiser.decode(mean + steps) - denoiser.decode(mean - steps)) / 2

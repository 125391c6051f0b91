"""What neighbouring channels tell of noise, as far as it is white."""

from dataclasses import replace

import numpy as np
import scipy.ndimage


def roughness(centred):
    """Standard deviation from channel to channel: the shape of the noise level.

    Its size is wrong where channels are correlated, its course along energy is not.

    Parameters
    ----------
    centred : ndarray, shape (n_spectra, n_channels)
        Fluctuations about the mean spectrum.

    Returns
    -------
    ndarray, shape (n_channels,)
        In signal units, more than 0.
    """
    difference = np.diff(centred, axis=1, prepend=centred[:, 1:2])
    window = min(31, centred.shape[1])
    level = np.sqrt(scipy.ndimage.median_filter(difference.var(axis=0) / 2, window))
    return np.maximum(level, 1e-3 * centred.std())


def guess_gain(spectrum):
    """Gain from the neighbouring channels of one spectrum, as if noise were white.

    Parameters
    ----------
    spectrum : ndarray, shape (n_channels,)

    Returns
    -------
    float
        Variance per expected value, in signal units; too small by up to three times
        where the detector spreads a signal over channels.
    """
    inner, bright = _bright(spectrum)
    if not bright.any():
        return 1.0
    scale = np.sqrt(np.maximum(inner, 0))
    rough = _second_difference(spectrum, scale, bright)
    return float(np.maximum(rough**2 / 6, 1e-12))


def fixed_pattern(mean, noise, n_spectra):
    """Size of a pattern common to all spectra.

    From the second difference along energy of the mean spectrum, less its noise; the
    median keeps edges out.

    Parameters
    ----------
    mean : ndarray, shape (n_channels,)
        Mean spectrum in signal units.
    noise : NoiseModel
        Of one spectrum.
    n_spectra : int
        Spectra in the mean.

    Returns
    -------
    float
        Standard deviation from channel to channel, relative to the mean spectrum.
    """
    mean = mean - noise.pedestal
    noise = replace(noise, pedestal=0.0)
    inner, bright = _bright(mean)
    if bright.sum() < 8:
        return 0.0
    spread = _second_difference(mean, inner, bright)
    rho = [*noise.correlation, 0, 0][1:3]
    share = 6 - 8 * rho[0] + 2 * rho[1]
    of_noise = np.median(noise.variance(inner[bright]) / inner[bright] ** 2) / n_spectra
    return float(np.sqrt(max(spread**2 - share * of_noise, 0) / 6))


def _bright(spectrum):
    """All but the outer channels, and where they are not next to nothing."""
    inner = spectrum[1:-1]
    return inner, inner > 0.05 * np.median(np.abs(spectrum))


def _second_difference(spectrum, scale, bright):
    """Robust standard deviation of the second difference relative to `scale`."""
    rough = np.diff(spectrum, 2)[bright] / scale[bright]
    return 1.4826 * np.median(np.abs(rough - np.median(rough)))

"""What neighbouring channels tell of noise, as far as it is white."""

from dataclasses import replace
from math import comb

import numpy as np
import scipy.ndimage

#: Orders of the differences that tell a pattern from curvature, and the least size of
#: the last one relative to that before it: a pattern has the same in all.
_ORDERS, _STILL_THERE = (2, 4, 6, 8, 12), 0.8
#: Share of the counts by which dim spectra must have less than bright ones.
_UNLIKE = 0.2
#: Factor by which bright channels must have more than dim ones, and by which a pattern
#: must be larger in these, relative to the counts; fewest channels of either, and of
#: all.
_BRIGHTER, _FEWEST_CHANNELS = 3, 24


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


def fixed_pattern(mean, noise, n_spectra, dark=0.0):
    """Size of a pattern common to all spectra, in proportion to the counts.

    From differences along energy of the mean spectrum, less its noise; the median
    keeps edges out, and higher differences the spectrum's own curvature: a pattern that
    is independent from channel to channel has the same size in all of them.

    Parameters
    ----------
    mean : ndarray, shape (n_channels,)
        Mean spectrum in signal units.
    noise : NoiseModel
        Of one spectrum.
    n_spectra : int
        Spectra in the mean.
    dark : float, default 0
        Standard deviation of a pattern that is added to the spectra, in signal units.

    Returns
    -------
    float
        Standard deviation from channel to channel, relative to the mean spectrum.
    """
    mean = mean - noise.pedestal
    variance = replace(noise, pedestal=0.0).variance(mean) / n_spectra
    bright = mean > 0.05 * np.median(np.abs(mean))
    if bright[_ORDERS[-1] :].sum() < 8:
        return 0.0
    scale = np.maximum(mean, 0.05 * np.median(np.abs(mean)))
    size = _pattern(mean, variance, noise.correlation, scale, bright)
    added = dark * np.sqrt(np.median(1 / scale[bright] ** 2))
    return float(np.sqrt(max(size**2 - added**2, 0.0)))


def dark_pattern(spectra, noise):
    """Size of a pattern that is added to all spectra, whatever their intensity.

    Dim and bright spectra are extrapolated to one without counts: what is in proportion
    to the counts cancels. Where all are of nearly equal intensity, dim and bright
    channels tell.

    Parameters
    ----------
    spectra : ndarray, shape (n_spectra, n_channels)
    noise : NoiseModel

    Returns
    -------
    float
        Standard deviation from channel to channel in signal units; 0 where intensities
        are nearly equal, and of few channels.
    """
    if spectra.shape[1] < _FEWEST_CHANNELS:
        return 0.0
    n = max(len(spectra) // 4, 1)
    order = np.argsort(spectra.mean(axis=1))
    dim, bright = spectra[order[:n]].mean(axis=0), spectra[order[-n:]].mean(axis=0)
    counts = dim.mean() - noise.pedestal, bright.mean() - noise.pedestal
    if counts[1] - counts[0] < _UNLIKE * abs(counts[1]):
        return _dark_by_energy(spectra.mean(axis=0), noise, len(spectra))
    share = counts[0] / (counts[1] - counts[0])
    dark = (1 + share) * dim - share * bright
    variance = (1 + share) ** 2 * noise.variance(dim)
    variance = (variance + share**2 * noise.variance(bright)) / n
    everywhere = np.ones(len(dark), bool)
    return _pattern(dark, variance, noise.correlation, np.ones(len(dark)), everywhere)


def _dark_by_energy(mean, noise, n_spectra):
    """Size of a pattern that is far larger, relative to the counts, in dim channels."""
    level = np.abs(mean - noise.pedestal)
    limits = np.quantile(level, (1 / 3, 2 / 3))
    parts = level <= limits[0], level >= limits[1]
    if limits[1] < _BRIGHTER * limits[0] or parts[0].sum() < _FEWEST_CHANNELS:
        return 0.0
    variance = noise.variance(mean) / n_spectra
    scale = np.maximum(level, np.sqrt(variance))
    of_dim, of_bright = (
        _pattern(mean, variance, noise.correlation, scale, part) for part in parts
    )
    if of_dim < _BRIGHTER * of_bright:
        return 0.0
    added = [np.median(1 / scale[part] ** 2) for part in parts]
    return float(np.sqrt((of_dim**2 - of_bright**2) / (added[0] - added[1])))


def _pattern(spectrum, variance, correlation, scale, used):
    """Standard deviation of what is independent from channel to channel.

    Parameters
    ----------
    spectrum, variance, scale : ndarray, shape (n_channels,)
        With the variance of the noise in it, and the unit of the result.
    correlation : sequence of float
        Of the noise along energy.
    used : ndarray of bool, shape (n_channels,)

    Returns
    -------
    float
        0 if it is within four standard errors of none, or still falls with the order,
        as it does where lines are few channels wide.
    """
    sizes = []
    for order in _ORDERS:
        here = slice(order // 2, len(spectrum) - order // 2)
        inner = used[here]
        rough = np.diff(spectrum, order)[inner] / scale[here][inner]
        spread = 1.4826 * np.median(np.abs(rough - np.median(rough)))
        weights = np.array([(-1) ** k * comb(order, k) for k in range(order + 1)])
        power = np.correlate(weights, weights, "full")[order:]
        lags = np.zeros(order + 1)
        known = np.asarray(correlation[: order + 1])
        lags[: len(known)] = known
        of_noise = power[0] + 2 * (power[1:] * lags[1:]).sum()
        of_noise *= np.median(variance[here][inner] / scale[here][inner] ** 2)
        excess = spread**2 - of_noise
        doubt = 4 * 1.65 * np.sqrt(order / inner.sum()) * of_noise
        sizes.append(np.sqrt(excess / power[0]) if excess > doubt else 0.0)
    return float(min(sizes)) if sizes[-1] >= _STILL_THERE * sizes[-2] else 0.0


def _bright(spectrum):
    """All but the outer channels, and where they are not next to nothing."""
    inner = spectrum[1:-1]
    return inner, inner > 0.05 * np.median(np.abs(spectrum))


def _second_difference(spectrum, scale, bright):
    """Robust standard deviation of the second difference relative to `scale`."""
    rough = np.diff(spectrum, 2)[bright] / scale[bright]
    return 1.4826 * np.median(np.abs(rough - np.median(rough)))

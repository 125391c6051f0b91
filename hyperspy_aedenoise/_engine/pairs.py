"""Judging denoisers without a clean spectrum: pairs made from one noisy spectrum.

For Gaussian noise ``n`` and a fresh draw ``z`` of the same covariance, ``y + a z``
and ``y - z / a`` are independent given the clean signal. Whatever is computed from
the first alone can be judged by the second (recorrupted-to-recorrupted, T. Pang et
al., CVPR 2021, equation 7, https://doi.org/10.1109/CVPR46437.2021.00208).
"""

from dataclasses import dataclass

import numpy as np


def recorrupted_pair(spectra, expected, noise, ratio, rng):
    """Two noisy versions of noisy spectra whose noises are independent.

    Parameters
    ----------
    spectra : ndarray, shape (..., n_channels)
        Noisy spectra, in signal units.
    expected : ndarray, shape (..., n_channels)
        Estimate of their expected values; it sets the size of the draw only.
    noise : NoiseModel
    ratio : float
        a of the formula: the first version has ``1 + a**2`` times the noise
        variance of `spectra`, the second ``1 + 1 / a**2`` times.
    rng : numpy.random.Generator

    Returns
    -------
    first, second : ndarray, shape (..., n_channels)

    Notes
    -----
    Exact for Gaussian noise of known covariance; for counts good down to a few
    electrons per channel. A wrong noise model makes the two depend on each other.
    """
    draw = noise.fluctuation(expected, rng)
    return spectra + ratio * draw, spectra - draw / ratio


@dataclass(frozen=True)
class PairedDifference:
    """By how much one estimate is closer to the truth than another.

    Parameters
    ----------
    value : float
        Mean squared error of the one minus that of the other, in signal units
        squared; negative where the one is better.
    error : float
        Standard error of `value`.
    """

    value: float
    error: float


def paired_difference(one, other, second, expected, noise, ratio):
    """Compare two estimates made from the first of a pair by means of the second.

    Parameters
    ----------
    one, other : ndarray, shape (..., n_channels)
        Estimates, both computed from the first version of the spectra alone.
    second : ndarray, shape (..., n_channels)
        The second version.
    expected : ndarray, shape (..., n_channels)
        Estimate of the expected values, for the error.
    noise : NoiseModel
        Noise of the original spectra.
    ratio : float
        As in `recorrupted_pair`.

    Returns
    -------
    PairedDifference

    Notes
    -----
    ``|one - second|**2 - |other - second|**2`` holds the noise of `second` only in
    a term linear in ``one - other``; the error is the standard deviation of that
    term, correlation along energy included.
    """
    apart = np.asarray(one, dtype=np.float64) - other
    middle = 0.5 * (np.asarray(one, dtype=np.float64) + other)
    value = 2 * np.mean(apart * (middle - second))
    loaded = apart * np.sqrt(noise.variance(expected))
    power = np.sum(loaded**2)
    for lag, rho in enumerate(noise.correlation[1:], start=1):
        power += 2 * rho * np.sum(loaded[..., lag:] * loaded[..., :-lag])
    power *= 1 + 1 / ratio**2
    return PairedDifference(float(value), float(2 * np.sqrt(power) / apart.size))

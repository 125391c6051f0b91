"""Judging denoisers without a clean spectrum: pairs made from one noisy spectrum.

For Gaussian noise ``n`` and a fresh draw ``z`` of the same covariance, ``y + a z``
and ``y - z / a`` are independent given the clean signal. Whatever is computed from
the first alone can be judged by the second (recorrupted-to-recorrupted, T. Pang et
al., CVPR 2021, equation 7, https://doi.org/10.1109/CVPR46437.2021.00208).

Few counts are shared out between the two instead: that, too, makes them independent,
and is exact (binomial thinning; A. Neufeld et al., J. Mach. Learn. Res. 25 (2024) 1,
https://arxiv.org/abs/2301.07276).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hyperspy_aedenoise._noise.model import NoiseModel
from hyperspy_aedenoise._observation.observation import Observation
from hyperspy_aedenoise._observation.spectra_by_blocks import InMemory, slices

#: Ratio of a pair that judges: with more noise on the first, what is judged would no
#: longer be what is used; with less, the second says too little.
RATIO = 0.3


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


def thinned_pair(spectra, unit, ratio, rng):
    """Two independent versions of Poisson distributed counts.

    Each electron goes to one of the two, by chance.

    Parameters
    ----------
    spectra : ndarray, shape (..., n_channels)
        Whole numbers of electrons, in signal units.
    unit : float
        Signal units per electron.
    ratio : float
        As of `recorrupted_pair`: the first version gets ``1 / (1 + ratio**2)`` of the
        electrons, and with each scaled up to the intensity of `spectra` the variances
        are the same as there.
    rng : numpy.random.Generator

    Returns
    -------
    first, second : ndarray, shape (..., n_channels)
    """
    counts = np.maximum(np.rint(spectra / unit), 0).astype(int)
    share = 1 / (1 + ratio**2)
    first = rng.binomial(counts, share)
    return first * (unit / share), (counts - first) * (unit / (1 - share))


@dataclass(frozen=True)
class PairedDifference:
    """By how much one estimate is closer to the truth than another.

    Parameters
    ----------
    value : float
        Mean squared error of the one minus that of the other; negative where the one
        is better.
    error : float
        Standard error of `value`.
    """

    value: float
    error: float

    def __truediv__(self, unit):
        return PairedDifference(self.value / unit, self.error / unit)


@dataclass(frozen=True)
class Pair:
    """Two noisy versions of spectra, the first to restore, the second to judge.

    Parameters
    ----------
    first : Observation
        With ``1 + ratio**2`` times the noise variance.
    second, expected : ndarray, shape (n_spectra, n_channels)
        The other version, and an estimate of the expected values.
    noise : NoiseModel
        Of the spectra themselves.
    ratio : float
        As of `recorrupted_pair`.
    """

    first: Observation
    second: np.ndarray
    expected: np.ndarray
    noise: NoiseModel
    ratio: float = RATIO

    @classmethod
    def drawn(cls, observation, expected, rng, ratio=RATIO):
        """A pair with fresh noise, or of few counts shared out.

        Parameters
        ----------
        observation : Observation
        expected : ndarray, shape (n_spectra, n_channels)
        rng : numpy.random.Generator
        ratio : float, optional
        """
        noise = observation.noise
        first, second = np.empty((2, *expected.shape), dtype=np.float32)
        for part in slices(*expected.shape):
            rows = observation.spectra.take(part)
            if observation.is_counted:
                drawn = thinned_pair(rows, noise.gain, ratio, rng)
            else:
                drawn = recorrupted_pair(rows, expected[part], noise, ratio, rng)
            first[part], second[part] = drawn
        noisier = noise.scaled(1 + ratio**2)
        first = observation.with_spectra(InMemory(first), noisier)
        return cls(first, second, expected, noise, ratio)

    def difference(self, one, other, judged=None):
        """Compare two estimates that were computed from the first version alone.

        Parameters
        ----------
        one, other : Spectra
        judged : ndarray of int, shape (n,), optional
            Numbers of the spectra that are looked at. Default: all.

        Returns
        -------
        PairedDifference
            In signal units squared.

        Notes
        -----
        ``|one - second|**2 - |other - second|**2`` holds the noise of the second
        version only in a term linear in ``one - other``; the error is the standard
        deviation of that term, correlation along energy included.
        """
        value = power = 0.0
        n_spectra, n_channels = self.second.shape
        if judged is None:
            parts, n_judged = slices(n_spectra, n_channels), n_spectra
        else:
            n_judged = len(judged)
            parts = [judged[part] for part in slices(n_judged, n_channels)]
        for part in parts:
            mine, others = one.take(part), other.take(part)
            apart = mine - others
            value += _product(apart, mine + others - 2 * self.second[part])
            variance = self.noise.variance(self.expected[part])
            # in units of the noise: single precision has no squares of squares
            loaded = apart * np.sqrt(variance / self.noise_power)
            power += _product(loaded, loaded)
            for lag, rho in enumerate(self.noise.correlation[1:], start=1):
                power += 2 * rho * _product(loaded[:, lag:], loaded[:, :-lag])
        # that of a noise with a correlation is never negative, but for rounding
        power = max(power, 0) * (1 + 1 / self.ratio**2) * self.noise_power
        size = n_judged * n_channels
        return PairedDifference(float(value / size), float(2 * np.sqrt(power) / size))

    @cached_property
    def noise_power(self):
        """Mean variance of the noise, in signal units squared."""
        parts = slices(*self.expected.shape)
        total = sum(self.noise.variance(self.expected[part]).sum() for part in parts)
        return float(total / self.expected.size)


def _product(one, other):
    """Scalar product of two arrays; of each row in its own precision."""
    return np.einsum("ij,ij->i", one, other).sum(dtype=float)


def mean_difference(differences, ratio=RATIO):
    """Mean over draws of pairs of the same spectra.

    Of the variance of a single one, ``1 / (1 + 1 / ratio**2)`` is due to the noise of
    the spectra themselves, which all draws share.
    """
    n = len(differences)
    shared = 1 / (1 + 1 / ratio**2)
    variance = np.mean([one.error**2 for one in differences])
    return PairedDifference(
        float(np.mean([one.value for one in differences])),
        float(np.sqrt(variance * (shared + (1 - shared) / n))),
    )

"""The spectra that a simulation is brought to, and their mean."""

import functools
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from hyperspy_aedenoise._noise.model import NoiseModel


@dataclass(frozen=True)
class MeanSpectrum:
    """The mean of spectra, and how well it is known.

    Parameters
    ----------
    energies : ndarray, shape (n_channels,)
        In eV.
    values : ndarray, shape (n_channels,)
        In signal units; 0 in channels that are not used.
    covariance : ndarray, shape (n_channels, n_channels)
        Of the noise in it, in signal units squared.
    used : ndarray of bool, shape (n_channels,)
        Channels that hold something.
    """

    energies: np.ndarray
    values: np.ndarray
    covariance: np.ndarray
    used: np.ndarray

    @property
    def noise_level(self):
        """Standard deviation of the noise, shape (n_channels,), in signal units."""
        return np.sqrt(np.diag(self.covariance))


@dataclass(frozen=True)
class Experiment:
    """Spectra of an edge on a background, and their noise.

    Parameters
    ----------
    energies : ndarray, shape (n_channels,)
        Uniform and ascending, in eV.
    spectra : ndarray of float, shape (n_spectra, n_channels)
        With the background.
    used : ndarray of bool, shape (n_channels,)
        Channels that hold something.
    noise : NoiseModel
        Of the spectra.
    """

    energies: np.ndarray
    spectra: np.ndarray
    used: np.ndarray
    noise: NoiseModel

    def between(self, first, end):
        """Slice of the channels that lie between two energies with all their width."""
        half = (self.energies[1] - self.energies[0]) / 2
        start = np.searchsorted(self.energies - half, first - 1e-6 * half)
        stop = np.searchsorted(self.energies + half, end + 1e-6 * half, side="right")
        return slice(int(start), int(stop))

    def part(self, inside):
        """The experiment on a slice of its channels."""
        return Experiment(
            self.energies[inside],
            self.spectra[:, inside],
            self.used[inside],
            self.noise,
        )

    @functools.cached_property
    def mean(self):
        """The `MeanSpectrum`."""
        mean = np.where(self.used, self.spectra.mean(axis=0), 0.0)
        variance = self.noise.variance(mean)
        # empty channels must not rule the fit
        variance = np.maximum(variance, 1e-3 * np.median(variance))
        covariance = _covariance_of_mean(
            variance, self.noise.correlation, len(self.spectra)
        )
        return MeanSpectrum(self.energies, mean, covariance, self.used)


def _covariance_of_mean(variance, correlation, n_spectra):
    """Noise covariance of a mean spectrum, from the variance of one spectrum."""
    lags = np.zeros(len(variance))
    known = np.asarray(correlation[: len(lags)])
    lags[: len(known)] = known
    spread = np.sqrt(variance / n_spectra)
    return scipy.linalg.toeplitz(lags) * np.outer(spread, spread)

"""Bringing the noise of spectra to white noise of variance 1."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from hyperspy_aedenoise._errors import must_be


@dataclass(frozen=True)
class Colour:
    """What tells noise as it stands in spectra from white noise of unit variance.

    Parameters
    ----------
    spread : ndarray, shape (n_channels,)
        Standard deviation of the noise at one spectrum, in signal units.
    factor : ndarray, shape (n_lags, n_channels)
        Lower Cholesky factor of the correlation matrix, in banded storage.
    """

    spread: np.ndarray
    factor: np.ndarray

    #: Share of white noise added to the correlation: what the model calls almost
    #: noise-free must not be divided by almost nothing.
    FLOOR = 0.05

    @classmethod
    def of(cls, noise, mean):
        """Colour of `noise` at the `mean` spectrum, shape (n_channels,)."""
        spread = np.sqrt(noise.variance(np.asarray(mean, dtype=np.float64)))
        if not spread.any():
            raise ValueError(
                must_be(
                    "noise",
                    "larger than zero at the mean spectrum",
                    f"{noise} with a mean spectrum that is nowhere above 0",
                    "Counts below zero have read-out noise only: give it an `offset`.",
                )
            )
        return cls.from_spread(spread, noise.correlation)

    @classmethod
    def from_spread(cls, spread, correlation):
        """Colour of noise with a known `spread`, shape (n_channels,)."""
        # A dead channel has no noise; its neighbours tell what scale is sensible.
        spread = np.maximum(spread, 0.05 * np.median(spread))
        spread = np.maximum(spread, 1e-6 * spread.max())
        lags = np.array(correlation[: len(spread)])
        band = np.repeat(lags[:, None] * (1 - cls.FLOOR), len(spread), axis=1)
        band[0] = 1
        return cls(spread, scipy.linalg.cholesky_banded(band, lower=True))

    def part(self, channels):
        """The colour of some channels; before them there must be nothing."""
        return Colour(self.spread[channels], self.factor[:, channels])

    def whiten(self, centred):
        """Bring fluctuations, shape (n, n_channels), to white noise of variance 1."""
        return self._independent(centred / self.spread)

    def whiten_covariance(self, scaled):
        """Covariance of whitened spectra from that of spectra divided by `spread`."""
        return self._independent(self._independent(scaled).T)

    def _independent(self, scaled):
        """Take the correlation along the last axis off fluctuations of variance 1."""
        if len(self.factor) == 1:
            return scaled
        lower = (len(self.factor) - 1, 0)
        return scipy.linalg.solve_banded(lower, self.factor, scaled.T).T

    def analysis(self, basis):
        """Matrix that does to fluctuations what `whiten` and then `basis` do.

        Both of shape (n_channels, n).
        """
        upper = np.zeros_like(self.factor)
        for lag in range(len(self.factor)):
            upper[-1 - lag, lag:] = self.factor[lag, : len(basis) - lag]
        turned = scipy.linalg.solve_banded((0, len(upper) - 1), upper, basis)
        return turned / self.spread[:, None]

    def synthesis(self, analysis):
        """Undo `analysis`, shape (n_channels, n)."""
        turned = analysis * self.spread[:, None]
        basis = self.factor[0][:, None] * turned
        for lag in range(1, len(self.factor)):
            basis[:-lag] += self.factor[lag, :-lag, None] * turned[lag:]
        return basis

    def error_of_height(self, centre, width):
        """Standard error of the height of a peak in one spectrum, by a matched filter.

        Parameters
        ----------
        centre : array_like, shape (n,)
            Channels of Gaussian peaks.
        width : float
            Their standard deviation, in channels.

        Returns
        -------
        ndarray, shape (n,)
            In signal units.
        """
        channel = np.arange(len(self.spread))
        apart = (channel - np.asarray(centre)[:, None]) / width
        return 1 / np.linalg.norm(self.whiten(np.exp(-0.5 * apart**2)), axis=1)

    def unwhiten(self, white):
        """Undo `whiten`."""
        scaled = self.factor[0] * white
        for lag in range(1, len(self.factor)):
            scaled[:, lag:] += self.factor[lag, :-lag] * white[:, :-lag]
        return scaled * self.spread


@dataclass(frozen=True)
class OwnWhitening:
    """Brings what was taken off spectra to white noise, by the noise in each of them.

    Parameters
    ----------
    noise : NoiseModel
    colour : Colour
        Of the noise at the mean spectrum.
    """

    noise: object
    colour: Colour

    def __call__(self, rows, expected):
        """The whitened residual, shape (n, n_channels)."""
        residual = (rows - expected) / self.level(expected)
        return self.colour.whiten(residual).astype(np.float32)

    def level(self, expected):
        """Standard deviation of the noise relative to that at the mean spectrum."""
        if not self.noise.gain:  # it is the same everywhere
            expected = np.zeros((1, expected.shape[1]), np.float32)
        spread = np.sqrt(self.noise.variance(expected), dtype=np.float32)
        # where a model knows no noise a thirtieth stands for what it doesn't know
        return np.maximum(spread / self.colour.spread.astype(np.float32), 1 / 30)

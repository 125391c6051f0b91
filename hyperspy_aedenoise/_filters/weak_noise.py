"""Noise of whitened spectra in means over places, where it isn't white or Gaussian."""

from dataclasses import dataclass

import numpy as np

from hyperspy_aedenoise._filters.windows import around, integral

#: Standard deviations up to which a sum of few electrons is taken for Gaussian.
_GAUSSIAN = 3.0


@dataclass(frozen=True)
class OutsideNoise:
    """Noise of whitened spectra that isn't white, outside of known components.

    Parameters
    ----------
    ratio : ndarray of float32, shape (n_cells, n_channels)
        Its variance in each channel, before the known components were taken off.
    known : ndarray, shape (n_channels, n_known)
        Orthonormal.
    """

    ratio: np.ndarray
    known: np.ndarray

    def of(self, tile):
        """Variance of what matches the peaks of a tile, shape (n_cells, n)."""
        return self.ratio @ np.square(_outside(tile, self.known.astype("f4")))


@dataclass(frozen=True)
class FewCounts:
    """Noise that is made of few electrons, each of which may stand out.

    Parameters
    ----------
    electron, variance : ndarray, shape (n_channels,)
        What one of them is in the whitened mean spectrum, and the variance there: 1 but
        where hardly any are expected.
    known : ndarray, shape (n_channels, n_known)
        Orthonormal components that were taken off.
    jump : ndarray of float32, shape (n_maps, n_rows, n_columns)
        What one is in the mean of a cell, relative to the mean spectrum; 0 where there
        is none.
    """

    electron: np.ndarray
    variance: np.ndarray
    known: np.ndarray
    jump: np.ndarray

    def of(self, tile):
        """Largest step that one electron is in a match with each peak, shape (n,)."""
        outside = _outside(tile, self.known.astype("f4"))
        steps = np.abs(outside * self.electron[:, None].astype("f4")).max(axis=0)
        spread = np.sqrt(np.square(outside).T @ self.variance.astype("f4"))
        return steps / np.maximum(spread, 1e-12)

    def in_windows(self, window, scale):
        """The same in means over windows, relative to the mean spectrum."""
        return around(integral(self.jump), *window) * scale**3


def _outside(tile, known):
    """What matches the peaks of a tile outside of known components."""
    outside = -known @ (known[tile.channels].T @ tile.matched)
    outside[tile.channels] += tile.matched
    return outside


def as_gaussian(values, step):
    """Gaussian values that are as rare as sums of few steps; in place.

    Parameters
    ----------
    values : ndarray of float32, shape (..., n)
        In standard deviations.
    step : ndarray, shape (..., n)
        Largest step in each sum, in the same unit.

    Notes
    -----
    The signed root of the exponent in the inequality of G. Bennett, J. Am. Stat. Assoc.
    57 (1962) 33, https://doi.org/10.1080/01621459.1962.10482149, which is the deviance
    of a Poisson distribution. Chances come out at most four times too small.
    """
    high = np.abs(values) > _GAUSSIAN
    one = np.maximum(np.broadcast_to(step, values.shape)[high], 1e-6).astype(float)
    beyond = np.abs(values[high]) * one
    rare = np.sqrt(2 * ((1 + beyond) * np.log1p(beyond) - beyond)) / one
    values[high] = np.copysign(np.maximum(rare, _GAUSSIAN), values[high])

"""Noise of whitened spectra in means over places, where it isn't white or Gaussian."""

from dataclasses import dataclass

import numpy as np

#: Least variance of the noise of a match: less is an error of the model.
LEAST = 0.1
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
    step : ndarray, shape (n_channels,), optional
        What one electron is in the whitened mean spectrum, where they are few.
    relative_step : ndarray of float32, shape (n_cells,), optional
        What one is in the mean of a cell, relative to that; 0 in empty cells.
    """

    ratio: np.ndarray
    known: np.ndarray
    step: np.ndarray | None = None
    relative_step: np.ndarray | None = None

    @classmethod
    def of(cls, observation, grid, ratio, known):
        """That of an observation by the cells of a grid."""
        if not observation.is_counted:
            return cls(ratio, known)
        relative = np.bincount(grid.cell, np.sqrt(grid.weight), grid.n_cells)
        relative /= np.maximum(grid.count(), 1) ** 1.5
        step = observation.noise.gain / observation.colour.spread
        return cls(ratio, known, step.astype("f4"), relative.astype("f4"))

    def spread_and_steps(self, tile):
        """Noise of what matches the peaks of a tile.

        Parameters
        ----------
        tile : Tile

        Returns
        -------
        spread : ndarray, shape (n_cells, n)
            Its standard deviation.
        steps : ndarray, shape (n_cells, n), or None
            The largest that one electron is, in units of it. None: they are many.
        """
        known = self.known.astype("f4")
        outside = -known @ (known[tile.channels].T @ tile.matched)
        outside[tile.channels] += tile.matched
        spread = np.sqrt(np.maximum(self.ratio @ np.square(outside), LEAST))
        if self.step is None:
            return spread, None
        largest = np.abs(outside * self.step[:, None]).max(axis=0)
        return spread, self.relative_step[:, None] * largest / spread


def as_gaussian(values, step):
    """Gaussian values that are as rare as sums of few steps.

    Parameters
    ----------
    values : ndarray, shape (..., n)
        In standard deviations.
    step : ndarray, shape (..., n)
        Size of the steps, in the same unit.

    Returns
    -------
    ndarray
        Shape of `values`. Those below 3 are as they were.

    Notes
    -----
    Of Poisson distributed steps the signed root of the deviance is nearly Gaussian,
    with the correction of O. E. Barndorff-Nielsen, Biometrika 73 (1986) 307,
    https://doi.org/10.1093/biomet/73.2.307. For steps that differ the deviance of the
    largest one is a bound (G. Bennett, J. Am. Stat. Assoc. 57 (1962) 33,
    https://doi.org/10.1080/01621459.1962.10482149). Where there are fewer steps than
    expected the same is used, which is too careful.
    """
    result = np.array(values)
    high = np.abs(result) > _GAUSSIAN
    one = np.maximum(np.broadcast_to(step, result.shape)[high], 1e-6).astype(float)
    size = np.abs(result[high])
    beyond = size * one
    root = np.sqrt(2 * ((1 + beyond) * np.log1p(beyond) - beyond)) / one
    root += np.log(size / np.sqrt(1 + beyond) / root) / root
    result[high] = np.copysign(np.maximum(root, _GAUSSIAN), result[high])
    return result

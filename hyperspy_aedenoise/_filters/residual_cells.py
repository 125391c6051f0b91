"""What a restoration took away, whitened, in means over the cells of a grid."""

import numpy as np
import scipy.sparse

from hyperspy_aedenoise._filters.weak_noise import LEAST
from hyperspy_aedenoise._observation.spectra_by_blocks import slices

#: Largest whitened residual that counts: what is more is no noise of a single value.
#: Where electrons are few it is that and so many of them.
_MOST, _MORE = 5.0, 3


def residual_by_cells(observation, restored, grid):
    """Whitened residual in each cell, and the variance of its noise.

    Parameters
    ----------
    observation : Observation
    restored : Computed
        The restored spectra.
    grid : Grid

    Returns
    -------
    residual : ndarray of float32, shape (n_cells, n_channels)
        Means of whitened, weighted spectra in units of the error of such a mean; 0
        where a cell is empty.
    ratio : ndarray of float32, shape (n_cells, n_channels), or None
        Variance of its noise, None where that is 1 in each channel.
    """
    noise, colour, level = observation.noise, observation.colour, observation.level
    count = np.maximum(grid.count(), 1)[:, None].astype("f4")

    most = np.full(observation.n_channels, _MOST, "f4")
    if observation.is_counted:
        most += (_MORE * noise.gain / colour.spread).astype("f4")
    scale = np.sqrt(level)[:, None].astype("f4")

    def sums(made):
        return sums_by_cells(observation.spectra, grid, made, scale, *restored.along)

    residual = sums(_Residual(restored.function, colour, most))
    residual /= np.sqrt(count)
    if not noise.gain:
        return residual, None
    ratio = sums(_Ratio(restored.function, noise, colour))
    ratio /= count
    return residual, np.maximum(ratio, np.float32(LEAST), out=ratio)


def take_off(rows, known, root):
    """Take known directions and the mean off rows, in place, a block at a time.

    Parameters
    ----------
    rows : ndarray of float32, shape (n_cells, n_channels)
        Whitened, with noise of variance 1.
    known : ndarray, shape (n_channels, n_known)
        Orthonormal.
    root : ndarray, shape (n_cells,)
        Square roots of the weights in the mean; 0 in empty cells.
    """
    mean = np.zeros(rows.shape[1])
    blocks = [(rows[one], root[one]) for one in slices(*rows.shape)]
    for part, scale in blocks:
        part -= (part @ known) @ known.T
        mean += scale @ part
    mean /= root @ root
    for part, scale in blocks:
        part -= np.outer(scale, mean)


def sums_by_cells(spectra, grid, function, *along):
    """Sums over cells of what a function makes of spectra.

    Parameters
    ----------
    spectra : Spectra
    grid : Grid
    function : callable
        As of `Spectra.each`; returns an array of shape (n, n_channels).
    *along : ndarray, shape (n_spectra, ...)

    Returns
    -------
    ndarray of float32, shape (n_cells, n_channels)
    """
    total = np.zeros((grid.n_cells, spectra.n_channels), np.float32)
    for where, values in spectra.each(function, *along):
        cells, number = np.unique(grid.cell[where], return_inverse=True)
        shape = len(cells), len(number)
        one = np.ones(len(number), np.float32)
        sums = scipy.sparse.csr_array((one, (number, np.arange(shape[1]))), shape)
        total[cells] += sums @ values
    return total


class _Residual:
    """The whitened residual of rows; a class, so that it travels to processes."""

    def __init__(self, decode, colour, most):
        self.decode, self.colour, self.most = decode, colour, most

    def __call__(self, rows, scale, *along):
        white = self.colour.whiten(rows - self.decode(*along)) / scale
        return np.clip(white, -self.most, self.most).astype(np.float32)


class _Ratio:
    """Variance of the noise over that of whitened, weighted spectra."""

    def __init__(self, decode, noise, colour):
        self.decode, self.noise, self.colour = decode, noise, colour

    def __call__(self, rows, scale, *along):
        variance = self.noise.variance(self.decode(*along)) / self.colour.spread**2
        return (variance / scale**2).astype(np.float32)

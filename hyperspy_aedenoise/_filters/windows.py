"""Means over windows of maps: cells of a grid, and sums over rectangles of them."""

from dataclasses import dataclass

import numpy as np

#: Most cells of a grid along each side: larger maps are binned.
_MOST_CELLS = 64
#: Factor between sizes of windows that are fitted to a map.
_FINER = 1.4


@dataclass(frozen=True)
class Grid:
    """Positions of maps, binned where there are many.

    Parameters
    ----------
    shape : tuple of int
        Maps, rows and columns of cells.
    cell : ndarray of int, shape (n_spectra,)
        Number of the cell in which each spectrum lies.
    weight : ndarray, shape (n_spectra,)
        Inverse noise variance of their codes.
    bins : tuple of int
        Rows and columns of positions in a cell.
    """

    shape: tuple
    cell: np.ndarray
    weight: np.ndarray
    bins: tuple

    @classmethod
    def of(cls, layout, level, least=1):
        """Grid of the spectra of a layout, with noise of variance `level`.

        With at least `least` positions in a cell, or all of them.
        """
        n_maps, *sides = layout.used.shape
        along = np.ceil(max(least, 1) ** (1 / max(sum(n > 1 for n in sides), 1)))
        bins = tuple(max(-(-n // _MOST_CELLS), min(n, int(along))) for n in sides)
        shape = n_maps, *(-(-n // b) for n, b in zip(sides, bins, strict=True))
        place = np.argwhere(layout.used)
        place[:, 1:] //= bins
        cell = np.ravel_multi_index(tuple(place.T), shape)
        return cls(shape, cell, 1 / np.asarray(level, float), bins)

    @property
    def n_cells(self):
        return int(np.prod(self.shape))

    def count(self):
        """Spectra in each cell, shape (n_cells,)."""
        return np.bincount(self.cell, minlength=self.n_cells).astype(float)

    def weights(self):
        """Inverse noise variance of the mean code in each cell, 0 in empty ones."""
        return np.bincount(self.cell, self.weight, self.n_cells).reshape(self.shape)


def integral(values):
    """Sums over all rows above and columns before.

    Parameters
    ----------
    values : ndarray, shape (n_maps, n_rows, n_columns, ...)

    Returns
    -------
    ndarray, shape (n_maps, n_rows + 1, n_columns + 1, ...)
        Of the same precision.
    """
    n_maps, n_rows, n_columns, *others = values.shape
    sums = np.zeros((n_maps, n_rows + 1, n_columns + 1, *others), values.dtype)
    inside = sums[:, 1:, 1:]
    np.cumsum(values, axis=1, out=inside)
    np.cumsum(inside, axis=2, out=inside)
    return sums


def around(sums, height, width):
    """Sums over windows around all cells.

    Parameters
    ----------
    sums : ndarray, shape (n_maps, n_rows + 1, n_columns + 1, ...)
        As `integral` has them. Beyond the borders there is nothing.
    height, width : int

    Returns
    -------
    ndarray, shape (n_maps, n_rows, n_columns, ...)
        But one row or column where each window has all of them, which is where a side
        of it is at least twice that of the maps.
    """
    for axis, size in ((1, height), (2, width)):
        n = sums.shape[axis] - 1
        first = np.arange(1 if size >= 2 * n else n) - (size - 1) // 2
        end = np.minimum(first + size, n)
        sums = sums.take(end, axis=axis) - sums.take(np.maximum(first, 0), axis=axis)
    return sums


def sizes(n):
    """Sizes of windows along a side of `n` cells, from one to all of them."""
    found = [1]
    while found[-1] < n:
        found.append(min(n, max(found[-1] + 1, round(_FINER * found[-1]))))
    return found


def fitted_windows(codes, weights, beyond, most):
    """A map as a sum of constants in few rectangles.

    Parameters
    ----------
    codes, weights : ndarray, shape (n_maps, n_rows, n_columns)
        Values, and inverse variance of their noise; 0 where there is none.
    beyond : float
        By how much a rectangle must be above what noise in one of the rectangles of its
        size reaches, in standard deviations.
    most : int
        Most rectangles.

    Returns
    -------
    ndarray
        Shape of `codes`.

    Notes
    -----
    Rectangles are taken by orthogonal matching pursuit, that with the largest mean in
    units of its error less sqrt(2 ln(e n / area)) first: many small ones fit beside
    each other, few large ones do (L. Duembgen and V. G. Spokoiny, Ann. Statist. 29
    (2001) 124, https://doi.org/10.1214/aos/996986504, equation 3).
    """
    _, n_rows, n_columns = codes.shape
    n_used = np.count_nonzero(weights)
    fit, columns, root = np.zeros_like(codes), [], np.sqrt(weights)
    shapes = [(h, w) for h in sizes(n_rows) for w in sizes(n_columns)]
    while len(columns) < most:
        best, where = beyond, None
        rest = integral((codes - fit) * weights)
        power = integral(weights)
        for height, width in shapes:
            norm = _inside(power, height, width)
            mean = _inside(rest, height, width) / np.sqrt(np.maximum(norm, 1e-12))
            mean = np.where(norm > 1e-9 * norm.max(), np.abs(mean), 0)
            highest = int(mean.argmax())
            chance = np.sqrt(2 * np.log(np.e * max(n_used / (height * width), 1)))
            if mean.ravel()[highest] - chance > best:
                best = mean.ravel()[highest] - chance
                where = np.unravel_index(highest, mean.shape), height, width
        if where is None:
            break
        (number, top, left), height, width = where
        one = np.zeros_like(codes)
        one[number, top : top + height, left : left + width] = 1
        columns.append(one.ravel())
        known = np.array(columns).T
        scaled = known * root.reshape(-1, 1)
        amplitude = np.linalg.lstsq(scaled, (codes * root).ravel(), rcond=1e-6)[0]
        fit = (known @ amplitude).reshape(codes.shape)
    return fit


def _inside(sums, h, w):
    """Sums over all windows of a size that lie inside of the map."""
    return sums[:, h:, w:] - sums[:, :-h, w:] - sums[:, h:, :-w] + sums[:, :-h, :-w]


def ends(inside):
    """First and last index along each axis, but for stray cells."""
    found = []
    for axis in range(inside.ndim):
        others = tuple(other for other in range(inside.ndim) if other != axis)
        number = inside.sum(axis=others)
        found.append(np.flatnonzero(number > 0.3 * number.max())[[0, -1]])
    return np.array(found).T

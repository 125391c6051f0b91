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
    def of(cls, layout, level):
        """Grid of the spectra of a layout, with noise of variance `level`."""
        n_maps, *sides = layout.used.shape
        bins = tuple(-(-side // _MOST_CELLS) for side in sides)
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


def box(values, height, width):
    """Sums over windows around all cells, shape of `values`.

    Parameters
    ----------
    values : ndarray, shape (n_maps, n_rows, n_columns, ...)
        Beyond its borders there is nothing.
    height, width : int
    """
    for axis, size in ((1, height), (2, width)):
        n = values.shape[axis]
        if size >= 2 * n:
            total = values.sum(axis=axis, keepdims=True)
            values = np.broadcast_to(total, values.shape)
        elif size > 1:
            first = np.arange(n) - (size - 1) // 2
            values = _between(values, axis, first, first + size)
    return values


def _between(values, axis, first, end):
    """Sums of `values` from `first` to before `end`."""
    n = values.shape[axis]
    sums = np.zeros(tuple(m + (i == axis) for i, m in enumerate(values.shape)), "f4")
    if values.dtype == float:
        sums = sums.astype(float)
    inside = [slice(None)] * values.ndim
    inside[axis] = slice(1, None)
    np.cumsum(values, axis=axis, out=sums[tuple(inside)])
    first, end = np.clip(first, 0, n), np.clip(end, 0, n)
    return sums.take(end, axis=axis) - sums.take(first, axis=axis)


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
        rest = _integral((codes - fit) * weights)
        power = _integral(weights)
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


def _integral(values):
    """Sums over all rows above and columns before."""
    sums = np.zeros((len(values), values.shape[1] + 1, values.shape[2] + 1))
    sums[:, 1:, 1:] = values.cumsum(axis=1).cumsum(axis=2)
    return sums


def _inside(sums, h, w):
    """Sums over all windows of a size that lie inside of the map."""
    return sums[:, h:, w:] - sums[:, :-h, w:] - sums[:, h:, :-w] + sums[:, :-h, :-w]

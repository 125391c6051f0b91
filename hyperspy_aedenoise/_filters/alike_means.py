"""Means over positions whose known codes are alike, wherever they lie."""

import numpy as np
import scipy.sparse

from hyperspy_aedenoise._filters.nonlocal_bayes import MapFilter, alike
from hyperspy_aedenoise._filters.residual_cells import take_off
from hyperspy_aedenoise._noise.eigen import leading_directions

#: Shares of all cells in a group, the larger one first, least cells in a group and
#: least cells of maps that are looked at.
_SHARES, _FEWEST_ALIKE, _FEWEST_CELLS = (1 / 20, 1 / 80), 15, 400
#: Standard deviation of codes, in that of their noise, below which they are rounding:
#: what is left of noise that was shrunk to nothing.
_ROUNDING = 1e-4
#: Groups in which directions are looked for: they overlap, so that more say little.
_MOST_GROUPS = 512
#: Draws of pure noise whose power along one direction must be exceeded, and by what
#: factor.
_NULL_DRAWS, _MARGIN = 3, 1.15


def alike_groups(codes, grid):
    """Cells whose codes are alike.

    Parameters
    ----------
    codes : ndarray, shape (n_spectra, n_codes)
        Filtered codes with noise of variance 1.
    grid : Grid

    Returns
    -------
    tuple of ndarray of int, each of shape (n_used, n_alike)
        For each cell that is used the numbers, among these, of those like it: groups of
        two sizes, the larger one first; none of few cells, nor where no code is more
        than rounding.
    """
    count = grid.count()
    used = count > 0
    n_used = int(used.sum())
    codes = codes[:, codes.std(axis=0, dtype=float) > _ROUNDING]
    if n_used < _FEWEST_CELLS or not codes.shape[1]:
        return ()
    sums = [np.bincount(grid.cell, one, grid.n_cells) for one in codes.T]
    means = np.stack(sums, axis=-1) / np.maximum(count, 1)[:, None]
    guide = means.reshape(*grid.shape, -1)
    sizes = [max(int(share * n_used), _FEWEST_ALIKE) for share in _SHARES]
    inside = used.reshape(grid.shape)
    group = alike(guide, inside, MapFilter(1, sizes[0]), *sizes)
    return tuple(group[:, :n] for n in sizes)


def over_groups(groups, share, n):
    """Weighted sums over groups, as a sparse matrix.

    Parameters
    ----------
    groups : ndarray of int, shape (n_groups, n_alike)
    share : float or ndarray, shape of `groups`
        Weights.
    n : int
        Of all that groups are made of.

    Returns
    -------
    csr_array of float32, shape (n_groups, n)
    """
    shares = np.broadcast_to(np.float32(share), groups.shape).ravel()
    ends = np.arange(0, groups.size + 1, groups.shape[1])
    return scipy.sparse.csr_array((shares, groups.ravel(), ends), (len(groups), n))


def map_of_means(groups, codes, weights):
    """A map as means over alike cells.

    Parameters
    ----------
    groups : ndarray of int, shape (n_used, n_alike)
    codes, weights : ndarray, shape (n_maps, n_rows, n_columns)
        Values, and inverse variance of their noise; 0 where there is none.

    Returns
    -------
    ndarray
        Shape of `codes`.
    """
    used = weights > 0
    weight = weights[used]
    result = np.zeros_like(codes)
    total = (weight * codes[used])[groups].sum(axis=1)
    result[used] = total / weight[groups].sum(axis=1)
    return result


def leading_direction(outside, known, weights, groups, ratio=None):
    """The direction in which means over alike cells vary by more than noise.

    Parameters
    ----------
    outside : ndarray of float32, shape (n_cells, n_channels)
        Whitened residual with noise of variance 1, outside of known directions.
    known : ndarray, shape (n_channels, n_known)
        Orthonormal.
    weights : ndarray, shape (n_cells,)
        Inverse variance of the noise of a cell; 0 where there is none.
    groups : ndarray of int, shape (n_used, n_alike)
    ratio : ndarray, shape (n_cells, n_channels), optional
        Variance of the noise, where it is not 1 in each channel.

    Returns
    -------
    ndarray, shape (n_channels,), or None
        Of norm 1. None: nothing is above what noise does.

    Notes
    -----
    Parallel analysis (J. L. Horn, Psychometrika 30 (1965) 179, doi:10.1007/BF02289447)
    with noise that is averaged over the same groups. Shares of all power are compared,
    so that noise that is larger everywhere than was assumed shows nothing.
    """
    used = weights > 0
    rng = np.random.default_rng(0)
    some = groups[rng.permutation(len(groups))[:_MOST_GROUPS]]
    root = np.sqrt(weights[used])
    norm = np.sqrt(weights[used][some].sum(axis=1, keepdims=True))
    average = over_groups(some, root[some] / norm, len(root))

    def leading(rows):
        means = average @ rows
        (value,), vectors = leading_directions(means, 1)
        return value / np.square(means).mean(), vectors[:, 0]

    found, vector = leading(outside[used])
    shape = len(root), outside.shape[1]
    spread = None if ratio is None else np.sqrt(ratio[used])
    for _ in range(_NULL_DRAWS):
        noise = rng.standard_normal(shape, dtype=np.float32)
        if spread is not None:
            noise *= spread
        take_off(noise, known, root)
        if found < _MARGIN * leading(noise)[0]:
            return None
    return vector

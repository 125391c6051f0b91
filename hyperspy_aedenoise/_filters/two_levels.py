"""Maps of two levels whose regions hang together, far below the noise."""

import numpy as np
import scipy.ndimage

#: Rounds of the estimate of levels and members in turn, and how far each goes.
_ROUNDS, _PACE = 25, 0.6
#: Smoothing of the maps in which regions begin, in cells, and shares of all cells.
_SIZES, _SHARES = (1.0, 2.0, 4.0, 8.0), (0.05, 0.3)
#: Values that are settled at a time: several beginnings of a small map.
_AT_ONCE = 2**18
#: How far a cell begins from being in no level rather than the other.
_UNSURE = 0.05


def two_levels(codes, weights, coupling, regions=()):
    """Fit a map of two levels that neighbours tend to share.

    Parameters
    ----------
    codes, weights : ndarray, shape (n_maps, n_rows, n_columns)
        Values, and inverse variance of their noise; 0 where there is none.
    coupling : float
        Logarithm of the odds that a neighbour adds for its own level.
    regions : iterable of ndarray of bool, shape of `codes`
        Where the upper level may be, to begin with, beside what smoothed maps show.

    Returns
    -------
    ndarray
        Shape of `codes`; 0 if their mean alone does as well.

    Notes
    -----
    An Ising prior over the cells, in the mean-field approximation, with both levels
    estimated by expectation and maximisation (J. Zhang, IEEE Trans. Signal Process. 40
    (1992) 2570, https://doi.org/10.1109/78.157297, section III). Of several beginnings
    that of the largest free energy is taken.
    """
    best, found = 0.0, np.zeros_like(codes)
    beginnings = (*_beginnings(codes, weights), *regions)
    step = max(_AT_ONCE // codes.size, 1)
    for first in range(0, len(beginnings), step):
        some = np.stack(beginnings[first : first + step])
        for gain, fit in _settled(codes, weights, coupling, some):
            if gain > best:
                best, found = gain, fit
    return found


def _beginnings(codes, weights):
    """Where smoothed maps are highest or lowest."""
    used = weights > 0
    for size in _SIZES:
        # across rows and columns, not across maps
        total, power = (
            scipy.ndimage.gaussian_filter(one, (0, size, size), mode="constant")
            for one in (codes * weights, weights)
        )
        smooth = total / np.sqrt(np.maximum(power, 1e-12))
        for share in _SHARES:
            for sign in (1, -1):
                yield sign * smooth > np.quantile(sign * smooth[used], 1 - share)


def _settled(codes, weights, coupling, regions):
    """Free energy above that of the mean alone, and the map, from each beginning.

    All at once: on small maps calls take most of the time.
    """
    used = weights > 0
    weighted = np.stack([weights * codes, weights]).reshape(2, -1).T
    member = np.where(used, np.where(regions, 1 - _UNSURE, _UNSURE), 0)
    for _ in range(_ROUNDS):
        upper, lower = (
            level[:, None, None, None] for level in _levels(member, weighted)
        )
        odds = weights * (upper - lower) * (codes - (upper + lower) / 2)
        odds += coupling * _beside(np.where(used, 2 * member - 1, 0))
        new = np.where(used, 1 / (1 + np.exp(-np.clip(odds, -50, 50))), 0)
        member += _PACE * (new - member)
    for one, levels in zip(member, _levels(member, weighted).T, strict=True):
        upper, lower = levels
        fit = np.where(used, lower + one * (upper - lower), 0)
        yield _free_energy(codes, weights, coupling, one, levels), fit


def _levels(member, weighted):
    """Weighted means of either level, shape (2, n_beginnings).

    `weighted`, shape (n_cells, 2), has codes times weights, and weights.
    """
    flat = member.reshape(len(member), -1)
    sums = np.stack([flat @ weighted, (1 - flat) @ weighted])
    return sums[..., 0] / np.maximum(sums[..., 1], 1e-12)


def _beside(side):
    """Sum over the neighbours of each cell along rows and columns."""
    total = np.zeros_like(side)
    total[..., 1:, :] += side[..., :-1, :]
    total[..., :-1, :] += side[..., 1:, :]
    total[..., 1:] += side[..., :-1]
    total[..., :-1] += side[..., 1:]
    return total


def _free_energy(codes, weights, coupling, member, levels):
    """Negative free energy of a settled map above that of the mean alone."""
    used, (upper, lower) = weights > 0, levels
    missed = member * np.square(codes - upper) + (1 - member) * np.square(codes - lower)
    mean = (weights * codes).sum() / weights.sum()
    likelihood = (weights * (np.square(codes - mean) - missed)).sum() / 2
    side = 2 * member - 1
    apart = 0.0
    for axis in (1, 2):
        near, there = np.moveaxis(side, axis, 0), np.moveaxis(used, axis, 0)
        both = there[:-1] & there[1:]
        apart += (1 - near[:-1] * near[1:])[both].sum() / 2
    sure = np.clip(member[used], 1e-9, 1 - 1e-9)
    entropy = -(sure * np.log(sure) + (1 - sure) * np.log1p(-sure)).sum()
    return likelihood - coupling * apart + entropy

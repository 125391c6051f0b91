"""Maps of codes far below the noise: which filter shows what is in them."""

from functools import partial

import numpy as np

from hyperspy_aedenoise._filters.alike_means import map_of_means
from hyperspy_aedenoise._filters.two_levels import two_levels
from hyperspy_aedenoise._filters.windows import fitted_windows

#: Standard deviations by which a rectangle must be above what noise reaches, and most
#: of them.
_BEYOND, _MOST = 1.0, 40
#: Waves in a smooth map in half periods along each side, and standard deviations by
#: which each must differ from none.
_WAVES, _CLEAR = 3, 2.5
#: Couplings of neighbours in maps of two levels: regions of many shapes, and compact.
_LOOSE, _FIRM = 0.9, 1.2
#: Ratio and draws of the pairs that choose.
_RATIO, _DRAWS = 0.5, 8
#: Standard errors by which a map must be better than none.
_SURELY = 0.5


def faint_map(codes, weights, groups=()):
    """Filter a map in which most of the information is in means.

    Parameters
    ----------
    codes, weights : ndarray, shape (n_maps, n_rows, n_columns)
        Values, and inverse variance of their noise; 0 where there is none.
    groups : sequence of ndarray of int, shape (n_used, n_alike), optional
        Cells that are alike in what is known of them, see `alike_groups`.

    Returns
    -------
    ndarray
        Shape of `codes`; 0 if no filter is better than that by half a standard error.

    Notes
    -----
    Of constants in rectangles, few cosines, two levels and means over alike cells that
    is taken which does best on recorrupted pairs (N. L. Oliveira, J. Lei and R. J.
    Tibshirani, arXiv:2111.09447), whose halves have independent noise.
    """
    filters = (*_FILTERS, *(partial(_means_over, one) for one in groups))
    spread = np.where(weights > 0, 1 / np.sqrt(np.maximum(weights, 1e-12)), 0)
    rng = np.random.default_rng(0)
    gain, power = np.zeros((2, len(filters)))
    for _ in range(_DRAWS):
        noise = spread * rng.standard_normal(codes.shape)
        seen, judge = codes + _RATIO * noise, codes - noise / _RATIO
        noisier = weights / (1 + _RATIO**2)
        rectangles = fitted_windows(seen, noisier, _BEYOND, _MOST)
        for number, filter_ in enumerate(filters):
            found = filter_(seen, noisier, rectangles)
            gain[number] += (weights * found * (2 * judge - found)).sum()
            power[number] += (weights * found**2).sum()
    best = int(gain.argmax())
    # all draws share the noise of the codes
    error = 2 * np.sqrt(power[best] * (_DRAWS + 1 / _RATIO**2))
    if gain[best] <= _SURELY * error:
        return np.zeros_like(codes)
    rectangles = fitted_windows(codes, weights, _BEYOND, _MOST)
    return filters[best](codes, weights, rectangles)


def _rectangles(_codes, _weights, rectangles):
    """Constants in few rectangles, as they are given to all filters."""
    return rectangles


def _smooth(codes, weights, _rectangles):
    """Few cosines across the map."""
    places = [np.pi * (np.arange(n) + 0.5) / n for n in codes.shape[1:]]
    waves = [np.cos(np.outer(np.arange(min(_WAVES, len(p))), p)) for p in places]
    both = np.einsum("ay,bx->abyx", *waves).reshape(-1, *codes.shape[1:])
    root, result = np.sqrt(weights), np.zeros_like(codes)
    for number, (one, scale) in enumerate(zip(codes, root, strict=True)):
        if np.count_nonzero(scale) <= len(both):
            continue
        known = (both * scale).reshape(len(both), -1).T
        basis, triangle = np.linalg.qr(known)
        power = basis.T @ (one * scale).ravel()
        power[np.abs(power) < _CLEAR] = 0
        amplitude = np.linalg.lstsq(triangle, power, rcond=1e-6)[0]
        result[number] = np.where(scale > 0, np.tensordot(amplitude, both, 1), 0)
    return result


def _loose_regions(codes, weights, rectangles):
    """Two levels in regions of whatever shape."""
    return two_levels(codes, weights, _LOOSE, _high_and_far(rectangles, weights))


def _firm_regions(codes, weights, rectangles):
    """Two levels in compact regions."""
    return two_levels(codes, weights, _FIRM, _high_and_far(rectangles, weights))


def _means_over(groups, codes, weights, _rectangles):
    """Means over alike cells."""
    return map_of_means(groups, codes, weights)


def _high_and_far(rectangles, weights):
    """Where rectangles are above the middle of their range, and far from 0."""
    if not rectangles.any():
        return ()
    some = rectangles[weights > 0]
    middle = (some.max() + some.min()) / 2
    return rectangles > middle, np.abs(rectangles) > np.abs(some).max() / 2


#: What a faint map may be, wherever cells are alike.
_FILTERS = (_rectangles, _smooth, _loose_regions, _firm_regions)

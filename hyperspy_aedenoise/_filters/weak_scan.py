"""A scan for features that show only in means over places."""

from dataclasses import dataclass

import numpy as np
import scipy.special

from hyperspy_aedenoise._filters.peak_templates import Peaks
from hyperspy_aedenoise._filters.weak_noise import as_gaussian
from hyperspy_aedenoise._filters.windows import around, integral

#: Standard deviations of the features that are looked for, in channels, up to a share
#: of all of them; steps between their centres in units of it; and least part of them
#: outside of the known components.
_NARROWEST, _FACTOR, _BROADEST, _STEP, OUTSIDE = 1.2, 1.7, 0.2, 0.7, 0.35
#: Sides of square windows in cells, and of bands across the whole map.
_SQUARES, _BANDS = (1, 2, 3, 5, 8, 12, 18, 27, 40), (1, 2, 3, 5, 9, 16, 32)
#: Chance that noise shows anything in the whole map, in either way of looking.
_CHANCE = 0.005
#: Fewest independent windows in which power is looked at.
_FEWEST_WINDOWS = 20
#: Largest number of independent means over windows of a size, relative to how many of
#: them fit beside each other.
_OVERLAPPING = 30
#: Waves across the map as which smooth trends are looked at, in half periods.
_WAVES = (1, 2)
#: Largest step of one electron in the mean over a window, in standard deviations, with
#: which the square of that mean scatters as if it were Gaussian.
_SMALL_STEP = 0.2


@dataclass(frozen=True)
class Seen:
    """What a scan shows most clearly.

    Parameters
    ----------
    template : int
        Number of the peak.
    window : ndarray of bool, shape of the grid, or None
        Where its mean is too large for chance. None: in many windows together, or as a
        trend across the map.
    significance : float
        In standard deviations, as of a single look.
    excess : float
        Logarithm of the chance that is allowed over the chance in all looks: above 0
        this is no chance.
    """

    template: int
    window: np.ndarray | None
    significance: float
    excess: float


def templates(colour, known):
    """Features along energy that lie outside of known components.

    Parameters
    ----------
    colour : Colour
    known : ndarray, shape (n_channels, n_known)
        Orthonormal, of whitened spectra.

    Returns
    -------
    Peaks
        Their spread is that of what matches them in white noise from which the known
        components were taken off.
    """
    n_channels = len(colour.spread)
    width, centre = [], []
    one = _NARROWEST
    while one <= max(_BROADEST * n_channels, _NARROWEST):
        places = np.arange(0, n_channels, max(_STEP * one, 1))
        centre.append(places)
        width.append(np.full(len(places), one))
        one *= _FACTOR
    centre, width = np.concatenate(centre), np.concatenate(width)
    peaks = Peaks(centre, width, colour, np.ones(len(centre)))
    inside = np.empty(len(centre))
    for tile in peaks.tiles:
        along = tile.matched.T @ known[tile.channels]
        inside[tile.numbers] = np.square(along).sum(axis=1)
    norm = np.sqrt(np.maximum(1 - inside, 0))
    return peaks.beside(norm).some(norm > OUTSIDE)


def _looks_at(width):
    """Logarithm of the number of looks for which each template counts.

    All widths have the same share of the chance, so that few broad ones count less
    than many narrow ones.

    Parameters
    ----------
    width : ndarray, shape (n_peaks,)
    """
    _, kind, number = np.unique(width, return_inverse=True, return_counts=True)
    return np.log(number[kind] * len(number))


def scan(cells, count, peaks, noise=None):
    """Look at means over windows of all sizes, for all features.

    Parameters
    ----------
    cells : ndarray of float32, shape (n_maps, n_rows, n_columns, n_channels)
        Whitened residual outside of the known components, with noise of variance 1; 0
        where there is none.
    count : ndarray, shape (n_maps, n_rows, n_columns)
        Spectra in each cell.
    peaks : Peaks
        Features along energy, as `templates` has them.
    noise : OutsideNoise, optional
        Where it isn't Gaussian with a variance of 1 in each channel.

    Returns
    -------
    Seen

    Notes
    -----
    Of each feature and window size two numbers are looked at: the largest mean, which
    compact regions raise, and the mean square of all, which scattered ones raise. The
    first one is compared with Gaussian noise, the second with a chi-squared
    distribution of the same three moments (J. P. Imhof, Biometrika 48 (1961) 419,
    https://doi.org/10.1093/biomet/48.3-4.419, section 4). Smooth trends are looked at
    as cosines across the map. Chances are multiplied by the number of looks
    (Bonferroni), of which each size and each width has the same share (L. Duembgen and
    V. G. Spokoiny, Ann. Statist. 29 (2001) 124,
    https://doi.org/10.1214/aos/996986504, adjust in the same way): it is too careful by
    less than half a standard deviation. Both are divided by what half of all features
    exceed, if that is more than noise: what all have in common is an error of the noise
    model. Of few counts the largest means and trends are those of a Gaussian that are
    as rare, see `as_gaussian`, and mean squares are looked at only in windows with
    many electrons.
    """
    used = count > 0
    n_used, n_templates = int(used.sum()), len(peaks.centre)
    windows = _windows(cells.shape[1:3])
    same, scales = zip(*(_same_and_scale(used, w) for w in windows), strict=True)
    trends = _trends(used)
    largest = np.zeros((len(windows) + 1, n_templates))
    power = np.ones((len(windows) + 1, n_templates))
    steep = np.abs(trends).max(axis=0)[:, None]
    for tile in peaks.tiles:
        part = tile.numbers
        match, steps = _matches(cells, tile, used, noise)
        along = trends @ match[used]
        if steps is not None:
            along = as_gaussian(along, (steep * steps[used]).max(axis=0))
        largest[-1, part] = np.abs(along).max(axis=0)
        sums = integral(match)
        steps = None if steps is None else integral(steps)
        for number, window in enumerate(windows):
            means, coarse = _means(sums, steps, window, scales[number])
            means = np.square(means).reshape(-1, means.shape[-1])
            power[number, part] = same[number].ravel() @ means / n_used
            power[number, part[coarse]] = np.nan
            largest[number, part] = np.sqrt(means.max(axis=0))
    is_known = np.isfinite(power)
    power[~is_known] = 1
    common = np.ones((len(power), 1))
    for one, row, known in zip(common, power, is_known, strict=True):
        one[:] = max(np.median(row[known]), 1) if known.any() else 1
    common[-1] = common.max()
    largest /= np.sqrt(common)
    power /= common
    looks_at = _looks_at(peaks.width) + np.log(len(windows) + 1)
    n_means = [_n_means(used.shape, w, n_used) for w in windows] + [len(trends)]
    compact = scipy.special.log_ndtr(-largest) + looks_at
    compact += np.log(2 * np.array(n_means, float))[:, None]
    moments = [_moments(used.shape[1:], w, n_used) for w in windows]
    dispersed = [_log_tail(q, *m) for q, m in zip(power, moments, strict=False)]
    dispersed = np.where(is_known[:-1], dispersed + looks_at, 0)
    log_chance = min(compact.min(), dispersed.min())
    excess = np.log(_CHANCE) - log_chance
    if compact.min() > dispersed.min():
        template = int(np.unravel_index(dispersed.argmin(), dispersed.shape)[1])
        z = -scipy.special.ndtri_exp(log_chance - looks_at[template])
    else:
        template = int(np.unravel_index(compact.argmin(), compact.shape)[1])
        z = largest[compact[:, template].argmin(), template]
    # what is beyond chance also in one place is told to be there
    look, window = int(compact[:, template].argmin()), None
    if look < len(windows) and compact[look, template] < np.log(_CHANCE):
        (tile,) = peaks.some([template]).tiles
        match, steps = _matches(cells, tile, used, noise)
        steps = None if steps is None else integral(steps)
        means, _ = _means(integral(match), steps, windows[look], scales[look])
        where = np.where(used, np.abs(means[..., 0]), 0).argmax()
        where = np.unravel_index(where, used.shape)
        window = used & _around(where, windows[look], used.shape)
    return Seen(template, window, float(z), excess)


def _same_and_scale(used, window):
    """Used cells that share each mean over windows, and what makes a sum a mean.

    Means are in units of their error; 0 where no cell is used.
    """
    area = around(integral(used.astype("f4")), *window)
    same = used.astype("f4")
    for axis in (1, 2):
        if area.shape[axis] < used.shape[axis]:
            same = same.sum(axis=axis, keepdims=True)
    return same, ((same > 0) / np.sqrt(np.maximum(area, 1))).astype("f4")


def _n_means(shape, window, n_used):
    """How many independent means over windows of a size there are, at most."""
    area = np.prod(np.minimum(window, shape[1:]))
    return min(n_used, _OVERLAPPING * n_used / area)


def _trends(used):
    """Cosines across the maps where these are used, orthonormal, (n, n_used)."""
    found = [np.ones(used.shape)]
    for axis in (1, 2):
        place = np.indices(used.shape)[axis] + 0.5
        n = used.shape[axis]
        found += [np.cos(np.pi * k * place / n) for k in _WAVES if k < n]
    found = np.array([one[used] for one in found])
    basis = np.linalg.qr(found.T)[0].T
    return basis[1:].astype(np.float32)


def _matches(cells, tile, used, noise):
    """Matches in units of their noise, shape (n_maps, n_rows, n_columns, n).

    And the largest step of one electron in each, or None if they are many.
    """
    n_channels = cells.shape[-1]  # of stacks of matrices products take 40 times as long
    match = cells.reshape(-1, n_channels)[:, tile.channels] @ tile.matched
    steps = None
    if noise is not None:
        spread, steps = noise.spread_and_steps(tile)
        match /= spread
    values = np.ascontiguousarray(np.abs(match[used.ravel()]).T)
    doubt = 2.5 * 1.17 / np.sqrt(values.shape[1])
    middle = 1.4826 * np.median(values, axis=1) - doubt
    match /= np.maximum(middle, 1).astype(np.float32)
    shape = *cells.shape[:-1], -1
    return match.reshape(shape), None if steps is None else steps.reshape(shape)


def _means(sums, steps, window, scale):
    """Means over windows in units of their error.

    Parameters
    ----------
    sums, steps : ndarray
        Of matches, and of the steps in them or None, as `integral` has them.
    window : tuple of int
    scale : ndarray
        What makes a sum a mean, see `_same_and_scale`.

    Returns
    -------
    means : ndarray, shape (n_maps, n_rows, n_columns, n)
        Of few electrons as rare as if they were Gaussian.
    coarse : ndarray of bool, shape (n,)
        Those whose squares don't scatter as if they were.
    """
    means = around(sums, *window)
    means *= scale[..., None]
    if steps is None:
        return means, np.zeros(means.shape[-1], bool)
    # the third moment of the mean tells one step for places that differ
    steps = around(steps, *window)
    steps *= scale[..., None] ** 3
    usual = np.square(steps).sum(axis=(0, 1, 2)) / np.count_nonzero(scale)
    return as_gaussian(means, steps), usual > _SMALL_STEP**2


def _windows(shape):
    """Heights and widths of the windows."""
    height, width = shape
    found = {(min(side, height), min(side, width)) for side in _SQUARES}
    found |= {(min(side, height), 2 * width) for side in _BANDS}
    found |= {(2 * height, min(side, width)) for side in _BANDS}
    found |= {(min(a, height), min(b, width)) for a, b in ((3, 15), (15, 3))}
    # what covers most of the map is not seen beside the mean
    some = [w for w in found if w[0] < 0.7 * height or w[1] < 0.7 * width]
    return sorted(some or [(1, 1)])


def _around(where, window, shape):
    """The window around a cell."""
    inside = np.zeros(shape, bool)
    rows, columns = (
        slice(max(at - (size - 1) // 2, 0), max(at - (size - 1) // 2 + size, 0))
        for at, size in zip(where[1:], window, strict=True)
    )
    if window[0] > shape[1]:
        rows = slice(None)
    if window[1] > shape[2]:
        columns = slice(None)
    inside[where[0], rows, columns] = True
    return inside


def _moments(shape, window, n_used):
    """Degrees of freedom and scale of the mean square of means over windows."""
    traces = np.ones(2)
    for n, size in zip(shape, window, strict=True):
        index = np.arange(n)
        first = index - (size - 1) // 2
        member = (index >= first[:, None]) & (index < (first + size)[:, None])
        if size >= 2 * n:
            member[:] = True
        member = member / np.sqrt(member.sum(axis=1, keepdims=True))
        alike = member @ member.T
        square = alike @ alike
        traces *= np.trace(square) / n, np.vdot(square, alike) / n
    second, third = traces / n_used ** np.array([1, 2])
    # of a mean of 1: half of the variance, and an eighth of the third cumulant
    return second, third


def _log_tail(power, second, third):
    """Logarithm of the chance of a mean square, by Imhof's three moments."""
    freedom = second**3 / third**2
    if freedom < _FEWEST_WINDOWS:
        return np.zeros_like(power)
    chi = np.maximum((power - 1) * np.sqrt(freedom / second) + freedom, 1e-9)
    # cube roots of it are nearly Gaussian (Wilson and Hilferty, 1931)
    spread = 2 / (9 * freedom)
    z = ((chi / freedom) ** (1 / 3) - 1 + spread) / np.sqrt(spread)
    return scipy.special.log_ndtr(-z)

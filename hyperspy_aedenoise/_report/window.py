"""Where along energy a map tells most: the window of a picture, and its noise."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.ndimage

from hyperspy_aedenoise._errors import must_be

#: Channels of a window, as a share of all.
_WIDTH = 0.02
#: Distances of its surroundings, in halves of its width.
_DISTANCES = (4, 8, 16)
#: Percentiles between which positions differ: single ones don't choose the window.
_BETWEEN = (5, 95)
#: Contrast in units of the noise of the window that a map of it shows.
_VISIBLE = 1.0
#: Most positions that are asked.
_MOST_ASKED = 4096
#: Share of its height above which the zero-loss peak is left out.
_ZERO_LOSS = 0.01
#: Channels of a close look, as a share of all, and fewest of them.
_CLOSE, _FEWEST_CLOSE = 0.16, 24
#: Range of a close look, relative to the whole spectrum's, below which it is needed.
_HIDDEN = 0.3


def spread_of_sum(noise, expected):
    """Standard deviation of the noise of a sum over the last axis.

    Parameters
    ----------
    noise : NoiseModel
    expected : ndarray, shape (..., n)
        Of neighbouring channels.

    Returns
    -------
    ndarray, shape (...)
    """
    spread = np.sqrt(noise.variance(expected))
    variance = np.square(spread).sum(axis=-1)
    for lag, rho in enumerate(noise.correlation[1:], start=1):
        product = spread[..., lag:] * spread[..., :-lag]
        variance = variance + 2 * rho * product.sum(axis=-1)
    return np.sqrt(np.maximum(variance, np.finfo(float).tiny))


def given_window(window, energies, common, name, advice):
    """Channels of a window in the unit of the energy axis, or a refusal.

    Parameters
    ----------
    window : tuple of float
    energies : ndarray, shape (n_all_channels,)
    common : ndarray of int, shape (n,)
        The channels that can be taken.
    name, advice : str
        Of the argument, and what it is, for the refusal.

    Returns
    -------
    ndarray of int
    """
    ends = f"{energies[common].min():.6g} to {energies[common].max():.6g}"
    try:
        low, high = (float(end) for end in window)
    except (TypeError, ValueError):
        allowed = "two energies, (low, high), in the unit of the energy axis"
        raise TypeError(must_be(name, allowed, repr(window), advice)) from None
    # axes in files are of single precision: a channel at 533 eV lies at 533.000001
    near = 1e-3 * np.ptp(energies) / max(len(energies) - 1, 1)
    inside = (energies[common] >= low - near) & (energies[common] <= high + near)
    if not inside.any():
        allowed = f"(low, high) with channels that take part between them, of {ends}"
        raise ValueError(must_be(name, allowed, repr(window), advice))
    return common[inside]


@dataclass(frozen=True)
class Contrast:
    """What differs between positions, beyond thickness, in units of the noise.

    Parameters
    ----------
    rows : ndarray, shape (n_positions, n_channels)
        Denoised spectra.
    noise : NoiseModel
    energies : ndarray, shape (n_channels,)
    """

    rows: np.ndarray
    noise: object
    energies: np.ndarray

    def window(self):
        """Channels, as indices, of the largest contrast.

        Notes
        -----
        What stands above its surroundings, a line between windows at equal distances
        on both sides: a background varies most where there are most counts, which
        tells of no edge. Where nothing does, the contrast is that of the spectra less
        the multiple of the mean one that fits best, and where nothing is left of
        that, either, of the spectra themselves. The zero-loss peak is left out.
        """
        n = len(self.energies)
        width = min(max(round(_WIDTH * n), 1), n)
        starts = np.arange(0, n - width + 1, max(width // 2, 1))
        rows = self.rows[:: -(-len(self.rows) // _MOST_ASKED)]
        mean = rows.mean(axis=0)
        windows = starts[:, None] + np.arange(width)
        level = spread_of_sum(self.noise, mean[windows])
        allowed = ~self._zero_loss(mean)[windows].any(axis=1)
        if not allowed.any():
            allowed[:] = True
        sums = _sums(rows, starts, width)
        for contrast in (
            partial(_above_surroundings, sums, level),
            partial(self._beyond_the_mean, rows, starts, width, level),
            partial(_between, sums, level),
        ):
            found = np.where(allowed, contrast(), 0)
            if found.max() > _VISIBLE:
                break
        return windows[int(found.argmax())]

    def _beyond_the_mean(self, rows, starts, width, level):
        """Contrast of what no multiple of the mean spectrum explains."""
        mean = rows.mean(axis=0)
        spread = np.sqrt(self.noise.variance(mean))
        spread = np.maximum(spread, 1e-3 * spread.max() + np.finfo(float).tiny)
        basis = (mean / spread / np.linalg.norm(mean / spread))[:, None]
        white = rows / spread
        rest = (white - white @ basis @ basis.T) * spread
        return _between(_sums(rest, starts, width), level)

    def _zero_loss(self, mean):
        """True for channels of the zero-loss peak, if it is there."""
        zero = np.zeros(len(mean), bool)
        energies, top = self.energies, int(mean.argmax())
        if not energies.min() < 0 < energies.max():
            return zero
        if abs(energies[top]) > 0.05 * np.ptp(energies):
            return zero
        last = top + _to_valley(mean[top:])
        first = top - _to_valley(mean[top::-1]) + 1
        zero[first:last] = True
        return zero


def _to_valley(falling):
    """Channels until a peak ends: at a small share of it, or where it rises again."""
    ends = falling < _ZERO_LOSS * falling[0]
    rises = falling[:-2] < np.minimum(falling[1:-1], falling[2:])
    ends[: len(rises)] |= rises
    return int(ends.argmax()) if ends.any() else len(falling)


def _between(sums, level):
    """What lies between most positions, in units of the noise, shape (n_windows,)."""
    low, high = np.percentile(sums, _BETWEEN, axis=0)
    return (high - low) / level


def _above_surroundings(sums, level):
    """Contrast of what stands above a line between windows on both sides."""
    n = sums.shape[1]
    found = np.zeros(n)
    for distance in _DISTANCES:
        if 2 * distance >= n:
            continue
        inner = slice(distance, n - distance)
        beside = (sums[:, : n - 2 * distance] + sums[:, 2 * distance :]) / 2
        power = np.square(level)
        power = power[inner] + (power[: n - 2 * distance] + power[2 * distance :]) / 4
        above = np.maximum(sums[:, inner] - beside, 0)
        found[inner] = np.maximum(found[inner], _between(above, np.sqrt(power)))
    return found


def _sums(values, starts, width):
    """Sums over windows of some width, shape (n, n_windows)."""
    summed = np.cumsum(values, axis=1, dtype=float)
    summed = np.concatenate([np.zeros((len(values), 1)), summed], axis=1)
    return summed[:, starts + width] - summed[:, starts]


def close_look(energies, mean, window):
    """Channels around a window where a steep background hides it, else None.

    Parameters
    ----------
    energies, mean : ndarray, shape (n_channels,)
        The mean is NaN where a channel is not used.
    window : ndarray of int

    Returns
    -------
    ndarray of int or None
    """
    n = len(mean)
    width = max(round(_CLOSE * n), _FEWEST_CLOSE, 3 * len(window))
    first = int(np.clip(window.mean() - width // 2, 0, max(n - width, 0)))
    near = np.arange(first, min(first + width, n))
    near = near[np.isfinite(mean[near])]
    if len(near) < 8 or len(near) > 0.6 * n:
        return None
    seen = np.ptp(mean[near] - background(energies[near], mean[near])[0])
    return near if seen < _HIDDEN * (np.nanmax(mean) - np.nanmin(mean)) else None


def background(energies, values):
    """What is taken off for a close look, and its name.

    Where a spectrum falls and energies are positive the steepest power law from its
    beginning that it doesn't fall below, so that what is left is what stands on it:
    before an edge nothing. Else a straight line through both ends. Both by means over
    some channels.
    """
    end = max(len(values) // 12, 1)
    smooth = scipy.ndimage.uniform_filter1d(values, end, mode="nearest")
    first, last = values[:end].mean(), values[-end:].mean()
    at, to = energies[:end].mean(), energies[-end:].mean()
    if energies.min() > 0 and first > 0 and smooth.min() > 0:
        after = slice(2 * end, None)
        slopes = np.log(smooth[after] / first) / np.log(energies[after] / at)
        if slopes.min(initial=0) < 0 and last < first:
            return first * (energies / at) ** slopes.min(), "a power law"
    line = first + (last - first) * (energies - at) / (to - at)
    return line, "a straight line"

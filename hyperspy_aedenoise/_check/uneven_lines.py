"""Rows or columns of a scan that are brighter or darker than those beside them."""

from dataclasses import dataclass

import numpy as np

#: The middle one of five lines, less a cubic through the other four.
_WEIGHTS = np.array([1, -4, 6, -4, 1]) / 6
#: Fewest lines with two on each side, and positions in each, that are compared.
_FEWEST_LINES, _FEWEST_POSITIONS = 16, 5
#: Standard errors by which a sum must be above 0 to have a logarithm worth comparing.
_BRIGHT = 5.0
#: How much more rows must differ than they would by noise, and than columns do.
_BEYOND_NOISE, _BEYOND_OTHERS = 2.0, 3.0
#: Share of the variance of rows by which the two halves of the energies may disagree.
_APART = 0.1
#: Share of the variance from which on two frequencies beside each other are a lattice.
_PERIODIC = 0.75
#: Steps, as where layers begin and end, that each map may have.
_STEPS = 2


@dataclass(frozen=True)
class UnevenLines:
    """Lines of the scan that differ in intensity at random, alike at all energies.

    Parameters
    ----------
    along : str
        "rows" or "columns".
    spread : float
        Standard deviation of a line's intensity, relative to it.
    """

    along: str
    spread: float


def uneven_lines(observation):
    """Rows or columns whose intensity changes at random, or None.

    Parameters
    ----------
    observation : Observation
        Of raw spectra.

    Returns
    -------
    UnevenLines or None

    Notes
    -----
    The median along a line of how far the logarithm of the intensity is from a cubic
    through the lines on both sides; in the lower and in the upper half of the energies.
    Layers of another composition change the halves by different factors, and layers of
    another thickness are few steps; a lattice is periodic, or changes along both axes;
    a gradient is smooth. *Don't believe* that all is even where there are fewer than
    20 rows and 20 columns: those aren't looked at.
    """
    layout, noise = observation.layout, observation.noise
    n_channels = observation.n_channels
    sums = observation.spectra.gather(_Halves(noise.pedestal))
    channels = n_channels // 2, n_channels - n_channels // 2
    halves = [
        _logarithms(total, n, noise) for total, n in zip(sums.T, channels, strict=True)
    ]
    maps = [[layout.to_map(values) for values in half] for half in halves]
    known = layout.used & np.isfinite(maps[0][0] + maps[1][0])
    lines = [_jumps(maps, known, axis) for axis in (1, 2)]
    if None in lines:
        return None
    for along, (jump, apart, error), (beside, *_) in zip(
        ("rows", "columns"), lines, lines[::-1], strict=True
    ):
        limit = max(_BEYOND_NOISE * error, _BEYOND_OTHERS * _spread(beside))
        spread = _spread(jump)
        if spread < limit or _spread(_without_steps(jump)) < limit:
            continue
        differs = _spread(apart) ** 2 - 4 * error**2 > _APART * spread**2
        if not differs and _of_two_frequencies(jump) < _PERIODIC:
            of_one = np.square(_WEIGHTS).sum()
            return UnevenLines(along, float(np.sqrt((spread**2 - error**2) / of_one)))
    return None


class _Halves:
    """Sums over both halves of the channels; a class, to travel to processes."""

    def __init__(self, pedestal):
        self.pedestal = pedestal

    def __call__(self, rows):
        middle = rows.shape[1] // 2
        sums = (part.sum(axis=1, dtype=float) for part in np.split(rows, [middle], 1))
        low, high = sums
        n_high = rows.shape[1] - middle
        return np.stack(
            [low - middle * self.pedestal, high - n_high * self.pedestal], axis=1
        )


def _logarithms(total, n_channels, noise):
    """Logarithms of sums over channels, NaN where they are dim, and their variances."""
    correlated = 1 + 2 * sum(noise.correlation[1:])
    counted = noise.gain * np.maximum(total, 0) + n_channels * noise.offset
    variance = correlated * counted
    total = np.where(total > _BRIGHT * np.sqrt(variance), total, np.nan)
    return np.log(total), variance / total**2


def _jumps(maps, known, axis):
    """How far lines are from those beside them.

    Returns
    -------
    jump, apart : ndarray, shape (n_maps, n_lines)
        Of both halves of the energies, and their difference; NaN where there are few
        positions.
    error : float
        Standard error of `jump` by noise.
    None where there are too few.
    """
    (low, of_low), (high, of_high) = (
        [np.moveaxis(one, axis, 1) for one in half] for half in maps
    )
    known = np.moveaxis(known, axis, 1)
    if known.shape[1] < len(_WEIGHTS):
        return None
    inside = _windows(known).all(axis=-1)
    count = inside.sum(axis=2)
    enough = count >= _FEWEST_POSITIONS
    if enough.sum(axis=1).max() < _FEWEST_LINES:
        return None

    def medians(values):
        differences = np.where(inside, _windows(values) @ _WEIGHTS, np.nan)
        found = np.full(enough.shape, np.nan)
        found[enough] = np.nanmedian(differences[enough], axis=1)
        return found

    variance = ((of_low + of_high) / 4)[known].mean()
    # a median has pi / 2 times the variance of a mean
    of_one = np.square(_WEIGHTS).sum() * np.pi / 2
    error = np.sqrt(of_one * variance / count[enough].mean())
    return medians((low + high) / 2), medians(low - high), float(error)


def _windows(values):
    """Five lines at a time, shape (n_maps, n_lines - 4, n_positions, 5)."""
    return np.lib.stride_tricks.sliding_window_view(values, len(_WEIGHTS), axis=1)


def _spread(values):
    """Standard deviation, of which few values that are far off tell little.

    Two thirds of normal values are nearer to 0 than that.
    """
    return np.nanquantile(np.abs(values), 0.683)


def _without_steps(jump):
    """What is left of jumps, shape (n_maps, n_lines), beside the largest steps."""
    left = np.where(np.isfinite(jump), jump, 0.0)
    n_lines = left.shape[1]
    # steps between any two of the lines, those outside of the windows included
    steps = np.tri(n_lines + 4, n_lines + 3, -1)
    patterns = np.stack([np.convolve(one, _WEIGHTS, "valid") for one in steps.T])
    patterns = patterns[1:-1]
    patterns /= np.linalg.norm(patterns, axis=1, keepdims=True)
    for _ in range(_STEPS):
        match = left @ patterns.T
        best = np.abs(match).argmax(axis=1)
        height = np.take_along_axis(match, best[:, None], axis=1)
        left = left - height * patterns[best]
    return left


def _of_two_frequencies(jump):
    """Share of the variance that two frequencies beside each other have."""
    power = np.square(np.abs(np.fft.rfft(np.nan_to_num(jump), axis=1))).sum(axis=0)
    return (power[1:] + power[:-1]).max() / power.sum()

"""Rows or columns of a scan that are brighter or darker than those beside them."""

from dataclasses import dataclass

import numpy as np

#: Of five lines: what a cubic through them leaves of the middle one; and its variance
#: where they are independent.
_WEIGHTS = np.array([1, -4, 6, -4, 1]) / 6
_OF_ONE = float(np.square(_WEIGHTS).sum())
#: Fewest rows, and positions in each, that are compared.
_FEWEST_LINES, _FEWEST_POSITIONS = 8, 5
#: Standard errors by which a sum must be above 0 to have a logarithm worth comparing.
_BRIGHT = 5.0
#: How much more rows must differ than they would by noise, and than columns do.
_BEYOND_NOISE, _BEYOND_OTHERS = 2.0, 3.0
#: Share of the variance of rows by which the two halves of the energies may disagree.
_APART = 0.1
#: Correlation of such residuals of consecutive lines below which these change at
#: random; independent ones have -0.8.
_AT_RANDOM = -0.3


@dataclass(frozen=True)
class UnevenLines:
    """Lines of the scan that change in intensity, alike at all energies.

    Parameters
    ----------
    along : str
        "rows" or "columns".
    spread : float
        Standard deviation from one line to the next, relative to the intensity.
    """

    along: str
    spread: float


def uneven_lines(rows, layout, noise):
    """Rows or columns whose intensity jumps at random, or None.

    Parameters
    ----------
    rows : ndarray, shape (n_spectra, n_channels)
        Raw spectra.
    layout : Layout
    noise : NoiseModel

    Returns
    -------
    UnevenLines or None

    Notes
    -----
    The median along a line of how far the logarithm of the intensity is from a cubic
    through the lines on both sides; in the lower and in the upper half of the energies.
    A sample in layers changes its composition from line to line, and so the halves by
    different factors; a lattice changes along both axes; a gradient is smooth.
    """
    halves = [_logarithms(part, noise) for part in np.array_split(rows, 2, axis=1)]
    maps = [[layout.to_map(values) for values in half] for half in halves]
    known = layout.to_map(np.isfinite(halves[0][0] + halves[1][0]))
    known &= layout.used
    lines = {
        name: _jumps(maps, known, axis) for name, axis in (("rows", 1), ("columns", 2))
    }
    for name, other in (("rows", "columns"), ("columns", "rows")):
        if lines[name] is None or lines[other] is None:
            continue
        jump, apart, error = lines[name]
        spread = _robust(jump)
        beside = _robust(lines[other][0])
        limit = max(_BEYOND_NOISE * error, _BEYOND_OTHERS * beside)
        following = np.corrcoef(jump[1:], jump[:-1])[0, 1]
        differs = _robust(apart) ** 2 - 4 * error**2 > _APART * spread**2
        if spread > limit and following < _AT_RANDOM and not differs:
            variance = (spread**2 - error**2) / _OF_ONE
            return UnevenLines(name, float(np.sqrt(variance)))
    return None


def _logarithms(part, noise):
    """Logarithms of sums over channels, NaN where they are dim, and their variances."""
    n_channels = part.shape[1]
    total = (part - noise.pedestal).sum(axis=1, dtype=float)
    correlated = 1 + 2 * sum(noise.correlation[1:])
    counted = noise.gain * np.maximum(total, 0) + n_channels * noise.offset
    variance = correlated * counted
    bright = total > _BRIGHT * np.sqrt(variance)
    total = np.where(bright, total, np.nan)
    return np.log(total), variance / total**2


def _jumps(maps, known, axis):
    """How far lines are from those beside them.

    Returns
    -------
    jump, apart : ndarray, shape (n_lines,)
        Of both halves of the energies, and their difference.
    error : float
        Standard error of `jump` by noise.
    None where there are too few.
    """
    (low, of_low), (high, of_high) = (
        [np.moveaxis(one, axis, 0) for one in half] for half in maps
    )
    known = np.moveaxis(known, axis, 0)
    if len(known) < len(_WEIGHTS):
        return None
    five = np.lib.stride_tricks.sliding_window_view(known, len(_WEIGHTS), axis=0)
    five = five.all(axis=-1).reshape(len(five), -1)
    enough = five.sum(axis=1) >= _FEWEST_POSITIONS
    if enough.sum() < _FEWEST_LINES:
        return None

    def medians(values):
        windows = np.lib.stride_tricks.sliding_window_view(
            values, len(_WEIGHTS), axis=0
        )
        differences = (windows @ _WEIGHTS).reshape(five.shape)
        return np.array(
            [
                np.median(line[inside])
                for line, inside in zip(differences[enough], five[enough], strict=True)
            ]
        )

    variance = ((of_low + of_high) / 4)[known].mean()
    per_line = five[enough].sum(axis=1).mean()
    # a median has pi / 2 times the variance of a mean
    error = np.sqrt(_OF_ONE * np.pi / 2 * variance / per_line)
    return medians((low + high) / 2), medians(low - high), float(error)


def _robust(values):
    """Standard deviation, of which a single step, in four of the values, tells little.

    Two thirds of normal values are nearer to 0 than that.
    """
    return np.quantile(np.abs(values), 0.683)

"""What noise reaches where peaks are looked for in a residual."""

from dataclasses import dataclass

import numpy as np
import scipy.special

#: Chance that noise shows anything in the whole data set; that it shows a further peak
#: in a spectrum that has one; and a peak of its neighbours.
_CHANCE, _CHANCE_FURTHER = 0.01, 0.05
#: Parts of rows of drawn noise that tell what chance does, channels in a part, share of
#: the parts that makes the tail, and rows of the data that tell their spread.
_NULL_PARTS, _PART, _TAIL, _SPREAD_ROWS = 6000, 512, 0.02, 4096
#: Rows of drawn noise at a time.
_AT_ONCE = 2048


@dataclass(frozen=True)
class Limits:
    """Matches that are too large for chance.

    Parameters
    ----------
    anywhere : float
        In any spectrum, with any peak.
    further : float
        With any peak, in a spectrum that has one.
    alone, beside : float
        With a known peak: in any spectrum, and beside one that has it.
    """

    anywhere: float
    further: float
    alone: float
    beside: float


def measured_spread(residuals, peaks):
    """Spread of what matches each peak where it is clearly above that of noise.

    From the median of the absolute values, of which few spectra with peaks don't
    matter; half its standard error for each peak is 1.17 / sqrt(n).
    """
    n_spectra = residuals.n_spectra
    white = residuals.take(np.arange(0, n_spectra, -(-n_spectra // _SPREAD_ROWS)))
    doubt = 2.5 * 1.17 / len(white) ** 0.5
    return np.maximum(1.4826 * peaks.median_matches(white) - doubt, 1)


def measured_limits(residuals, peaks, rng):
    """How large matches with noise get."""
    n_spectra = residuals.n_spectra
    peaks = peaks.beside(np.ones_like(peaks.spread))
    # rows from everywhere; of few spectra each is drawn again and again
    n_parts = -(-len(residuals.whiten.colour.spread) // _PART)
    n_rows = -(-_NULL_PARTS // n_parts)
    rows = np.linspace(0, n_spectra, n_rows, endpoint=False).astype(int)
    largest = []
    for some in np.split(rows, range(_AT_ONCE, n_rows, _AT_ONCE)):
        match = peaks.largest(residuals.drawn(some, rng), n_parts)
        largest.append(match.reshape(-1, 2).max(axis=1))
    largest = np.sort(np.concatenate(largest))
    # beyond the limit of a tail of Gaussians the square is exponentially distributed
    tail = np.square(largest[-int(_TAIL * len(largest)) :])
    scale = (tail - tail[0]).mean()
    n_looks = n_spectra * n_parts
    anywhere = np.sqrt(tail[0] + scale * np.log(_TAIL * n_looks / _CHANCE))
    return Limits(
        anywhere=max(anywhere, largest[-1]),
        further=np.quantile(largest, 1 - _CHANCE_FURTHER / n_parts),
        alone=-scipy.special.ndtri(_CHANCE / 2 / n_spectra),
        beside=-scipy.special.ndtri(_CHANCE_FURTHER / 2 / 8),
    )

"""What a faint spectrum is made of: peaks and edges."""

import numpy as np
import scipy.special

from hyperspy_aedenoise._filters.peak_templates import Peaks
from hyperspy_aedenoise._filters.weak_scan import OUTSIDE

#: Parts that make up a spectrum, and by how much each must be above what noise reaches.
_MOST_PARTS, _BEYOND = 6, 0.7
#: Where a part may be beside the peak that showed it, in its widths, and how much wider
#: it may be.
_ASIDE, _WIDER = np.arange(-0.45, 0.46, 0.15), 1.7 ** np.arange(-0.6, 0.61, 0.3)
#: Onsets of edges before such a peak and lengths of their decay, both in its widths,
#: and channels in which an edge rises.
_ONSETS, _DECAYS, _RISE = np.arange(-0.2, 2.3, 0.2), (1.0, 1.7, 2.9), 0.5


def made_of_parts(spectrum, peaks, known):
    """The part of a spectrum that few peaks and edges make up.

    Parameters
    ----------
    spectrum : ndarray, shape (n_channels,)
        Whitened, outside of the known components, with noise of variance 1.
    peaks : Peaks
        Where parts are looked for, as `weak_scan.templates` has them.
    known : ndarray, shape (n_channels, n_known)
        Orthonormal.

    Returns
    -------
    ndarray, shape (n_channels,)
        Of norm 1.

    Notes
    -----
    Matching pursuit (S. G. Mallat and Z. Zhang, IEEE Trans. Signal Process. 41 (1993)
    3397, https://doi.org/10.1109/78.258082): the peak that matches what is left best is
    sharpened in place and width, or becomes an edge, and all are fitted together.
    """
    limit = np.sqrt(2 * np.log(len(peaks.centre))) + _BEYOND
    numbers, taken, rest = [], np.empty((0, len(spectrum))), spectrum
    while len(numbers) < _MOST_PARTS:
        match = np.abs(peaks.all_matches(rest[None])[0])
        number = int(match.argmax())
        if numbers and (match[number] < limit or number in numbers):
            break
        numbers.append(number)
        near = _near(peaks, number)
        seen = np.square(near @ known).sum(axis=1) < 1 - OUTSIDE**2
        near = outside(near[seen], known)
        taken = np.vstack([taken, near[np.abs(near @ rest).argmax()]])
        heights = np.linalg.lstsq(taken.T, spectrum, rcond=1e-6)[0]
        rest = spectrum - heights @ taken
    made = spectrum - rest
    return made / np.linalg.norm(made)


def outside(white, known):
    """The part of whitened rows outside of known components, of norm 1."""
    white = white - (white @ known) @ known.T
    return white / np.linalg.norm(white, axis=1, keepdims=True)


def _near(peaks, number):
    """Peaks and edges that one of the peaks may stand for, whitened, of norm 1."""
    centre, width = peaks.centre[number], peaks.width[number]
    widths, centres = np.meshgrid(width * _WIDER, centre + width * _ASIDE)
    spread = np.ones(centres.size)
    near = Peaks(centres.ravel(), widths.ravel(), peaks.colour, spread)
    edges = _edges(peaks.colour, centre, width)
    return np.concatenate([near.white(slice(None)), edges])


def _edges(colour, centre, width):
    """Edges that a peak may stand for: a rise and a slow decay, in either direction."""
    channel = np.arange(len(colour.spread))
    found = []
    for direction in (1, -1):
        for decay in _DECAYS:
            beyond = direction * (channel - centre) + width * _ONSETS[:, None]
            rise = scipy.special.expit(beyond / _RISE)
            found.append(rise * np.exp(-np.maximum(beyond, 0) / (decay * width)))
    white = colour.whiten(np.concatenate(found))
    return white / np.linalg.norm(white, axis=1, keepdims=True)

"""How sharp and how tall the lines of spectra are."""

import numpy as np

from hyperspy_aedenoise._noise.eigen import leading_components

#: Spectra that tell how sharp lines are, components of them, and how far those must be
#: above noise; prominence of lines in standard errors, and relative to what is there.
_ROWS, _COMPONENTS, _ABOVE = 256, 8, 4.0
_CLEAR, _PROMINENT, _PROMINENT_COMPONENT = 10.0, 0.05, 0.3
#: Share of a component that a single spectrum may have.
_OF_ONE = 0.2


def sharpest_and_tallest(rows, spread):
    """Width of the sharpest line, and height of the tallest one.

    Parameters
    ----------
    rows : ndarray, shape (n_spectra, n_channels)
        Noisy spectra without spikes.
    spread : ndarray, shape (n_channels,)
        Standard deviation of the noise.

    Returns
    -------
    sharpest : float
        Area over height, in channels, of the sharpest line that the median spectrum or
        a component that many spectra share shows. Infinite if there are none.
    tallest : float
        Height above its surroundings of the tallest line.
    """
    import scipy.signal

    rows = rows[:: -(-len(rows) // _ROWS)].astype(float)
    error = max(float(np.median(spread)), 1e-30) / np.sqrt(len(rows))
    parts = [(np.median(rows, axis=0), _PROMINENT, 1.0)]
    parts += [(one, None, 3.0) for one in _main_components(rows, spread)]
    widths, heights = [], [0.0]
    for spectrum, share, most in parts:
        for line in (spectrum,) if share else (spectrum, -spectrum):
            least = _CLEAR * error
            if not share:
                least = max(least, _PROMINENT_COMPONENT * np.ptp(line))
            peaks, about = scipy.signal.find_peaks(line, prominence=least)
            tall = about["prominences"]
            if share:
                keep = tall > share * np.abs(line[peaks])
                peaks, tall = peaks[keep], tall[keep]
            half = scipy.signal.peak_widths(line, peaks, rel_height=0.5)[0]
            widths += list(1.06 * half)  # area over height of a Gaussian
            heights += list(most * tall)
    return min(widths, default=np.inf), max(heights)


def _main_components(rows, spread):
    """What many spectra share beyond their mean, per standard deviation of it."""
    n_rows, n_channels = rows.shape
    scale = np.where(spread > 0, spread, np.inf)
    white = (rows - rows.mean(axis=0)) / scale
    few = min(_COMPONENTS, n_rows - 1)
    if few < 1:
        return
    variances, scores = leading_components(white @ white.T / n_rows, few)
    edge = (1 + np.sqrt(n_channels / n_rows)) ** 2
    for variance, score in zip(variances, scores.T, strict=True):
        if variance > _ABOVE * edge and np.square(score).max() < _OF_ONE:
            yield score @ (rows - rows.mean(axis=0)) / np.sqrt(n_rows)

"""Means of a residual over places: where they are no noise."""

from dataclasses import dataclass

import numpy as np

from hyperspy_aedenoise._check.residual import LARGEST
from hyperspy_aedenoise._filters.residual_cells import sums_by_cells
from hyperspy_aedenoise._filters.weak_scan import scan, templates
from hyperspy_aedenoise._filters.windows import Grid

#: Most looks; and widths within which a find that is less significant than an earlier
#: one, in this ratio, is what that left, whose shape is no Gaussian.
_MOST, _NEAR, _LESS = 6, 3.0, 0.4
#: Fewest spectra whose means are looked at.
_FEWEST = 12


@dataclass(frozen=True)
class Structure:
    """Something in a residual that no noise explains.

    Parameters
    ----------
    channel, width : float
        Of a Gaussian peak, in channels; the width is a standard deviation.
    height, error : float
        Of the peak in the mean residual there, and its standard error, in signal units.
    significance : float
        In standard deviations of a single look.
    inside : ndarray of bool, shape (n_spectra,)
        Spectra in which it shows; all where it is scattered.
    is_scattered : bool
        Whether it shows in many places together, with either sign.
    """

    channel: float
    width: float
    height: float
    error: float
    significance: float
    inside: np.ndarray
    is_scattered: bool


def structures(observation, restored, whitening):
    """Places, extents and energies at which means of a residual are no noise.

    Parameters
    ----------
    observation : Observation
    restored : Computed
        The denoised spectra.
    whitening : OwnWhitening

    Returns
    -------
    list of Structure
        The most significant first.

    Notes
    -----
    Windows of all sizes, bands and trends are looked at with peaks of all widths, at a
    chance of 1 % in the whole map, see `scan`. After each find its peak is taken off
    the residual everywhere, and what is left is looked at again.
    """
    if observation.n_spectra < _FEWEST:
        return []
    grid = Grid.of(observation.layout, np.ones(observation.n_spectra))
    count = grid.count()
    white = _White(restored.function, whitening)
    cells = sums_by_cells(observation.spectra, grid, white, *restored.along)
    cells /= np.sqrt(np.maximum(count, 1))[:, None].astype("f4")
    known, found = np.zeros((observation.n_channels, 0)), []
    shape = grid.shape
    for _ in range(_MOST):
        peaks = templates(whitening.colour, known)
        if not len(peaks.centre):
            break
        seen = scan(cells.reshape(*shape, -1), count.reshape(shape), peaks)
        if seen.excess <= 0:
            break
        vector = peaks.white([seen.template])[0].astype(float)
        window = count.reshape(shape) > 0 if seen.window is None else seen.window
        weight = np.where(window.ravel(), np.sqrt(count), 0)
        match, power = weight @ (cells @ vector), np.square(weight).sum()
        centre, width = peaks.centre[seen.template], peaks.width[seen.template]
        unit = whitening.colour.error_of_height([centre], width)[0]
        found.append(
            Structure(
                float(centre),
                float(width),
                float(match / power * unit),
                float(unit / np.sqrt(power)),
                seen.significance,
                window.ravel()[grid.cell],
                seen.window is None,
            )
        )
        vector -= known @ (known.T @ vector)
        vector /= np.linalg.norm(vector)
        cells -= np.outer(cells @ vector, vector).astype("f4")
        known = np.column_stack([known, vector])
    return [one for n, one in enumerate(found) if not _is_left(one, found[:n])]


def _is_left(one, before):
    """Whether a structure is what was left of one that was found before."""
    return any(
        abs(one.channel - other.channel) < _NEAR * max(one.width, other.width)
        and one.significance < _LESS * other.significance
        for other in before
    )


class _White:
    """The whitened residual of rows, without what is no noise of a single value."""

    def __init__(self, decode, whitening):
        self.decode, self.whitening = decode, whitening

    def __call__(self, rows, *along):
        white = self.whitening(rows, self.decode(*along))
        return np.clip(white, -LARGEST, LARGEST)

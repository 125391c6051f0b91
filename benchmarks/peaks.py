"""Positions and heights of lines by fits of the form that the spectra have."""

import numpy as np
from scenes import edge_parts

#: Step of the onsets that are tried, in eV.
STEP = 0.02


def fitted_lines(spectra, lowest, highest):
    """Least-squares fits of an edge with two lines.

    Step and lines have free heights and one common onset: for each onset on a fine
    grid the heights are a linear fit; around the best one the squared residual is a
    parabola.

    Parameters
    ----------
    spectra : ndarray, shape (..., n_channels)
    lowest, highest : float
        Onsets to try, in eV.

    Returns
    -------
    onset : ndarray, shape (...)
        In eV.
    ratio : ndarray, shape (...)
        Height of the first line relative to the second one.
    """
    rows = spectra.reshape(-1, spectra.shape[-1])
    onsets = np.arange(lowest, highest, STEP)
    explained = np.empty((len(onsets), len(rows)))
    heights = np.empty((len(onsets), len(rows), 3))
    for number, onset in enumerate(onsets):
        parts = np.array(edge_parts(onset)).T
        basis, triangle = np.linalg.qr(parts)
        along = rows @ basis
        explained[number] = np.square(along).sum(axis=1)
        heights[number] = np.linalg.solve(triangle, along.T).T
    best = explained[1:-1].argmax(axis=0) + 1
    each = np.arange(len(rows))
    before, at, after = (explained[best + offset, each] for offset in (-1, 0, 1))
    moved = 0.5 * (before - after) / (before - 2 * at + after)
    slope = (heights[best + 1, each] - heights[best - 1, each]) / 2
    height = heights[best, each] + moved[:, None] * slope
    shape = spectra.shape[:-1]
    onset = onsets[best] + STEP * moved
    return onset.reshape(shape), (height[:, 1] / height[:, 2]).reshape(shape)

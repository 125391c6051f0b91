"""Refusing spectra that are no numbers."""

import numpy as np

from hyperspy_aedenoise._errors import NotFinite


def refuse_not_finite(argument, spectra, layout):
    """Refuse NaN and infinity, saying where.

    Parameters
    ----------
    argument : str
        Name of the argument, as the user wrote it.
    spectra : Spectra
    layout : Layout

    Raises
    ------
    NotFinite
    """
    n_bad = n_not_finite(spectra)
    (bad,) = np.nonzero(n_bad)
    if len(bad):
        position = np.argwhere(layout.mask)[bad[0]]
        channel = np.flatnonzero(~np.isfinite(spectra.take(bad[:1])[0]))[0]
        first = (*(int(i) for i in position), int(channel))
        raise NotFinite(argument, int(n_bad.sum()), len(bad), first)


def n_not_finite(spectra):
    """How many values of each spectrum are NaN or infinite, shape (n_spectra,)."""
    return spectra.gather(_n_not_finite)


def _n_not_finite(rows):
    return rows.shape[1] - np.isfinite(rows).sum(axis=1)

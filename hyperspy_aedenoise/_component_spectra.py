"""The decoder: spectra of the components, filtered along energy."""

import numpy as np

from hyperspy_aedenoise._lowrank import parts_of
from hyperspy_aedenoise._nonlocal import MapFilter

#: Channels of a patch along energy, alike ones, and passes.
ALONG_ENERGY = MapFilter(side=13, n_alike=60, passes=3)


def fitted_spectra(code_map, filtered, rows):
    """Spectra of the components that fit the noisy spectra best, given their codes.

    With the codes known, each channel is a regression on them. The regression is
    brought to orthogonal components, in which the noise is white along energy, too,
    and equal; these are filtered like a line of codes.

    Parameters
    ----------
    code_map : CodeMap
    filtered : ndarray, shape (n_spectra, n_codes)
        Filtered codes of the spectra.
    rows : ndarray, shape (n_spectra, n_channels)
        Noisy spectra, in signal units.

    Returns
    -------
    mean : ndarray, shape (n_channels,)
        Spectrum where all codes are 0, in signal units.
    decoder : ndarray, shape (n_codes, n_channels)
        Codes to signal units.
    """
    colour = code_map.colour
    weight = 1 / np.sqrt(code_map.level[code_map.used])[:, None]
    known = np.column_stack([np.ones(len(rows)), filtered]) * weight
    basis, triangle = np.linalg.qr(known)
    parts = np.zeros((basis.shape[1], rows.shape[1]))
    for part in parts_of(len(rows)):
        white = colour.whiten(rows[part])
        parts += (basis[part] * weight[part]).T @ white
    calm = ALONG_ENERGY(parts.T[None], np.ones((1, parts.shape[1])))[0].T
    # codes that don't vary, or are alike, have no spectrum of their own
    spectra = np.linalg.lstsq(triangle, calm, rcond=1e-6)[0]
    spectra = colour.unwhiten(spectra)
    return spectra[0], spectra[1:]

"""The decoder: spectra of the components, filtered along energy."""

import numpy as np

from hyperspy_aedenoise._filters.nonlocal_bayes import MapFilter

#: Channels of a patch along energy, and passes. Of 7 to 17 channels 11 and 13 were the
#: best ones, on simulated lines and on repeats.
_SIDE, _PASSES = 11, 3
#: Least and most patches in a group, and most values of a patch with more than the
#: least: the time grows with the third power of the smaller one.
_FEWEST, _MOST, _MOST_VALUES = 60, 256, 66
#: Channels with which all patches are estimated; of twice as many every second one, and
#: so on up to every fourth one: each channel lies in two or three of them.
_ALL_PATCHES, _FARTHEST = 1000, 4


def along_energy(parts):
    """Filter a few spectra together along energy.

    Parameters
    ----------
    parts : ndarray, shape (n_parts, n_channels)
        With independent noise of variance 1 in all values.

    Returns
    -------
    ndarray of float32, shape (n_parts, n_channels)

    Notes
    -----
    A group has a quarter of the channels, at least 60: the finer the channels, the more
    of them look alike.
    """
    n_parts, n_channels = parts.shape
    n_alike = _FEWEST
    if _SIDE * n_parts <= _MOST_VALUES:
        n_alike = int(np.clip(n_channels // 4, _FEWEST, _MOST))
    step = int(np.clip(n_channels // _ALL_PATCHES, 1, _FARTHEST))
    filter_ = MapFilter(_SIDE, n_alike, _PASSES, step)
    return filter_(parts.T[None], np.ones((1, n_channels)))[0].T


def fitted_spectra(observation, codes):
    """Spectra of the components that fit the noisy spectra best, given their codes.

    With the codes known, each channel is a regression on them. The regression is
    brought to orthogonal components, in which the noise is white along energy, too,
    and equal; these are filtered like a line of codes.

    Parameters
    ----------
    observation : Observation
    codes : ndarray, shape (n_spectra, n_codes)
        Filtered codes of the spectra.

    Returns
    -------
    mean : ndarray, shape (n_channels,)
        Spectrum where all codes are 0, in signal units.
    components : ndarray, shape (n_codes, n_channels)
        Codes to signal units.
    """
    weight = 1 / np.sqrt(observation.level)[:, None]
    known = np.column_stack([np.ones(len(codes)), codes]) * weight
    basis, triangle = np.linalg.qr(known)
    basis *= weight
    centred = _Products(observation.mean)
    parts = observation.spectra.total(centred, basis.astype(np.float32))
    pedestal = observation.noise.pedestal
    parts += np.outer(basis.sum(axis=0), centred.mean - pedestal)
    parts += np.outer(observation.own_share @ basis, observation.dimming)
    calm = along_energy(observation.colour.whiten(parts))
    # codes that don't vary, or are alike, have no spectrum of their own
    spectra = np.linalg.lstsq(triangle, calm, rcond=1e-6)[0]
    spectra = observation.colour.unwhiten(spectra)
    return spectra[0] + pedestal, spectra[1:]


class _Products:
    """Products of weights and spectra; without the mean single precision is enough."""

    def __init__(self, mean):
        self.mean = mean.astype(np.float32)

    def __call__(self, rows, weights):
        return (weights.T @ (rows - self.mean)).astype(float)

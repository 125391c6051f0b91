"""Channels and values that are no measurement: dead ones, and spikes."""

import numpy as np

from hyperspy_aedenoise._noise.spikes import Usual


def dead_channels(spectra):
    """Channels that vary less than any detector does.

    Parameters
    ----------
    spectra : ndarray, shape (n_spectra, n_channels)

    Returns
    -------
    ndarray of bool, shape (n_channels,)
    """
    spread = spectra.std(axis=0)
    return spread <= 1e-3 * np.median(spread)


def without_spikes(spectra, noise=None):
    """Replace what stands out of its own spectrum in a few channels, and count it.

    Parameters
    ----------
    spectra : ndarray, shape (n_spectra, n_channels)
    noise : NoiseModel, optional
        If it is known.

    Returns
    -------
    ndarray, shape (n_spectra, n_channels)
        With what is usual there in place of spikes.
    int
        How many values were replaced.
    """
    found = Usual.of(spectra, noise).spikes(spectra)
    result = spectra.copy()
    result[found.row, found.channel] = found.value
    return result, len(found.row)

"""Channels and values that are no measurement: dead ones, and spikes."""

import numpy as np
import scipy.ndimage

#: Standard deviations from where on a narrow value is a spike.
_SPIKE = 10.0
#: Widest spike in channels.
_SPIKE_WIDTH = 3


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


def without_spikes(spectra):
    """Replace what stands out of its own spectrum in a few channels, and count it.

    Parameters
    ----------
    spectra : ndarray, shape (n_spectra, n_channels)

    Returns
    -------
    ndarray, shape (n_spectra, n_channels)
        With the median of the channels around in place of spikes.
    int
        How many values were replaced.
    """
    around = np.repeat([[True, False, True]], _SPIKE_WIDTH, axis=1)
    smooth = scipy.ndimage.median_filter(spectra, footprint=around)
    rough = spectra - smooth
    # edges are rough in all spectra, in proportion to the intensity
    ratio = _ratio(smooth, np.median(smooth, axis=0))
    usual = np.median(rough, axis=0) * np.clip(ratio, -10, 10)
    rough -= usual
    spread = 1.4826 * np.median(np.abs(rough), axis=0)
    # bright spectra have more counting noise than the median one
    spread = np.maximum(spread, np.median(spread)) * np.sqrt(np.maximum(ratio, 1))
    # where most values are alike, as without counts, nothing tells their spread
    spikes = (rough > _SPIKE * spread) & (spread > 0)
    return np.where(spikes, smooth + usual, spectra), int(spikes.sum())


def _ratio(values, to):
    """Values relative to others, within reason where those are small."""
    scale = np.maximum(np.abs(to), 1e-3 * np.abs(values).max())
    return values / np.maximum(scale, 1e-300)

"""Observations without their spikes, which are replaced whenever spectra are read."""

from dataclasses import dataclass, replace

import numpy as np

from hyperspy_aedenoise._noise.spikes import Spikes, Usual

#: Spectra that tell what is usual: it is then known to 3 % of the noise.
_SAMPLE = 1024
#: Spikes whose places are kept.
_TOLD = 100


def spikes_in(observation):
    """Spikes in all spectra of an observation, found block by block.

    Parameters
    ----------
    observation : Observation

    Returns
    -------
    Spikes

    Notes
    -----
    A spike rises ten standard deviations of the noise, and ten electrons, above both
    its sides (and above what usually rises there), and is narrower than anything real:
    than 3.4 channels, or than a share of the sharpest line that the median spectrum
    and the main components show. Much stronger ones, which overtop the tallest line,
    may be wider, up to half of the sharpest line. What many spectra have in the same
    channels, or, as a line that moves does, near them, is no spike.
    """
    n_spectra, n_channels = observation.n_spectra, observation.n_channels
    usual = Usual.of(observation.spectra.sample(_SAMPLE), observation.noise)
    parts = []
    for where, found in observation.spectra.each(usual.spikes):
        if len(found.row):
            if isinstance(where, slice):
                where = np.arange(where.start, where.stop)
            parts.append(replace(found, row=where[found.row]))
    return Spikes.joined(parts).rare(n_spectra, n_channels)


def despiked(observation, spikes):
    """The observation with what is usual in place of spikes; itself without any."""
    if not len(spikes.row):
        return observation
    numbers = np.arange(observation.n_spectra + 1)
    bounds = np.searchsorted(spikes.row, numbers)
    replaced = _Replaced(spikes.channel, spikes.value)
    changed = observation.spectra.changed(replaced, bounds[:-1], bounds[1:])
    return observation.with_spectra(changed)


def has_spikes(spikes, n_spectra):
    """Which spectra have any, bool, shape (n_spectra,)."""
    return np.bincount(spikes.row, minlength=n_spectra) > 0


@dataclass(frozen=True)
class SpikesApart:
    """The spikes of an observation, and what is without them.

    Parameters
    ----------
    calm : Observation
        With what is usual in place of spikes.
    rows : ndarray of int
        Numbers of the spectra that have spikes.
    heights : ndarray, shape (n_rows, n_channels)
        Of the spikes in them, in signal units.
    kept : ndarray of int
        Numbers of the others; nothing could be judged where there are none: then all.
    """

    calm: object
    rows: np.ndarray
    heights: np.ndarray
    kept: np.ndarray

    @classmethod
    def of(cls, observation):
        spikes = spikes_in(observation)
        calm = despiked(observation, spikes)
        spiky = has_spikes(spikes, observation.n_spectra)
        rows = np.flatnonzero(spiky)
        heights = observation.spectra.take(rows) - calm.spectra.take(rows)
        return cls(calm, rows, heights, np.flatnonzero(~spiky | spiky.all()))

    def added_to(self, spectra):
        """Spectra with the spikes."""
        if not len(self.rows):
            return spectra
        spectra = spectra.copy()
        spectra[self.rows] += self.heights
        return spectra


def as_dict(spikes, layout):
    """How many there are, and where, as numbers and lists; positions as they were.

    Returns
    -------
    dict
        ``n_spikes``, ``n_spectra`` (that have any), ``n_values`` (that were replaced),
        and of the first ones ``positions`` (lists of indices), ``channels`` and
        ``heights`` (signal units).
    """
    each = spikes.each
    told = each[slice(_TOLD)]
    where = np.argwhere(layout.mask)
    return {
        "n_spikes": len(each.row),
        "n_spectra": len(np.unique(each.row)),
        "n_values": len(spikes.row),
        "positions": where[told.row].tolist(),
        "channels": told.channel.tolist(),
        "heights": [float(f"{height:.4g}") for height in told.height],
    }


class _Replaced:
    """Puts values in place of spikes; a class, so that it travels to processes."""

    def __init__(self, channel, value):
        self._channel, self._value = channel, value

    def __call__(self, rows, first, last):
        (some,) = np.nonzero(last > first)
        if len(some):
            rows = rows.copy()  # they may be the user's own
            for row in some:
                part = slice(first[row], last[row])
                rows[row, self._channel[part]] = self._value[part]
        return rows

"""Gaussian peaks and spikes as they look in whitened spectra."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hyperspy_aedenoise._noise.whitening import Colour

#: Standard deviations of the peaks that are looked for, in channels, and of spikes.
_WIDTHS, _SPIKE_WIDTHS = (1.5, 2.1, 3.0, 4.2, 6.0, 8.5), (0.3, 1.0)
#: What is less in a peak of norm 1 counts as nothing.
_NOTHING = 1e-6
#: Channels whose peaks are treated together, which are 0 a little beyond them, and
#: width up to which they are so without the broader ones: of these twice as many
#: channels for each factor of two in width.
_TILE, _NARROW = 32, 2.5
#: Widths of a peak beyond which it is nothing, and channels that whitening adds to it.
_REACH, _TAIL = 7, 64
#: Rows that are matched at a time.
_ROWS = 1024


@dataclass(frozen=True)
class Tile:
    """Peaks that lie near each other.

    Parameters
    ----------
    numbers : ndarray of int, shape (n,)
        Of the peaks.
    channels : slice
        Where they aren't 0.
    matched : ndarray of float32, shape (n_some_channels, n)
        The peaks there, in units of the spread of what matches them.
    n_spiky : int
        How many of them are spikes, which come first.
    """

    numbers: np.ndarray
    channels: slice
    matched: np.ndarray
    n_spiky: int


@dataclass(frozen=True)
class Peaks:
    """Peaks of many places and widths, of norm 1 in whitened spectra.

    Parameters
    ----------
    centre, width : ndarray, shape (n_peaks,)
        Of Gaussians, in channels; the width is a standard deviation.
    colour : Colour
        Of the noise at the mean spectrum.
    spread : ndarray, shape (n_peaks,)
        Standard deviation of what matches each peak, beside which matches are given.
    """

    centre: np.ndarray
    width: np.ndarray
    colour: Colour
    spread: np.ndarray

    @classmethod
    def all_of(cls, colour, margin=0):
        """Peaks and spikes, in steps of half their width or less.

        At all channels but for a `margin` at both ends.
        """
        n_channels = len(colour.spread)
        widths = _SPIKE_WIDTHS + _WIDTHS
        steps = [0.5, 1] + [max(round(width / 2), 1) for width in _WIDTHS]
        centres = [np.arange(0, n_channels, step) for step in steps]
        centre = np.concatenate(centres)
        width = np.repeat(widths, [len(part) for part in centres])
        middle = (n_channels - 1) / 2
        inside = np.abs(centre - middle) <= middle - margin
        return cls(centre[inside], width[inside], colour, np.ones(inside.sum()))

    @property
    def spiky(self):
        """Which are as narrow as spikes."""
        return self.width < min(_WIDTHS)

    def some(self, which):
        """Those of an index."""
        return Peaks(
            self.centre[which], self.width[which], self.colour, self.spread[which]
        )

    def beside(self, spread):
        """The same, with matches in units of another spread."""
        return Peaks(self.centre, self.width, self.colour, spread)

    def white(self, which, channels=slice(None)):
        """Peaks of an index in whitened spectra, shape (n, n_channels).

        `channels` may be a part of them beyond which these peaks are nothing.
        """
        colour = self.colour.part(channels)
        channel = np.arange(len(self.colour.spread))[channels]
        distance = (channel - self.centre[which][:, None]) / self.width[which][:, None]
        white = colour.whiten(np.exp(-0.5 * distance**2))
        white /= np.linalg.norm(white, axis=1, keepdims=True)
        white[np.abs(white) < _NOTHING] = 0
        return white.astype(np.float32)

    def _around(self, numbers):
        """Channels outside of which peaks are nothing, before and after whitening."""
        reach = _REACH * self.width[numbers].max()
        first, last = self.centre[numbers].min(), self.centre[numbers].max()
        return slice(max(int(first - reach), 0), int(last + reach) + 1 + _TAIL)

    @cached_property
    def tiles(self):
        """All peaks, tile by tile."""
        tiles = []
        # narrow peaks reach less far beyond their tile
        kind = np.ceil(np.log2(np.maximum(self.width / _NARROW, 1)))
        place = np.stack([kind, self.centre // (_TILE * 2**kind)])
        places, place = np.unique(place, axis=1, return_inverse=True)
        for one in range(places.shape[1]):
            numbers = np.flatnonzero(place == one)
            numbers = numbers[np.argsort(~self.spiky[numbers], kind="stable")]
            around = self._around(numbers)
            white = self.white(numbers, around)
            (there,) = np.nonzero(white.any(axis=0))
            white = white[:, there[0] : there[-1] + 1]
            channels = slice(around.start + there[0], around.start + there[-1] + 1)
            spread = self.spread[numbers].astype(np.float32)
            matched = np.ascontiguousarray((white / spread[:, None]).T)
            n_spiky = int(self.spiky[numbers].sum())
            tiles.append(Tile(numbers, channels, matched, n_spiky))
        return tiles

    def matches(self, rows):
        """Matches of whitened rows, tile by tile: numbers of peaks, and (n, n_some)."""
        for tile in self.tiles:
            yield tile.numbers, rows[:, tile.channels] @ tile.matched

    def largest(self, rows, n_parts=1):
        """Largest match of each whitened row with a spike and with a broad peak.

        Of either sign. Shape (n, n_parts, 2), by parts of the channels in which the
        peaks lie, of equal length but for the tiles; without that axis if all are one.
        """
        found = np.zeros((len(rows), n_parts, 2), dtype=np.float32)
        length = np.ceil(len(self.colour.spread) / n_parts)
        for some in _parts(len(rows)):
            for tile in self.tiles:
                match = rows[some, tile.channels] @ tile.matched
                kinds = match[:, : tile.n_spiky], match[:, tile.n_spiky :]
                part = int(self.centre[tile.numbers].mean() // length)
                for kind, values in enumerate(kinds):
                    high = values.max(axis=1, initial=0)
                    low = values.min(axis=1, initial=0)
                    largest = np.maximum(high, -low)
                    known = found[some, part, kind]
                    found[some, part, kind] = np.maximum(known, largest)
        return found[:, 0] if n_parts == 1 else found

    def all_matches(self, rows):
        """Matches of few whitened rows, shape (n, n_peaks)."""
        found = np.empty((len(rows), len(self.centre)), np.float32)
        for numbers, match in self.matches(rows):
            found[:, numbers] = match
        return found

    def best(self, rows):
        """Which peak matches each row best, and how well, each of shape (n,)."""
        best, found = np.zeros((2, len(rows)))
        for part in _parts(len(rows)):
            for numbers, match in self.matches(rows[part]):
                match = np.abs(match)
                highest = match.argmax(axis=1)
                value = match[np.arange(len(match)), highest]
                better = value > found[part]
                best[part] = np.where(better, numbers[highest], best[part])
                found[part] = np.where(better, value, found[part])
        return best.astype(int), found

    def excess(self, rows, limit):
        """Sum over rows of the squared matches beyond a limit, shape (n_peaks,)."""
        total = np.zeros(len(self.centre))
        for part in _parts(len(rows)):
            for numbers, match in self.matches(rows[part]):
                excess = np.maximum(np.square(match) - limit**2, 0)
                total[numbers] += excess.sum(axis=0)
        return total

    def median_matches(self, rows):
        """Median of the absolute matches over rows, shape (n_peaks,)."""
        middle = np.empty(len(self.centre))
        for numbers, match in self.matches(rows):
            # of long rows a median is found faster
            match = np.abs(np.ascontiguousarray(match.T))
            middle[numbers] = np.median(match, axis=1)
        return middle


def _parts(n):
    return [slice(start, start + _ROWS) for start in range(0, n, _ROWS)]

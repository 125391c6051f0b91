"""Rare features: peaks that few spectra have and the codes don't hold."""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import scipy.special

from hyperspy_aedenoise._linear.principal import parts_of

#: Standard deviations of the peaks that are looked for, in channels, and of spikes.
_WIDTHS, _SPIKE_WIDTHS = (1.5, 2.1, 3.0, 4.2, 6.0, 8.5), (0.3, 1.0)
#: What is less in a peak of norm 1 is 0: products of denormal numbers take long.
_NOTHING = 1e-9
#: Channels on both sides of a spike in which nothing else is looked for.
_AROUND_SPIKE = 6
#: Chance that noise shows anything in the whole data set; that it shows a further peak
#: in a spectrum that has one; and a peak of its neighbours.
_CHANCE, _CHANCE_FURTHER = 0.01, 0.05
#: Rows of drawn noise that tell what chance does, share of them that makes the tail,
#: and rows of the data that tell their spread.
_NULL_ROWS, _TAIL, _SPREAD_ROWS = 6000, 0.02, 4096
#: Most peaks that are looked for, and share of spectra beyond which they aren't rare.
_MOST_PEAKS, _MOST_SPECTRA = 20, 0.1


@dataclass(frozen=True)
class RareFeatures:
    """What few spectra have beyond the codes.

    Parameters
    ----------
    centre, width : ndarray, shape (n_features,)
        Of Gaussian peaks, in channels; the width is a standard deviation.
    decoder : ndarray, shape (n_features, n_channels)
        Spectra of the peaks, in signal units.
    amplitudes : ndarray of float32, shape (n_spectra, n_features)
        0 where a spectrum doesn't have them.
    strength : ndarray, shape (n_features,)
        Largest amplitude in units of the noise of its own spectrum.
    n_spikes : int
        Spectra with spikes, which are not put back.
    share : float
        Of spectra in which a peak was seen. Above a tenth these aren't rare, and none
        is put back.
    """

    centre: np.ndarray
    width: np.ndarray
    decoder: np.ndarray
    amplitudes: np.ndarray
    strength: np.ndarray
    n_spikes: int = 0
    share: float = 0.0

    def as_dict(self, used):
        """Everything as numbers and lists, with positions in a map, bool (...)."""
        where = np.argwhere(used)
        features = zip(
            self.centre, self.width, self.strength, self.amplitudes.T, strict=True
        )
        return {
            "peaks": [
                {
                    "channel": float(centre),
                    "width": float(width),
                    "strength": float(strength),
                    "positions": where[amplitude != 0].tolist(),
                }
                for centre, width, strength, amplitude in features
            ],
            "spectra_with_spikes": self.n_spikes,
            "share": self.share,
        }


@dataclass(frozen=True)
class _Peaks:
    """Peaks as they look in whitened spectra, shape (n_peaks, n_channels), norm 1."""

    centre: np.ndarray
    width: np.ndarray
    white: np.ndarray

    @classmethod
    def all_of(cls, colour):
        """Peaks and spikes at all channels, in steps of half their width or less."""
        n_channels = len(colour.spread)
        widths = _SPIKE_WIDTHS + _WIDTHS
        steps = [0.5, 1] + [max(round(width / 2), 1) for width in _WIDTHS]
        centres = [np.arange(0, n_channels, step) for step in steps]
        centre = np.concatenate(centres)
        width = np.repeat(widths, [len(part) for part in centres])
        distance = (np.arange(n_channels) - centre[:, None]) / width[:, None]
        white = colour.whiten(np.exp(-0.5 * distance**2))
        white /= np.linalg.norm(white, axis=1, keepdims=True)
        white[np.abs(white) < _NOTHING] = 0
        return cls(centre, width, white.astype(np.float32))

    @property
    def spiky(self):
        """Which are as narrow as spikes."""
        return self.width < min(_WIDTHS)


def find_rare(rows, restored, used, noise, colour, rng, margin=0):
    """Look for peaks in what a restoration took away.

    Parameters
    ----------
    rows : ndarray, shape (n_spectra, n_channels)
        Noisy spectra, in signal units.
    restored : callable
        Gives the restored spectra of some rows, by a slice or by their numbers.
    used : ndarray of bool, shape (n_maps, height, width)
        Where they lie; its sum is n_spectra.
    noise : NoiseModel
    colour : Colour
        Of the noise at the mean spectrum.
    rng : numpy.random.Generator
    margin : int, default 0
        Channels at both ends in which nothing is looked for.

    Returns
    -------
    RareFeatures

    Notes
    -----
    The residual, whitened by the noise of each spectrum, is matched with Gaussian
    peaks at all channels, of standard deviations from 1.5 to 8.5 channels and both
    signs. What is too large for chance is measured on drawn noise: the limit is where
    the tail of the largest values in its spectra has a chance of 1 % in the whole data
    set. In the spectra with a peak, further ones are looked for, with a chance of 5 %
    in each, by matching pursuit for all of them together (J. A. Tropp, A. C. Gilbert
    and M. J. Strauss, Signal Process. 86 (2006) 572,
    doi:10.1016/j.sigpro.2005.05.030); other spectra get a peak if it is too large for
    chance in all of them, or in the neighbours of one that has it.

    What one to three channels explain better than a peak is a spike, as X-rays and
    cosmic rays make them: a real feature as narrow as that is taken for one.
    """
    peaks = _Peaks.all_of(colour)
    inside = np.abs(peaks.centre - (rows.shape[1] - 1) / 2)
    inside = inside <= (rows.shape[1] - 1) / 2 - margin
    peaks = _Peaks(peaks.centre[inside], peaks.width[inside], peaks.white[inside])
    white = np.empty(rows.shape, dtype=np.float32)
    for part in parts_of(len(rows)):
        expected = restored(part)
        white[part] = _whitened(rows[part] - expected, expected, noise, colour)
    spread = _spread(white, peaks)
    anywhere, further = _limits(restored, len(rows), noise, colour, peaks, rng)
    parts = parts_of(len(rows))
    largest = np.concatenate([_largest(white[part], peaks, spread) for part in parts])
    hits = np.flatnonzero(largest > anywhere)
    n_spikes = _cut_out_spikes(white, hits, peaks, spread, anywhere)
    broad = ~peaks.spiky
    peaks = _Peaks(peaks.centre[broad], peaks.width[broad], peaks.white[broad])
    spread = spread[broad]
    hits = hits[_largest(white[hits], peaks, spread) > anywhere]
    share = len(hits) / len(rows)
    if share > _MOST_SPECTRA:
        hits = hits[:0]
    found, amplitudes = _pursue(white, hits, used, peaks, spread, further)
    decoder = colour.unwhiten(peaks.white[found].astype(np.float64))
    strength = np.abs(amplitudes).max(axis=0)
    for row in np.flatnonzero(amplitudes.any(axis=1)):
        # the noise at a peak is not that at the mean spectrum
        level = _level(restored(slice(row, row + 1)), noise, colour)[0]
        weight = np.square(decoder) / np.square(decoder).sum(axis=1, keepdims=True)
        amplitudes[row] *= weight @ level
    return RareFeatures(
        peaks.centre[found],
        peaks.width[found],
        decoder,
        amplitudes,
        strength,
        n_spikes,
        share,
    )


def _level(expected, noise, colour):
    """Standard deviation of the noise relative to that at the mean spectrum."""
    # where a model knows no noise a thirtieth stands for what it doesn't know
    return np.maximum(np.sqrt(noise.variance(expected)) / colour.spread, 1 / 30)


def _whitened(residual, expected, noise, colour):
    return colour.whiten(residual / _level(expected, noise, colour))


def _spread(white, peaks):
    """Spread of what matches each peak where it is clearly above that of noise.

    From the median of the absolute values, of which few spectra with peaks don't
    matter; half its standard error for each peak is 1.17 / sqrt(n).
    """
    some = white[:: -(-len(white) // _SPREAD_ROWS)].T
    doubt = 2.5 * 1.17 / some.shape[1] ** 0.5
    parts = parts_of(len(peaks.white))
    middle = [np.median(np.abs(peaks.white[part] @ some), axis=1) for part in parts]
    return np.maximum(1.4826 * np.concatenate(middle) - np.float32(doubt), 1)


def _largest(white, peaks, spread=1.0):
    """Largest match of each spectrum with a peak, shape (n,), either sign."""
    match = white @ peaks.white.T
    match /= spread
    return np.maximum(match.max(axis=1, initial=0), -match.min(axis=1, initial=0))


def _limits(restored, n_rows, noise, colour, peaks, rng):
    """What matches in noise reach by the chances of anything and of a further peak."""
    largest = []
    # rows from everywhere; of few spectra each is drawn again and again
    rows = np.linspace(0, n_rows, _NULL_ROWS, endpoint=False).astype(int)
    for part in parts_of(len(rows)):
        expected = restored(rows[part])
        residual = noise.sample(expected, rng) - expected
        white = _whitened(residual, expected, noise, colour).astype(np.float32)
        largest.append(_largest(white, peaks))
    largest = np.sort(np.concatenate(largest))
    # beyond the limit of a tail of Gaussians the square is exponentially distributed
    tail = np.square(largest[-int(_TAIL * len(largest)) :])
    scale = (tail - tail[0]).mean()
    anywhere = np.sqrt(tail[0] + scale * np.log(_TAIL * n_rows / _CHANCE))
    return max(anywhere, largest[-1]), np.quantile(largest, 1 - _CHANCE_FURTHER)


def _cut_out_spikes(white, hits, peaks, spread, limit):
    """Set spikes and what is near them to 0, in place; count the spectra with any."""
    with_spikes = set()
    channel = np.arange(white.shape[1])
    left = hits
    while len(left):
        match = np.abs(white[left] @ peaks.white.T / spread)
        best = match.argmax(axis=1)
        spike = peaks.spiky[best] & (match.max(axis=1) > limit)
        left = left[spike]
        centre = peaks.centre[best[spike]]
        near = np.abs(channel - centre[:, None]) <= _AROUND_SPIKE
        white[left] = np.where(near, 0, white[left])
        with_spikes.update(left.tolist())
    return len(with_spikes)


def _pursue(white, hits, used, peaks, spread, limit):
    """Peaks of all hits together: their numbers, and the amplitudes of all spectra."""
    residual = white.copy() if len(hits) else white
    found, amplitudes = [], np.zeros((len(white), 0), np.float32)
    limit_alone = -scipy.special.ndtri(_CHANCE / 2 / len(white))
    limit_beside = -scipy.special.ndtri(_CHANCE_FURTHER / 2 / 8)
    while len(hits) and len(found) < _MOST_PEAKS:
        match = residual[hits] @ peaks.white.T / spread
        excess = np.maximum(np.square(match) - limit**2, 0).sum(axis=0)
        new = int(excess.argmax())
        if excess[new] == 0:
            break
        match = np.abs(residual @ peaks.white[new] / spread[new])
        members = match > limit_alone
        members[hits] |= match[hits] > limit
        members |= _beside(members, used) & (match > limit_beside)
        found.append(new)
        more = members[:, None].astype(np.float32)
        amplitudes = np.concatenate([amplitudes, more], axis=1)
        for row in np.flatnonzero(members):
            mine = amplitudes[row] != 0
            spectra = peaks.white[np.array(found)[mine]]
            fit = np.linalg.lstsq(spectra.T, white[row], rcond=None)[0]
            amplitudes[row, mine] = fit
            residual[row] = white[row] - fit @ spectra
    return found, amplitudes


def _beside(members, used):
    """Rows that lie beside those of `members`, shape (n_spectra,)."""
    placed = np.zeros(used.shape, bool)
    placed[used] = members
    around = scipy.ndimage.binary_dilation(placed, np.ones((1, 3, 3), bool))
    return around[used]

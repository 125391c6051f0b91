"""Rare features: peaks that few spectra have and the codes don't hold."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hyperspy_aedenoise._filters.peak_templates import Peaks
from hyperspy_aedenoise._filters.rare_limits import (
    Limits,
    measured_limits,
    measured_spread,
)
from hyperspy_aedenoise._noise.whitening import OwnWhitening
from hyperspy_aedenoise._observation.layout import Layout

#: Channels on both sides of a spike in which nothing else is looked for.
_AROUND_SPIKE = 6
#: Rows of a residual at a time.
_AT_ONCE = 2048
#: Most peaks that are looked for, and share of spectra beyond which they aren't rare.
_MOST_PEAKS, MOST_SPECTRA = 20, 0.1


@dataclass(frozen=True)
class RareFeatures:
    """What few spectra have beyond the codes.

    Parameters
    ----------
    centre, width : ndarray, shape (n_features,)
        Of Gaussian peaks, in channels; the width is a standard deviation. Of features
        of any shape where they are highest beside the noise, and how far they reach.
    decoder : ndarray, shape (n_features, n_channels)
        Their spectra, in signal units.
    amplitudes : ndarray of float32, shape (n_spectra, n_features)
        0 where a spectrum doesn't have them.
    strength : ndarray, shape (n_features,)
        Largest amplitude in units of the noise of its own spectrum; of features of any
        shape in those of the noise at the mean spectrum.
    n_spikes : int
        Spectra with spikes, which are not put back.
    share : float
        Of spectra in which a Gaussian peak was seen. Above a tenth these aren't rare,
        and none is put back.
    limits : Limits or None
        What was too large for chance.
    """

    centre: np.ndarray
    width: np.ndarray
    decoder: np.ndarray
    amplitudes: np.ndarray
    strength: np.ndarray
    n_spikes: int = 0
    share: float = 0.0
    limits: Limits | None = None

    def and_own(self, rows, parts, colour):
        """With features of single spectra, which are peaks of any shape.

        Parameters
        ----------
        rows : ndarray of int, shape (n,)
            Numbers of the spectra.
        parts : ndarray, shape (n, n_channels)
            In signal units.
        colour : Colour
            Of the noise at the mean spectrum.
        """
        centre = np.abs(parts / colour.spread).argmax(axis=1)
        apart = np.arange(parts.shape[1]) - centre[:, None]
        width = np.sqrt(np.average(apart**2, axis=1, weights=np.abs(parts)))
        strength = np.linalg.norm(colour.whiten(parts), axis=1)
        amplitudes = np.zeros((len(self.amplitudes), len(rows)), np.float32)
        amplitudes[rows, np.arange(len(rows))] = strength
        return replace(
            self,
            centre=np.append(self.centre, centre),
            width=np.append(self.width, width),
            decoder=np.concatenate([self.decoder, parts / strength[:, None]]),
            amplitudes=np.concatenate([self.amplitudes, amplitudes], axis=1),
            strength=np.append(self.strength, strength),
        )

    def as_dict(self, layout):
        """Everything as numbers and lists, with positions as they were."""
        where = np.argwhere(layout.mask)
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


def find_rare(observation, colour, restored, rng, margin=0, *, limits=None):
    """Look for peaks in what a restoration took away.

    Parameters
    ----------
    observation : Observation
    colour : Colour
        Of the noise at the mean spectrum.
    restored : Computed
        The restored spectra.
    rng : numpy.random.Generator
    margin : int, default 0
        Channels at both ends in which nothing is looked for.
    limits : Limits, optional
        What is too large for chance, where it is known. Default: it is measured.

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
    residuals = _Residuals(observation, restored, colour)
    peaks = Peaks.all_of(colour, margin)
    peaks = peaks.beside(measured_spread(residuals, peaks))
    limits = limits or measured_limits(residuals, peaks, rng)
    broad = peaks.some(~peaks.spiky)
    largest = residuals.gather(peaks)
    (shown,) = np.nonzero(largest.max(axis=1) > limits.anywhere)
    n_spikes, hits = 0, []
    for part in np.split(shown, range(_AT_ONCE, len(shown), _AT_ONCE)):
        white = residuals.take(part)
        n_spikes += int(_cut_out_spikes(white, peaks, limits.anywhere).sum())
        hits.append(part[peaks.largest(white)[:, 1] > limits.anywhere])
    hits = np.concatenate(hits)
    share = len(hits) / observation.n_spectra
    if share > MOST_SPECTRA or not len(hits):
        hits = candidates = hits[:0]
    else:  # all that may get a peak: what shows one, and what lies beside
        may = largest[:, 1] > limits.alone
        may[hits] = True
        candidates = np.flatnonzero(observation.layout.beside(may))
    white = residuals.take(candidates)
    has_spikes = np.isin(candidates, shown)
    cut = white[has_spikes]
    _cut_out_spikes(cut, peaks, limits.anywhere)
    white[has_spikes] = cut
    pursuit = _Pursuit(candidates, white, broad, limits, observation.layout)
    found, amplitudes = pursuit.run(hits)
    everywhere = np.zeros((observation.n_spectra, len(found)), np.float32)
    everywhere[candidates] = amplitudes
    decoder = colour.unwhiten(broad.white(found).astype(float))
    return RareFeatures(
        broad.centre[found],
        broad.width[found],
        decoder,
        _scaled(everywhere, decoder, residuals),
        np.abs(amplitudes).max(axis=0, initial=0),
        n_spikes,
        share,
        limits,
    )


@dataclass(frozen=True)
class _Matched:
    """Largest match of noisy spectra with spikes and with broad peaks, (n, 2)."""

    decode: Callable
    whiten: OwnWhitening
    peaks: Peaks

    def __call__(self, rows, *along):
        return self.peaks.largest(self.whiten(rows, self.decode(*along)))


class _Residuals:
    """What was taken away from the spectra of an observation, whitened."""

    def __init__(self, observation, restored, colour):
        self.observation, self.restored = observation, restored
        self.whiten = OwnWhitening(observation.noise, colour)
        self.n_spectra = observation.n_spectra

    def take(self, numbers):
        """Of some spectra, shape (n, n_channels)."""
        noisy = self.observation.spectra.take(numbers)
        return self.whiten(noisy, self.restored.take(numbers))

    def drawn(self, numbers, rng):
        """The same of fresh noise."""
        expected = self.restored.take(numbers)
        return self.whiten(self.whiten.noise.sample(expected, rng), expected)

    def gather(self, peaks):
        """Largest match of each spectrum, as of `Peaks.largest`."""
        matched = _Matched(self.restored.function, self.whiten, peaks)
        return self.observation.spectra.gather(matched, *self.restored.along)


def _cut_out_spikes(white, peaks, limit):
    """Set spikes and what is near them to 0, in place; say which rows have any."""
    with_spikes = np.zeros(len(white), bool)
    channel = np.arange(white.shape[1])
    left = np.arange(len(white))
    for _ in range(white.shape[1]):  # each takes a channel at least
        if not len(left):
            break
        best, match = peaks.best(white[left])
        spike = peaks.spiky[best] & (match > limit)
        left = left[spike]
        centre = peaks.centre[best[spike]]
        near = np.abs(channel - centre[:, None]) <= _AROUND_SPIKE
        white[left] = np.where(near, 0, white[left])
        with_spikes[left] = True
    return with_spikes


@dataclass(frozen=True)
class _Pursuit:
    """Matching pursuit of peaks that several spectra share.

    Parameters
    ----------
    candidates : ndarray of int, shape (n_candidates,)
        Numbers of the spectra that may have peaks.
    white : ndarray, shape (n_candidates, n_channels)
        Their whitened residual, without spikes.
    peaks : Peaks
    limits : Limits
    layout : Layout
        Of all spectra.
    """

    candidates: np.ndarray
    white: np.ndarray
    peaks: Peaks
    limits: Limits
    layout: Layout

    def run(self, hits):
        """Peaks of all hits together.

        Returns
        -------
        found : list of int
            Their numbers.
        amplitudes : ndarray, shape (n_candidates, n_found)
        """
        hits = np.flatnonzero(np.isin(self.candidates, hits))
        peaks, limits = self.peaks, self.limits
        residual = self.white.copy()
        found, amplitudes = [], np.zeros((len(residual), 0), np.float32)
        while len(hits) and len(found) < _MOST_PEAKS:
            excess = peaks.excess(residual[hits], limits.further)
            new = int(excess.argmax())
            if excess[new] == 0:
                break
            match = np.abs(residual @ peaks.white([new])[0]) / peaks.spread[new]
            members = match > limits.alone
            members[hits] |= match[hits] > limits.further
            members |= self._beside(members) & (match > limits.beside)
            found.append(new)
            amplitudes = np.column_stack([amplitudes, members])
            spectra = peaks.white(found)
            for row in np.flatnonzero(members):
                mine = amplitudes[row] != 0
                fit = np.linalg.lstsq(spectra[mine].T, self.white[row], rcond=None)[0]
                amplitudes[row, mine] = fit
                residual[row] = self.white[row] - fit @ spectra[mine]
        return found, amplitudes

    def _beside(self, members):
        """Which candidates lie beside members."""
        everywhere = np.zeros(self.layout.n_spectra, bool)
        everywhere[self.candidates] = members
        return self.layout.beside(everywhere)[self.candidates]


def _scaled(amplitudes, decoder, residuals):
    """Amplitudes in the noise at each peak, which isn't that at the mean spectrum."""
    rows = np.flatnonzero(amplitudes.any(axis=1))
    if len(rows):
        weight = np.square(decoder)
        weight /= weight.sum(axis=1, keepdims=True)
        level = residuals.whiten.level(residuals.restored.take(rows))
        amplitudes[rows] *= level @ weight.T
    return amplitudes

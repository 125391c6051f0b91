"""Spikes: what rises out of a spectrum and is sharper than anything real."""

from dataclasses import dataclass, replace

import numpy as np

from hyperspy_aedenoise._noise.lines import sharpest_and_tallest

#: Standard deviations, and electrons, from where on a narrow value is a spike.
_SPIKE = 10.0
#: Standard deviations above which channels beside its highest one belong to a spike.
_FOOT = 3.0
#: Distances at which the level on both sides of a spike is looked for, in channels.
_REACHES = (3, 8)
#: Width (area over height, in channels) below which nothing is a line: a hit of three
#: channels has 3, the narrowest peak that is kept 3.8. It is known to so many channels
#: over height and noise.
_NARROW, _DOUBT = 3.4, 3.0
#: The same as a share of the sharpest line, if there is one; but a single channel is
#: always too narrow.
_SHARPER, _SINGLE = 0.6, 1.6
#: What is wider must be sharper than that share of the sharpest line, so many times as
#: high as the tallest, and so many standard deviations high.
_STILL_SHARPER, _TALLER, _STRONG = 0.9, 2.0, 30.0
#: Width of a detector's point spread, beside which nothing can be narrower.
_POINT = 1.3
#: Share of spectra with something narrow near a channel, above which it is no spike;
#: how near (channels on both sides), and the same for lines that move.
_MOST_ALIKE, _NEAR = 0.02, 1
_MOST_MOVING, _MOVING = 0.1, 12
#: Rounds of the search: spikes may hide behind larger ones.
_ROUNDS = 3


@dataclass(frozen=True)
class Spikes:
    """Values that are no measurement, and what is put in their place.

    Parameters
    ----------
    row, channel : ndarray of int, shape (n_values,)
        Number of the spectrum and of the channel; sorted by spectrum.
    value : ndarray of float32, shape (n_values,)
        What takes their place.
    peak : ndarray of int, shape (n_values,)
        Channel where the spike is highest that the value belongs to.
    height : ndarray of float32, shape (n_values,)
        Its height there, in signal units.
    """

    row: np.ndarray
    channel: np.ndarray
    value: np.ndarray
    peak: np.ndarray
    height: np.ndarray

    @classmethod
    def of(cls, values):
        """Spikes of a list of (row, channel, value, peak, height)."""
        columns = np.array(values, dtype=float).reshape(-1, 5).T
        whole, real = columns[[0, 1, 3]].astype(int), columns[[2, 4]].astype(np.float32)
        found = cls(whole[0], whole[1], real[0], whole[2], real[1])
        return found[np.argsort(found.row, kind="stable")]

    def __getitem__(self, which):
        parts = (self.row, self.channel, self.value, self.peak, self.height)
        return Spikes(*(part[which] for part in parts))

    @classmethod
    def joined(cls, parts):
        """All of several ones."""
        if not parts:
            return cls.of([])
        names = ("row", "channel", "value", "peak", "height")
        found = cls(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))
        return found[np.argsort(found.row, kind="stable")]

    @property
    def each(self):
        """One value of each spike: where it is highest."""
        return self[self.channel == self.peak]

    def rare(self, n_spectra, n_channels):
        """Those that not many spectra have in the same channels: others are lines."""
        common = common_channels(self, n_spectra, n_channels)
        return self[~common[self.peak]]


def common_channels(spikes, n_spectra, n_channels):
    """Where too many spectra have something narrow, bool, shape (n_channels,)."""
    one = spikes.each
    # a spectrum counts once, even if it has several near each other
    common = np.zeros(n_channels, bool)
    for near, share in ((_NEAR, _MOST_ALIKE), (_MOVING, _MOST_MOVING)):
        pairs = [
            one.row * n_channels + np.clip(one.peak + step, 0, n_channels - 1)
            for step in range(-near, near + 1)
        ]
        pairs = np.unique(np.concatenate(pairs))
        count = np.bincount(pairs % n_channels, minlength=n_channels)
        there = count > 1 + share * n_spectra
        if there.any():
            width = np.ones(2 * near + 1)
            common |= np.convolve(there, width, "same")[:n_channels] > 0
    return common


@dataclass(frozen=True)
class Usual:
    """What spectra usually look like, from a sample of them: the rest may be spikes.

    Parameters
    ----------
    median : ndarray, shape (n_channels,)
        Median spectrum of the sample.
    rise, spread : tuple of ndarray, shape (n_channels,)
        By how much values usually rise above both sides, at each of the reaches, and
        standard deviation of that.
    noise : NoiseModel or None
    sharpest, tallest : float
        Width of the sharpest line (area over height, in channels), and height of the
        tallest one. Infinite and 0 if there are none.
    common : ndarray of bool, shape (n_channels,)
        Where many spectra have something narrow.
    """

    median: np.ndarray
    rise: tuple
    spread: tuple
    noise: object = None
    sharpest: float = np.inf
    tallest: float = 0.0
    common: np.ndarray | None = None

    @classmethod
    def of(cls, sample, noise=None):
        """What is usual in some spectra, shape (n, n_channels).

        If their noise is known it needn't be guessed from them.
        """
        sample = np.asarray(sample)
        n_channels = sample.shape[1]
        rises, spreads = [], []
        for reach in _REACHES:
            rise, level = _rise(sample, reach)
            usual = np.maximum(_median(rise), 0)
            rise -= usual * np.clip(_ratio(level, _median(level)), 0, 10)
            # the middle of what is usual: the level on the sides is the higher one
            middle = _median(rise)
            spread = 1.4826 * _median(np.abs(rise - middle))
            rises.append(usual)
            spreads.append(np.maximum(spread, np.median(spread)))
        nothing = np.zeros(n_channels, bool)
        usual = cls(
            _median(sample),
            tuple(rises),
            tuple(spreads),
            noise,
            common=nothing,
        )
        seeds = usual.seeds(sample)
        if not seeds.any() and noise is None:
            return usual  # there is nothing to be judged
        has_seeds = seeds.any(axis=1)
        clean = sample[~has_seeds] if has_seeds.mean() <= 0.5 else sample
        sharpest, tallest = sharpest_and_tallest(clean, spreads[0])
        usual = replace(usual, sharpest=sharpest, tallest=tallest)
        found = usual._spikes(sample, seeds)
        return replace(usual, common=common_channels(found, len(sample), n_channels))

    def spikes(self, rows):
        """Spikes in spectra, shape (n, n_channels), see `Spikes`."""
        return self._spikes(rows, self.seeds(rows))

    def seeds(self, rows):
        """Where values rise out of their spectrum, bool, shape (n, n_channels)."""
        seeds = np.zeros(rows.shape, bool)
        for reach, usual, spread in zip(_REACHES, self.rise, self.spread, strict=True):
            rise, level = _rise(rows, reach)
            # only what stands out by more than it could anywhere
            (some,) = np.nonzero((rise > _SPIKE * spread).any(axis=1))
            if not len(some):
                continue
            rise, level = rise[some], level[some]
            ratio = _ratio(level, self.median)
            rise = rise - usual * np.clip(ratio, 0, 10)
            sigma = self._sigma(level, ratio, spread)
            seeds[some] |= (rise > self._limit(sigma)) & (sigma > 0)
        return seeds & ~self.common

    def _sigma(self, level, ratio, spread):
        """Standard deviation at a level, of what rises above it."""
        if self.noise is None:
            # bright spectra have more counting noise than the median one
            return spread * np.sqrt(np.maximum(ratio, 1))
        # where nothing was counted beside it, up to an electron may be expected
        least = np.maximum(spread, self.noise.gain)
        return np.maximum(np.sqrt(self.noise.variance(level)), least)

    def _limit(self, sigma):
        """Least height of spikes; counts beyond 10 electrons aren't rare by chance."""
        gain = 0.0 if self.noise is None else self.noise.gain
        return _SPIKE * (sigma + gain)

    def _spikes(self, rows, seeds):
        """Those of the values which rise out of their spectrum that are spikes."""
        found = []
        for row in np.flatnonzero(seeds.any(axis=1)):
            spectrum = rows[row].astype(float)
            tried = np.zeros(len(spectrum), bool)
            for _ in range(_ROUNDS):
                seed = self.seeds(spectrum[None])[0] & ~tried
                if not seed.any():
                    break
                tried |= seed
                for peak in _highest(spectrum, seed):
                    spike = self._spike(spectrum, peak)
                    if spike is None:
                        continue
                    channels, values, height = spike
                    spectrum[channels] = values
                    found += [
                        (row, channel, value, peak, height)
                        for channel, value in zip(channels, values, strict=True)
                    ]
        return Spikes.of(found)

    def _spike(self, spectrum, peak):
        """Channels of a spike, what is usual there, and its height; or None."""
        for reach, spread in zip(_REACHES, self.spread, strict=True):
            if peak < reach and peak + reach >= len(spectrum):
                return None
            inside, usual, ratio = self._usual(spectrum, peak, reach)
            excess = spectrum[inside] - usual
            at = peak - inside.start
            sigma = self._sigma(usual[at], ratio, spread[peak])
            height = excess[at]
            if height <= self._limit(sigma):
                return None
            outside = np.flatnonzero(excess <= max(_FOOT * sigma, 0))
            before, after = outside[outside < at], outside[outside > at]
            # at the ends of the range a spike may be cut off
            first = before[-1] + 1 if len(before) else 0
            last = after[0] if len(after) else len(excess)
            open_ = (not len(before) and inside.start > 0) or (
                not len(after) and inside.stop < len(spectrum)
            )
            if open_:
                continue
            width = excess[first:last].sum() / height
            if not self._is_spike(width, height, sigma, ratio):
                return None
            channels = np.arange(inside.start + first, inside.start + last)
            return channels, usual[first:last], height
        return None

    def _usual(self, spectrum, peak, reach):
        """What is usual between the levels on both sides of a channel.

        Returns
        -------
        inside : slice
            Channels.
        usual : ndarray, shape of those
        ratio : float
            Intensity relative to the median spectrum.
        """
        n = len(spectrum)
        ends = [end for end in (peak - reach, peak + reach) if 0 <= end < n]
        inside = slice(max(peak - reach + 1, 0), min(peak + reach, n))
        channel = np.arange(inside.start, inside.stop)
        lines = []
        for values in (spectrum, self.median):
            levels = [np.median(values[max(e - 1, 0) : e + 2]) for e in ends]
            lines.append(np.interp(channel, ends, levels))
        line, of_median = lines
        ratio = _ratio(line.mean(), of_median.mean())
        ratio = float(np.clip(ratio, 0, 10))
        return inside, line + ratio * (self.median[inside] - of_median), ratio

    def _is_spike(self, width, height, sigma, ratio):
        """Whether something is sharper than what is real."""
        point = 0.0
        if self.noise is not None and len(self.noise.correlation) > 1:
            # a Gaussian's autocorrelation is broader than itself by this
            point = (2 * sum(self.noise.correlation) - 1) / np.sqrt(2)
        narrow = max(_NARROW, _POINT * point)
        narrow = min(narrow, max(_SHARPER * self.sharpest, _SINGLE))
        if width * (1 + _DOUBT * sigma / height) < narrow:
            return True
        return width < _STILL_SHARPER * self.sharpest < np.inf and height > max(
            _STRONG * sigma, _TALLER * self.tallest * max(ratio, 1)
        )


def _rise(rows, reach):
    """By how much values are above the higher of the levels on both sides, and that.

    A level is the median of three channels. Both of shape (n, n_channels).
    """
    padded = np.pad(rows, ((0, 0), (1, 1)), mode="edge")
    one, two, three = padded[:, :-2], padded[:, 1:-1], padded[:, 2:]
    low, high = np.minimum(one, two), np.maximum(one, two)
    middle = np.maximum(low, np.minimum(high, three))
    level = np.full_like(middle, -np.inf)
    if reach < rows.shape[1]:
        level[:, reach:] = middle[:, :-reach]
        level[:, :-reach] = np.maximum(level[:, :-reach], middle[:, reach:])
    if 2 * reach > rows.shape[1]:  # some channels have no sides
        level = np.where(np.isfinite(level), level, rows)
    return rows - level, level


def _highest(spectrum, seed):
    """Highest channel of each group of channels near each other."""
    channels = np.flatnonzero(seed)
    groups = np.split(channels, np.flatnonzero(np.diff(channels) > 2) + 1)
    return [int(group[spectrum[group].argmax()]) for group in groups]


def _ratio(values, to):
    """Values relative to others, within reason where those are small."""
    scale = np.maximum(np.abs(to), 1e-3 * np.abs(values).max())
    return values / np.maximum(scale, np.finfo(np.float32).tiny)


def _median(values):
    """Median over spectra, shape (n_channels,); of long rows it is found faster."""
    return np.median(np.ascontiguousarray(values.T), axis=1)

"""Noisy spectra at their positions, with what is known of the noise in them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hyperspy_aedenoise._noise.counts import are_few_counts
from hyperspy_aedenoise._noise.estimate import enough_spectra, estimate_noise
from hyperspy_aedenoise._noise.measured import MeasuredNoise
from hyperspy_aedenoise._noise.model import NoiseModel
from hyperspy_aedenoise._noise.whitening import Colour
from hyperspy_aedenoise._observation.layout import Layout
from hyperspy_aedenoise._observation.spectra_by_blocks import InMemory, Spectra

#: Steps towards noise that is 1 on average in each spectrum and in each channel.
_STEPS = 3
#: Change of the level of all spectra below which it stays as it is.
_STILL = 1e-3
#: Least noise variance of a spectrum relative to the mean of all: empty ones have none,
#: and this stands for what the model doesn't know.
_LEAST_LEVEL = 0.1
#: Spectra that tell whether they are counts: few of anything else look so by chance.
_SAMPLE = 256


@dataclass(frozen=True)
class Observation:
    """Noisy spectra, where they lie, and the noise in them.

    What is derived from all spectra is computed once, when it is first asked for.

    Parameters
    ----------
    spectra : Spectra
        Those that take part, in signal units.
    layout : Layout
        Where they lie.
    noise : NoiseModel
    gapless : bool
        Whether no channels are missing in between, so that spectra can be moved along
        energy.
    """

    spectra: Spectra
    layout: Layout
    noise: NoiseModel
    gapless: bool = True

    @classmethod
    def of(cls, rows, used, noise, gapless=True):
        """Observation of rows, shape (n_spectra, n_channels), at `used` positions."""
        return cls(InMemory(np.asarray(rows)), Layout.of(used), noise, gapless)

    @property
    def n_spectra(self):
        return self.spectra.n_spectra

    @property
    def n_channels(self):
        return self.spectra.n_channels

    @cached_property
    def is_counted(self):
        """Whether the spectra are few counts, with Poisson noise and no other."""
        noise = self.noise
        if noise.offset or noise.pedestal or len(noise.correlation) > 1:
            return False
        return are_few_counts(self.spectra.sample(_SAMPLE), noise.gain)

    @property
    def mean(self):
        """Mean spectrum, weighted by 1 / level, shape (n_channels,)."""
        return self._balanced[0]

    @property
    def colour(self):
        """Colour of the noise at the mean spectrum: that of the weighted spectra."""
        return self._balanced[1]

    @property
    def level(self):
        """Noise variance of each spectrum relative to `colour`, shape (n_spectra,).

        Mean over the channels. The noise in the spectra cancels in it.
        """
        return self._balanced[2]

    @property
    def n_noisy(self):
        """How many spectra have noise; those with less than their level in part."""
        return float(self.own_share.sum())

    @property
    def own_share(self):
        """Noise variance that was counted, relative to the level, (n_spectra,)."""
        return self._balanced[3] / self.level

    @property
    def dimming(self):
        """By how much weights of 1 / level lower a mean, in signal units.

        Shape (n_channels,). Spectra that are bright by chance weigh less: Stein's
        identity gives the covariance of a value and a weight that depends on it (C.
        Stein, Ann. Statist. 9 (1981) 1135, https://doi.org/10.1214/aos/1176345632,
        lemma 1). It is that of a spectrum with the noise of its level; those with less
        are lowered by their `own_share` of it.
        """
        return self._balanced[4]

    @cached_property
    def _balanced(self):
        """Weights that make the noise equal in all spectra.

        On average over them it then is equal in all channels, too.
        """
        level = own = np.ones(self.n_spectra)
        dimming = np.zeros(self.n_channels)
        for _ in range(_STEPS):
            weight = 1 / level / (1 / level).sum()
            mean = self.spectra.total(_weighted_sum, weight)
            mean += weight @ (own / level) * dimming
            colour = Colour.of(self.noise, mean)
            before, (own, level, dimming) = level, self._levels(mean, colour.spread)
            if np.ptp(level / before) < _STILL:  # the weights stay as they are
                break
        return mean, colour, level, own, dimming

    def _levels(self, mean, spread):
        """Levels with and without most of their own noise, and what weights take off.

        Parameters
        ----------
        mean, spread : ndarray, shape (n_channels,)
            A mean spectrum, and standard deviation of the noise at it.

        Returns
        -------
        own, level : ndarray, shape (n_spectra,)
            Relative to the mean spectrum; as counted, and as expected.
        dimming : ndarray, shape (n_channels,)
            See `dimming`.

        Notes
        -----
        What is expected is the linear estimate with the least squared error, of levels
        that scatter by what those counted scatter by beyond their noise.
        """
        variance = self.noise.variance(mean)
        unit = (variance / spread**2).mean()  # 1 but for channels with hardly any noise
        own = self.own_level(spread) / unit
        noise = self.noise.gain * np.sqrt(variance) / spread**2 / unit / len(spread)
        white = power = noise @ noise
        for lag, rho in enumerate(self.noise.correlation[1:], start=1):
            power += 2 * rho * (noise[lag:] @ noise[:-lag])
        if not power > 0:
            return own, _not_empty(own), np.zeros_like(noise)
        # the variance of a level is proportional to it, as that of all counts
        middle, scatter = own.mean(), own.var()
        share = max(1 - power * middle / scatter, 0.0) if scatter else 0.0
        level = _not_empty(middle + share * (own - middle))
        return own, level, share * power / white * noise * np.sqrt(variance)

    @cached_property
    def plain_mean(self):
        """Mean spectrum without weights, shape (n_channels,)."""
        weight = np.full(self.n_spectra, 1 / self.n_spectra)
        return self.spectra.total(_weighted_sum, weight)

    def own_level(self, spread):
        """Noise variance of spectra, however small, relative to a known `spread`.

        Parameters
        ----------
        spread : ndarray, shape (n_channels,)
            Standard deviation of the noise that is 1.

        Returns
        -------
        ndarray, shape (n_spectra,)
        """
        weight = 1 / spread**2 / len(spread)
        level = np.full(self.n_spectra, self.noise.offset * weight.sum())
        if self.noise.gain:
            counted = self.spectra.gather(_Projection(weight))
            counted -= self.noise.pedestal * weight.sum()
            level += self.noise.gain * np.maximum(counted, 0)
        return level

    def level_at(self, spread):
        """As `own_level`, where empty spectra have what the model doesn't know."""
        return _not_empty(self.own_level(spread))

    @cached_property
    def covariance(self):
        """Covariance of the whitened, weighted spectra, shape (n_channels,) * 2."""
        function = _Covariance(self.mean, self.colour.spread)
        total = self.spectra.total(function, self.level)
        total = total + np.tril(total, -1).T
        return self.colour.whiten_covariance(total / self.n_noisy)

    def white(self, part=slice(None)):
        """Whitened, weighted spectra, shape (n, n_channels), float64."""
        apart = self.spectra.take(part) - self.mean
        return self.colour.whiten(apart) / np.sqrt(self.level[part])[:, None]

    def take(self, numbers, layout):
        """The observation of some spectra, in memory."""
        spectra = InMemory(self.spectra.take(numbers))
        return Observation(spectra, layout, self.noise, self.gapless)

    def with_spectra(self, spectra, noise=None):
        """Other spectra at the same positions."""
        return Observation(spectra, self.layout, noise or self.noise, self.gapless)


def measured_noise(observation):
    """The noise with what its measurement told, of an observation.

    It is measured again where it came from elsewhere.

    Parameters
    ----------
    observation : Observation
        At least of three spectra.

    Returns
    -------
    MeasuredNoise
    """
    if isinstance(observation.noise, MeasuredNoise):
        return observation.noise
    n_spectra = enough_spectra(observation.n_channels)
    return estimate_noise(observation.spectra.sample(n_spectra))


def _not_empty(level):
    return np.maximum(level, _LEAST_LEVEL * level.mean())


def _weighted_sum(rows, weight):
    return weight @ rows


class _Projection:
    """Rows on one spectrum; a class, so that it travels to other processes."""

    def __init__(self, weight):
        self.weight = weight

    def __call__(self, rows):
        return rows @ self.weight


class _Covariance:
    """Products of channels, summed over weighted rows: the lower triangle."""

    def __init__(self, mean, spread):
        self.mean, self.spread = mean, spread

    def __call__(self, rows, level):
        import scipy.linalg.blas

        scaled = (rows - self.mean) / self.spread
        scaled /= np.sqrt(level)[:, None]
        # the transpose of an array in C order is one in Fortran order: no copy
        return scipy.linalg.blas.dsyrk(1.0, scaled.T, lower=True)

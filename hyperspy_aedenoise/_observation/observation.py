"""Noisy spectra at their positions, with what is known of the noise in them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

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
        return float((self._balanced[3] / self.level).sum())

    @cached_property
    def _balanced(self):
        """Weights that make the noise equal in all spectra.

        On average over them it then is equal in all channels, too.
        """
        level = own = np.ones(self.n_spectra)
        for _ in range(_STEPS):
            weight = 1 / level / (1 / level).sum()
            mean = self.spectra.total(_weighted_sum, weight)
            colour = Colour.of(self.noise, mean)
            own = self.own_level(colour.spread)
            before, level = level, _not_empty(own)
            if np.ptp(level / before) < _STILL:  # the weights stay as they are
                break
        return mean, colour, level, own

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

"""Restored spectra in fresh noise, which need not be in memory."""

import numpy as np

from hyperspy_aedenoise._observation.spectra_by_blocks import Spectra

#: Spectra whose noise has a seed of its own.
_TILE = 256


class Redrawn(Spectra):
    """Spectra in fresh noise, the same whenever they are looked at.

    Parameters
    ----------
    expected : Spectra
    noise : NoiseModel
    seed : int
    """

    def __init__(self, expected, noise, seed):
        self._expected, self._noise, self._seed = expected, noise, seed
        self.n_spectra, self.n_channels = expected.n_spectra, expected.n_channels
        self._are_counts = noise.gain > 0 and not noise.offset

    def take(self, numbers):
        numbers = np.arange(self.n_spectra)[numbers]
        rows = np.empty((len(numbers), self.n_channels), dtype=np.float32)
        tile = numbers // _TILE
        for one in np.unique(tile):
            here = tile == one
            whole = np.arange(one * _TILE, min((one + 1) * _TILE, self.n_spectra))
            expected = self._expected.take(whole)
            rng = np.random.default_rng([self._seed, one])
            if self._are_counts:  # whole numbers, as those that were measured
                noisy = self._noise.sample(expected, rng)
            else:
                noisy = expected + self._noise.fluctuation(expected, rng)
            rows[here] = noisy[numbers[here] - whole[0]]
        return rows

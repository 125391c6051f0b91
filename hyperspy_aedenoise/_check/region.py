"""Mean spectra of a region, raw and denoised."""

from dataclasses import dataclass

import numpy as np

from hyperspy_aedenoise._noise.whitening import Colour

#: Windows along energy in which the difference is looked at, and fewest channels.
_N_WINDOWS, _FEWEST = 24, 4


@dataclass(frozen=True)
class RegionMeans:
    """Mean raw and denoised spectra of some positions.

    Parameters
    ----------
    n_positions : int
    raw, denoised : ndarray, shape (n_channels,)
        In signal units.
    error : ndarray, shape (n_channels,)
        Standard error of the raw mean due to the noise, in signal units.
    windows : ndarray of int, shape (n_windows, 2)
        First channel of each window along energy, and the one after its last.
    difference, difference_error : ndarray, shape (n_windows,)
        Mean of raw minus denoised in each window and its standard error.
    """

    n_positions: int
    raw: np.ndarray
    denoised: np.ndarray
    error: np.ndarray
    windows: np.ndarray
    difference: np.ndarray
    difference_error: np.ndarray

    @property
    def significance(self):
        """Difference over its error in each window."""
        return self.difference / self.difference_error

    @classmethod
    def of(cls, raw, denoised, noise, windows=None):
        """Of spectra, shape (n_positions, n_channels), their noise, and windows."""
        n_positions, n_channels = raw.shape
        spread = np.sqrt(noise.variance(denoised).mean(axis=0) / n_positions)
        mean, calm = raw.mean(axis=0, dtype=float), denoised.mean(axis=0, dtype=float)
        if windows is None:
            n_windows = max(min(_N_WINDOWS, n_channels // _FEWEST), 1)
            ends = np.linspace(0, n_channels, n_windows + 1).astype(int)
            windows = np.column_stack([ends[:-1], ends[1:]])
        inside = (np.arange(n_channels) >= windows[:, :1]) & (
            np.arange(n_channels) < windows[:, 1:]
        )
        weight = inside / inside.sum(axis=1, keepdims=True)
        colour = Colour.from_spread(spread, noise.correlation)
        return cls(
            n_positions,
            mean,
            calm,
            spread,
            windows,
            weight @ (mean - calm),
            np.linalg.norm(colour.synthesis(weight.T), axis=0),
        )

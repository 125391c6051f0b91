"""A denoising that was looked at: its residual, and what it could have seen."""

from dataclasses import dataclass, field

import numpy as np

from hyperspy_aedenoise._check.detectability import (
    Repetition,
    least_significance,
)
from hyperspy_aedenoise._check.residual import ResidualStatistics
from hyperspy_aedenoise._check.residual_means import structures
from hyperspy_aedenoise._check.uneven_lines import UnevenLines, uneven_lines
from hyperspy_aedenoise._noise.whitening import Colour, OwnWhitening
from hyperspy_aedenoise._observation.spectra_by_blocks import Computed, same


@dataclass(frozen=True)
class Checked:
    """What a look at a denoising found, as arrays.

    Parameters
    ----------
    energies : ndarray, shape (n_channels,)
        Of the channels that the fit uses.
    used : ndarray of bool, shape (...)
        Positions that were looked at.
    noise : NoiseModel
    mean : ndarray, shape (n_channels,)
        Mean denoised spectrum.
    residual : ResidualStatistics
    structures : list of Structure
    uneven : UnevenLines or None
        Rows or columns of the raw scan whose intensity changes at random.
    repetition : Repetition or None
        None: what is detectable can't be said.
    progress : callable
        Wraps repetitions, like `tqdm.tqdm`.
    """

    energies: np.ndarray
    used: np.ndarray
    noise: object
    mean: np.ndarray
    residual: ResidualStatistics
    structures: list
    uneven: UnevenLines | None
    repetition: Repetition | None
    progress: object
    _known: dict = field(default_factory=dict)

    @classmethod
    def of(cls, observation, restored, denoiser, progress):
        """Look at an observation and at what was made of it.

        Parameters
        ----------
        observation : Observation
        restored : ndarray, shape (n_spectra, n_channels)
            Denoised spectra.
        denoiser : AutoencoderDenoiser
        progress : callable
        """
        n_channels = observation.n_channels
        whitening = OwnWhitening(observation.noise, observation.colour)
        calm = Computed(same, restored, n_channels=n_channels)
        can_repeat = denoiser.is_spatial and not denoiser.fitted_.is_part
        repetition = Repetition.of(denoiser) if can_repeat else None
        return cls(
            np.asarray(denoiser.energies_, float),
            observation.layout.mask,
            observation.noise,
            restored.mean(axis=0, dtype=float),
            ResidualStatistics.of(observation, calm, whitening),
            structures(observation, calm, whitening),
            uneven_lines(observation),
            repetition,
            progress,
        )

    @property
    def step(self):
        """Distance of two channels along the energy axis."""
        if len(self.energies) < 2:
            return 1.0
        return float(np.median(np.abs(np.diff(self.energies))))

    def detectable(self, energies, width, n_positions):
        """Height that a peak must have to be kept with 95 % chance.

        Parameters
        ----------
        energies : ndarray, shape (n,)
        width : float
            Standard deviation, in channels.
        n_positions : int

        Returns
        -------
        ndarray, shape (n,)
            In signal units; NaN where that can't be said.
        """
        heights = np.full(len(energies), np.nan)
        low, high = self.energies.min(), self.energies.max()
        inside = (energies >= low) & (energies <= high)
        repetition = self.repetition
        if repetition is None or not inside.any():
            return heights
        if n_positions > len(repetition.clean):
            return heights
        key = round(float(width), 3), n_positions
        if key not in self._known:
            rng = np.random.default_rng(0)
            self._known[key] = least_significance(
                repetition, width, n_positions, rng, self.progress
            )
        order = np.argsort(self.energies)
        known = self.energies[order]
        channels = np.interp(energies[inside], known, order.astype(float))
        error = Colour.of(self.noise, self.mean).error_of_height(channels, width)
        heights[inside] = self._known[key] * error / np.sqrt(n_positions)
        return heights

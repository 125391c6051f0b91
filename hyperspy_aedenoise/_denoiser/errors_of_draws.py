"""Realisations of the error of denoised spectra."""

from dataclasses import dataclass

import numpy as np

from hyperspy_aedenoise._engine.fingerprints import fingerprints
from hyperspy_aedenoise._engine.rehearsal import RehearsedError
from hyperspy_aedenoise._observation.spectra_by_blocks import slices


@dataclass(frozen=True)
class DrawnError:
    """One realisation of the error of whatever spectra a denoiser restores.

    Parameters
    ----------
    seed : int
        Of the noise that goes through the denoiser where no rehearsal tells.
    rehearsed : RehearsedError or None
        Of the spectra that a spatial-spectral autoencoder was fitted to.
    """

    seed: int
    rehearsed: RehearsedError | None = None

    def of(self, denoiser, spectra):
        """Restored spectra less true ones.

        Parameters
        ----------
        denoiser : AutoencoderDenoiser
        spectra : ndarray, shape (..., n_channels)
            Noisy ones.

        Returns
        -------
        ndarray of float32, shape (..., n_channels)
        """
        rows = spectra.reshape(-1, spectra.shape[-1])
        place = np.full(len(rows), -1)
        if self.rehearsed is not None:
            place = denoiser.fitted_.bank.find(rows, spectra.shape[:-1])
        error = np.empty(rows.shape, dtype=np.float32)
        new = place == -1
        error[new] = self._passed(denoiser, rows[new])
        known = np.flatnonzero(~new)
        for some in slices(len(known), rows.shape[1]):
            error[known[some]] = self.rehearsed(first_of(place[known[some]]))
        return error.reshape(spectra.shape)

    def _passed(self, denoiser, rows):
        """What fresh noise through the denoiser changes in restored rows."""
        error = np.empty(rows.shape, dtype=np.float32)
        for part in slices(*rows.shape):
            restored = denoiser.denoise(rows[part])
            noisy = restored + self._noise(denoiser.noise_, rows[part], restored)
            error[part] = denoiser.denoise(noisy) - restored
        return error

    def _noise(self, noise, rows, restored):
        """Fresh noise; the same for the same spectrum, in whatever block it comes."""
        expected = np.nan_to_num(restored)
        drawn = np.empty(rows.shape, dtype=np.float32)
        for number, mark in enumerate(fingerprints(rows)):
            rng = np.random.default_rng([self.seed, int(mark)])
            drawn[number] = noise.fluctuation(expected[number], rng)
        return drawn


def first_of(place):
    """Numbers in the bank; of several identical spectra the first stands for all."""
    return np.where(place < -1, -2 - place, place)

"""Denoised spectra in place of the denoiser that made them."""

import numpy as np

from hyperspy_aedenoise._archive.part_of_map import is_denoised
from hyperspy_aedenoise._archive.reading import read_spectra
from hyperspy_aedenoise._archive.writing import written_spectra
from hyperspy_aedenoise._engine.fingerprints import Places


class DenoisedSpectra:
    """What a few spectra became, known by the spectra.

    A few denoised spectra take less room than the autoencoder that made them. This
    gives them to who asks for them as `AutoencoderDenoiser` would, and refuses
    everything else.

    Parameters
    ----------
    fingerprints : ndarray of uint64, shape (n_spectra,)
        Of the noisy spectra.
    spectra : ndarray of float32, shape (n_spectra, n_channels)
        What they became.
    energies : ndarray, shape (n_channels,)
    misfit : float
        What `AutoencoderDenoiser.misfit` said of them.
    """

    def __init__(self, fingerprints, spectra, energies, misfit):
        self._places = Places(fingerprints, np.ones(len(fingerprints), bool))
        self._spectra = spectra
        self.energies_ = energies
        self._misfit = float(misfit)

    @property
    def fingerprints(self):
        """Of the noisy spectra, shape (n_spectra,)."""
        return self._places.fingerprints

    def denoise(self, spectra):
        """Denoised spectra of noisy ones, shape (..., n_channels)."""
        rows = spectra.reshape(-1, spectra.shape[-1])
        place = self._places.find_rows(rows, (len(rows),))
        finite = np.isfinite(rows).all(axis=1)
        if (place[finite] == -1).any():
            raise self._refusal()
        found = self._places.mean(self._spectra, place)
        found[~finite] = np.nan
        return found.reshape(spectra.shape)

    def part(self, wanted):
        """Bytes of those with some fingerprints, or None if there are none."""
        here = np.isin(self.fingerprints, wanted)
        if not here.any():
            return None
        marks, spectra = self.fingerprints[here], self._spectra[here]
        return DenoisedSpectra(marks, spectra, self.energies_, self._misfit).to_bytes()

    def misfit(self, spectra, restored):
        """Variance of what was taken away in units of the noise, as it was measured."""
        return self._misfit

    def to_bytes(self):
        """Everything as the bytes of a file."""
        marks = self.fingerprints
        return written_spectra(marks, self._spectra, self.energies_, self._misfit)

    @classmethod
    def from_bytes(cls, content):
        """Undo `to_bytes`."""
        return cls(*read_spectra(content))

    @staticmethod
    def are_in(content):
        """Whether a file's bytes hold denoised spectra, and no denoiser."""
        return is_denoised(content)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._refusal()

    @staticmethod
    def _refusal():
        return RuntimeError(
            "This is a small part of a fitted map that was saved alone; only its "
            "denoised spectra were kept (`s.get_autoencoder_model()` with the data as "
            "they were saved). Ask the whole signal, or train again with "
            "`s.decompose_autoencoder()`."
        )

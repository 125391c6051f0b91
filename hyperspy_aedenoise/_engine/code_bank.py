"""The filtered codes of the spectra that were trained on, and of others by them."""

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from hyperspy_aedenoise._engine.fingerprints import FoundPlaces, Places, fingerprints
from hyperspy_aedenoise._filters.nonlocal_bayes import estimate_from

#: Alike codes that estimate those of a spectrum which the training didn't see.
_N_ALIKE = 60


@dataclass(frozen=True)
class CodeBank:
    """Latent variables of known spectra, noisy and filtered.

    The code filter sees all positions at once. What it found for each spectrum is kept,
    so that a slice of the signal, or a block of a lazy one, gets what the whole got.

    Parameters
    ----------
    fingerprints : ndarray of uint64, shape (n_spectra,)
        Of the spectra in single precision.
    noisy, filtered : ndarray of float32, shape (n_spectra, n_latent)
    level : ndarray of float32, shape (n_spectra,)
        Noise variance of the noisy latent variables.
    used : ndarray of bool, shape (..., width)
        Where the spectra lie; its sum is n_spectra.
    """

    fingerprints: np.ndarray
    noisy: np.ndarray
    filtered: np.ndarray
    level: np.ndarray
    used: np.ndarray

    @classmethod
    def of(cls, observation, restoration, unit):
        """Bank of the spectra of an observation, and their restoration.

        Latent variables are codes in units of `unit`.
        """
        return cls(
            observation.spectra.gather(fingerprints),
            (restoration.noisy / unit).astype(np.float32),
            (restoration.codes / unit).astype(np.float32),
            (restoration.level / unit**2).astype(np.float32),
            observation.layout.mask,
        )

    def find(self, rows, shape=None):
        """Where spectra, shape (n, n_channels), are in the bank, as `Places.find`."""
        return self.places.find_rows(rows, shape)

    @cached_property
    def places(self):
        """Where the spectra lie, as `Places`."""
        return Places(self.fingerprints, self.used)

    def with_found(self, rows, found):
        """The same, where the places of some spectra are known, see `FoundPlaces`."""
        bank = replace(self)
        # in the place of the cached property
        vars(bank)["places"] = FoundPlaces(self.places, rows, found)
        return bank

    def part(self, place, shape):
        """Bank of those spectra that are found in a part of the map.

        Parameters
        ----------
        place : ndarray of int, shape (n,)
            As `find` returned it.
        shape : tuple of int
            Of the part, with the product n.

        Returns
        -------
        CodeBank
            One spectrum for each position of the part that is known.
        """
        here = place != -1
        place = place[here]
        known = np.where(place < 0, -2 - place, place)
        return CodeBank(
            self.fingerprints[known],
            self.noisy[known],
            self.places.mean(self.filtered, place),
            self.level[known],
            here.reshape(shape or (1,)),
        )

    def latent(self, place, noisy):
        """Filtered latent variables.

        Parameters
        ----------
        place : ndarray of int, shape (n,)
            As `find` returned it.
        noisy : callable
            Gives the latent variables, shape (n_new, n_latent), as they were measured,
            of those spectra that are unknown, bool, shape (n,).

        Returns
        -------
        ndarray of float32, shape (n, n_latent)
            As they were filtered together with all others; of spectra that are not in
            the bank an estimate from the filtered ones most like them; of one that may
            be any of several identical ones, their mean.
        """
        latent = self.places.mean(self.filtered, place)
        new = place == -1
        if new.any():
            latent[new] = estimate_from(
                noisy(new), self.noisy, self.filtered, self.level, _N_ALIKE
            )
        return latent

    def as_arrays(self):
        """Return everything as a dictionary of arrays."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays, n_latent):
        """Undo `as_arrays`.

        Raises
        ------
        ValueError
            If the arrays don't fit each other.
        """
        bank = cls(**arrays)
        n = len(bank.fingerprints)
        shapes = [bank.noisy.shape, bank.filtered.shape, bank.level.shape]
        if shapes != [(n, n_latent), (n, n_latent), (n,)] or bank.used.sum() != n:
            raise ValueError(f"shapes {shapes} for {n} spectra and {n_latent} codes")
        return bank

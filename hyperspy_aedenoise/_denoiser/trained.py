"""What a trained denoiser can do."""

from __future__ import annotations

import copy
from dataclasses import asdict, replace

import numpy as np

from hyperspy_aedenoise._denoiser import persistence
from hyperspy_aedenoise._denoiser.error_bars import ErrorBars
from hyperspy_aedenoise._denoiser.misfit import misfit
from hyperspy_aedenoise._denoiser.rows import by_rows, by_shape, of_length
from hyperspy_aedenoise._engine.spatial_spectral import SpatialSpectral


class TrainedDenoiser(ErrorBars):
    """The methods of `AutoencoderDenoiser` that need no more than what was fitted.

    Attributes
    ----------
    fitted_ : SpatialSpectral or TrainedNetwork
    noise_ : NoiseModel
    learned_from_ : {"this signal", "reference"}
    energies_ : ndarray, shape (n_channels,), or None
    n_channels_ : int
    """

    def denoise(self, spectra: np.ndarray) -> np.ndarray:
        """Clean spectra.

        Parameters
        ----------
        spectra : array_like, shape (..., n_channels)

        Returns
        -------
        ndarray of float32, shape (..., n_channels)
            NaN throughout a spectrum that holds a NaN or infinite value.

        Notes
        -----
        "spatial-spectral" gives the spectra that it was fitted to what they got there,
        together with all others; a spectrum that is new to it, or was changed since,
        is estimated from the known ones most like it.
        """
        if self.is_spatial:
            return self.decode(self.encode(spectra))
        spectra = of_length(spectra, self.n_channels_)
        return by_rows(self._by_network(), spectra, self.n_channels_)

    def encode(self, spectra: np.ndarray) -> np.ndarray:
        """Latent variables of spectra.

        Parameters
        ----------
        spectra : array_like, shape (..., n_channels)

        Returns
        -------
        ndarray of float32, shape (..., output_dimension)
            Without unit, of order 1.
        """
        spectra = of_length(spectra, self.n_channels_)
        if self.is_spatial:
            return by_shape(self.fitted_.latent, spectra, self.n_latent_)
        return by_rows(self._by_network("encoder"), spectra, self.n_latent_)

    def decode(self, latent: np.ndarray) -> np.ndarray:
        """Spectra of latent variables.

        Parameters
        ----------
        latent : array_like, shape (..., output_dimension)

        Returns
        -------
        ndarray of float32, shape (..., n_channels)
            In signal units.
        """
        latent = of_length(latent, self.decode_dimension(), "latent")
        decode = self.fitted_.decode if self.is_spatial else self._by_network("decoder")
        return by_rows(decode, latent, self.n_channels_)

    def energy_shift(self, spectra: np.ndarray) -> np.ndarray:
        """By how much spectra are moved along energy against the mean of all.

        Parameters
        ----------
        spectra : array_like, shape (..., n_channels)

        Returns
        -------
        ndarray, shape (...)
            In channels, positive towards higher ones; NaN for spectra that the
            autoencoder was not fitted to.

        Raises
        ------
        RuntimeError
            If no shift is followed.
        """
        if not self.is_spatial or self.fitted_.energy_shift is None:
            raise RuntimeError(
                "No energy shift is followed: none was found, following it gained "
                "nothing, or it was not looked for (with a reference, another "
                "architecture, an `output_dimension`, or channels masked in between). "
                "`s.estimate_shift1D()` measures one without denoising."
            )
        spectra = of_length(spectra, self.n_channels_)
        return by_shape(self.fitted_.shift_of, spectra)

    def with_found(self, rows, found):
        """The same, where the places of some spectra are known, see `FoundPlaces`."""
        bank = self.fitted_.bank.with_found(rows, found)
        other = copy.copy(self)
        other.fitted_ = replace(self.fitted_, bank=bank)
        return other

    def misfit(self, spectra: np.ndarray, restored: np.ndarray) -> np.ndarray:
        """Variance of what was taken away, in units of the noise that was assumed.

        Parameters
        ----------
        spectra, restored : ndarray, shape (..., n_channels)
            Before and after `denoise`.

        Returns
        -------
        float
            About 1. Left out are NaN spectra, and those with little noise compared to
            the others of the fit: what they lost doesn't show in all of a map, and a
            block of it that holds nothing else must not be judged by them.
        """
        least = np.square(self.fitted_.spread).mean() if self.is_spatial else 0.0
        return misfit(self.noise_, spectra, restored, least)

    def decode_dimension(self):
        """Return the number of latent variables that `decode` takes."""
        if self.is_spatial:
            return self.fitted_.n_latent
        return int(self._part("decoder").input_shape[-1])

    def double_decoder(self):
        """Return a function like `decode` for numerical derivatives.

        Returns
        -------
        callable
            From latent variables, shape (..., output_dimension), to spectra, shape
            (..., n_channels), in float64.
        """
        if self.is_spatial:
            mean, decoder = self.fitted_.mean, self.fitted_.decoder
            return lambda latent: np.asarray(latent, dtype=float) @ decoder + mean
        from hyperspy_aedenoise._networks.models import in_batches, in_double_precision

        decoder = in_double_precision(self._part("decoder"))

        def decode(latent):
            latent = np.asarray(latent, dtype=np.float64)
            spectra = in_batches(decoder, latent.reshape(-1, latent.shape[-1]))
            return spectra.reshape(*latent.shape[:-1], -1)

        return decode

    def untrained_architecture(self):
        """Return what to pass as `architecture` to train such a network afresh."""
        if self.is_spatial or self.model_.name != "own":
            return "spatial-spectral" if self.is_spatial else self.model_.name
        from hyperspy_aedenoise._networks.own_models import unwrap_own

        return unwrap_own(self.model_, self.fitted_.start)

    # What it is made of ---------------------------------------------------------

    @property
    def is_spatial(self):
        """Whether it is a spatial-spectral one, which knows its spectra."""
        return isinstance(self._checked().fitted_, SpatialSpectral)

    @property
    def form_(self):
        return asdict(self.fitted_.recipe) if self.is_spatial else None

    @property
    def history_(self):
        return persistence.history(self._checked().fitted_)

    @property
    def model_(self):
        if not self.is_spatial:
            return self.fitted_.model
        from hyperspy_aedenoise._networks.models import build_spatial_spectral

        return build_spatial_spectral(self.fitted_)

    @property
    def n_channels_(self):
        """Number of channels."""
        if self.is_spatial:
            return len(self.fitted_.mean)
        return int(self.fitted_.model.input_shape[-1])

    @property
    def n_latent_(self):
        """Number of latent variables; None where a model doesn't tell."""
        if self.is_spatial:
            return self.fitted_.n_latent
        names = {layer.name for layer in self.model_.layers}
        if "encoder" not in names:
            return None
        return int(self.model_.get_layer("encoder").output_shape[-1])

    def _checked(self):
        if not hasattr(self, "fitted_"):
            raise RuntimeError(
                "This AutoencoderDenoiser is not trained yet; call `fit(spectra)`."
            )
        return self

    def _part(self, name):
        if name not in {layer.name for layer in self.model_.layers}:
            raise ValueError(
                f"The model passed as `architecture` has no layer named {name!r}, so "
                "that its latent variables are unknown; build it from two models named "
                "'encoder' and 'decoder'."
            )
        return self.model_.get_layer(name)

    def _by_network(self, part=None):
        """The network, or a part of it, as a function of rows."""
        from hyperspy_aedenoise._networks.models import in_batches

        model = self.model_ if part is None else self._part(part)
        return lambda rows: in_batches(model, rows)

    def _become(self, fitted, noise, learned_from, energies=None):
        """Take over what was fitted."""
        self.fitted_ = fitted
        self.noise_ = noise
        self.learned_from_ = learned_from
        self.energies_ = None if energies is None else np.asarray(energies, float)

"""Fit, denoise, save, load: the engine, on arrays alone."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from hyperspy_aedenoise._denoiser import persistence
from hyperspy_aedenoise._denoiser.arguments import (
    check_arguments,
    checked_dimension,
    checked_reference,
    checked_spectra,
    enough_to_learn_from,
    warn_of_other_scale,
)
from hyperspy_aedenoise._denoiser.rows import by_parts, by_rows, by_shape, of_length
from hyperspy_aedenoise._denoiser.uncertainty import Refits, scatter
from hyperspy_aedenoise._engine.spatial_spectral import (
    SpatialSpectral,
    fit_spatial_spectral,
)
from hyperspy_aedenoise._errors import generator, positive_integer
from hyperspy_aedenoise._networks.training_pairs import CleanMaterial, NoisyMaterial
from hyperspy_aedenoise._noise.estimate import MOST_SPECTRA, estimate_noise
from hyperspy_aedenoise._observation.observation import Observation

#: Most spectra that a network for single spectra learns from: 400 batches.
_MOST_TRAINED = 51200


class AutoencoderDenoiser:
    """A convolutional autoencoder for noisy spectra: arrays in, arrays out.

    Parameters
    ----------
    architecture : {"auto", "spatial-spectral", "spectral"} or keras.Model
        "spatial-spectral" lets spectra that are alike, or lie alike, help each other;
        "spectral" sees each spectrum on its own, by convolutions along energy. "auto",
        the default, is "spatial-spectral" without a reference and "spectral" with
        one. A model of one's own takes and gives spectra of shape (n_channels,),
        centred and scaled to order 1; it is copied, not changed.
    output_dimension : int, optional
        Latent variables per spectrum. Default: the number of principal components
        that rise above the noise, or that follow an energy shift, and of rare features.
    noise : NoiseModel, optional
        Noise of the spectra. Default: measured on them.
    iterations : int, default 750
        Optimiser steps of a network, as in the abstract that began this.
        "spatial-spectral" takes none.
    random_state : int or numpy.random.Generator, optional
        Everything random descends from it: the same seed on the same machine gives
        the same spectra.

    Attributes
    ----------
    model_ : keras.Model
        From spectra to spectra, shape (n_channels,), in signal units.
    noise_ : NoiseModel
        Noise that was assumed in the training.
    history_ : dict
        Losses by iteration, see `_networks.training.History`.
    n_channels_ : int
    energies_ : ndarray, shape (n_channels,), or None
        Energy loss of the channels, if it was given.
    learned_from_ : {"this signal", "reference"}
    form_ : dict or None
        What the parts of a spatial-spectral autoencoder are, see
        `_engine.recipe.Recipe`.
    fitted_ : SpatialSpectral or TrainedNetwork
        All of what was fitted.

    Notes
    -----
    "spatial-spectral" has three parts: an encoder to principal codes of whitened
    spectra, a filter of the map of codes (non-local Bayes, M. Lebrun et al., SIAM J.
    Imaging Sci. 6 (2013) 1665, https://doi.org/10.1137/120874989; on maps of at least
    16 x 16 positions a convolutional network on top, trained once on simulated
    structures, and refined on the map itself: its filtered codes are taken for the
    truth, and fresh noise is added, "internal adaptation" of G. Vaksman et al.,
    https://arxiv.org/abs/1911.07167), and a decoder whose spectra are filtered along
    energy in the same way. Spectra that drift along energy are aligned before, and
    moved back in the end. Which form each part has, how much of the network's
    correction is taken, whether it is a refined one, and whether a drift is followed,
    is decided by pairs of recorrupted spectra (T. Pang et al., CVPR 2021,
    https://doi.org/10.1109/CVPR46437.2021.00208): one is used only if it is better than
    optimal shrinkage (PCA at its best) by more than two standard errors. The network of
    "spectral" learns from such pairs, begins as the best linear autoencoder, and leaves
    it under the same condition. All of that is right only as far as `noise` is right.
    Peaks in few spectra, which the codes lose, are looked for in the residual and put
    back.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_aedenoise import AutoencoderDenoiser, NoiseModel
    >>> rng = np.random.default_rng(0)
    >>> peak = np.exp(-0.5 * ((np.arange(64) - 32) / 5) ** 2)
    >>> clean = rng.uniform(0.5, 1, (40, 1)) * peak
    >>> noisy = clean + rng.normal(0, 0.05, clean.shape)
    >>> denoiser = AutoencoderDenoiser(iterations=5, random_state=0).fit(noisy)
    >>> error = np.square(denoiser.denoise(noisy) - clean).mean()
    >>> bool(error < 0.05**2 / 5)
    True
    """

    def __init__(
        self,
        architecture="auto",
        output_dimension=None,
        noise=None,
        iterations=750,
        random_state=None,
    ):
        self.architecture = architecture
        self.output_dimension = output_dimension
        self.noise = noise
        self.iterations = iterations
        self.random_state = random_state

    def fit(self, spectra, reference=None, left_out=None, energies=None, progress=None):
        """Train on noisy spectra, or on a clean reference.

        Parameters
        ----------
        spectra : array_like, shape (..., n_channels)
            Noisy spectra in signal units. The last two of the first axes are a map,
            further ones a stack of maps, a single one is a line.
        reference : array_like, shape (..., n_channels), optional
            Clean spectra to learn from, in the same units. Default: learn from
            `spectra` alone.
        left_out : ndarray of bool, shape (...), optional
            True where a spectrum takes no part.
        energies : array_like, shape (n_channels,), optional
            Energy loss of the channels; kept with the network. Where channels are
            missing in between, spectra are not moved along energy.
        progress : callable, optional
            Wraps the iterations, like `tqdm.tqdm`. Default: no progress bar.

        Returns
        -------
        AutoencoderDenoiser
            Itself. After Ctrl-C the best state so far, with
            ``history_["interrupted"]`` True.
        """
        check_arguments(
            self.architecture, self.output_dimension, self.noise, reference is not None
        )
        iterations = positive_integer(
            "iterations",
            self.iterations,
            "One iteration is one optimiser step; the default is 750.",
        )
        spectra, layout = checked_spectra(spectra, left_out)
        n_channels = spectra.n_channels
        reference = checked_reference(reference, n_channels)
        if reference is None:
            enough_to_learn_from(spectra)
        noise = self.noise
        if noise is None:
            noise = estimate_noise(spectra.sample(MOST_SPECTRA))
        n_codes = checked_dimension(self.output_dimension, n_channels)
        seeds = generator(self.random_state).spawn(2)
        progress = progress or (lambda steps: steps)
        alone = reference is None and self.architecture == "auto"
        if alone or self.architecture == "spatial-spectral":
            step = np.diff(np.arange(n_channels) if energies is None else energies)
            gapless = np.allclose(step, step[:1], rtol=0.01)
            observation = Observation(spectra, layout, noise, gapless)
            fitted = fit_spatial_spectral(observation, n_codes, seeds[0], progress)
        else:
            from hyperspy_aedenoise._networks.fitting import fit_network

            if reference is None:
                is_own = not isinstance(self.architecture, str)
                rows = spectra.sample(_MOST_TRAINED)
                material = NoisyMaterial(rows, noise, n_codes, is_own, seeds[0])
            else:
                warn_of_other_scale(spectra, reference)
                material = CleanMaterial(reference, noise, n_codes, seeds[0])
            fitted = fit_network(
                material, self.architecture, iterations, seeds[1], progress
            )
        learned_from = "this signal" if reference is None else "reference"
        self._become(fitted, noise, learned_from, energies)
        return self

    def denoise(self, spectra):
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

    def encode(self, spectra):
        """Latent variables of spectra.

        Parameters
        ----------
        spectra : array_like, shape (..., n_channels)

        Returns
        -------
        ndarray of float32, shape (..., output_dimension)
            Without unit, of order 1.
        """
        spectra, n_latent = of_length(spectra, self.n_channels_), self.n_latent_
        if self.is_spatial:
            return by_shape(self.fitted_.latent, spectra, n_latent)
        return by_rows(self._by_network("encoder"), spectra, n_latent)

    def decode(self, latent):
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

    def energy_shift(self, spectra):
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

    def uncertainty(self, spectra, progress=None):
        """Standard deviation of restored spectra due to the noise in them.

        Parameters
        ----------
        spectra : array_like, shape (..., n_channels)
        progress : callable, optional
            Wraps the repetitions of a fit, like `tqdm.tqdm`. Default: no progress bar.

        Returns
        -------
        ndarray of float32, shape (..., n_channels)
            In signal units; from 16 fresh draws of the noise, so good to 18 %.

        Notes
        -----
        A lower bound: what the autoencoder always gets wrong doesn't vary. For the
        spectra that a spatial-spectral one was fitted to, the whole fit is repeated on
        the restored spectra in fresh noise (a parametric bootstrap). Neither is the
        form chosen again nor a network trained or refined again, so that the noise
        that went into these is not counted.
        """
        spectra = of_length(spectra, self.n_channels_)
        return scatter(self, spectra, self.refits(progress))

    def refits(self, progress=None):
        """Repeat the fit for `uncertainty`; None where that is not what it does."""
        if not self.is_spatial:
            return None
        progress = progress or (lambda steps: steps)
        return Refits(self.fitted_, self.noise_, self.output_dimension, progress)

    def misfit(self, spectra, restored):
        """Variance of what was taken away, in units of the noise that was assumed.

        Parameters
        ----------
        spectra, restored : ndarray, shape (..., n_channels)
            Before and after `denoise`.

        Returns
        -------
        float
            About 1; NaN spectra are left out.
        """
        taken = left = 0.0
        for noisy, calm in by_parts(spectra, restored):
            noise = np.maximum(self.noise_.variance(calm), np.finfo(np.float32).tiny)
            power = np.square(np.subtract(noisy, calm, dtype=np.float64))
            finite = np.isfinite(power)
            taken += power[finite].sum()
            left += noise[finite].sum()
        return float(taken / left) if left else 1.0

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

    def save(self, path):
        """Write the trained autoencoder to one `.keras` file.

        Parameters
        ----------
        path : str or path-like
            Ending in ``.keras``. An existing file is replaced.
        """
        persistence.checked_path(path).write_bytes(self.to_bytes())

    @classmethod
    def load(cls, path):
        """Read an autoencoder that `save` has written.

        Parameters
        ----------
        path : str or path-like

        Returns
        -------
        AutoencoderDenoiser

        Raises
        ------
        ValueError
            If the file is broken, or holds anything but an autoencoder of plain
            Keras layers.
        """
        return cls.from_bytes(Path(path).read_bytes())

    def to_bytes(self):
        """Return the content of the file that `save` writes."""
        return persistence.to_bytes(self._checked())

    @classmethod
    def from_bytes(cls, content):
        """Return the denoiser in the content of a file that `save` has written."""
        return persistence.from_bytes(cls, content)

    def record(self):
        """Return what is known of the training, as lists, numbers and strings.

        Returns
        -------
        dict
            ``package_version``, ``architecture``, ``output_dimension``,
            ``requested_dimension`` (None: left to the data), ``learned_from``,
            ``iterations``, ``noise``, ``energies``, ``history``, ``form`` (None, or
            what the parts of a spatial-spectral autoencoder are).
        """
        return persistence.record(self._checked())

    def untrained_architecture(self):
        """Return what to pass as `architecture` to train such a network afresh."""
        if self.is_spatial or self.model_.name != "own":
            return "spatial-spectral" if self.is_spatial else self.model_.name
        from hyperspy_aedenoise._networks.models import unwrap_own

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
    def n_latent_(self):
        """Number of latent variables; None where a model doesn't tell."""
        if self.is_spatial:
            return self.fitted_.n_latent
        names = {layer.name for layer in self.model_.layers}
        if "encoder" not in names:
            return None
        return int(self.model_.get_layer("encoder").output_shape[-1])

    def _become(self, fitted, noise, learned_from, energies):
        """Take over what was fitted."""
        self.fitted_ = fitted
        self.noise_ = noise
        self.learned_from_ = learned_from
        self.energies_ = None if energies is None else np.asarray(energies, float)
        if self.is_spatial:
            self.n_channels_ = len(fitted.mean)
        else:
            self.n_channels_ = int(fitted.model.input_shape[-1])

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

"""Fit, denoise, save, load: the engine, on arrays alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hyperspy_aedenoise._denoiser import persistence
from hyperspy_aedenoise._denoiser.arguments import (
    check_arguments,
    checked_dimension,
    checked_reference,
    checked_spectra,
    enough_to_learn_from,
    warn_of_other_scale,
    warn_of_spikes,
)
from hyperspy_aedenoise._denoiser.trained import TrainedDenoiser
from hyperspy_aedenoise._engine.spatial_spectral import fit_spatial_spectral
from hyperspy_aedenoise._errors import generator, positive_integer
from hyperspy_aedenoise._networks.training_pairs import CleanMaterial, NoisyMaterial
from hyperspy_aedenoise._noise.estimate import enough_spectra, estimate_noise
from hyperspy_aedenoise._observation.despiked import despiked, spikes_in
from hyperspy_aedenoise._observation.observation import Observation

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from keras import Model

    from hyperspy_aedenoise._noise.model import NoiseModel

#: Most spectra that a network for single spectra learns from: 400 batches.
_MOST_TRAINED = 51200


class AutoencoderDenoiser(TrainedDenoiser):
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
        Optimiser steps of a network; "spatial-spectral" takes none.
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
    https://doi.org/10.1109/CVPR46437.2021.00208), or of few counts that are shared out
    (A. Neufeld et al., https://arxiv.org/abs/2301.07276): one is used only if it is
    better than optimal shrinkage (PCA at its best) by more than chance allows.
    The network of "spectral" learns from such pairs, begins as the best linear
    autoencoder, and leaves it under the same condition. All of that is right only as
    far as `noise` is right.
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
        architecture: str | Model = "auto",
        output_dimension: int | None = None,
        noise: NoiseModel | None = None,
        iterations: int = 750,
        random_state: int | np.random.Generator | None = None,
    ):
        self.architecture = architecture
        self.output_dimension = output_dimension
        self.noise = noise
        self.iterations = iterations
        self.random_state = random_state

    def fit(
        self,
        spectra: np.ndarray,
        reference: np.ndarray | None = None,
        left_out: np.ndarray | None = None,
        energies: np.ndarray | None = None,
        progress: Callable | None = None,
        *,
        passes: Callable | None = None,
    ) -> AutoencoderDenoiser:
        """Train on noisy spectra, or on a clean reference.

        Parameters
        ----------
        spectra : array_like or dask array, shape (..., n_channels)
            Noisy spectra in signal units; of a dask array only parts are in memory at
            a time. The last two of the first axes are a map,
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
        passes : callable, optional
            Wraps the steps of each pass over a dask array in the same way.

        Returns
        -------
        AutoencoderDenoiser
            Itself. After Ctrl-C the best state so far, with
            ``history_["interrupted"]`` True.
        """
        check_arguments(
            self.architecture, self.output_dimension, self.noise, reference is not None
        )
        rows, layout = checked_spectra(spectra, left_out, passes)
        reference = checked_reference(reference, rows.n_channels)
        if reference is None:
            enough_to_learn_from(rows)
        noise = self.noise
        if noise is None:
            noise = estimate_noise(rows.sample(enough_spectra(rows.n_channels)))
        step = np.diff(np.arange(rows.n_channels) if energies is None else energies)
        gapless = np.allclose(step, step[:1], rtol=0.01)
        observation = Observation(rows, layout, noise, gapless)
        self.fit_to(observation, progress, reference)
        self.energies_ = None if energies is None else np.asarray(energies, float)
        return self

    def fit_to(
        self,
        observation: Observation,
        progress: Callable | None = None,
        reference: np.ndarray | None = None,
    ) -> AutoencoderDenoiser:
        """Train on an observation, which brings its noise, or on a clean reference.

        Parameters
        ----------
        observation : Observation
        progress, reference
            As of `fit`; the reference as rows of float32.

        Returns
        -------
        AutoencoderDenoiser
            Itself.
        """
        iterations = positive_integer(
            "iterations",
            self.iterations,
            "One iteration is one optimiser step; the default is 750.",
        )
        n_codes = checked_dimension(self.output_dimension, observation.n_channels)
        seeds = generator(self.random_state).spawn(2)
        progress = progress or (lambda steps: steps)
        alone = reference is None and self.architecture == "auto"
        if alone or self.architecture == "spatial-spectral":
            fitted = fit_spatial_spectral(observation, n_codes, seeds[0], progress)
        else:
            from hyperspy_aedenoise._networks.fit_network import fit_network

            noise = observation.noise
            material: NoisyMaterial | CleanMaterial
            if reference is None:
                spikes = spikes_in(observation)
                warn_of_spikes(spikes)
                calm = despiked(observation, spikes)
                learned = calm.spectra.sample(_MOST_TRAINED)
                is_own = not isinstance(self.architecture, str)
                material = NoisyMaterial(learned, noise, n_codes, is_own, seeds[0])
            else:
                warn_of_other_scale(observation.spectra, reference)
                material = CleanMaterial(reference, noise, n_codes, seeds[0])
            fitted = fit_network(
                material, self.architecture, iterations, seeds[1], progress
            )
        learned_from = "this signal" if reference is None else "reference"
        self._become(fitted, observation.noise, learned_from)
        return self

    def save(self, path: str | os.PathLike) -> None:
        """Write the trained autoencoder to one `.keras` file.

        Parameters
        ----------
        path : str or path-like
            Ending in ``.keras``. An existing file is replaced, once the new one is
            whole.

        Raises
        ------
        ValueError
            If the name ends otherwise, or if the file would be too large to be read.
        OSError
            If it can't be written; an existing file is as it was.

        Notes
        -----
        In spite of its name it is no file of Keras, but this package's own: plain
        numbers beside a JSON text, without Keras's version, for `load` alone.
        """
        persistence.save(self._checked(), path)

    @classmethod
    def load(cls, path: str | os.PathLike) -> AutoencoderDenoiser:
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

    def to_bytes(self) -> bytes:
        """Return the content of the file that `save` writes."""
        return persistence.to_bytes(self._checked())

    @classmethod
    def from_bytes(cls, content: bytes) -> AutoencoderDenoiser:
        """Return the denoiser in the content of a file that `save` has written."""
        return persistence.from_bytes(cls, content)

    def record(self) -> dict:
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

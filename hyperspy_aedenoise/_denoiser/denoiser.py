"""Fit, denoise, save, load: the engine, on arrays alone."""

import logging
import zlib
from pathlib import Path

import numpy as np

from hyperspy_aedenoise._denoiser.arguments import (
    check_arguments,
    checked_dimension,
    checked_spectra,
    generator,
)
from hyperspy_aedenoise._engine.restoration import Form, restore
from hyperspy_aedenoise._errors import must_be, positive_integer
from hyperspy_aedenoise._networks.training_pairs import (
    CleanMaterial,
    NoisyMaterial,
)
from hyperspy_aedenoise._noise.estimate import estimate_noise
from hyperspy_aedenoise._noise.model import NoiseModel

_logger = logging.getLogger(__name__)

#: Noisy copies that measure how noise passes through the network.
_N_DRAWS = 16


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
        Losses by iteration, see `_training.History`.
    n_channels_ : int
    energies_ : ndarray, shape (n_channels,), or None
        Energy loss of the channels, if it was given.
    learned_from_ : {"this signal", "reference"}
    form_ : dict or None
        What the parts of a spatial-spectral autoencoder are, see
        `_spatial_spectral.Form`.

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
        from hyperspy_aedenoise._networks.fitting import (
            fit_network,
            fit_spatial_spectral,
        )

        check_arguments(
            self.architecture, self.output_dimension, self.noise, reference is not None
        )
        iterations = positive_integer(
            "iterations",
            self.iterations,
            "One iteration is one optimiser step; the default is 750.",
        )
        spectra, used, reference = checked_spectra(spectra, reference, left_out)
        noise = self.noise
        if noise is None:
            noise = estimate_noise(spectra)
        n_channels = spectra.shape[1]
        n_codes = checked_dimension(self.output_dimension, n_channels)
        seeds = generator(self.random_state).spawn(2)
        progress = progress or (lambda steps: steps)
        self.learned_from_ = "this signal" if reference is None else "reference"
        alone = reference is None and self.architecture == "auto"
        if alone or self.architecture == "spatial-spectral":
            step = np.diff(np.arange(n_channels) if energies is None else energies)
            gapless = np.allclose(step, step[:1], rtol=0.01)
            found = fit_spatial_spectral(
                spectra, used, noise, n_codes, gapless, seeds[0], progress
            )
        else:
            if reference is None:
                is_own = not isinstance(self.architecture, str)
                material = NoisyMaterial(spectra, noise, n_codes, is_own, seeds[0])
            else:
                _warn_of_other_scale(spectra, reference)
                material = CleanMaterial(reference, noise, n_codes, seeds[0])
            found = fit_network(
                material, self.architecture, iterations, noise, seeds[1], progress
            )
        self._store(found, noise)
        self.energies_ = None if energies is None else np.asarray(energies, float)
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
        if self._fitted()._bank is not None:
            return self.decode(self.encode(spectra))
        return self._apply(self.model_, spectra, self.n_channels_)

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
        latent = self._apply(self._part("encoder"), spectra, self.n_channels_)
        if self._bank is None:
            return latent
        rows = latent.reshape(-1, latent.shape[-1])
        finite = np.isfinite(rows).all(axis=1)
        place = self._find(np.asarray(spectra))[finite]
        rows[finite] = self._bank.latent(place, rows[finite])
        return latent

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
        decoder = self._part("decoder")
        return self._apply(decoder, latent, self.decode_dimension(), "latent")

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
        if not self._fitted().history_["energy_shift"]:
            raise RuntimeError(
                "No energy shift is followed: none was found, following it gained "
                "nothing, or it was not looked for (with a reference, another "
                "architecture, an `output_dimension`, or channels masked in between). "
                "`s.estimate_shift1D()` measures one without denoising."
            )
        spectra = _of_length(spectra, self.n_channels_, "spectra")
        place = self._find(spectra)
        known = np.asarray(self.history_["energy_shift"])[:, None]
        shift = self._bank.places.mean(known, place)[:, 0]
        return np.where(place == -1, np.nan, shift).reshape(spectra.shape[:-1])

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
        spectra = np.asarray(spectra, dtype=np.float32)
        rows = spectra.reshape(-1, spectra.shape[-1])
        if self._fitted()._bank is None:
            return self._passed_noise(rows).reshape(spectra.shape)
        if self.history_.get("part"):
            raise RuntimeError(
                "Error bars come from fits to all of the map, and this is a part of it "
                "that was saved alone; ask the whole signal for "
                "`get_autoencoder_uncertainty()`, and slice that."
            )
        place = self._find(spectra)
        spread = np.empty_like(rows)
        spread[place < 0] = self._passed_noise(rows[place < 0])
        for start in range(0, len(rows), 1024):
            part = np.arange(start, min(start + 1024, len(rows)))
            part = part[place[part] >= 0]
            drawn = [one.spectra(place[part]) for one in self._redrawn(progress)]
            spread[part] = np.std(drawn, axis=0, ddof=1)
        return spread.reshape(spectra.shape)

    def _find(self, spectra):
        """Where spectra, shape (..., n_channels), are in the bank."""
        rows = spectra.reshape(-1, spectra.shape[-1])
        return self._bank.find(rows, spectra.shape[:-1])

    def _redrawn(self, progress):
        """What comes out if the noise of the known spectra is drawn anew."""
        if self._draws is None:
            rng = np.random.default_rng(0)
            restored = self.decode(self._bank.filtered)
            draws = []
            for _ in (progress or iter)(range(_N_DRAWS)):
                rows = restored + self.noise_.fluctuation(restored, rng)
                known = rows, self._bank.used, self.noise_, self.output_dimension
                form = Form(**self.form_)
                draws.append(restore(*known, rng, form, self._network))
            self._draws = draws
        return self._draws

    def _passed_noise(self, rows):
        """Standard deviation of restored rows under fresh noise, one by one."""
        # the same spectra get the same answer, others an independent one
        rng = np.random.default_rng(zlib.crc32(rows.tobytes()))
        spread = np.empty_like(rows)
        for start in range(0, len(rows), 1024):
            part = rows[start : start + 1024]
            restored = self.denoise(part)
            expected = np.nan_to_num(restored)
            changes = [
                self.denoise(part + self.noise_.fluctuation(expected, rng)) - restored
                for _ in range(_N_DRAWS)
            ]
            spread[start : start + 1024] = np.std(changes, axis=0, ddof=1)
        return spread

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
        noise = np.maximum(self.noise_.variance(restored), np.finfo(np.float32).tiny)
        taken = np.square(np.subtract(spectra, restored, dtype=np.float64))
        finite = np.isfinite(taken)
        return float(taken[finite].sum() / noise[finite].sum()) if finite.any() else 1.0

    def decode_dimension(self):
        """Return the number of latent variables that `decode` takes."""
        return int(self._part("decoder").input_shape[-1])

    def double_decoder(self):
        """Return a function like `decode` for numerical derivatives.

        Returns
        -------
        callable
            From latent variables, shape (..., output_dimension), to spectra, shape
            (..., n_channels), in float64.
        """
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
        path = Path(path)
        if path.suffix != ".keras":
            raise ValueError(
                must_be(
                    "path", "a name ending in .keras", repr(str(path)), "Rename it."
                )
            )
        path.write_bytes(self.to_bytes())

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
        from hyperspy_aedenoise._archive.keras_file import pack

        model, record = self._fitted().model_, self.record()
        return pack(model, record, self._start, self._bank, self._network)

    @classmethod
    def from_bytes(cls, content):
        """Return the denoiser in the content of a file that `save` has written."""
        from hyperspy_aedenoise._archive.keras_file import unpack
        from hyperspy_aedenoise._networks.fitting import Fit

        model, record, start, bank, network = unpack(content)
        noise = NoiseModel(**record["noise"])
        denoiser = cls(
            architecture=record["architecture"],
            output_dimension=record["requested_dimension"],
            noise=noise,
            iterations=record["iterations"],
        )
        found = Fit(model, record["history"], record["form"], bank, start, network)
        denoiser._store(found, noise)
        denoiser.learned_from_ = record["learned_from"]
        if record["energies"] is not None:
            denoiser.energies_ = np.asarray(record["energies"], float)
        return denoiser

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
        from hyperspy_aedenoise import __version__

        self._fitted()
        return {
            "package_version": __version__,
            "architecture": self.model_.name,
            "output_dimension": self._n_latent(),
            "requested_dimension": self.output_dimension,
            "learned_from": self.learned_from_,
            "iterations": int(self.iterations),
            "noise": {
                "gain": self.noise_.gain,
                "offset": self.noise_.offset,
                "correlation": list(self.noise_.correlation),
            },
            "energies": None if self.energies_ is None else self.energies_.tolist(),
            "history": self.history_,
            "form": self.form_,
        }

    def untrained_architecture(self):
        """Return what to pass as `architecture` to train such a network afresh."""
        if self.record()["architecture"] != "own":
            return self.record()["architecture"]
        from hyperspy_aedenoise._networks.models import unwrap_own

        return unwrap_own(self.model_, self._start)

    # How it is done -------------------------------------------------------------

    def _store(self, found, noise):
        import keras

        self._start = found.start
        self._bank = found.bank
        self._network = found.network
        self._draws = None
        self.form_ = found.form

        # a plain model, without the loss and the optimiser of the training
        inputs, outputs = found.model.inputs[0], found.model.outputs[0]
        self.model_ = keras.Model(inputs, outputs, name=found.model.name)
        self.noise_ = noise
        self.history_ = found.history
        self.n_channels_ = int(found.model.input_shape[-1])
        self.energies_ = None

    def _fitted(self):
        if not hasattr(self, "model_"):
            raise RuntimeError(
                "This AutoencoderDenoiser is not trained yet; call `fit(spectra)`."
            )
        return self

    def _part(self, name):
        model = self._fitted().model_
        if name not in {layer.name for layer in model.layers}:
            raise ValueError(
                f"The model passed as `architecture` has no layer named {name!r}, so "
                "that its latent variables are unknown; build it from two models named "
                "'encoder' and 'decoder'."
            )
        return model.get_layer(name)

    def _n_latent(self):
        names = {layer.name for layer in self.model_.layers}
        if "encoder" not in names:
            return None
        return int(self.model_.get_layer("encoder").output_shape[-1])

    @staticmethod
    def _apply(model, values, n_expected, argument="spectra"):
        """Run a Keras model on the last axis of an array."""
        from hyperspy_aedenoise._networks.models import in_batches

        values = _of_length(values, n_expected, argument)
        rows = values.reshape(-1, n_expected).astype(np.float32)
        finite = np.isfinite(rows).all(axis=1)
        output = np.full((len(rows), model.output_shape[-1]), np.nan, np.float32)
        if finite.any():
            output[finite] = in_batches(model, rows[finite])
        return output.reshape(*values.shape[:-1], output.shape[-1])


def _of_length(values, n_expected, argument):
    """Values as an array whose last axis is as long as expected, or a refusal."""
    values = np.asarray(values)
    if values.shape[-1:] != (n_expected,):
        raise ValueError(
            must_be(
                argument,
                f"arrays whose last axis has length {n_expected}",
                f"shape {values.shape}",
                "The autoencoder was trained on other spectra; train it on these.",
            )
        )
    return values


def _warn_of_other_scale(spectra, reference):
    """Noise drawn for other intensities than the reference's would be wrong."""
    ratio = abs(float(reference.mean())) / max(abs(float(spectra.mean())), 1e-30)
    if not 0.5 <= ratio <= 2:
        _logger.warning(
            "the reference has %.3g times the mean intensity of the signal; what it "
            "teaches about noise holds for its own intensities. Scale it to the "
            "signal first.",
            ratio,
        )

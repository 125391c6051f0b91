"""The Keras models: spectra in, spectra out, both in signal units."""

import contextlib
import itertools
import json
import math
import threading
from dataclasses import dataclass

import numpy as np

from hyperspy_aedenoise._backend import (
    check_process,
    load_keras,
    own_random_numbers,
)

keras = load_keras()
layers = keras.layers

#: Filters of the three convolutions along energy; each halves the channels.
CONVOLUTIONS = (16, 32, 32)
#: Width of the filters, in channels.
WIDTH = 5
#: Spectra that go through a network at a time: the layers' values take memory.
_AT_ONCE = 1024
#: Most values of all layers at a time; what has more takes fewer spectra.
_MOST_VALUES = 2**28
#: Keras builds its functions on first use, which two threads must not do at once.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Scaling:
    """How spectra become of order 1.

    Parameters
    ----------
    mean : ndarray of float, shape (n_channels,)
        In signal units.
    noise_level : ndarray of float, shape (n_channels,)
        Standard deviation of the noise at the mean spectrum, in signal units.
    spread : float
        Standard deviation of the spectra in units of `noise_level`.
    """

    mean: np.ndarray
    noise_level: np.ndarray
    spread: float

    @property
    def level(self):
        """Standard deviation of the spectra, shape (n_channels,)."""
        return np.asarray(self.noise_level, dtype=np.float64) * self.spread

    @property
    def unit(self):
        """Codes have unit noise; latent variables are of order 1, whatever the dose."""
        return self.spread * np.sqrt(len(self.mean))

    def standardise(self):
        """Layer from signal units to order 1."""
        return _standardise(self.mean, self.level)

    def restore(self):
        """Layer back to signal units."""
        return _standardise(self.mean, self.level, invert=True)


def build_spectral(codes, scaling, rng):
    """The abstract's network: each spectrum on its own, convolved along energy.

    Encoder and decoder each have two branches. The linear branch is fixed to the
    principal codes and their shrinkage, so that the untrained network already is
    the best linear autoencoder. The convolutional branch, which is what is trained,
    begins at zero.

    Parameters
    ----------
    codes : PrincipalCodes
        For n_channels channels and n_codes latent variables.
    scaling : Scaling
    rng : numpy.random.Generator
        Draws the initial weights.

    Returns
    -------
    keras.Model
        Input and output of shape (n_channels,) in signal units, with the layers
        ``encoder`` and ``decoder``. The latent variables have no unit and are of
        order 1.
    """
    model = spectral_network(scaling, codes.encoder.shape[1], rng)
    level, unit = scaling.level, scaling.unit
    into, out = codes.encoder * level[:, None] * (codes.shrinkage / unit), codes.decoder
    model.get_layer("encoder").get_layer("to_codes").set_weights([into])
    model.get_layer("decoder").get_layer("to_energy").set_weights([out / level * unit])
    return model


def spectral_network(scaling, n_codes, rng):
    """The layers of `build_spectral`, whose linear branch is 0."""
    n_channels = len(scaling.mean)
    fixed = {"use_bias": False, "trainable": False, "kernel_initializer": "zeros"}
    spectrum = keras.Input((n_channels,), name="spectrum")
    standard = scaling.standardise()(spectrum)
    linear = layers.Dense(n_codes, name="to_codes", **fixed)
    bent = _convolve(standard, n_channels, rng)
    bent = layers.Dense(n_codes, kernel_initializer="zeros")(bent)
    # The branch learns corrections of the size of the noise.
    bent = layers.Rescaling(1 / scaling.unit)(bent)
    latent = layers.Add(name="latent")([linear(standard), bent])
    encoder = keras.Model(spectrum, latent, name="encoder")

    latent = keras.Input((n_codes,), name="latent")
    linear = layers.Dense(n_channels, name="to_energy", **fixed)
    bent = _deconvolve(latent, n_channels, rng)
    bent = layers.Rescaling(1 / scaling.spread)(bent)
    restored = layers.Add()([linear(latent), bent])
    decoder = keras.Model(latent, scaling.restore()(restored), name="decoder")
    return keras.Model(spectrum, decoder(encoder(spectrum)), name="spectral")


def n_spectral_weights(n_channels, n_codes):
    """Number of all weights of `spectral_network`; no layer is made for that."""
    coarse = -(-n_channels // 2 ** len(CONVOLUTIONS)) * CONVOLUTIONS[-1]
    into = [1, *CONVOLUTIONS]
    out = [CONVOLUTIONS[-1], *reversed(CONVOLUTIONS), 1]
    convolved = sum(
        (WIDTH * before + 1) * after
        for widths in (into, out)
        for before, after in itertools.pairwise(widths)
    )
    dense = (coarse + 1) * n_codes + (n_codes + 1) * coarse
    return convolved + dense + 2 * n_channels * n_codes


def build_spatial_spectral(fitted):
    """Encoder and decoder of the spatial-spectral autoencoder.

    The code filter between them needs the codes of all positions, and is no part of
    the model.

    Parameters
    ----------
    fitted : SpatialSpectral

    Returns
    -------
    keras.Model
        Input and output of shape (n_channels,) in signal units, with the layers
        ``encoder`` and ``decoder``.
    """
    n_channels, n_latent = fitted.encoder.shape
    level = np.asarray(fitted.spread, dtype=np.float64)
    spectrum = keras.Input((n_channels,), name="spectrum")
    standard = _standardise(fitted.centre, level)(spectrum)
    fixed = {"use_bias": False, "kernel_initializer": "zeros"}
    linear = layers.Dense(n_latent, name="to_codes", **fixed)
    encoder = keras.Model(spectrum, linear(standard), name="encoder")
    linear.set_weights([fitted.encoder * level[:, None]])

    latent = keras.Input((n_latent,), name="latent")
    linear = layers.Dense(n_channels, name="to_energy", **fixed)
    restored = _standardise(fitted.mean, level, invert=True)(linear(latent))
    decoder = keras.Model(latent, restored, name="decoder")
    linear.set_weights([fitted.decoder / level])
    return keras.Model(spectrum, decoder(encoder(spectrum)), name="spatial-spectral")


def plain(model):
    """A model without the loss and the optimiser, which would be stored with it."""
    return keras.Model(model.inputs[0], model.outputs[0], name=model.name)


def copied(model):
    """A model of the same layers with weights of its own."""
    with own_random_numbers():
        copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return plain(copy)


def in_double_precision(model):
    """A copy of a model that computes in float64, for numerical derivatives.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    keras.Model
    """
    config = json.dumps(keras.saving.serialize_keras_object(model))
    config = json.loads(config.replace('"float32"', '"float64"'))
    with _able_to_compute_in("float64"), own_random_numbers():
        double = keras.saving.deserialize_keras_object(config)
        double.set_weights(model.get_weights())
    return double


def in_batches(model, rows):
    """What a model makes of rows.

    The model is called as it is: Keras' `predict` would trace each new model again.

    Parameters
    ----------
    model : keras.Model
    rows : ndarray, shape (n, ...)

    Returns
    -------
    ndarray, shape (n, ...)
    """
    check_process()
    at_once = max(min(_AT_ONCE, _MOST_VALUES // n_values(model)), 1)
    parts = np.split(rows, range(at_once, len(rows), at_once))
    with _one_at_a_time, _able_to_compute_in(model.inputs[0].dtype):
        found = (model(one, training=False) for one in parts)
        return np.concatenate([keras.ops.convert_to_numpy(one) for one in found])


def outcomes(model):
    """What each layer of a model, or of a model in it, is called with and gives.

    Yields
    ------
    layer : keras.Layer
    inputs, outputs : list of tuple of int
        Shapes for one spectrum.
    """
    functional = getattr(model, "_functional", None) or model  # of a Sequential one
    for part in functional.operations:
        if isinstance(part, keras.Model):
            yield from outcomes(part)
        for node in part._inbound_nodes:
            yield (
                part,
                *(
                    [tuple(n or 1 for n in tensor.shape[1:]) for tensor in tensors]
                    for tensors in (node.input_tensors, node.output_tensors)
                ),
            )


def n_values(model):
    """How many values a model computes for one spectrum, in all layers together."""
    return sum(math.prod(one) for *_, shapes in outcomes(model) for one in shapes)


def _able_to_compute_in(dtype):
    """Context for a precision: JAX computes in single precision unless it is told."""
    if dtype == "float64" and keras.config.backend() == "jax":
        import jax

        return jax.enable_x64(True)
    return contextlib.nullcontext()


def _standardise(mean, level, invert=False):
    """Layer from signal units to (x - mean) / level, or back."""
    if invert:
        return layers.Rescaling(level.tolist(), mean.tolist())
    return layers.Rescaling((1 / level).tolist(), (-mean / level).tolist())


def _convolve(spectrum, n_channels, rng):
    """Three strided convolutions along energy, as one vector."""
    excess = -n_channels % 2 ** len(CONVOLUTIONS)
    features = layers.Reshape((n_channels, 1))(spectrum)
    features = layers.ZeroPadding1D((0, excess))(features)
    for n_filters in CONVOLUTIONS:
        features = layers.Conv1D(
            n_filters,
            WIDTH,
            strides=2,
            padding="same",
            activation="gelu",
            kernel_initializer=_initializer(rng),
        )(features)
    return layers.Flatten()(features)


def _deconvolve(latent, n_channels, rng):
    """From latent variables to a spectrum by three strided transposed convolutions."""
    coarse = -(-n_channels // 2 ** len(CONVOLUTIONS))
    excess = -n_channels % 2 ** len(CONVOLUTIONS)
    features = layers.Dense(
        coarse * CONVOLUTIONS[-1],
        activation="gelu",
        kernel_initializer=_initializer(rng),
    )(latent)
    features = layers.Reshape((coarse, CONVOLUTIONS[-1]))(features)
    for n_filters in reversed(CONVOLUTIONS):
        features = layers.Conv1DTranspose(
            n_filters,
            WIDTH,
            strides=2,
            padding="same",
            activation="gelu",
            kernel_initializer=_initializer(rng),
        )(features)
    features = layers.Conv1D(1, WIDTH, padding="same", kernel_initializer="zeros")(
        features
    )
    features = layers.Cropping1D((0, excess))(features)
    return layers.Reshape((n_channels,))(features)


def _initializer(rng):
    return keras.initializers.GlorotUniform(seed=int(rng.integers(2**31)))

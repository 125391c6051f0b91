"""The Keras models: spectra in, spectra out, both in signal units."""

import contextlib
import json
import threading

import keras
import numpy as np
from keras import layers

from hyperspy_aedenoise._errors import must_be

#: Filters of the three convolutions along energy; each halves the channels.
CONVOLUTIONS = (16, 32, 32)
#: Width of the filters, in channels.
WIDTH = 5
#: Spectra that go through a network at a time: the layers' values take memory.
_AT_ONCE = 1024
#: Keras builds its functions on first use, which two threads must not do at once.
_one_at_a_time = threading.Lock()


def build_spectral(codes, noise_level, spread, rng):
    """The abstract's network: each spectrum on its own, convolved along energy.

    Encoder and decoder each have two branches. The linear branch is fixed to the
    principal codes and their shrinkage, so that the untrained network already is
    the best linear autoencoder. The convolutional branch, which is what is trained,
    begins at zero.

    Parameters
    ----------
    codes : PrincipalCodes
        For n_channels channels and n_codes latent variables.
    noise_level : ndarray, shape (n_channels,)
        Standard deviation of the noise at the mean spectrum, in signal units.
    spread : float
        Standard deviation of the spectra in units of `noise_level`.
    rng : numpy.random.Generator
        Draws the initial weights.

    Returns
    -------
    keras.Model
        Input and output of shape (n_channels,) in signal units, with the layers
        ``encoder`` and ``decoder``. The latent variables have no unit and are of
        order 1.
    """
    n_channels, n_codes = codes.encoder.shape
    level = np.asarray(noise_level, dtype=np.float64) * spread
    # Codes have unit noise; latent variables are of order 1, whatever the dose.
    unit = spread * np.sqrt(n_channels)
    scale = codes.shrinkage / unit

    spectrum = keras.Input((n_channels,), name="spectrum")
    standard = _standardise(codes.mean, level)(spectrum)
    linear = layers.Dense(n_codes, use_bias=False, trainable=False, name="to_codes")
    bent = _convolve(standard, n_channels, rng)
    bent = layers.Dense(n_codes, kernel_initializer="zeros")(bent)
    # The branch learns corrections of the size of the noise.
    bent = layers.Rescaling(1 / unit)(bent)
    latent = layers.Add(name="latent")([linear(standard), bent])
    encoder = keras.Model(spectrum, latent, name="encoder")
    linear.set_weights([codes.encoder * level[:, None] * scale])

    latent = keras.Input((n_codes,), name="latent")
    linear = layers.Dense(n_channels, use_bias=False, trainable=False, name="to_energy")
    bent = _deconvolve(latent, n_channels, rng)
    bent = layers.Rescaling(1 / spread)(bent)
    restored = layers.Add()([linear(latent), bent])
    restored = _standardise(codes.mean, level, invert=True)(restored)
    decoder = keras.Model(latent, restored, name="decoder")
    linear.set_weights([codes.decoder / level * unit])

    return keras.Model(spectrum, decoder(encoder(spectrum)), name="spectral")


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
    linear = layers.Dense(n_latent, use_bias=False, name="to_codes")
    encoder = keras.Model(spectrum, linear(standard), name="encoder")
    linear.set_weights([fitted.encoder * level[:, None]])

    latent = keras.Input((n_latent,), name="latent")
    linear = layers.Dense(n_channels, use_bias=False, name="to_energy")
    restored = _standardise(fitted.mean, level, invert=True)(linear(latent))
    decoder = keras.Model(latent, restored, name="decoder")
    linear.set_weights([fitted.decoder / level])
    return keras.Model(spectrum, decoder(encoder(spectrum)), name="spatial-spectral")


def wrap_own(model, mean, noise_level, spread):
    """A user's model, fed with standardised spectra, as one in signal units.

    Parameters
    ----------
    model : keras.Model
        From (n_channels,) to (n_channels,). It is copied, not changed.
    mean, noise_level, spread
        As in `build_spectral`; `mean` of shape (n_channels,).

    Returns
    -------
    keras.Model
    """
    own = _copy(model)
    level = np.asarray(noise_level, dtype=np.float64) * spread
    spectrum = keras.Input((len(mean),), name="spectrum")
    standard = _standardise(mean, level)(spectrum)
    restore = _standardise(mean, level, invert=True)
    if _is_encoder_and_decoder(own):
        encoder, decoder = own.get_layer("encoder"), own.get_layer("decoder")
        encoder = keras.Model(spectrum, encoder(standard), name="encoder")
        latent = keras.Input(decoder.input_shape[1:], name="latent")
        decoder = keras.Model(latent, restore(decoder(latent)), name="decoder")
        return keras.Model(spectrum, decoder(encoder(spectrum)), name="own")
    return keras.Model(spectrum, restore(own(standard)), name="own")


def unwrap_own(model, start):
    """The user's model out of what `wrap_own` made of it, as it was before training.

    Parameters
    ----------
    model : keras.Model
        As `wrap_own` returned it.
    start : list of ndarray
        Its weights before the training.

    Returns
    -------
    keras.Model
    """
    model = _copy(model)
    model.set_weights(start)
    if not _is_encoder_and_decoder(model):
        (own,) = (part for part in model.layers if isinstance(part, keras.Model))
        return own
    encoder, decoder = (
        part
        for name in ("encoder", "decoder")
        for part in model.get_layer(name).layers
        if isinstance(part, keras.Model)
    )
    encoder.name, decoder.name = "encoder", "decoder"
    spectrum = keras.Input(model.input_shape[1:])
    return keras.Model(spectrum, decoder(encoder(spectrum)))


def check_own(model, n_channels):
    """Refuse a user's model that can't take and give the signal's spectra."""
    allowed = f"a functional or Sequential model from and to (None, {n_channels})"
    advice = "Its channels are those of the signal that aren't masked."
    try:
        shapes = model.input_shape, model.output_shape
    except AttributeError as error:
        got = f"a {type(model).__name__} of unknown shape"
        raise ValueError(must_be("architecture", allowed, got, advice)) from error
    if shapes != ((None, n_channels), (None, n_channels)):
        got = f"one from {shapes[0]} to {shapes[1]}"
        raise ValueError(must_be("architecture", allowed, got, advice))


def plain(model):
    """A model without the loss and the optimiser, which would be stored with it."""
    return keras.Model(model.inputs[0], model.outputs[0], name=model.name)


def _copy(model):
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return plain(copy)


def _is_encoder_and_decoder(model):
    """Whether a model is one named encoder, then one named decoder, and no more."""
    parts = [
        layer
        for layer in model.layers
        if not isinstance(layer, (layers.InputLayer, layers.Rescaling))
    ]
    return [part.name for part in parts] == ["encoder", "decoder"] and all(
        isinstance(part, keras.Model) for part in parts
    )


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
    with _able_to_compute_in("float64"):
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
    parts = np.split(rows, range(_AT_ONCE, len(rows), _AT_ONCE))
    with _one_at_a_time, _able_to_compute_in(model.inputs[0].dtype):
        found = (model(one, training=False) for one in parts)
        return np.concatenate([keras.ops.convert_to_numpy(one) for one in found])


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

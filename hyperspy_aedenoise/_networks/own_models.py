"""A model of the user's own: fed with standard spectra, and as a configuration.

A configuration is Keras's, without what changes from version to version. Reading one
makes layers of plain numerics and of classes that were registered in this session, and
nothing else; how large they become is known before any of them is filled.
"""

import inspect
import json
import math

import numpy as np

from hyperspy_aedenoise._backend import load_keras, own_random_numbers
from hyperspy_aedenoise._errors import must_be
from hyperspy_aedenoise._networks.models import Scaling, copied, n_values, outcomes

keras = load_keras()
layers = keras.layers

#: Layers of plain numerics, by what their names end in or are; others may run code,
#: read files, or be made for pictures and words.
_KINDS = (
    "Dense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose",
    "Conv3DTranspose", "Pooling1D", "Pooling2D", "Pooling3D", "Normalization",
    "Dropout", "Dropout1D", "Dropout2D", "Dropout3D", "Cropping1D", "Cropping2D",
    "Cropping3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "UpSampling1D",
    "UpSampling2D", "UpSampling3D", "Attention", "ReLU", "ELU",
)  # fmt: skip
_LAYERS = {
    "Activation", "ActivityRegularization", "Add", "Average", "Bidirectional",
    "Concatenate", "Dot", "Flatten", "GRU", "GRUCell", "GaussianNoise", "Identity",
    "InputLayer", "LSTM", "LSTMCell", "Masking", "Maximum", "Minimum", "Multiply",
    "Permute", "RNN", "RepeatVector", "Rescaling", "Reshape", "SimpleRNN",
    "SimpleRNNCell", "Softmax", "StackedRNNCells", "Subtract", "TimeDistributed",
}  # fmt: skip
#: Other modules of Keras whose classes are plain numerics.
_NUMERIC = ("initializers", "regularizers", "constraints")
#: Other objects, by module and name.
_PLAIN = {
    ("keras.src.models.functional", "Functional"),
    ("keras.src.models.sequential", "Sequential"),
    ("keras", "Functional"),
    ("keras", "Sequential"),
    ("keras", "DTypePolicy"),
    (None, "__keras_tensor__"),
}
#: Arithmetic between layers of a functional model.
_ARITHMETIC = ("keras.src.ops.numpy", "keras.src.ops.nn", "keras.src.ops.math")
#: Modules of what takes time to build.
_BUILT = {"keras.layers", *_ARITHMETIC}
#: What layers begin with is replaced by what they have learned, and where things came
#: from means nothing elsewhere.
_LEFT_AWAY = {"build_config", "compile_config", "shared_object_id"}
#: What is as large as what a layer gives, and so is checked once more.
_OUTCOMES = {"shape", "batch_shape", "target_shape", "units", "n"}
#: Largest other whole number in a configuration, most layers, and most values that all
#: of them give for a spectrum: 4096 channels with 2048 features.
_LARGEST_SIZE, _MOST_LAYERS, _MOST_VALUES = 2**16, 300, 2**23


def wrap_own(model, scaling):
    """A user's model, fed with standardised spectra, as one in signal units.

    Parameters
    ----------
    model : keras.Model
        From (n_channels,) to (n_channels,). It is copied, not changed.
    scaling : Scaling

    Returns
    -------
    keras.Model
    """
    own = copied(model)
    spectrum = keras.Input((len(scaling.mean),), name="spectrum")
    standard, restore = scaling.standardise()(spectrum), scaling.restore()
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
    model = copied(model)
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


def scaling_of(model):
    """The `Scaling` of what `wrap_own` has made, whose spread is told apart no more."""
    last = [part for part in _all_layers(model) if isinstance(part, layers.Rescaling)]
    return Scaling(np.asarray(last[-1].offset), np.asarray(last[-1].scale), 1.0)


def configuration(model):
    """What a user's model is made of, for `model_of`.

    Parameters
    ----------
    model : keras.Model
        A functional or Sequential one.

    Returns
    -------
    dict
        What JSON can hold.

    Raises
    ------
    TypeError, ValueError
        If it could be stored but never be read again.
    """
    stored = keras.saving.serialize_keras_object(copied(model))
    stored = timeless(json.loads(json.dumps(stored)))
    check_configuration(stored)
    n_weights = sum(math.prod(values.shape) for values in model.weights)
    _check_size(_without_values(stored), n_weights)
    return stored


def model_of(stored, n_weights):
    """A model from its configuration.

    Parameters
    ----------
    stored : dict
        As `configuration` returned it, or anything that JSON can hold.
    n_weights : int
        How many weights it must have.

    Returns
    -------
    keras.Model

    Raises
    ------
    ValueError
        If it is none, or asks for anything but plain layers of reasonable size.
    """
    check_configuration(stored)
    _check_size(_without_values(stored), n_weights)
    return _made(stored)


def _made(stored):
    stored = json.loads(json.dumps(stored))  # Keras takes it to pieces
    with own_random_numbers():
        return keras.saving.deserialize_keras_object(stored, safe_mode=True)


def _without_values(stored):
    """The model whose weights have shapes, but take no memory."""
    with keras.StatelessScope(initialize_variables=False):
        return _made(stored)


def _check_size(model, n_weights):
    """Refuse a model that takes more memory than its weights tell, or a spectrum."""
    if not isinstance(model, keras.Model):
        raise ValueError(f"a {type(model).__name__} that is no model")
    found = sum(math.prod(values.shape) for values in model.weights)
    if found != n_weights:
        raise ValueError(f"a model of {found} weights, and {n_weights} of them")
    if n_values(model) > _MOST_VALUES:
        raise ValueError(f"layers of {n_values(model)} values for a spectrum")
    for part, *shapes in outcomes(model):
        if "Attention" in type(part).__name__:
            # each value of a sequence is compared with each other one
            length = max(math.prod(one[:-1]) for some in shapes for one in some)
            if length**2 * getattr(part, "num_heads", 1) > _MOST_VALUES:
                raise ValueError(f"attention over {length} values")


def _all_layers(model):
    """Layers of a model, and of those in it."""
    for part in model.layers:
        if isinstance(part, keras.Model):
            yield from _all_layers(part)
        else:
            yield part


def timeless(node):
    """A configuration without what changes from fit to fit, or version to version.

    What a layer has by default is left away: another version of Keras may not know it.
    """
    if isinstance(node, list):
        return [timeless(one) for one in node]
    if not isinstance(node, dict):
        return node
    kept = {key: timeless(one) for key, one in node.items() if key not in _LEFT_AWAY}
    if kept.get("module") == "keras.layers" and isinstance(kept.get("config"), dict):
        kind = getattr(layers, str(kept.get("class_name")), None)
        if kind is not None:
            kept["config"] = _without_defaults(kind, kept["config"])
    return kept


def _without_defaults(kind, config):
    known = inspect.signature(kind.__init__).parameters
    kept = {}
    for key, value in config.items():
        if key.endswith("_initializer") and isinstance(value, dict):
            value = "zeros"
        elif key == "seed" and isinstance(value, (int, type(None))):
            # without one Keras takes it from the state of `random`
            value = (value or 0) % _LARGEST_SIZE
        elif key in known and known[key].default == value:
            continue
        elif value is None and key not in known:
            continue
        kept[key] = value
    return kept


def check_configuration(stored):
    """Refuse whatever in a configuration isn't a plain Keras object of limited size."""
    if not isinstance(stored, dict) or "class_name" not in stored:
        raise ValueError("a configuration of no model")
    n_layers, rest = 0, [(stored, _LARGEST_SIZE)]
    while rest:
        node, largest = rest.pop()
        if isinstance(node, dict):
            if "class_name" in node:
                _check_class(node)
                n_layers += "config" in node and node.get("module") in _BUILT
            if _LEFT_AWAY & set(node):
                raise ValueError(
                    f"a configuration with {sorted(_LEFT_AWAY & set(node))}"
                )
            rest += [
                (one, _MOST_VALUES if key in _OUTCOMES else _LARGEST_SIZE)
                for key, one in node.items()
            ]
        elif isinstance(node, list):
            rest += [(one, largest) for one in node]
        elif isinstance(node, int) and abs(node) > largest:
            raise ValueError(f"the size {str(node)[:20]} in a configuration")
        elif isinstance(node, float) and not math.isfinite(node):
            raise ValueError(f"the number {node} in a configuration")
        if n_layers > _MOST_LAYERS:
            raise ValueError(f"a model of more than {_MOST_LAYERS} layers")


def _check_class(node):
    name, module = str(node["class_name"]), node.get("module")
    own = str(node.get("registered_name")) in keras.saving.get_custom_objects()
    if not (own or _is_plain(module, name)):
        raise ValueError(f"the class {module}.{name}")


def _is_plain(module, name):
    if not isinstance(module, str):
        return module is None and (None, name) in _PLAIN
    if (module, name) in _PLAIN or module in _ARITHMETIC:
        return True
    package, _, part = module.partition(".")
    if package != "keras":
        return False
    if part == "layers":
        return name in _LAYERS or name.endswith(_KINDS)
    return part in _NUMERIC and hasattr(getattr(keras, part), name)

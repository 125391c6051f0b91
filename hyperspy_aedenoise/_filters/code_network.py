"""The network on top of the code filter: trained once, refined on the map itself.

What was trained is kept as plain arrays, and the network is built in code: any
version of Keras reads it.
"""

import functools
import threading
from pathlib import Path

import numpy as np
import scipy.ndimage

from hyperspy_aedenoise._backend import (
    check_process,
    load_keras,
    own_random_numbers,
)

#: Made by `training/code_map_network.py`.
WEIGHTS = Path(__file__).with_name("weights") / "code_map.npz"
#: Layers, channels of all but the last, and what a position is told by: see `features`.
_LAYERS, _CHANNELS, _FEATURES = 7, 32, 6
#: Standard deviations of the noise that a correction may have at most.
_MOST_CHANGE = 3.0
#: Least height and width of a map: the network has seen none that small.
FEWEST = 16
#: Most codes times positions at a time: the layers' values take memory.
_BATCH = 2**18
#: Steps of a refinement, codes in each, and height and width of the parts of them.
#: Four times as many steps, on two draws of noise, left 5 % less error.
_STEPS, _CODES, _SIDE = 120, 8, 24
#: All refinements use one compiled network, one after the other.
_one_at_a_time = threading.Lock()


class CodeNetwork:
    """A convolutional network that corrects filtered maps of codes.

    In units of the noise all maps are of one kind, so that one network, trained on
    simulated structures, serves all. Its correction is at most three standard
    deviations of the noise; it sees each code together with the strongest one.

    Parameters
    ----------
    weights : list of ndarray, optional
        Of all layers, after a refinement. Default: as it was trained once.
    """

    def __init__(self, weights=None):
        self._weights = weights

    @functools.cached_property
    def _model(self):
        """The network; what is only read from a file and passed on needs none."""
        if self._weights is None:
            return _trained_once()
        with _one_at_a_time:
            model = build_network()
            model.set_weights(self._weights)
        return model

    def __reduce__(self):
        return CodeNetwork, (self._weights,)

    @classmethod
    def from_weights(cls, weights):
        """Make one from weights that may be anything, or raise ValueError."""
        if [np.shape(values) for values in weights] != weight_shapes():
            raise ValueError("weights of another network")
        if not all(np.isfinite(values).all() for values in weights):
            raise ValueError("network weights that are not finite")
        return cls(weights)

    @property
    def weights(self):
        """Of all layers, a list of ndarray."""
        if self._weights is None:
            return self._model.get_weights()
        return self._weights

    def correction(self, codes, filtered, level):
        """What the network would add to a filtered map.

        Parameters
        ----------
        codes, filtered : ndarray, shape (n_maps, height, width, n_codes)
            Noisy, with noise of variance `level` in each code; and filtered.
        level : ndarray, shape (n_maps, height, width)

        Returns
        -------
        ndarray of float32, shape (n_maps, height, width, n_codes)
        """
        check_process()
        keras = load_keras()

        result = np.empty(filtered.shape, dtype=np.float32)
        for number, spread in enumerate(np.sqrt(level)[..., None]):
            inputs = features(codes[number] / spread, filtered[number] / spread)
            at_once = max(_BATCH // spread.size, 1)
            for start in range(0, len(inputs), at_once):
                part = slice(start, start + at_once)
                change = self._model(inputs[part], training=False)
                change = keras.ops.convert_to_numpy(change)[..., 0]
                result[number, ..., part] = np.moveaxis(change, 0, -1) * spread
        return result


def build_network():
    """Build the network with new weights, which corrects nothing.

    Returns
    -------
    keras.Model
        Of `features`, shape (n_codes, height, width, 6), to corrections in units of the
        noise, shape (n_codes, height, width, 1). In single precision and with the
        features last, whatever Keras is set to.
    """
    keras = load_keras()

    def convolution(number, channels, **keywords):
        return keras.layers.Conv2D(
            channels,
            3,
            padding="same",
            data_format="channels_last",
            dtype="float32",
            name=f"conv2d_{number}" if number else "conv2d",
            **keywords,
        )

    maps = keras.Input((None, None, _FEATURES), dtype="float32", name="input_layer")
    hidden = maps
    with own_random_numbers():
        for number in range(_LAYERS - 1):
            hidden = convolution(number, _CHANNELS, activation="relu")(hidden)
        change = convolution(_LAYERS - 1, 1, kernel_initializer="zeros")(hidden)
    bound = keras.layers.Activation("tanh", dtype="float32", name="activation")
    scale = keras.layers.Rescaling(_MOST_CHANGE, dtype="float32", name="rescaling")
    return keras.Model(maps, scale(bound(change)), name="code_map")


def write_weights(weights, path=WEIGHTS):
    """Write the weights of all layers, a list of ndarray, for `CodeNetwork` to read."""
    arrays = {
        name: np.asarray(values, dtype=np.float32)
        for name, values in zip(_weight_names(), weights, strict=True)
    }
    np.savez_compressed(path, **arrays)


def weight_shapes():
    """Shapes of a network's weights, in Keras's order; without Keras."""
    shapes, before = [], _FEATURES
    for channels in [_CHANNELS] * (_LAYERS - 1) + [1]:
        shapes += [(3, 3, before, channels), (channels,)]
        before = channels
    return shapes


def _weight_names():
    """Names of a network's weights in the file, in Keras's order."""
    return [f"{what}_{n}" for n in range(_LAYERS) for what in ("kernel", "bias")]


@functools.cache
def _trained_once():
    """The network as it was trained on simulated structures."""
    network = build_network()
    with np.load(WEIGHTS, allow_pickle=False) as content:
        network.set_weights([content[name] for name in _weight_names()])
    return network


def refined(codes, filtered, true, level, rng):
    """A network trained further, on what the filter got wrong about a map.

    It starts from the weights that were trained on simulated structures.

    Parameters
    ----------
    codes, filtered, true : ndarray, shape (n_maps, height, width, n_codes)
        Noisy, filtered, and as they should be.
    level : ndarray, shape (n_maps, height, width)
        Noise variance of the noisy codes.
    rng : numpy.random.Generator
        Draws the parts of the map that it is trained on.

    Returns
    -------
    CodeNetwork
    """
    check_process()
    spread = np.sqrt(level)[..., None]
    codes, filtered, true = (maps / spread for maps in (codes, filtered, true))
    pairs = zip(codes, filtered, strict=True)
    inputs = np.concatenate([features(*maps) for maps in pairs])
    wanted = np.moveaxis(true - filtered, -1, 1).reshape(*inputs.shape[:-1], 1)
    side = min(_SIDE, *inputs.shape[1:3])
    with _one_at_a_time:
        network = _network_to_refine()
        network.set_weights(_trained_once().get_weights())
        for variable in network.optimizer.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))
        for _ in range(_STEPS):
            some = rng.integers(len(inputs), size=_CODES)
            top, left = (rng.integers(n - side + 1) for n in inputs.shape[1:3])
            part = np.s_[some, top : top + side, left : left + side]
            network.train_on_batch(*turned(inputs[part], wanted[part], rng))
        return CodeNetwork(network.get_weights())


@functools.cache
def _network_to_refine():
    """A network to be trained, compiled once for all refinements."""
    keras = load_keras()

    network = build_network()
    rate = keras.optimizers.schedules.CosineDecay(1e-3, _STEPS, alpha=0.05)
    # TensorFlow's steps take as long without XLA, and the first one less
    compiled = keras.config.backend() == "jax"
    network.compile(keras.optimizers.Adam(rate), "mse", jit_compile=compiled)
    network.optimizer.build(network.trainable_variables)
    return network


def turned(inputs, wanted, rng):
    """The same structures in another orientation, and with other signs of the codes.

    Parameters
    ----------
    inputs : ndarray, shape (n_codes, side, side, 6)
        As of `features`.
    wanted : ndarray, shape (n_codes, side, side, 1)
        The corrections.
    rng : numpy.random.Generator

    Returns
    -------
    inputs, wanted : ndarray
    """
    turns, mirror = rng.integers(4), rng.choice([-1, 1])
    inputs, wanted = (
        np.rot90(maps, turns, (1, 2))[:, :, ::mirror].copy()
        for maps in (inputs, wanted)
    )
    own, strongest = rng.choice(np.float32([-1, 1]), (2, len(inputs), 1, 1, 1))
    inputs[..., :3] *= own
    inputs[..., 3:5] *= strongest
    return inputs, wanted * own


def features(noisy, filtered):
    """What the network sees of a map.

    Parameters
    ----------
    noisy, filtered : ndarray, shape (height, width, n_codes)
        In units of the noise, strongest code first.

    Returns
    -------
    ndarray of float32, shape (n_codes, height, width, 6)
        What the filter took away; detail finer than 3 and than 7 positions of the
        code and of the strongest one; whether more than noise was taken nearby.
    """
    taken = noisy - filtered
    details = [_detail(filtered, side) for side in (3, 7)]
    around = _around(np.square(taken).mean(axis=-1, keepdims=True), 3)
    shared = [detail[..., :1] for detail in details] + [np.tanh(around - 1)]
    own = [2 * np.tanh(taken / 2), *details]
    maps = own + [np.broadcast_to(one, noisy.shape) for one in shared]
    return np.moveaxis(np.stack(maps, axis=-1), 2, 0).astype(np.float32)


def _detail(maps, side):
    """What differs from the surroundings, large differences less so."""
    return np.arcsinh(maps - _around(maps, side))


def _around(maps, side):
    """Mean of the `side` x `side` positions around each."""
    return scipy.ndimage.uniform_filter(maps, (side, side, 1), mode="reflect")

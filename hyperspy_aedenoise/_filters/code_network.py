"""The network on top of the code filter: trained once, refined on the map itself."""

import functools
import threading
from pathlib import Path

import numpy as np
import scipy.ndimage

#: Made by `training/code_map_network.py`.
WEIGHTS = Path(__file__).with_name("weights") / "code_map.keras"
#: Least height and width of a map: the network has seen none that small.
FEWEST = 16
#: Most codes times positions at a time: the layers' values take memory.
_BATCH = 2**18
#: Steps of a refinement, codes in each, and height and width of the parts of them.
#: Four times as many steps, on two draws of noise, left 5 % less error.
_STEPS, _CODES, _SIDE = 120, 8, 24
#: There is but one pupil.
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
        import keras

        self._model = _trained_once()
        if weights is not None:
            self._model = keras.models.clone_model(self._model)
            self._model.set_weights(weights)

    @classmethod
    def from_weights(cls, weights):
        """Make one from weights that may be anything, or raise ValueError."""
        got = [np.shape(values) for values in weights]
        if got != [values.shape for values in _trained_once().get_weights()]:
            raise ValueError("weights of another network")
        if not all(np.isfinite(values).all() for values in weights):
            raise ValueError("network weights that are not finite")
        return cls(weights)

    @property
    def weights(self):
        """Of all layers, a list of ndarray."""
        return self._model.get_weights()

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
        result = np.empty(filtered.shape, dtype=np.float32)
        for number, spread in enumerate(np.sqrt(level)[..., None]):
            inputs = features(codes[number] / spread, filtered[number] / spread)
            at_once = max(_BATCH // spread.size, 1)
            for start in range(0, len(inputs), at_once):
                part = slice(start, start + at_once)
                change = np.asarray(self._model(inputs[part], training=False))[..., 0]
                result[number, ..., part] = np.moveaxis(change, 0, -1) * spread
        return result


def refined(codes, filtered, true, level, rng):
    """The network, taught what the filter got wrong about a map.

    It starts from what it learned on simulated structures.

    Parameters
    ----------
    codes, filtered, true : ndarray, shape (n_maps, height, width, n_codes)
        Noisy, filtered, and as they should be.
    level : ndarray, shape (n_maps, height, width)
        Noise variance of the noisy codes.
    rng : numpy.random.Generator
        Draws the parts of the map that are learned from.

    Returns
    -------
    CodeNetwork
    """
    spread = np.sqrt(level)[..., None]
    noisy, calm, answers = (maps / spread for maps in (codes, filtered, true))
    inputs = np.concatenate([features(*maps) for maps in zip(noisy, calm, strict=True)])
    answers = np.moveaxis(answers - calm, -1, 1).reshape(*inputs.shape[:-1], 1)
    side = min(_SIDE, *inputs.shape[1:3])
    with _one_at_a_time:
        model = _pupil()
        model.set_weights(_trained_once().get_weights())
        for variable in model.optimizer.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))
        for _ in range(_STEPS):
            some = rng.integers(len(inputs), size=_CODES)
            top, left = (rng.integers(n - side + 1) for n in inputs.shape[1:3])
            part = np.s_[some, top : top + side, left : left + side]
            model.train_on_batch(*turned(inputs[part], answers[part], rng))
        return CodeNetwork(model.get_weights())


def turned(inputs, answers, rng):
    """The same structures in another orientation, and with other signs of the codes.

    Shapes (n_codes, side, side, 6) and (n_codes, side, side, 1).
    """
    turns, mirror = rng.integers(4), rng.choice([-1, 1])
    inputs, answers = (
        np.rot90(maps, turns, (1, 2))[:, :, ::mirror].copy()
        for maps in (inputs, answers)
    )
    own, strongest = rng.choice(np.float32([-1, 1]), (2, len(inputs), 1, 1, 1))
    inputs[..., :3] *= own
    inputs[..., 3:5] *= strongest
    return inputs, answers * own


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
    return np.arcsinh(maps - _around(maps, side))


def _around(maps, side):
    """Mean of the `side` x `side` positions around each."""
    return scipy.ndimage.uniform_filter(maps, (side, side, 1), mode="reflect")


@functools.cache
def _trained_once():
    import keras

    return keras.models.load_model(WEIGHTS, compile=False, safe_mode=True)


@functools.cache
def _pupil():
    """A copy to be trained, compiled once for all refinements."""
    import keras

    model = keras.models.clone_model(_trained_once())
    rate = keras.optimizers.schedules.CosineDecay(1e-3, _STEPS, alpha=0.05)
    # a step takes as long without XLA, and the first one less
    model.compile(keras.optimizers.Adam(rate), "mse", jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model

"""The network on top of the code filter, trained once on simulated structures."""

import functools
from pathlib import Path

import numpy as np
import scipy.ndimage

#: Made by `training/code_map_network.py`.
WEIGHTS = Path(__file__).with_name("weights") / "code_map.keras"
#: Least height and width of a map: the network has seen none that small.
FEWEST = 16
#: Most codes times positions at a time: the layers' values take memory.
_BATCH = 2**18


def correction(codes, filtered, level):
    """What a convolutional network would add to a filtered map.

    Parameters
    ----------
    codes, filtered : ndarray, shape (n_maps, height, width, n_codes)
        Noisy, with noise of variance `level` in each code; and filtered.
    level : ndarray, shape (n_maps, height, width)

    Returns
    -------
    ndarray of float32, shape (n_maps, height, width, n_codes)

    Notes
    -----
    In units of the noise all maps are of one kind, so that one network, trained on
    simulated structures, serves all. Its correction is at most three standard
    deviations of the noise; it sees each code together with the strongest one.
    """
    result = np.empty(filtered.shape, dtype=np.float32)
    for number, spread in enumerate(np.sqrt(level)):
        noisy, calm = (maps[number] / spread[..., None] for maps in (codes, filtered))
        inputs = features(noisy, calm)
        at_once = max(_BATCH // spread.size, 1)
        for start in range(0, len(inputs), at_once):
            part = slice(start, start + at_once)
            change = np.asarray(_network()(inputs[part], training=False))[..., 0]
            result[number, ..., part] = np.moveaxis(change, 0, -1) * spread[..., None]
    return result


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
def _network():
    import keras

    return keras.models.load_model(WEIGHTS, compile=False, safe_mode=True)

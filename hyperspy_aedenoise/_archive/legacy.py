"""The files of version 0.1.0, Keras archives with a record more, as those of today.

Of these only a user's own model is made by Keras, from its checked configuration.
"""

import io
import math

import numpy as np

from hyperspy_aedenoise._archive.container import array_in, json_of, opened
from hyperspy_aedenoise._archive.refusal import Refused
from hyperspy_aedenoise._archive.schema import FORMAT, OWN, SPATIAL, SPECTRAL
from hyperspy_aedenoise._archive.values import dictionary, integer, sequence
from hyperspy_aedenoise._archive.writing import BANK, LOSSES, flat

#: Names within the archive: the record, the weights before training, the codes of known
#: spectra, the weights of the refined network; and Keras's own.
_RECORD, _START = "hyperspy_aedenoise.json", "start.npz"
_BANK, _NETWORK = "code_bank.npz", "code_network.npz"
_CONFIG, _WEIGHTS, _ABOUT = "config.json", "model.weights.h5", "metadata.json"
_MEMBERS = {_RECORD, _START, _BANK, _NETWORK, _CONFIG, _WEIGHTS, _ABOUT}
#: What its record held, and what of that its history.
_KEYS = {
    "package_version", "architecture", "output_dimension", "requested_dimension",
    "learned_from", "iterations", "noise", "energies", "history", "form",
}  # fmt: skip
_HISTORY = {
    "iteration", "judged_on", "kept_iteration", "interrupted", "forms", "rare",
    "energy_shift", *LOSSES,
}  # fmt: skip
#: Most numbers in a list of a record.
_MOST = 2**24
#: Largest record: it had the positions of rare peaks and all losses in it.
_LARGEST_RECORD = 16 * 2**20
#: It wrote no larger ones.
_LARGEST = 256 * 2**20


def is_legacy(content):
    """Whether an archive has the record of 0.1.0."""
    with opened(content) as archive:
        return _RECORD in archive.namelist()


def converted(content):
    """Record and arrays of today's format, from the bytes of an archive of 0.1.0.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    record : dict
    arrays : dict of ndarray
    """
    with opened(content, _LARGEST) as archive:
        members = {member.filename: member for member in archive.infolist()}
        if not set(members) <= _MEMBERS:
            raise Refused(f"the members {sorted(members)}")
        for name in (_CONFIG, _WEIGHTS):
            if name not in members:
                raise Refused(f"one without {name}")
        _, old = json_of(archive, members[_RECORD], _LARGEST_RECORD)
        _, config = json_of(archive, members[_CONFIG])
        stored = {
            name: _arrays_in(archive, members[name])
            for name in (_START, _BANK, _NETWORK)
            if name in members
        }
        weights = archive.read(_WEIGHTS)
    dictionary("a record", old, _KEYS)
    dictionary("a history", old["history"], _HISTORY)
    record = {
        name: old[name]
        for name in ("package_version", "requested_dimension", "learned_from")
    }
    record |= {"format": FORMAT, "iterations": old["iterations"], "noise": old["noise"]}
    record["architecture"] = SPATIAL if _BANK in members else old["architecture"]
    convert = {SPATIAL: _spatial, SPECTRAL: _spectral, OWN: _own}
    if record["architecture"] not in convert:
        raise Refused(f"the architecture {record['architecture']!r}")
    record["fit"], arrays = convert[record["architecture"]](
        old, config, stored, _Hdf5(weights)
    )
    if old["energies"] is not None:
        arrays["energies"] = _numbers("energies", old["energies"])
    return record, arrays


def _numbers(name, values, dtype=np.float64):
    """A list of a record as an array of numbers."""
    sequence(name, values, _MOST)
    for one in values:
        if type(one) not in (int, float):
            raise Refused(f"{name} that are no numbers")
    return np.array(values, dtype)


def _arrays_in(archive, member):
    """The arrays of a member that `numpy.savez` wrote."""
    content = archive.read(member)
    try:
        with opened(content, _LARGEST) as inner:
            return {
                one.filename.removesuffix(".npy"): array_in(inner, one)
                for one in inner.infolist()
            }
    except Refused as error:
        raise Refused(f"a broken {member.filename}: {error.got}") from None


def _spatial(old, config, stored, weights):
    history, arrays = old["history"], dict(stored[_BANK])
    if set(arrays) != set(BANK):
        raise Refused(f"a {_BANK} of {sorted(arrays)}")
    encoder, decoder = _rescalings(config, "encoder"), _rescalings(config, "decoder")
    if len(encoder) != 1 or len(decoder) != 1:
        raise Refused("a model of other layers")
    arrays["spread"], arrays["mean"] = decoder[0]
    arrays["centre"] = -encoder[0][1] * arrays["spread"]
    n_channels, n_latent = len(arrays["spread"]), arrays["noisy"].shape[-1]
    into, out = weights.of_shapes([(n_channels, n_latent), (n_latent, n_channels)])
    arrays["encoder"] = into.astype(float) / arrays["spread"][:, None]
    arrays["decoder"] = out.astype(float) * arrays["spread"]
    if history["energy_shift"]:
        arrays["energy_shift"] = _numbers("an energy shift", history["energy_shift"])
    if _NETWORK in stored:
        network = stored[_NETWORK]
        arrays["network"] = flat(
            [network[f"arr_{n}"] for n in range(len(network))], np.float32
        )
    rare = history["rare"]
    if rare is not None:
        dictionary("rare peaks", rare, {"peaks", "spectra_with_spikes", "share"})
        peaks, places = [], []
        for peak in sequence("rare peaks", rare["peaks"], 1000):
            keys = {"channel", "width", "strength", "positions"}
            peak = dict(dictionary("a peak", peak, keys))
            positions = sequence("positions", peak.pop("positions"), _MOST)
            for place in positions:
                sequence("a position", place, 8)
                for one in place:
                    integer("a position", one, 0, _MOST)
            places += positions
            peaks.append(peak | {"n_positions": len(positions)})
        rare = rare | {"peaks": peaks}
        arrays["rare_positions"] = np.array(places, np.int32).reshape(
            len(places), -1 if places else arrays["used"].ndim
        )
    fit = {
        "recipe": old["form"],
        "evidence": history["forms"],
        "rare": rare,
        "interrupted": history["interrupted"],
        "is_part": False,
    }
    return fit, arrays


def _history(history):
    """What a fit of a network knows of its training, as record and arrays."""
    arrays = {
        name: _numbers("losses", history[name], dtype) for name, dtype in LOSSES.items()
    }
    names = ("judged_on", "kept_iteration", "interrupted")
    return {name: history[name] for name in names}, arrays


def _spectral(old, config, _, weights):
    from hyperspy_aedenoise._networks.models import (
        Scaling,
        n_spectral_weights,
        spectral_network,
    )

    fit, arrays = _history(old["history"])
    scales = _rescalings(config, "decoder")
    if len(scales) != 2 or scales[0][0].size != 1 or scales[0][0][0] <= 0:
        raise Refused("a model of other layers")
    (inverse, _), (level, mean) = scales
    fit["spread"] = 1 / float(inverse[0])
    arrays["mean"], arrays["noise_level"] = mean, level * inverse[0]
    n_codes = integer("a dimension", old["output_dimension"], 1, len(mean))
    if weights.size != n_spectral_weights(len(mean), n_codes):
        raise Refused(f"{weights.size} weights of no such network")
    scaling = Scaling(mean, arrays["noise_level"], fit["spread"])
    model = spectral_network(scaling, n_codes, np.random.default_rng(0))
    arrays["weights"] = flat(weights.loaded_into(model).get_weights(), np.float32)
    return fit, arrays


def _own(old, config, stored, weights):
    from hyperspy_aedenoise._networks.own import (
        configuration,
        model_of,
        scaling_of,
        timeless,
        unwrap_own,
    )

    fit, arrays = _history(old["history"])
    if _START not in stored:
        raise Refused(f"one without {_START}")
    start = stored[_START]
    start = [start[f"arr_{n}"] for n in range(len(start))]
    model = weights.loaded_into(model_of(timeless(config), weights.size))
    scaling = scaling_of(model)
    fit["spread"] = scaling.spread
    arrays["mean"], arrays["noise_level"] = scaling.mean, scaling.noise_level
    arrays["weights"], arrays["start"] = flat(model.get_weights()), flat(start)
    fit["configuration"] = configuration(unwrap_own(model, start))
    return fit, arrays


def _rescalings(config, part):
    """Scale and offset, as arrays, of the layers of a part that rescale."""
    found = []
    for layer in config["config"]["layers"]:
        if layer["name"] != part:
            continue
        for inner in layer["config"]["layers"]:
            if inner["class_name"] == "Rescaling":
                values = (inner["config"]["scale"], inner["config"]["offset"])
                found.append(tuple(_numbers("a scale", _listed(one)) for one in values))
    return found


def _listed(value):
    return value if isinstance(value, list) else [value]


class _Hdf5:
    """The weights of a model in Keras's HDF5 file, whose sizes were looked at.

    Parameters
    ----------
    content : bytes
        A small file may declare arrays of any size, filled with one value.
    """

    def __init__(self, content):
        import h5py

        self._content, self._arrays = content, []
        with h5py.File(io.BytesIO(content), "r") as file:
            self._look(file, 0)
        self.size = sum(math.prod(shape) for shape in self._arrays)

    def _look(self, group, depth):
        """Refuse links to elsewhere, and what isn't an array of its own size."""
        import h5py

        if depth > 16 or len(group) > 1000:
            raise Refused("weights that are nested too deeply")
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise Refused("weights that are links")
            node = group[name]
            if isinstance(node, h5py.Group):
                self._look(node, depth + 1)
                continue
            plain = isinstance(node, h5py.Dataset) and node.dtype.kind in "fiub"
            if not plain or node.external or node.is_virtual:
                raise Refused("weights that are no numbers")
            # neither packed nor filled up: what it declares is in the file
            if node.chunks or node.id.get_storage_size() != node.nbytes:
                raise Refused("weights of another size than they say")
            self._arrays.append(node.shape)
        if sum(math.prod(shape) for shape in self._arrays) > len(self._content):
            raise Refused("more weights than the file has")

    def of_shapes(self, shapes):
        """The arrays in the order of the file, which must have these shapes."""
        import h5py

        found = []
        with h5py.File(io.BytesIO(self._content), "r") as file:
            file.visititems(
                lambda _, node: (
                    found.append(node[()]) if isinstance(node, h5py.Dataset) else None
                )
            )
        by_shape = {one.shape: one for one in found}
        if len(found) != len(shapes) or set(by_shape) != set(shapes):
            raise Refused("weights of another model")
        return [by_shape[shape] for shape in shapes]

    def loaded_into(self, model):
        """A model with these weights."""
        import tempfile
        from pathlib import Path

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.weights.h5")
            path.write_bytes(self._content)
            model.load_weights(path)
        return model

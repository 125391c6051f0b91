"""Storing a Keras model with its record in one `.keras` file, and reading it safely.

The file is an ordinary Keras archive with a JSON text more, which Keras ignores, and
for a user's own model the weights it began with, or the codes of known spectra and
the weights of the network that was refined on them.
"""

import io
import json
import os
import tempfile
import zipfile
from dataclasses import fields
from pathlib import Path

import numpy as np

from hyperspy_aedenoise._engine.bank import CodeBank
from hyperspy_aedenoise._engine.recipe import Recipe
from hyperspy_aedenoise._errors import must_be
from hyperspy_aedenoise._filters.code_network import CodeNetwork

#: Name of the record within the archive.
RECORD = "hyperspy_aedenoise.json"
#: Name of the weights before training within the archive.
START = "start.npz"
#: Name of the codes of known spectra within the archive.
BANK = "code_bank.npz"
#: Name of the weights of the refined network within the archive.
NETWORK = "code_network.npz"
#: What an archive may hold, and no more.
_MEMBERS = {"config.json", "metadata.json", "model.weights.h5"}
_MEMBERS |= {RECORD, START, BANK, NETWORK}
#: Unpacked, the largest autoencoder met so far has 3 MB; more than this is a bomb.
_LARGEST = 256 * 2**20
#: Largest layer, and where a configuration says how large one is.
_LARGEST_SIZE = 2**16
_SIZES = {"units", "filters", "input_dim", "output_dim", "depth_multiplier"}
#: Layers that run code or read files named in the archive, and wrappers of such.
_FORBIDDEN = {
    "FlaxLayer",
    "HashedCrossing",
    "Hashing",
    "IntegerLookup",
    "JaxLayer",
    "Lambda",
    "StringLookup",
    "TextVectorization",
    "TFSMLayer",
    "TorchModuleWrapper",
}
#: Modules of Keras whose classes are plain numerics.
_NUMERIC = ("layers", "initializers", "regularizers", "constraints")
#: Other objects, by module and name.
_PLAIN = {
    ("keras.src.models.functional", "Functional"),
    ("keras", "Functional"),
    ("keras", "Sequential"),
    ("keras", "DTypePolicy"),
    (None, "__keras_tensor__"),
}
#: Arithmetic between layers of a functional model.
_ARITHMETIC = ("keras.src.ops.numpy", "keras.src.ops.nn", "keras.src.ops.math")
#: What a record must hold.
_TYPES = {
    "package_version": str,
    "architecture": str,
    "output_dimension": (int, type(None)),
    "requested_dimension": (int, type(None)),
    "learned_from": str,
    "iterations": int,
    "noise": dict,
    "energies": (list, type(None)),
    "history": dict,
    "form": (dict, type(None)),
}
#: What those parts of a record must hold that are not None.
_PARTS = {
    "noise": {"gain", "offset", "correlation", "pedestal"},
    "form": {field.name for field in fields(Recipe)},
}


def pack(model, record, start=None, bank=None, network=None):
    """Make the bytes of a `.keras` file.

    Parameters
    ----------
    model : keras.Model
    record : dict
        What JSON can hold.
    start : list of ndarray, optional
        Weights before training.
    bank : CodeBank, optional
    network : CodeNetwork, optional

    Returns
    -------
    bytes
    """
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        model.save(path, include_optimizer=False)
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(RECORD, json.dumps(record))
            for name, arrays in (
                (START, None if start is None else _numbered(start)),
                (BANK, None if bank is None else bank.as_arrays()),
                (NETWORK, None if network is None else _numbered(network.weights)),
            ):
                if arrays is not None:
                    stored = io.BytesIO()
                    np.savez(stored, **arrays)
                    archive.writestr(name, stored.getvalue())
            size = sum(member.file_size for member in archive.infolist())
        if size > _LARGEST:
            raise ValueError(
                must_be(
                    "autoencoder file",
                    f"at most {_LARGEST / 2**20:.0f} MB large to be read again",
                    f"{size / 2**20:.0f} MB",
                    "Fit parts of the map (`s.inav`), or fewer latent variables "
                    "(`output_dimension`).",
                )
            )
        return Path(path).read_bytes()


def check_storable(model):
    """Raise TypeError or ValueError if a model could be stored but never read again."""
    import keras

    config = keras.saving.serialize_keras_object(model)
    _check_classes(json.loads(json.dumps(config)))


def linear_parts(model):
    """Arrays of a model that `build_spatial_spectral` has made, by name."""
    (_, first, into), (_, out, last) = (
        model.get_layer(name).layers for name in ("encoder", "decoder")
    )
    spread = np.asarray(last.scale, dtype=float)
    centre = -np.asarray(first.offset, dtype=float) * spread
    return {
        "centre": centre,
        "encoder": np.asarray(into.get_weights()[0], float) / spread[:, None],
        "mean": np.asarray(last.offset, dtype=float),
        "decoder": np.asarray(out.get_weights()[0], float) * spread,
        "spread": spread,
    }


def unpack(content):
    """Read the bytes of a `.keras` file.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    model : keras.Model
    record : dict
    start : list of ndarray, or None
    bank : CodeBank, or None
    network : CodeNetwork, or None

    Raises
    ------
    ValueError
        If the content is broken, was not written by this package, or asks for
        anything but plain Keras objects and classes registered in this session.
    """
    import keras

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        Path(path).write_bytes(content)
        record, start, bank, network = _check(path)
        try:
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
            n_channels = model.input_shape[-1]
            if bank is not None:
                n_latent = model.get_layer("encoder").output_shape[-1]
                bank = CodeBank.from_arrays(bank, n_latent)
        except Exception as error:
            raise ValueError(_refusal(f"one that Keras refuses ({error})")) from error
    if network is not None:
        try:
            network = CodeNetwork.from_weights(network)
        except (TypeError, ValueError) as error:
            raise ValueError(_refusal(f"a broken {NETWORK} ({error})")) from error
    is_refined = record["form"] is not None and record["form"]["refined"]
    is_refined &= not record["history"].get("part")  # a part isn't fitted again
    if is_refined != (network is not None):
        got = "a refined network without its weights, or weights of none"
        raise ValueError(_refusal(got))
    if record["energies"] is not None and len(record["energies"]) != n_channels:
        got = f"{len(record['energies'])} energies for {n_channels} channels"
        raise ValueError(_refusal(got))
    return model, record, start, bank, network


def _numbered(arrays):
    return {f"arr_{i}": array for i, array in enumerate(arrays)}


def _unnumbered(arrays):
    if arrays is None:
        return None
    return [arrays[f"arr_{i}"] for i in range(len(arrays))]


def _stored_arrays(archive, name):
    """The arrays of a member, or None if it isn't there."""
    if name not in archive.namelist():
        return None
    content = io.BytesIO(archive.read(name))
    try:
        with np.load(content, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    except Exception as error:  # NumPy has many for what isn't a file of arrays
        raise ValueError(_refusal(f"a broken {name} ({error})")) from error


def _check(path):
    """Look at an archive without unpacking it to disk."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = {member.filename for member in members}
            if len(members) != len(names) or not names <= _MEMBERS:
                raise ValueError(_refusal(f"the members {sorted(names)}"))
            size = sum(member.file_size for member in members)
            if size > _LARGEST:
                raise ValueError(_refusal(f"{size / 2**20:.0f} MB unpacked"))
            if RECORD not in names:
                raise ValueError(_refusal(f"one without {RECORD}"))
            _check_classes(json.loads(archive.read("config.json")))
            record = json.loads(archive.read(RECORD))
            start = _unnumbered(_stored_arrays(archive, START))
            bank = _stored_arrays(archive, BANK)
            network = _unnumbered(_stored_arrays(archive, NETWORK))
    except json.JSONDecodeError as error:
        raise ValueError(_refusal(f"broken JSON ({error})")) from error
    except (zipfile.BadZipFile, KeyError, OSError, UnicodeDecodeError) as error:
        raise ValueError(_refusal(f"a broken file ({error})")) from error
    except RecursionError as error:
        raise ValueError(_refusal("JSON that is nested too deeply")) from error
    _check_record(record)
    return record, start, bank, network


def _check_record(record):
    """Refuse a record of another form; a later version may have one."""
    if not isinstance(record, dict):
        raise ValueError(_refusal("a record that is no dictionary"))
    wrong = [
        key
        for key, kind in _TYPES.items()
        if key not in record or not isinstance(record[key], kind)
    ]
    wrong += [
        key
        for key, names in _PARTS.items()
        if key not in wrong and record[key] is not None and set(record[key]) != names
    ]
    if wrong:
        version = record.get("package_version", "unknown")
        got = f"a record of version {version} without proper {wrong}"
        raise ValueError(_refusal(got))


def _check_classes(node):
    """Refuse whatever in a configuration is not a plain Keras object."""
    import keras

    if isinstance(node, list):
        for item in node:
            _check_classes(item)
    elif isinstance(node, dict):
        if "class_name" in node:
            name, module = str(node["class_name"]), node.get("module")
            own = str(node.get("registered_name")) in keras.saving.get_custom_objects()
            if name in _FORBIDDEN or not (own or _is_plain(module, name)):
                raise ValueError(_refusal(f"the class {module}.{name}"))
        for key, item in node.items():
            if key in _SIZES and not (isinstance(item, int) and item <= _LARGEST_SIZE):
                raise ValueError(_refusal(f"the size {key}={item}"))
            _check_classes(item)


def _is_plain(module, name):
    import keras

    if not isinstance(module, str):
        return module is None and (None, name) in _PLAIN
    if (module, name) in _PLAIN or module in _ARITHMETIC:
        return True
    package, _, part = module.partition(".")
    known = package == "keras" and part in _NUMERIC
    return known and hasattr(getattr(keras, part), name)


def _refusal(got):
    return must_be(
        "autoencoder file",
        "a `.keras` file written by `AutoencoderDenoiser.save`",
        got,
        "Ask its author for the file as it was saved, and don't open it elsewhere.",
    )

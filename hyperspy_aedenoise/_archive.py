"""Storing a Keras model with its record in one `.keras` file, and reading it safely.

The file is an ordinary Keras archive with one JSON text more, which Keras ignores.
"""

import json
import os
import tempfile
import zipfile
from pathlib import Path

from hyperspy_aedenoise._validation import must_be

#: Name of the record within the archive.
RECORD = "hyperspy_aedenoise.json"
#: What an archive may hold, and no more.
_MEMBERS = {"config.json", "metadata.json", "model.weights.h5", RECORD}
#: Unpacked, the largest autoencoder met so far has 3 MB; more than this is a bomb.
_LARGEST = 256 * 2**20
#: Layers that run code or read files named in the archive.
_FORBIDDEN = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
#: Objects that are neither layers nor initializers, by module and name.
_PLAIN = {
    ("keras.src.models.functional", "Functional"),
    ("keras", "Functional"),
    ("keras", "Sequential"),
    ("keras", "DTypePolicy"),
    (None, "__keras_tensor__"),
}


def pack(model, record):
    """Keras model and record (JSON-able dict) as the bytes of a `.keras` file."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        model.save(path, include_optimizer=False)
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(RECORD, json.dumps(record))
        return Path(path).read_bytes()


def unpack(content):
    """Model and record from the bytes of a `.keras` file.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    model : keras.Model
    record : dict

    Raises
    ------
    ValueError
        If the content is broken, was not written by this package, or asks for
        anything but plain Keras layers and classes registered in this session.
    """
    import keras

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        Path(path).write_bytes(content)
        record = _check(path)
        try:
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:
            raise ValueError(_refusal(f"one that Keras refuses ({error})")) from error
    return model, record


def _check(path):
    """Look at an archive without unpacking it to disk, and return its record."""
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
            config = json.loads(archive.read("config.json"))
            record = json.loads(archive.read(RECORD))
    except (zipfile.BadZipFile, KeyError, OSError, UnicodeDecodeError) as error:
        raise ValueError(_refusal(f"a broken file ({error})")) from error
    except json.JSONDecodeError as error:
        raise ValueError(_refusal(f"broken JSON ({error})")) from error
    if not isinstance(record, dict):
        raise ValueError(_refusal("a record that is no dictionary"))
    _check_classes(config)
    return record


def _check_classes(node):
    """Refuse whatever in a configuration is not a plain Keras object."""
    import keras

    if isinstance(node, list):
        for item in node:
            _check_classes(item)
    elif isinstance(node, dict):
        if "class_name" in node:
            name, module = node["class_name"], node.get("module")
            registered = node.get("registered_name")
            known = (module, name) in _PLAIN or (
                module in ("keras.layers", "keras.initializers")
                and hasattr(getattr(keras, module.removeprefix("keras.")), str(name))
            )
            own = registered in keras.saving.get_custom_objects()
            if name in _FORBIDDEN or not (known or own):
                raise ValueError(_refusal(f"the class {module}.{name}"))
        for item in node.values():
            _check_classes(item)


def _refusal(got):
    return must_be(
        "autoencoder file",
        "a `.keras` file written by `AutoencoderDenoiser.save`",
        got,
        "Ask its author for the file as it was saved, and don't open it elsewhere.",
    )

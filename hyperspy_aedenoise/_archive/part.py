"""What a part of a fitted map needs of the file of its autoencoder.

Neither Keras nor the weights are looked at, so that saving a slice takes no time.
"""

import functools
import io
import json
import zipfile

import numpy as np

from hyperspy_aedenoise._archive.keras_file import BANK, NETWORK, RECORD
from hyperspy_aedenoise._engine.bank import CodeBank


@functools.lru_cache(maxsize=2)
def bank_in(content):
    """The codes of known spectra in a file's bytes, or None if there are none."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if BANK not in archive.namelist():
            return None
        with np.load(io.BytesIO(archive.read(BANK)), allow_pickle=False) as stored:
            return CodeBank(**stored)


def part_of(content, place, shape):
    """The bytes of a file for a part of the map.

    It denoises the spectra of the part as the whole does. What only a repeated fit
    needs is left away, and ``history["part"]`` is True.

    Parameters
    ----------
    content : bytes
        Of a file with a bank of codes.
    place : ndarray of int, shape (n,)
        Where the spectra of the part are in the bank, as `CodeBank.find` returned it.
    shape : tuple of int
        Of the part, with the product n.

    Returns
    -------
    bytes
    """
    bank, stored, part = bank_in(content), io.BytesIO(), io.BytesIO()
    np.savez(stored, **bank.part(place, shape).as_arrays())
    with (
        zipfile.ZipFile(io.BytesIO(content)) as archive,
        zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as written,
    ):
        record = json.loads(archive.read(RECORD))
        history = record["history"]
        history["part"] = True
        if history.get("energy_shift"):
            shift = np.asarray(history["energy_shift"])[:, None]
            shift = bank.places.mean(shift, place[place != -1])[:, 0]
            history["energy_shift"] = shift.round(4).tolist()
        changed = {BANK: stored.getvalue(), RECORD: json.dumps(record)}
        for name in archive.namelist():
            if name != NETWORK:
                written.writestr(name, changed.get(name) or archive.read(name))
    return part.getvalue()

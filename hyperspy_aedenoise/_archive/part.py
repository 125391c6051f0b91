"""What a part of a fitted map needs of the file of its autoencoder."""

import functools

from hyperspy_aedenoise._archive.container import packed
from hyperspy_aedenoise._archive.reading import bank_of, checked
from hyperspy_aedenoise._archive.refusal import all_refused
from hyperspy_aedenoise._archive.schema import DENOISED, FORMAT, SPATIAL, check


@functools.lru_cache(maxsize=2)
def _known(content):
    """Record, arrays and bank of an archive; kept, as reading takes a while."""
    record, arrays = checked(content)
    is_spatial = record["architecture"] == SPATIAL
    return record, arrays, bank_of(arrays) if is_spatial else None


def bank_in(content):
    """The codes of known spectra in an archive, or None if there are none."""
    return _known(content)[2]


def is_denoised(content):
    """Whether an archive holds denoised spectra, and no autoencoder."""
    return _known(content)[0]["architecture"] == DENOISED


def part_of(content, place, shape):
    """The bytes of an archive for a part of the map.

    It denoises the spectra of the part as the whole does. What only a repeated fit
    needs is left away, and ``is_part`` is True.

    Parameters
    ----------
    content : bytes
        Of an archive with a bank of codes.
    place : ndarray of int, shape (n,)
        Where the spectra of the part are in the bank, as `CodeBank.find` returned it.
    shape : tuple of int
        Of the part, with the product n.

    Returns
    -------
    bytes
    """
    record, arrays, bank = _known(content)
    arrays = arrays | bank.part(place, shape).as_arrays()
    arrays.pop("network", None)
    if "energy_shift" in arrays:
        shift = arrays["energy_shift"][:, None]
        arrays["energy_shift"] = bank.places.mean(shift, place[place != -1])[:, 0]
    record = record | {"format": FORMAT, "fit": record["fit"] | {"is_part": True}}
    record.pop("checksum", None)
    with all_refused():
        check(record, arrays)
    return packed(record, arrays)

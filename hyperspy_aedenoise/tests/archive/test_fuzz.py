"""Archives that were damaged or made up: refused in one line, or of the same numbers.

What was damaged has a wrong checksum; what was made up has a right one, and then may
hold other numbers, but nothing that fails later.
"""

import copy
import json
import random
import warnings

import numpy as np
import pytest

from hyperspy_aedenoise import AutoencoderDenoiser
from hyperspy_aedenoise._report.summary import latent_names, summary
from hyperspy_aedenoise.tests.archive import archives
from hyperspy_aedenoise.tests.archive.archives import (
    KINDS,
    N,
    as_npy,
    fitted,
    from_npy,
    sealed,
    taken_apart,
    zipped,
)

#: Files of each way to spoil one: in the suite, and if asked for. The networks take
#: Keras and so more time.
N_FILES = {"spatial-spectral": 100, "spectral": 25, "own": 25}
MANY = 20
#: What may stand anywhere in a record.
VALUES = [
    *(None, True, False, 0, -1, 1, 2, 0.5, -0.5, 1e-300, 1e308, 2**31, 10**40),
    *("", "x", "none", "x" * 5000, "a\nb", "\x00", "<f8"),
    *([], [[]], [1], [None], [1e308] * 40, {}, {"x": 1}, {"class_name": "Lambda"}),
]
#: What an array may say that it is.
TYPES = ["<f4", "<f8", ">f8", "<i8", "<u8", "|b1", "|i1", "<c16", "<M8[s]", "<U4"]
TYPES += ["|O", "|V0", "|S0", "<f2", "x", "<f16"]


@pytest.fixture(scope="module")
def known():
    """Denoisers, and what they make of some spectra, by kind."""
    spectra = np.concatenate([archives.spectra()[0], np.full((1, N), 1.5, "f4")])
    denoisers = {kind: fitted(kind) for kind in KINDS}
    return spectra, {
        kind: (one.to_bytes(), one.denoise(spectra)) for kind, one in denoisers.items()
    }


def outcome(content, known, expected, by_checksum):
    """Fail unless it is refused in one line, or works; returns whether it does."""
    try:
        denoiser = AutoencoderDenoiser.from_bytes(content)
    except ValueError as error:
        text = str(error)
        assert len(text) <= 300 and text.isprintable(), text
        return False
    with warnings.catch_warnings():
        # other numbers may well be too large for single precision
        warnings.simplefilter("error" if by_checksum else "ignore")
        found = denoiser.denoise(known)
    if by_checksum:
        assert np.array_equal(found, expected)
        return True
    assert found.shape == expected.shape
    with np.errstate(all="ignore"):
        denoiser.misfit(known, found)
        if denoiser.n_latent_ is not None:  # else a model of no encoder and decoder
            denoiser.encode(known)
            assert latent_names(denoiser, 3)
        if denoiser.form_ is not None and denoiser.history_["energy_shift"]:
            denoiser.energy_shift(known)
    assert summary(denoiser)
    assert denoiser.record() and denoiser.to_bytes()
    return True


def damaged(content, rng):
    """Bytes changed, dropped, put in, moved."""
    changed = bytearray(content)
    at, n = rng.randrange(len(changed)), rng.choice([1, 4, 64, 1000])
    match rng.randrange(5):
        case 0:
            changed[at] ^= 1 << rng.randrange(8)
        case 1:
            changed[at : at + n] = rng.randbytes(n)
        case 2:
            del changed[at : at + n]
        case 3:
            changed[at:at] = rng.randbytes(n)
        case 4:
            part, other = changed[at : at + n], rng.randrange(len(changed))
            changed[other : other + n] = part
    return bytes(changed)


def members_changed(content, rng):
    """Members dropped, doubled, cut, exchanged, of other names."""
    record, members = taken_apart(content)
    one, other = rng.sample(sorted(members), 2)
    match rng.randrange(6):
        case 0:
            del members[one]
        case 1:
            members[f"{rng.choice(['x', 'network', 'start', '../x'])}.npy"] = members[
                one
            ]
        case 2:
            members[one] = members[one][: rng.randrange(len(members[one]))]
        case 3:
            members[one], members[other] = members[other], members[one]
        case 4:
            members[one] += rng.randbytes(8)
        case 5:
            members[one] = rng.choice([b"", b"PK", b"\x93NUMPY", members[one][::-1]])
    return sealed(record, members)


def places_in(node, path=()):
    """Paths to all parts of a record."""
    pairs = ()
    if isinstance(node, dict):
        pairs = node.items()
    elif isinstance(node, list):
        pairs = enumerate(node)
    for key, one in pairs:
        yield (*path, key)
        yield from places_in(one, (*path, key))


def record_changed(content, rng):
    """A part of the record dropped, put in, or of another kind or value."""
    record, members = taken_apart(content)
    *path, last = rng.choice(list(places_in(record)))
    node = record
    for key in path:
        node = node[key]
    match rng.randrange(6):
        case 0:
            del node[last]
        case 1 if isinstance(node, dict):
            node[rng.choice(["x", "path", "module", "class_name"])] = rng.choice(VALUES)
        case 2 if isinstance(node[last], (int, float)):
            node[last] = node[last] * rng.choice([-1, 0, 2, 1e9, 1e300])
        case 3 if isinstance(node[last], list) and node[last]:
            node[last] = node[last] * rng.choice([2, 1000])
        case _:
            node[last] = copy.deepcopy(rng.choice(VALUES))
    return sealed(record, members)


def array_changed(content, rng):
    """An array of another kind, shape or value."""
    record, members = taken_apart(content)
    name = rng.choice(sorted(members))
    array = from_npy(members[name]).copy()
    match rng.randrange(7):
        case 0:
            told = {"descr": rng.choice(TYPES)}
            members[name] = as_npy(array, **told)
        case 1:
            shape = rng.choice([(), (0,), (10**12,), (2**40, 2**40), (1,) * 9, (0, 5)])
            members[name] = as_npy(array, shape=shape)
        case 2:
            members[name] = as_npy(array, fortran_order=rng.choice([True, 3, "x"]))
        case 3:
            other = [array.T, array[:-1], array[None], array[:0], array.ravel()]
            members[name] = as_npy(np.ascontiguousarray(rng.choice(other)))
        case 4:
            kinds = ["f4", "f8", "f2", "i8", "u8", "?", "c8", "S3", "M8[s]"]
            with np.errstate(all="ignore"):
                members[name] = as_npy(array.astype(rng.choice(kinds)))
        case _ if array.size and array.dtype.kind == "f":
            at = rng.randrange(array.size)
            array.flat[at] = rng.choice([np.nan, np.inf, -1e30, 0, -1, 1e38])
            members[name] = as_npy(array)
        case _:
            members[name] = as_npy(array[::-1].copy())
    return sealed(record, members)


WAYS = (damaged, members_changed, record_changed, array_changed)


def spoil(way, kind, known, seeds):
    """Try some files; returns how many work nevertheless."""
    spectra, contents = known
    content, expected = contents[kind]
    works = 0
    for seed in seeds:
        # a seed is what it takes to look at a file again
        rng = random.Random(f"{way.__name__} {kind} {seed}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", zipfile_warning())
            spoilt = way(content, rng)
        try:
            works += outcome(spoilt, spectra, expected, by_checksum=way is damaged)
        except Exception as error:
            raise AssertionError(f"{way.__name__} {kind} {seed}") from error
    return works


def zipfile_warning():
    """`zipfile` warns of two members of a name."""
    return UserWarning


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_a_spoilt_archive_is_refused_or_works(way, kind, known):
    spoil(way, kind, known, range(N_FILES[kind]))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_many_spoilt_archives_are_refused_or_work(way, kind, known):
    spoil(way, kind, known, range(1000, 1000 + MANY * N_FILES[kind]))


@pytest.mark.parametrize("name", ["gain", "offset", "pedestal"])
def test_noise_beyond_single_precision_is_refused(name, known):
    """Its square would be beyond double precision."""
    record, members = taken_apart(known[1]["spatial-spectral"][0])
    record["noise"][name] = 1e308
    with pytest.raises(ValueError, match=f"an? {name} of 1e\\+308"):
        AutoencoderDenoiser.from_bytes(sealed(record, members))


def test_an_archive_with_two_members_of_a_name_is_refused(known):
    content = known[1]["spatial-spectral"][0]
    record, members = taken_apart(content)
    twice = zipped(members | {"record.json": archives.written(record), "mean.npz": b""})
    twice = twice.replace(b"mean.npz", b"mean.npy")
    with pytest.raises(ValueError, match="two members of a name"):
        AutoencoderDenoiser.from_bytes(twice)


def test_a_record_put_together_again_is_the_same(known):
    """What spoils archives doesn't do so by itself."""
    for content, _ in known[1].values():
        record, members = taken_apart(content)
        again = taken_apart(sealed(json.loads(json.dumps(record)), members))
        assert again == (record, members)

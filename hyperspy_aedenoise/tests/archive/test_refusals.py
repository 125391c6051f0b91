"""Files of autoencoders that were changed, broken or made to harm are refused."""

import json

import keras
import numpy as np
import pytest

from hyperspy_aedenoise import AutoencoderDenoiser, NoiseModel
from hyperspy_aedenoise._archive import container
from hyperspy_aedenoise.tests.archive import archives
from hyperspy_aedenoise.tests.archive.archives import (
    N,
    as_npy,
    from_npy,
    sealed,
    taken_apart,
    zipped,
)
from hyperspy_aedenoise.tests.archive.conftest import refusal


def test_what_was_changed_is_noticed(denoiser):
    """A checksum over all members."""
    record, members = taken_apart(denoiser.to_bytes())
    record["iterations"] += 1
    changed = members | {"record.json": archives.written(record)}
    assert "checksum" in refusal(zipped(changed))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r.update(format=2), "format 2, by a later version"),
        (lambda r: r.update(format="1"), "format '1'"),
        (lambda r: r.pop("noise"), "without proper ['noise']"),
        (lambda r: r.update(path="x"), "without proper ['path']"),
        (lambda r: r["fit"]["recipe"].pop("decoder"), "without proper ['decoder']"),
        (lambda r: r["fit"]["recipe"].update(decoder="evil"), "a decoder of 'evil'"),
        (lambda r: r["fit"]["recipe"].update(network=1e9), "share of 1000000000.0"),
        (lambda r: r["fit"]["recipe"].update(refined=True), "without its weights"),
        (lambda r: r["fit"].update(evidence=[{}]), "evidence without proper"),
        (lambda r: r["fit"].update(rare={}), "rare peaks without"),
        (lambda r: r["noise"].update(gain=-1), "a gain of -1"),
        (lambda r: r["noise"].update(gain=True), "a gain that is no number"),
        (lambda r: r["noise"].update(correlation=[1, 0.9]), "autocorrelation"),
        (lambda r: r["noise"].update(correlation=[1] + [0] * 70), "at most"),
        (lambda r: r.update(iterations=10**400), "out of range"),
        (lambda r: r.update(package_version="x" * 10**6), "no short text"),
        (lambda r: r.update(learned_from=["x"] * 10**4), "a source of"),
    ],
)
def test_a_record_of_anything_else_is_refused(spatial, change, words):
    record, members = spatial
    change(record)
    assert words in refusal(sealed(record, members))


def with_(change):
    """An array of a file, changed."""
    return lambda content: as_npy(change(from_npy(content).copy()))


def nan(array):
    array.flat[-1] = np.nan
    return array


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("noisy", with_(nan), "noisy that is not finite"),
        ("decoder", with_(lambda a: a * 1e300), "decoder that is not finite"),
        ("energies", with_(nan), "energies that is not finite"),
        ("energies", with_(lambda a: a[::-1][[1, 0, *range(2, N)]]), "rise nor fall"),
        ("energies", with_(lambda a: a * 0), "rise nor fall"),
        ("energies", with_(lambda a: a[1:]), "for 23 channels"),
        ("energies", with_(lambda a: np.append(a[1:], 1e9)), "too far apart"),
        ("spread", with_(lambda a: -a), "not positive"),
        ("used", with_(lambda a: ~a), "35 spectra for other"),
        ("used", with_(lambda a: a.reshape(1, 1, 1, 1, 1, 5, 7)), "of 7 axes"),
        ("used", lambda _: as_npy(np.full((5, 7), 2, "u1"), descr="|b1"), "neither"),
        ("filtered", with_(lambda a: a.astype("f8")), "filtered of float64"),
        ("filtered", with_(lambda a: a.astype("c8")), "of another kind"),
        ("filtered", with_(lambda a: a.astype("M8[s]")), "of another kind"),
        ("filtered", with_(lambda a: a.astype("U9")), "of another kind"),
        ("filtered", lambda _: as_npy(np.zeros(3), descr="|O"), "of another kind"),
        ("filtered", lambda _: as_npy(np.zeros(3), descr="|V0"), "of another kind"),
        (
            "filtered",
            lambda _: as_npy(np.zeros(3), descr=[("a", "<f8")]),
            "of another kind",
        ),
        (
            "filtered",
            lambda _: as_npy(np.zeros(3), shape=(10**10, 10**9)),
            "of another size",
        ),
        ("filtered", lambda content: content[:-4], "of another size"),
        ("filtered", lambda content: content + b"x", "of another size"),
        ("filtered", lambda _: b"", "no array"),
        ("fingerprints", lambda _: None, "proper arrays ['fingerprints']"),
        ("evil", lambda _: as_npy(np.zeros(3)), "proper arrays ['evil']"),
        ("network", lambda _: as_npy(np.zeros(3, "f4")), "weights of none"),
    ],
)
def test_arrays_of_anything_else_are_refused(spatial, name, change, words):
    record, members = spatial
    members[f"{name}.npy"] = change(members.get(f"{name}.npy"))
    if members[f"{name}.npy"] is None:
        del members[f"{name}.npy"]
    assert words in refusal(sealed(record, members))


def test_the_other_byte_order_is_read(denoisers):
    """As another machine, or another program, may write it."""
    denoiser = denoisers["spatial-spectral"]
    record, members = taken_apart(denoiser.to_bytes())
    for name, content in members.items():
        array = from_npy(content)
        members[name] = as_npy(array.astype(array.dtype.newbyteorder(">")))
    again = AutoencoderDenoiser.from_bytes(sealed(record, members))
    found, expected = (one.denoise(archives.spectra()) for one in (again, denoiser))
    assert np.array_equal(found, expected)


def layer(name, module="keras.layers", **config):
    return {
        "module": module,
        "class_name": name,
        "config": {"name": "evil"} | config,
        "registered_name": None,
        "name": "evil",
        "inbound_nodes": [],
    }


@pytest.mark.parametrize(
    ("evil", "words"),
    [
        (layer("Lambda"), "keras.layers.Lambda"),
        (layer("TFSMLayer", filepath="x"), "TFSMLayer"),
        (layer("StringLookup", vocabulary="x"), "StringLookup"),
        (layer("run", "os"), "os.run"),
        (layer("function", "builtins"), "builtins.function"),
        (layer(["Dense"], ["keras.layers"]), "the class"),
        (layer("Dense", units=10**9), "the size 1000000000"),
        (layer("Dense", build_config={}), "build_config"),
        ({"class_name": "Dense", "compile_config": {}}, "the class"),
    ],
)
def test_layers_that_are_not_plain_are_refused(denoisers, evil, words):
    record, members = taken_apart(denoisers["own"].to_bytes())
    record["fit"]["configuration"]["config"]["layers"].append(evil)
    assert words in refusal(sealed(record, members))


@pytest.mark.parametrize(
    "layers",
    [
        [keras.layers.RepeatVector(2**19), keras.layers.Flatten()],
        [
            keras.layers.Reshape((N, 1)),
            keras.layers.ZeroPadding1D(2**16),
            keras.layers.UpSampling1D(2**6),
            keras.layers.Flatten(),
        ],
        [keras.layers.RepeatVector(2**13), keras.layers.MultiHeadAttention(4, 4)],
    ],
)
def test_layers_that_take_much_memory_are_refused(layers):
    """Weights tell nothing of what a spectrum becomes in between."""
    spectrum = keras.Input((N,))
    wide = spectrum
    for one in layers:
        several = isinstance(one, keras.layers.MultiHeadAttention)
        wide = one(wide, wide) if several else one(wide)
    if len(wide.shape) == 3:
        wide = keras.layers.GlobalAveragePooling1D()(wide)
    else:
        wide = keras.layers.Reshape((-1, 1))(wide)
        wide = keras.layers.GlobalAveragePooling1D()(wide)
    model = keras.Model(spectrum, keras.layers.Dense(N)(wide))
    denoiser = AutoencoderDenoiser(model, iterations=1)
    with pytest.raises(
        ValueError, match=r"can't \((layers of|attention over|the size)"
    ):
        denoiser.fit(archives.spectra())


def test_more_weights_than_there_are_is_refused(denoisers):
    """Neither by a layer's units, nor by a network's dimension."""
    record, members = taken_apart(denoisers["own"].to_bytes())
    text = json.dumps(record)
    assert '"units": 4,' in text or '"units": 4}' in text
    record = json.loads(text.replace('"units": 4', '"units": 60000'))
    assert "weights, and" in refusal(sealed(record, members))
    record, members = taken_apart(denoisers["spectral"].to_bytes())
    weights = from_npy(members["weights.npy"])
    members["weights.npy"] = as_npy(weights[:-1])
    assert "weights of no such network" in refusal(sealed(record, members))


def test_a_model_that_can_not_be_called_is_refused(denoisers):
    """Keras builds one whose inner input has other axes, and fails when it is used."""
    record, members = taken_apart(denoisers["own"].to_bytes())
    inner = record["fit"]["configuration"]["config"]["layers"][2]
    inner["config"]["layers"][0]["config"]["batch_shape"] = [None, 2, None, 2]
    refusal(sealed(record, members))


def test_broken_zips_are_refused(denoisers):
    content = denoisers["spatial-spectral"].to_bytes()
    record, members = taken_apart(content)
    assert "no whole archive" in refusal(b"not a zip file")
    assert "no whole archive" in refusal(content[:100])
    assert "without record.json" in refusal(zipped(members))
    assert "the member evil.pkl" in refusal(
        sealed(record, members | {"evil.pkl": b"cos\nsystem\n"})
    )
    assert "members in a directory" in refusal(
        zipped({f"{number}.npy": b"" for number in range(1000)})
    )
    assert "nested too deeply" in refusal(zipped({"record.json": b"[" * 100_000}))
    assert "broken JSON" in refusal(zipped({"record.json": b"{"}))
    assert "no dictionary" in refusal(zipped({"record.json": b"[1]"}))
    twice = archives.written(record).replace(b"{", b'{"format":1,', 1)
    assert "written otherwise" in refusal(zipped({"record.json": twice}))
    encrypted = bytearray(content)
    encrypted[content.index(b"PK\1\2") + 8] |= 1
    assert "encrypted" in refusal(bytes(encrypted))
    packed = bytearray(content)
    packed[content.index(b"PK\1\2") + 10] = 99
    assert "unknown packing" in refusal(bytes(packed))
    assert "in place of bytes" in refusal("x.keras")


def test_other_files_are_refused(tmp_path):
    spectrum = keras.Input((N,))
    model = keras.Model(spectrum, keras.layers.Dense(N)(spectrum))
    model.save(tmp_path / "plain.keras")
    with pytest.raises(ValueError, match="autoencoder file"):
        AutoencoderDenoiser.load(tmp_path / "plain.keras")
    with pytest.raises(FileNotFoundError):
        AutoencoderDenoiser.load(tmp_path / "none.keras")


def test_what_could_not_be_read_is_not_written(denoisers, monkeypatch, tmp_path):
    """Neither what is too large, nor what the reader would refuse."""
    denoiser, path = denoisers["spatial-spectral"], tmp_path / "x.keras"
    denoiser.save(path)
    before = path.read_bytes()
    with monkeypatch.context() as patched, pytest.raises(ValueError, match="at most 0"):
        patched.setattr(container, "LARGEST", 1000)
        denoiser.save(path)
    lags = NoiseModel(0.02, 0.001, (1, *[0.001] * 80))
    long = AutoencoderDenoiser(noise=lags, random_state=0).fit(archives.spectra())
    with pytest.raises(ValueError, match="no list of at most"):
        long.save(path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_a_million_positions_can_be_stored():
    """1024 x 1024 with 24 codes, by the sizes of their numbers."""
    each = 8 + 2 * 24 * 4 + 4 + 1 + 8  # fingerprint, codes, level, used, shift
    assert 2**20 * each < container.LARGEST / 2


def test_a_correlation_takes_no_memory_squared():
    """10^5 lags would need 600 GB."""
    with pytest.raises(ValueError, match="autocorrelation") as refused:
        NoiseModel(1, 0, (1, *[0.5] * 10**5))
    assert len(str(refused.value)) < 300

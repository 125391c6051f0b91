"""Files of trained autoencoders: what survives, and what is refused."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from hyperspy_aedenoise import AutoencoderDenoiser, NoiseModel
from hyperspy_aedenoise._archive import container
from hyperspy_aedenoise._engine import spatial_spectral
from hyperspy_aedenoise._engine.recipe import Recipe
from hyperspy_aedenoise._engine.selection import Choice
from hyperspy_aedenoise._filters.code_network import CodeNetwork, weight_shapes
from hyperspy_aedenoise._networks.models import (
    Scaling,
    n_spectral_weights,
    spectral_network,
)
from hyperspy_aedenoise._report.summary import summary
from hyperspy_aedenoise.tests import archives
from hyperspy_aedenoise.tests.archives import (
    KINDS,
    N,
    as_npy,
    fitted,
    from_npy,
    own_model,
    sealed,
    taken_apart,
    zipped,
)

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def denoisers():
    return {kind: fitted(kind) for kind in KINDS}


@pytest.fixture(params=KINDS)
def denoiser(denoisers, request):
    return denoisers[request.param]


@pytest.fixture
def spatial(denoisers):
    """Record and members of the file of a spatial-spectral autoencoder."""
    return taken_apart(denoisers["spatial-spectral"].to_bytes())


def test_everything_survives(denoiser, tmp_path, rng):
    denoiser.save(tmp_path / "trained.keras")
    again = AutoencoderDenoiser.load(tmp_path / "trained.keras")
    for spectra in (archives.spectra(), rng.uniform(1, 2, (5, N))):
        assert np.array_equal(again.denoise(spectra), denoiser.denoise(spectra))
        assert np.array_equal(again.encode(spectra), denoiser.encode(spectra))
        uncertainty = denoiser.uncertainty(spectra)
        assert np.array_equal(again.uncertainty(spectra), uncertainty)
    assert again.record() == denoiser.record()
    assert again.noise_ == denoiser.noise_
    assert np.array_equal(again.energies_, denoiser.energies_)
    assert summary(again) == summary(denoiser)


def test_a_file_read_and_written_is_the_same(denoiser):
    content = denoiser.to_bytes()
    assert AutoencoderDenoiser.from_bytes(content).to_bytes() == content


@pytest.mark.parametrize("kind", KINDS)
def test_equal_fits_have_equal_files(kind):
    """Of one and the same model, if it is the user's own."""
    architecture = own_model() if kind == "own" else kind
    assert fitted(architecture).to_bytes() == fitted(architecture).to_bytes()


def test_a_file_tells_nothing_but_the_fit(denoiser):
    """No version of Keras, no time, no name or path."""
    content = denoiser.to_bytes()
    record, members = taken_apart(content)
    assert record["format"] == 1
    text = json.dumps(record) + " ".join(members)
    for word in (keras.__version__, os.uname().nodename, str(Path.home()), os.getcwd()):
        assert word not in text
    with zipfile.ZipFile(container.io.BytesIO(content)) as archive:
        assert {info.date_time[0] for info in archive.infolist()} == {1980}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", ["0_1_0", "format_1"])
def test_a_file_of_each_format_is_read(kind, version):
    """With the results of the day; single precision leaves a few millionths."""
    name = kind.replace("-", "_")
    known = np.load(DATA / "archives.npz")
    denoiser = AutoencoderDenoiser.load(DATA / f"{name}_{version}.keras")
    found, expected = denoiser.denoise(known[name]), known[f"{name}_denoised"]
    assert np.abs(found - expected).max() < 1e-4 * expected.std()
    assert summary(denoiser)
    again = AutoencoderDenoiser.from_bytes(denoiser.to_bytes())
    assert np.array_equal(again.denoise(known[name]), found)
    if kind == "spatial-spectral":
        shift = denoiser.energy_shift(known[name])
        assert np.isnan(shift[:2, :3]).all()  # left out
        assert np.nanmax(shift) - np.nanmin(shift) > 1


def test_a_loaded_model_of_ones_own_is_trained_again(denoisers):
    denoiser = denoisers["own"]
    again = AutoencoderDenoiser.from_bytes(denoiser.to_bytes())
    weights = again.untrained_architecture().get_weights()
    for one, other in zip(
        weights, denoiser.untrained_architecture().get_weights(), strict=True
    ):
        assert np.array_equal(one, other)


def test_keras_is_not_needed_for_a_spatial_spectral_file(denoisers, tmp_path):
    """Workers of a cluster start quickly."""
    denoisers["spatial-spectral"].save(tmp_path / "x.keras")
    code = (
        "import sys; from hyperspy_aedenoise import AutoencoderDenoiser as A\n"
        "import numpy as np\n"
        f"A.load(sys.argv[1]).denoise(np.ones((2, {N})))\n"
        "assert 'keras' not in sys.modules and 'h5py' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "x.keras"], check=True)


def test_python_s_random_state_stays(denoiser):
    """Keras would draw the seeds of values that aren't needed."""
    import random

    content, state = denoiser.to_bytes(), random.getstate()
    AutoencoderDenoiser.from_bytes(content)
    assert random.getstate() == state


@pytest.mark.parametrize(("n_channels", "n_codes"), [(8, 1), (33, 4)])
def test_weights_are_counted_without_a_network(n_channels, n_codes):
    scaling = Scaling(np.zeros(n_channels), np.ones(n_channels), 1.0)
    model = spectral_network(scaling, n_codes, np.random.default_rng(0))
    assert model.count_params() == n_spectral_weights(n_channels, n_codes)
    shapes = [values.shape for values in CodeNetwork()._model.get_weights()]
    assert shapes == weight_shapes()


def test_the_name_must_end_in_keras(denoiser, tmp_path):
    with pytest.raises(ValueError, match=r"`path`.*\.keras"):
        denoiser.save(tmp_path / "trained.h5")


# What is refused --------------------------------------------------------------


def refusal(content):
    """The one line in which an archive is refused."""
    with pytest.raises(ValueError, match="autoencoder file") as refused:
        AutoencoderDenoiser.from_bytes(content)
    text = str(refused.value)
    assert len(text) <= 300 and text.isprintable()
    assert refused.value.__cause__ is None
    return text


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


@pytest.fixture
def refined(monkeypatch, rng):
    """Spectra, and autoencoders that took a network of their own, and the usual one."""
    noise = NoiseModel.gaussian(0.1)
    share = np.linspace(0, 1, 400).reshape(20, 20, 1)
    spectra = noise.sample(share * np.sin(np.arange(30)), rng)
    weights = [0.9 * values for values in CodeNetwork().weights]

    def fitted(network):
        recipe = Recipe(
            code_filter="alike 3 x 3", network=1.0, refined=network is not None
        )
        chosen = Choice(recipe, network=network)
        monkeypatch.setattr(spatial_spectral, "choose", lambda *_: chosen)
        return AutoencoderDenoiser(noise=noise, random_state=0).fit(spectra)

    return spectra, fitted(CodeNetwork(weights)), fitted(None)


def test_a_refined_network_survives(refined, tmp_path):
    """The fit uses it, and the uncertainty, which repeats the fit."""
    spectra, denoiser, usual = refined
    assert not np.array_equal(denoiser.denoise(spectra), usual.denoise(spectra))
    denoiser.save(tmp_path / "refined.keras")
    again = AutoencoderDenoiser.load(tmp_path / "refined.keras")
    uncertainty = denoiser.uncertainty(spectra)
    assert np.array_equal(again.uncertainty(spectra), uncertainty)
    assert not np.array_equal(usual.uncertainty(spectra), uncertainty)


def test_a_broken_refined_network_is_refused(refined):
    record, members = taken_apart(refined[1].to_bytes())
    network = from_npy(members["network.npy"])
    for change, words in (
        (network[1:], "another network"),
        (np.nan * network, "finite"),
        (None, "without its weights"),
    ):
        changed = members | {"network.npy": as_npy(change)} if words else members
        if change is None:
            changed = {k: v for k, v in members.items() if k != "network.npy"}
        assert words in refusal(sealed(record, changed))

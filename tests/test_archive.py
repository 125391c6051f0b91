"""Files of trained autoencoders: what survives, and what is refused."""

import io
import json
import zipfile

import keras
import numpy as np
import pytest

from hyperspy_aedenoise import AutoencoderDenoiser, NoiseModel
from hyperspy_aedenoise._archive.keras_file import NETWORK, RECORD
from hyperspy_aedenoise._engine.recipe import Recipe
from hyperspy_aedenoise._engine.selection import Choice
from hyperspy_aedenoise._filters.code_network import CodeNetwork
from hyperspy_aedenoise._networks import fitting as _fitting


@pytest.fixture(scope="module", params=["spectral", "spatial-spectral"])
def denoiser(request):
    rng = np.random.default_rng(0)
    noise = NoiseModel(0.02, 0.001, (1, 0.4))
    spectra = noise.sample(rng.uniform(1, 2, (30, 1)) * np.ones(40), rng)
    energies = 500 + 0.25 * np.arange(40)
    denoiser = AutoencoderDenoiser(
        request.param, noise=noise, iterations=2, random_state=0
    )
    return denoiser.fit(spectra, energies=energies)


@pytest.fixture
def path(denoiser, tmp_path):
    denoiser.save(tmp_path / "trained.keras")
    return tmp_path / "trained.keras"


def test_everything_survives(denoiser, path, rng):
    again = AutoencoderDenoiser.load(path)
    spectra = rng.uniform(1, 2, (5, 40))
    assert np.array_equal(again.denoise(spectra), denoiser.denoise(spectra))
    assert again.record() == denoiser.record()
    assert again.noise_ == denoiser.noise_
    assert np.array_equal(again.energies_, denoiser.energies_)


def test_keras_reads_the_file_without_us(denoiser, path, rng):
    """It is an ordinary Keras model, from counts to counts but for a code filter.

    `predict` may compile it, and round otherwise: a few times 2**-24 of each value.
    """
    model = keras.saving.load_model(path, safe_mode=True)
    latent = rng.uniform(-1, 1, (5, denoiser.decode_dimension())).astype("float32")
    decoded = model.get_layer("decoder").predict(latent, verbose=0)
    assert np.allclose(decoded, denoiser.decode(latent), rtol=1e-5, atol=0)
    if denoiser.form_ is None:
        spectra = rng.uniform(1, 2, (5, 40)).astype("float32")
        restored = model.predict(spectra, verbose=0)
        assert np.allclose(restored, denoiser.denoise(spectra))


def test_the_name_must_end_in_keras(denoiser, tmp_path):
    with pytest.raises(ValueError, match=r"`path`.*\.keras"):
        denoiser.save(tmp_path / "trained.h5")


def rewrite(path, name, change):
    """Change one member of the archive."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    members[name] = change(members.get(name, b""))
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            if content is not None:
                archive.writestr(member, content)


def with_layer(layer):
    """Put a layer of another class into the configuration."""

    def change(content):
        config = json.loads(content)
        config["config"]["layers"].append(layer)
        return json.dumps(config).encode()

    return change


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("evil.pkl", lambda _: b"cos\nsystem\n", "evil.pkl"),
        ("model.weights.h5", lambda content: content[:100], "Keras refuses"),
        ("config.json", lambda _: b"{", "broken JSON"),
        ("config.json", lambda _: b"\xff\xfe", "broken"),
        (RECORD, lambda _: None, "without"),
        (RECORD, lambda _: b"[1]", "no dictionary"),
        (RECORD, lambda _: b"{}", "without proper"),
        ("config.json", lambda _: b"[" * 100_000, "nested"),
        (
            "config.json",
            with_layer({"class_name": ["Dense"], "module": ["keras.layers"]}),
            "the class",
        ),
        (
            "config.json",
            with_layer({"class_name": "StringLookup", "module": "keras.layers"}),
            "StringLookup",
        ),
        (
            "config.json",
            with_layer(
                {
                    "class_name": "Dense",
                    "module": "keras.layers",
                    "config": {"units": 10**9},
                }
            ),
            "units=1000000000",
        ),
        (RECORD, lambda _: b"0" * (300 * 2**20), "300 MB"),
        (
            "config.json",
            with_layer({"class_name": "Lambda", "module": "keras.layers"}),
            "keras.layers.Lambda",
        ),
        (
            "config.json",
            with_layer({"class_name": "run", "module": "os", "registered_name": "os"}),
            "os.run",
        ),
        (
            "config.json",
            with_layer({"class_name": "function", "module": "builtins"}),
            "builtins.function",
        ),
    ],
)
def test_a_hostile_or_broken_file_is_refused(path, name, change, words):
    rewrite(path, name, change)
    with pytest.raises(ValueError, match="autoencoder file") as refusal:
        AutoencoderDenoiser.load(path)
    assert words in str(refusal.value)


def test_energies_must_fit_the_network(path):
    def shorten(content):
        record = json.loads(content)
        return json.dumps(record | {"energies": record["energies"][1:]}).encode()

    rewrite(path, RECORD, shorten)
    with pytest.raises(ValueError, match="39 energies for 40 channels"):
        AutoencoderDenoiser.load(path)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "x.keras"
    path.write_bytes(b"not a zip file")
    with pytest.raises(ValueError, match="broken file"):
        AutoencoderDenoiser.load(path)
    with pytest.raises(FileNotFoundError):
        AutoencoderDenoiser.load(tmp_path / "none.keras")


def test_an_ordinary_keras_file_is_refused(tmp_path):
    """Without our record its units are unknown."""
    spectrum = keras.Input((40,))
    model = keras.Model(spectrum, keras.layers.Dense(40)(spectrum))
    model.save(tmp_path / "plain.keras")
    with pytest.raises(ValueError, match="without"):
        AutoencoderDenoiser.load(tmp_path / "plain.keras")


@pytest.fixture
def refined(monkeypatch, rng):
    """Spectra, and autoencoders that took a network of their own, and the usual one."""
    noise = NoiseModel.gaussian(0.1)
    share = np.linspace(0, 1, 400).reshape(20, 20, 1)
    spectra = noise.sample(share * np.sin(np.arange(30)), rng)
    weights = [0.9 * values for values in CodeNetwork().weights]

    def fitted(network):
        form = Recipe(
            code_filter="alike 3 x 3", network=1.0, refined=network is not None
        )
        chosen = Choice(form, network=network)
        monkeypatch.setattr(_fitting, "choose", lambda *_: chosen)
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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _: None, "without its weights"),
        (lambda content: content[:100], "broken"),
        (lambda _: stored(np.zeros(3)), "another network"),
        (lambda _: stored(*(np.nan * v for v in CodeNetwork().weights)), "finite"),
        (lambda _: stored(np.array([{}], dtype=object)), "broken"),
    ],
)
def test_a_broken_refined_network_is_refused(refined, change, words, tmp_path):
    refined[1].save(tmp_path / "refined.keras")
    rewrite(tmp_path / "refined.keras", NETWORK, change)
    with pytest.raises(ValueError, match="autoencoder file") as refusal:
        AutoencoderDenoiser.load(tmp_path / "refined.keras")
    assert words in str(refusal.value)


def test_weights_that_no_form_uses_are_refused(refined, tmp_path):
    refined[2].save(tmp_path / "usual.keras")
    content = stored(*CodeNetwork().weights)
    rewrite(tmp_path / "usual.keras", NETWORK, lambda _: content)
    with pytest.raises(ValueError, match="weights of none"):
        AutoencoderDenoiser.load(tmp_path / "usual.keras")


def test_a_form_of_another_version_is_refused(refined, tmp_path):
    def shorten(content):
        record = json.loads(content)
        del record["form"]["decoder"]
        return json.dumps(record).encode()

    refined[2].save(tmp_path / "usual.keras")
    rewrite(tmp_path / "usual.keras", RECORD, shorten)
    with pytest.raises(ValueError, match=r"without proper \['form'\]"):
        AutoencoderDenoiser.load(tmp_path / "usual.keras")


def stored(*arrays):
    """What `numpy.savez` writes."""
    content = io.BytesIO()
    np.savez(content, *arrays)
    return content.getvalue()

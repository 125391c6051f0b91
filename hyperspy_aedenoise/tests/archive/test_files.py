"""Files of trained autoencoders: what survives."""

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
from hyperspy_aedenoise.tests.archive import archives
from hyperspy_aedenoise.tests.archive.archives import (
    KINDS,
    N,
    as_npy,
    fitted,
    from_npy,
    own_model,
    sealed,
    taken_apart,
)
from hyperspy_aedenoise.tests.archive.conftest import refusal

DATA = Path(__file__).parents[1] / "data"


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

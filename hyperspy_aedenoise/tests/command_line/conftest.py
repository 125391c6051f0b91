"""The command for the shell runs in a folder of its own, without what takes long."""

from types import SimpleNamespace

import pytest
from matplotlib.figure import Figure

import hyperspy_aedenoise._denoiser.denoiser


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def briefly(monkeypatch):
    """The command has no option for the iterations; tests need few."""
    original = hyperspy_aedenoise._denoiser.denoiser.AutoencoderDenoiser.__init__

    def init(self, *arguments, **keywords):
        original(self, *arguments, **keywords)
        self.iterations = 5

    monkeypatch.setattr(
        hyperspy_aedenoise._denoiser.denoiser.AutoencoderDenoiser, "__init__", init
    )


def one_line(capsys):
    err = capsys.readouterr().err.strip()
    assert err.startswith("hyperspy_aedenoise: ")
    assert len(err.splitlines()) == 1
    return err


@pytest.fixture
def no_comparison(monkeypatch):
    """The picture is an empty one, at once."""
    compared = SimpleNamespace(plot=Figure, recommended="autoencoder")
    monkeypatch.setattr(
        "exspy.signals.EELSSpectrum.compare_denoising", lambda *_, **__: compared
    )


@pytest.fixture
def no_fit(monkeypatch):
    """What is told beforehand is told before the fit."""

    def fit(*_, **__):
        raise AssertionError("a fit has begun")

    monkeypatch.setattr("exspy.signals.EELSSpectrum.decompose_autoencoder", fit)

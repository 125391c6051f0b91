"""The command for the shell."""

import hyperspy.api as hs
import numpy as np
import pytest
from conftest import real_file

import hyperspy_aedenoise._denoiser.denoiser
from hyperspy_aedenoise import __main__


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


def test_built_in_set(capsys, monkeypatch, briefly):
    """Without a file: the simulated set, its table, signal and picture."""
    monkeypatch.setattr(__main__, "BUILT_IN_SHAPE", (6, 8))
    assert __main__.main([]) == 0
    out = capsys.readouterr().out
    for word in ("raw", "pca", "autoencoder", "MSE against truth", "Recommended"):
        assert word in out
    denoised = hs.load("sto_denoised.hspy")
    assert denoised.data.shape == (6, 8, 256)
    assert denoised.metadata.Signal.Denoising.architecture == "spatial-spectral"
    with open("sto_denoised.png", "rb") as picture:
        assert picture.read(4) == b"\x89PNG"


def test_a_file(noisy_signal, capsys, briefly):
    noisy_signal.save("scan.hspy")
    assert __main__.main(["scan.hspy", "-o", "clean.hspy"]) == 0
    assert hs.load("clean.hspy").data.shape == noisy_signal.data.shape
    assert "MSE against truth" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["S01_SciFi_SI_STO_La_6x49x1024.dm3"])
def test_a_real_file(name, briefly):
    assert __main__.main([str(real_file(name)), "-o", "out.hspy"]) == 0
    assert np.isfinite(hs.load("out.hspy").data).all()


def one_line(capsys):
    err = capsys.readouterr().err.strip()
    assert err.startswith("hyperspy_aedenoise: ")
    assert len(err.splitlines()) == 1
    return err


def test_wrong_input_ends_in_one_line(noisy_signal, capsys):
    """Non-zero exit, and a line that says what is wrong."""
    hs.signals.Signal1D(np.ones((3, 40))).save("plain.hspy")
    noisy_signal.inav[0, 0].save("single.hspy")
    with open("broken.hspy", "wb") as file:
        file.write(b"nothing")
    with open("broken.xyz", "wb") as file:
        file.write(b"nothing")
    for arguments, words in [
        (["none.dm4"], "no file none.dm4"),
        (["plain.hspy"], "no EELS signal"),
        (["single.hspy"], "at least 2 spectra"),
        (["broken.hspy"], "broken.hspy"),
        (["broken.xyz"], "xyz"),
        (["plain.hspy", "-o", "out.txt"], ".hspy"),
        (["plain.hspy", "-o", "none/out.hspy"], "no folder"),
        (["plain.hspy", "-o", "plain.hspy"], "replace the input"),
    ]:
        assert __main__.main(arguments) == 1
        assert words in one_line(capsys)


def test_unknown_options_exit_with_usage(capsys):
    with pytest.raises(SystemExit) as stop:
        __main__.main(["--fast"])
    assert stop.value.code == 2


def test_ctrl_c_before_the_training(monkeypatch, capsys):
    def interrupt(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(__main__, "_denoise", interrupt)
    assert __main__.main([]) == 130
    assert "interrupted" in one_line(capsys)

"""Ctrl-C costs nothing that was whole before."""

import gc
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import hyperspy.api as hs
import numpy as np
import pytest
from matplotlib.figure import Figure

from hyperspy_aedenoise import AutoencoderDenoiser
from hyperspy_aedenoise._signals import storage
from hyperspy_aedenoise.tests.conftest import train

KINDS = ["spatial-spectral", "spectral"]


def interrupt(*_, **__):
    raise KeyboardInterrupt


@pytest.fixture(params=KINDS)
def interrupted_fit(request, monkeypatch):
    """A function that fits, until Ctrl-C comes after something was learned."""

    def steps(iterations):
        yield from list(iterations)[:2]
        raise KeyboardInterrupt

    def fit(signal, **keywords):
        with monkeypatch.context() as patch:
            patch.setattr(
                "hyperspy_aedenoise._signals.fit.progress_bar", lambda *_, **__: steps
            )
            return train(signal, architecture=request.param, **keywords)

    return fit


def test_an_interrupted_fit_leaves_an_earlier_whole_one(
    trained_signal, interrupted_fit, caplog, capsys
):
    """A network that had learned something by then counts as interrupted, too."""
    before = trained_signal.get_autoencoder_model().data
    entry = trained_signal.metadata.Signal.Denoising.as_dictionary()
    record = interrupted_fit(trained_signal, return_info=True, print_info=True)
    assert record["history"]["interrupted"]
    assert "the earlier fit to these spectra, which is whole, is kept" in caplog.text
    assert not capsys.readouterr().out
    after = trained_signal.metadata.Signal.Denoising.as_dictionary()
    assert after["autoencoder"] is entry["autoencoder"]
    assert after["architecture"] == entry["architecture"]
    assert np.array_equal(trained_signal.get_autoencoder_model().data, before)


def test_a_first_fit_that_is_interrupted_is_kept(noisy_signal, interrupted_fit, caplog):
    """And one more: the earlier one isn't whole either."""
    interrupted_fit(noisy_signal)
    first = noisy_signal.metadata.Signal.Denoising.autoencoder
    assert "interrupted" in caplog.text and "earlier" not in caplog.text
    interrupted_fit(noisy_signal)
    assert noisy_signal.metadata.Signal.Denoising.autoencoder is not first
    assert np.isfinite(noisy_signal.get_autoencoder_model().data).all()


def test_a_fit_to_other_spectra_is_not_kept(trained_signal, interrupted_fit):
    """What the data were before they changed is of no use."""
    earlier = trained_signal.metadata.Signal.Denoising.autoencoder
    other = trained_signal * 2
    interrupted_fit(other)
    assert other.metadata.Signal.Denoising.autoencoder is not earlier


@pytest.mark.parametrize("architecture", KINDS)
def test_a_whole_fit_is_whole_after_its_file(noisy_signal, architecture, tmp_path):
    """Also where only a few denoised spectra are left of it."""
    train(noisy_signal, architecture=architecture)
    for name, part in [("map", noisy_signal), ("few", noisy_signal.inav[:2, :1])]:
        part.save(tmp_path / f"{name}.hspy")
        assert storage.has_whole_fit(hs.load(tmp_path / f"{name}.hspy"))


def test_ctrl_c_while_a_fit_is_stored_leaves_the_earlier_one(
    trained_signal, monkeypatch
):
    earlier = trained_signal.metadata.Signal.Denoising.autoencoder
    monkeypatch.setattr(AutoencoderDenoiser, "to_bytes", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(trained_signal)
    assert trained_signal.metadata.Signal.Denoising.autoencoder is earlier


@pytest.mark.filterwarnings(
    "error::pytest.PytestUnraisableExceptionWarning",
    # From Python 3.13 on, what the standard library left half made says so.
    "ignore:.*zipfile._ZipWriteFile:pytest.PytestUnraisableExceptionWarning",
)
def test_ctrl_c_within_an_archive_comes_through(trained_signal, monkeypatch):
    """Also while a member is begun, which then can't be closed."""
    content = trained_signal.metadata.Signal.Denoising.autoencoder.tobytes()
    denoiser = AutoencoderDenoiser.from_bytes(content)
    monkeypatch.setattr("zlib.compressobj", interrupt)
    with pytest.raises(KeyboardInterrupt):
        denoiser.to_bytes()
    gc.collect()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.parametrize("n", [3, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT", "full"])
@pytest.mark.parametrize("command", ["main", "save"])
def test_what_was_written_stays_whole(command, how, n, trained_signal, tmp_path):
    """A kill, Ctrl-C and a full disk, at random moments of the command and `save`.

    Only a killed process leaves a file, and that says that it is unfinished.
    """
    trained_signal.save(tmp_path / "scan.hspy")
    trained_signal.get_autoencoder_model().save(tmp_path / "out.hspy")
    Figure().savefig(tmp_path / "out.png", dpi=150)
    content = trained_signal.metadata.Signal.Denoising.autoencoder.tobytes()
    AutoencoderDenoiser.from_bytes(content).save(tmp_path / "out.keras")
    for name in {"main": ["out.keras"], "save": ["out.hspy", "out.png"]}[command]:
        (tmp_path / name).unlink()
    trials = Path(__file__).with_name("trials.py")
    done = subprocess.run(
        [sys.executable, trials, command, how, str(n)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == n
    expected = {"SIGKILL": -signal.SIGKILL, "SIGINT": 130, "full": 1}[how]
    for status, is_whole, left in found:
        assert status == expected and is_whole
        assert how == "SIGKILL" or not left
        assert all(name.startswith(".unfinished-") for name in left)

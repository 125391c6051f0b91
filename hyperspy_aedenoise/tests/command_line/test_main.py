"""The command for the shell."""

import errno
import gc
import os
from pathlib import Path

import hyperspy.api as hs
import numpy as np
import pytest

from hyperspy_aedenoise import __main__
from hyperspy_aedenoise.tests.command_line.conftest import one_line
from hyperspy_aedenoise.tests.conftest import real_file


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


def test_mask_truth_and_report(noisy_signal, clean_signal, capsys, briefly):
    """The report is one file, and what is masked is NaN."""
    noisy_signal.save("scan.hspy")
    clean_signal.save("truth.hspy")
    mask = np.zeros(noisy_signal.data.shape[:2])
    mask[1, 4:] = 1
    np.save("mask.npy", mask)
    arguments = "scan.hspy --mask mask.npy --truth truth.hspy --report --seed 3".split()
    assert __main__.main(arguments) == 0
    assert "MSE against truth" in capsys.readouterr().out
    denoised = hs.load("scan_denoised.hspy")
    np.testing.assert_array_equal(np.isnan(denoised.data).all(axis=-1), mask != 0)
    page = Path("scan_denoised.html").read_text()
    assert page.count("data:image/png;base64,") == 4
    assert "http" not in page and "src=" in page
    for words in ("scan.hspy", "mask.npy", "Recommended", "denoising", "noise: "):
        assert words in page


def test_masks_and_truths_that_do_not_fit(noisy_signal, capsys, no_fit):
    noisy_signal.save("scan.hspy")
    np.save("square.npy", np.zeros((6, 6)))
    np.save("objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    for arguments, words in [
        (["--mask", "square.npy"], "must be a map of shape (6, 9)"),
        (["--mask", "objects.npy"], "can't be read as a mask"),
        (["--mask", "none.npy"], "there is no file none.npy, named by --mask"),
        (["--truth", "none.hspy"], "there is no file none.hspy, named by --truth"),
        (["--truth", "square.npy"], "square.npy"),
    ]:
        assert __main__.main(["scan.hspy", *arguments]) == 1
        assert words in one_line(capsys)
    assert __main__.main(["--mask", "square.npy"]) == 1
    assert "--mask belongs to a file" in one_line(capsys)


def test_no_input_is_replaced(noisy_signal, clean_signal, capsys, no_fit):
    """Neither mask nor truth, nor a file that is still to be denoised."""
    noisy_signal.save("scan.hspy")
    clean_signal.save("truth.hspy")
    noisy_signal.save("scan_denoised.hspy")
    before = {name: Path(name).read_bytes() for name in os.listdir()}
    for arguments in (
        "scan.hspy --truth truth.hspy -o truth.hspy --force",
        "scan.hspy --mask truth.hspy -o truth.hspy --force",
    ):
        assert __main__.main(arguments.split()) == 1
        assert "would replace the input truth.hspy" in one_line(capsys)
    assert __main__.main(["scan.hspy", "scan_denoised.hspy", "--force"]) == 1
    assert "would replace the input scan_denoised.hspy" in capsys.readouterr().err
    assert {name: Path(name).read_bytes() for name in os.listdir()} == before


def test_report_of_a_masked_stack(noisy_signal, briefly, monkeypatch):
    """NaN that is masked, and more axes than a picture has."""
    stack = hs.stack([noisy_signal, noisy_signal * 1.1])
    stack.data[0, 0, 0] = np.nan
    stack.save("scan.hspy")
    mask = np.zeros(stack.data.shape[:-1])
    mask[0, 0, 0] = 1
    np.save("mask.npy", mask)
    assert __main__.main("scan.hspy --mask mask.npy --report".split()) == 0
    assert Path("scan_denoised.html").read_text().count("data:image/png") == 3


def test_several_files(noisy_signal, capsys, briefly, no_comparison):
    """Patterns are resolved; what fails is told, and the others go on."""
    for name in ("a", "b", "c"):
        noisy_signal.save(f"{name}1.hspy")
    Path("b1.hspy").write_bytes(b"nothing")
    Path("results").mkdir()
    assert __main__.main(["?1.hspy", "-o", "results"]) == 1
    captured = capsys.readouterr()
    assert "[3 of 3] c1.hspy" in captured.out
    assert "b1.hspy can't be read" in captured.err
    written = [f"{name}1_denoised{end}" for name in "ac" for end in (".hspy", ".png")]
    assert sorted(os.listdir("results")) == sorted(written)
    Path("b1.hspy").unlink()
    assert __main__.main(["?1.hspy", "-o", "results", "--force"]) == 0


def test_several_files_need_a_folder_and_names_of_their_own(
    noisy_signal, capsys, no_fit
):
    Path("other").mkdir()
    for name in ("a.hspy", "b.hspy", "other/a.hspy"):
        noisy_signal.save(name)
    for arguments, words in [
        (["a.hspy", "b.hspy", "-o", "out.hspy"], "must be a folder"),
        (["a.hspy", "other/a.hspy"], "denoise them one by one"),
        (["z*.hspy"], "no file z*.hspy"),
        (["a.hspy", "--seed", "-1"], "--seed must be 0 or more"),
    ]:
        assert __main__.main(arguments) == 1
        assert words in one_line(capsys)


def test_quiet(noisy_signal, capfd, briefly):
    """Nothing is printed, but for what goes wrong."""
    noisy_signal.save("scan.hspy")
    assert __main__.main(["scan.hspy", "-q"]) == 0
    assert capfd.readouterr() == ("", "")
    assert __main__.main(["scan.hspy", "-q"]) == 1
    assert "already" in capfd.readouterr().err


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("S01_SciFi_SI_STO_La_6x49x1024.dm3", marks=pytest.mark.slow),
        "S12_rsciio_EELS_SI_2x2.dm4",
    ],
)
def test_a_real_file(name, briefly):
    assert __main__.main([str(real_file(name)), "-o", "out.hspy"]) == 0
    assert np.isfinite(hs.load("out.hspy").data).all()


# imageio leaves a file of an unknown kind open
@pytest.mark.filterwarnings("ignore:unclosed file.*broken.xyz:ResourceWarning")
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
    gc.collect()


def test_a_target_that_can_not_be_written_is_told_before_the_fit(
    noisy_signal, capsys, no_fit
):
    noisy_signal.save("scan.hspy")
    Path("folder.hspy").mkdir()
    Path("picture.png").mkdir()
    Path("full.hspy").symlink_to("/dev/full")
    Path("other.png").symlink_to("/dev/full")
    for output, words in [
        ("none/out.hspy", "no folder"),
        ("folder.hspy", "is a folder"),
        ("picture.hspy", "'picture.png' is a folder"),
        ("full.hspy", "a device or pipe"),
        ("other.hspy", "a device or pipe"),
        ("/dev/full", "must end in .hspy"),
        ("out.zspy", "must end in .hspy"),
        ("out.rpl", "must end in .hspy"),
    ]:
        assert __main__.main(["scan.hspy", "--force", "-o", output]) == 1
        captured = capsys.readouterr()
        assert words in captured.err
        assert len(captured.err.strip().splitlines()) == 1
        assert "Written" not in captured.out


@pytest.mark.parametrize("there", ["out.hspy", "out.png"])
def test_nothing_is_replaced_unasked(there, noisy_signal, capsys, no_comparison):
    """Neither the signal nor the picture; `--force` asks for it."""
    noisy_signal.save("scan.hspy")
    Path(there).write_bytes(b"mine")
    assert __main__.main(["scan.hspy", "-o", "out.hspy"]) == 1
    assert f"{there} already; replace it with --force" in one_line(capsys)
    assert Path(there).read_bytes() == b"mine"
    assert __main__.main(["scan.hspy", "-o", "out.hspy", "--force"]) == 0
    assert Path(there).read_bytes() != b"mine"
    assert sorted(os.listdir()) == ["out.hspy", "out.png", "scan.hspy"]


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_the_input_by_another_name_is_no_output(link, noisy_signal, capsys, no_fit):
    """Files are compared, not names."""
    noisy_signal.save("scan.hspy")
    link("scan.hspy", "out.hspy")
    before = Path("scan.hspy").read_bytes()
    assert __main__.main(["scan.hspy", "-o", "out.hspy", "--force"]) == 1
    assert "would replace the input" in one_line(capsys)
    assert Path("scan.hspy").read_bytes() == before


@pytest.mark.parametrize("full", ["signal", "picture"])
def test_a_full_disk_leaves_what_was_there(
    full, noisy_signal, capsys, monkeypatch, no_comparison
):
    """In one line, without stray files."""
    noisy_signal.save("scan.hspy")
    for name in ("out.hspy", "out.png"):
        Path(name).write_bytes(b"earlier")
    flush, count = os.fsync, []

    def fsync(handle):
        count.append(1)
        # signal, its folder, picture
        if len(count) == {"signal": 1, "picture": 3}[full]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    assert __main__.main(["scan.hspy", "-o", "out.hspy", "--force"]) == 1
    captured = capsys.readouterr()
    assert "can't be written: No space left on device" in captured.err
    kept = {"signal": "out.hspy", "picture": "out.png"}[full]
    assert f"Written: {kept}" not in captured.out
    assert Path("out.png").read_bytes() == b"earlier"
    if full == "signal":
        assert Path("out.hspy").read_bytes() == b"earlier"
    else:
        assert hs.load("out.hspy").data.shape == noisy_signal.data.shape
    assert sorted(os.listdir()) == ["out.hspy", "out.png", "scan.hspy"]


def test_an_interrupted_fit_is_not_written(noisy_signal, capsys, monkeypatch):
    """A poorer result doesn't take the place of an earlier one."""
    noisy_signal.save("scan.hspy")
    for name in ("out.hspy", "out.png"):
        Path(name).write_bytes(b"earlier")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("hyperspy_aedenoise._engine.spatial_spectral.choose", interrupt)
    assert __main__.main(["scan.hspy", "-o", "out.hspy", "--force"]) == 130
    captured = capsys.readouterr()
    assert captured.err.splitlines()[-1].endswith("interrupted; nothing was written")
    assert "Written" not in captured.out
    assert Path("out.hspy").read_bytes() == Path("out.png").read_bytes() == b"earlier"


def test_unknown_options_exit_with_usage(capsys):
    with pytest.raises(SystemExit) as stop:
        __main__.main(["--fast"])
    assert stop.value.code == 2


def test_ctrl_c_within_another_library(noisy_signal, monkeypatch, capsys):
    """It may come as an error of h5py, and as that of a file that can't be read."""
    noisy_signal.save("scan.hspy")

    def load(*_, **__):
        raise SystemError("a result with an exception set") from KeyboardInterrupt()

    monkeypatch.setattr(hs, "load", load)
    assert __main__.main(["scan.hspy"]) == 130
    assert one_line(capsys) == "hyperspy_aedenoise: interrupted"


def test_ctrl_c_before_the_training(monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(__main__, "_denoise", interrupt)
    assert __main__.main([]) == 130
    assert "interrupted" in one_line(capsys)

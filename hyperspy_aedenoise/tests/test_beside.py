"""Files are whole or as they were, whatever happens while they are written."""

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hyperspy_aedenoise import AutoencoderDenoiser
from hyperspy_aedenoise._archive.write_beside import beside, check_writable
from hyperspy_aedenoise.tests.archive import archives


@pytest.fixture(scope="module")
def denoiser():
    return archives.fitted("spatial-spectral")


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_whole_takes_the_place(tmp_path):
    """With the permissions of what was there, and those of any new file."""
    path = tmp_path / "x.keras"
    with beside(path) as part:
        assert part.parent == tmp_path and part.suffix == ".keras"
        part.write_bytes(b"first")
    usual = tmp_path / "usual"
    usual.write_bytes(b"")
    assert path.stat().st_mode == usual.stat().st_mode
    path.chmod(0o640)
    with beside(path) as part:
        part.write_bytes(b"second")
        assert path.read_bytes() == b"first"
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert names_in(tmp_path) == ["usual", "x.keras"]


def test_a_link_stays_one(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "far" / "x")
    with beside(tmp_path / "link") as part:
        part.write_bytes(b"there")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "far" / "x").read_bytes() == b"there"


@pytest.mark.parametrize("wrong", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_what_goes_wrong_leaves_all_as_it_was(tmp_path, wrong):
    path = tmp_path / "x.keras"
    path.write_bytes(b"earlier")
    with pytest.raises(type(wrong)), beside(path) as part:
        part.write_bytes(b"half")
        raise wrong
    assert path.read_bytes() == b"earlier"
    assert names_in(tmp_path) == ["x.keras"]


def test_a_full_disk_is_told(denoiser, tmp_path, monkeypatch):
    """Also if it shows only when the file is brought to the disk."""
    path = tmp_path / "x.keras"
    denoiser.save(path)
    before = path.read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        denoiser.save(path)
    assert path.read_bytes() == before
    assert names_in(tmp_path) == ["x.keras"]


def test_what_can_not_be_written_is_told(denoiser, tmp_path):
    """Before anything is written, in words."""
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        denoiser.save(tmp_path / "none" / "x.keras")
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        denoiser.save(tmp_path / "folder.keras")
    os.mkfifo(tmp_path / "pipe.keras")
    with pytest.raises(OSError, match="a device or pipe"):
        denoiser.save(tmp_path / "pipe.keras")
    with pytest.raises(OSError, match="a device or pipe"):
        check_writable("/dev/full")
    assert names_in(tmp_path) == ["folder.keras", "pipe.keras"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is protected from root")
def test_what_is_protected_is_told(denoiser, tmp_path):
    path = tmp_path / "x.keras"
    path.write_bytes(b"earlier")
    path.chmod(0o400)
    with pytest.raises(PermissionError, match="write-protected"):
        denoiser.save(path)
    assert path.read_bytes() == b"earlier"


#: Saves one and the same denoiser again and again, each time with another record.
SAVING = """
import signal
import sys
from hyperspy_aedenoise import AutoencoderDenoiser
signal.signal(signal.SIGINT, signal.default_int_handler)  # also behind `&` of a shell
denoiser = AutoencoderDenoiser.load(sys.argv[1])
print("begins", flush=True)
while True:
    denoiser.iterations += 1
    denoiser.save(sys.argv[1])
"""


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT])
def test_a_kill_leaves_a_whole_file(denoiser, kind, tmp_path):
    """And Ctrl-C nothing else."""
    path = tmp_path / "x.keras"
    denoiser.save(path)
    for number in range(3):
        saving = subprocess.Popen(
            [sys.executable, "-c", SAVING, path],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert saving.stdout.readline()
        time.sleep(0.02 + 0.013 * number)
        saving.send_signal(kind)
        saving.wait()
        saving.stdout.close()
        assert AutoencoderDenoiser.load(path).n_channels_ == archives.N
        left = set(names_in(tmp_path)) - {"x.keras"}
        assert all(name.startswith(".unfinished-") for name in left)
        if kind == signal.SIGINT:
            assert not left
        for name in left:
            Path(tmp_path, name).unlink()

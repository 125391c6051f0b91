"""Files that are whole or not there: written beside, then put in place."""

import contextlib
import os
import stat
from pathlib import Path

#: How what isn't whole yet begins; a killed process leaves it.
_UNFINISHED = ".unfinished-"


@contextlib.contextmanager
def beside(path):
    """Context with a path to write to, which takes the place of another in the end.

    Whatever goes wrong, what was there before stays as it was, and nothing is left
    behind. A file that is replaced keeps its permissions, and a link its target.

    Parameters
    ----------
    path : str or path-like
        The final one.

    Yields
    ------
    pathlib.Path
        Of no file yet, in the same folder and with the same suffix.

    Raises
    ------
    OSError
        If the final path is known not to be writable, before anything is written, or
        if the file can't be written.
    """
    target = check_writable(path)
    mark = os.urandom(4).hex()
    part = target.with_name(f"{_UNFINISHED}{mark}{target.suffix}")
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            part.chmod(stat.S_IMODE(target.stat().st_mode))
        os.replace(part, target)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    _sync(target.parent)


def check_writable(path):
    """The place that a path leads to, or an OSError that says why nothing can be there.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    pathlib.Path
    """
    target = Path(os.path.realpath(path))
    folder = target.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {str(folder)!r} to write to.")
    if target.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder; name a file in it.")
    if target.exists():
        if not target.is_file():
            raise OSError(f"{str(path)!r} is a device or pipe; name a file.")
        if not os.access(target, os.W_OK):
            raise PermissionError(f"{str(path)!r} is write-protected.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"The folder {str(folder)!r} is write-protected.")
    return target


def _sync(folder):
    """Let the new name last, where folders can be told to."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

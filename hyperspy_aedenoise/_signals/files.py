"""The EELS signal in a file, and a signal into a file, for the command line."""

import contextlib
import os
import re

import numpy as np

from hyperspy_aedenoise._archive.refusal import one_line
from hyperspy_aedenoise._archive.write_beside import beside
from hyperspy_aedenoise._errors import must_be
from hyperspy_aedenoise._report.axes import unit_of

#: What the C library says of itself in an error of HDF5.
_ERRNO = re.compile(r"errno = (\d+)")


def eels_signal(source, number=None):
    """The EELS signal in a file, and which one it is.

    Parameters
    ----------
    source : pathlib.Path
    number : int, optional
        Which of the file's EELS signals, from 1. Default: the largest of those
        without zero-loss peak, if there is one without.

    Returns
    -------
    signal : EELSSpectrum
    which : str or None
        A sentence, where there are several.

    Raises
    ------
    ValueError
        If the file can't be read, holds none, or several that are as large.
    """
    spectra = _eels_signals(source)
    count = f"{source} holds {len(spectra)} EELS signal{'s' * (len(spectra) > 1)}"
    if number is not None and not 1 <= number <= len(spectra):
        allowed = f"a number from 1 to {len(spectra)}"
        raise ValueError(must_be("--signal", allowed, f"{number}", f"{count}."))
    if number is None:
        number = _largest(spectra)
    if number is None:
        listed = "; ".join(
            f"{place} is {_words(signal)}" for place, signal in enumerate(spectra, 1)
        )
        raise ValueError(f"{count}; choose one with --signal N: {listed}")
    signal = spectra[number - 1]
    if len(spectra) == 1:
        return signal, None
    return signal, f"{count}; number {number}, {_words(signal)}, is taken"


def truth_in(source, number=None):
    """The clean EELS signal in a file; arguments as of `eels_signal`."""
    spectra = _eels_signals(_there(source, "--truth"))
    return spectra[0] if len(spectra) == 1 else eels_signal(source, number)[0]


def mask_in(source, signal):
    """Probe positions that a file says to leave out: those where it isn't zero.

    Parameters
    ----------
    source : pathlib.Path
        A map that HyperSpy reads, or a .npy file with an array.
    signal : EELSSpectrum
        The one that is masked.

    Returns
    -------
    ndarray of bool
        Of the signal's ``axes_manager.navigation_shape``.

    Raises
    ------
    ValueError
        If the file can't be read, or its map has another shape.
    """
    import hyperspy.api as hs

    _there(source, "--mask")
    try:
        if source.suffix == ".npy":
            values = np.load(source, allow_pickle=False)
        else:
            loaded = hs.load(source)
            if isinstance(loaded, list):
                raise ValueError("it holds several signals")
            values = loaded.data
        values = np.asarray(values) != 0
    except Exception as error:
        raise ValueError(f"{source} can't be read as a mask: {error}") from error
    wanted = signal.axes_manager.navigation_shape[::-1]
    if values.shape != wanted:
        raise ValueError(
            must_be(
                "--mask",
                f"a map of shape {wanted}, as the signal's",
                f"{values.shape}",
                "It is not zero at the probe positions to leave out.",
            )
        )
    return values.T


def _there(source, option):
    if not source.is_file():
        raise FileNotFoundError(f"there is no file {source}, named by {option}")
    return source


def _eels_signals(source):
    """All EELS signals in a file."""
    import hyperspy.api as hs
    from exspy.signals import EELSSpectrum

    import hyperspy_aedenoise  # noqa: F401  guarantees the methods

    # .hdf5 is read by several of HyperSpy's readers; its own is meant
    form = {"file_format": "HSPY"} if source.suffix == ".hdf5" else {}
    try:
        loaded = hs.load(source, **form)
    except Exception as error:
        raise ValueError(f"{source} can't be read: {error}") from error
    signals = loaded if isinstance(loaded, list) else [loaded]
    spectra = [signal for signal in signals if isinstance(signal, EELSSpectrum)]
    if not spectra:
        kinds = ", ".join(type(signal).__name__ for signal in signals)
        raise ValueError(
            f"{source} holds no EELS signal ({kinds}); load it in HyperSpy, call "
            "s.set_signal_type('EELS') and save it"
        )
    return spectra


def _largest(spectra):
    """Number, from 1, of the largest core-loss signal, or None if several are."""
    wanted = [place for place, one in enumerate(spectra, 1) if not _has_zero_loss(one)]
    wanted = wanted or range(1, len(spectra) + 1)
    sizes = [spectra[place - 1].data.size for place in wanted]
    if sizes.count(max(sizes)) > 1:
        return None
    return wanted[int(np.argmax(sizes))]


def _has_zero_loss(signal):
    """Whether the energy axis reaches over 0 eV."""
    energies = signal.axes_manager.signal_axes[0].axis
    return energies.min() <= 0 <= energies.max()


def _words(signal):
    """Title, size and energies of a signal."""
    axis = signal.axes_manager.signal_axes[0]
    title = one_line(signal.metadata.General.title or "without title", 60)
    size = " x ".join(map(str, signal.data.shape))
    energies = f"{axis.axis[0]:.4g} to {axis.axis[-1]:.4g} {unit_of(axis)}".rstrip()
    return f"{title} ({size}, {energies})"


def write_signal(signal, path):
    """Write a signal; an earlier file stays until the new one reads back the same.

    Parameters
    ----------
    signal : BaseSignal
    path : pathlib.Path
        Of a format that is a single file.

    Raises
    ------
    OSError
        In one line, if it can't be written.
    """
    import hyperspy.api as hs

    with told(path), beside(path) as part:
        signal.save(part)
        if not np.array_equal(hs.load(part).data, signal.data, equal_nan=True):
            raise OSError("it reads back differently")


@contextlib.contextmanager
def told(path):
    """Context whose errors say in one line which file couldn't be written, and why."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # HDF5 raises both, of many lines
        found = _ERRNO.search(str(error))
        number = int(found[1]) if found else getattr(error, "errno", None)
        reason = os.strerror(number) if number else error
        raise OSError(f"{path} can't be written: {reason}") from error

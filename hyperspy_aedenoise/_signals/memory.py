"""Whether there is memory for what a call is going to need."""

import logging
import os

import numpy as np

_logger = logging.getLogger(__name__)

#: What a call needs at its peak beyond the data, in multiples of the data in single
#: precision: see `benchmarks/cost.py`.
FIT, COMPARISON, UNCERTAINTY, RESULT, MAPPED, CHECK = 3, 5, 5, 1, 5, 3
#: Share of the available memory above which the user is told.
_SHARE = 0.8
_GIGABYTE = 1e9


def warn_of_memory(signal, times, call):
    """Tell the user if a call may need more memory than there is.

    Parameters
    ----------
    signal : EELSSpectrum
        Lazy ones need but a few blocks.
    times : float
        What the call needs, in multiples of the data in single precision.
    call : str
        The name of the call.
    """
    if signal._lazy:
        return
    needed = times * signal.data.size * np.float32().itemsize
    available = available_memory()
    if available is not None and needed > _SHARE * available:
        _logger.warning(
            "`%s` may need about %.3g GB of memory, and %.3g GB are available: it may "
            "be slow, or end Python. Load the data by `hs.load(..., lazy=True)`; a "
            "lazy signal is treated in blocks.",
            call,
            needed / _GIGABYTE,
            available / _GIGABYTE,
        )


def available_memory():
    """Bytes that can still be had; all there are where that is all the system tells.

    Returns
    -------
    int or None
        None where the system doesn't tell.
    """
    try:
        with open("/proc/meminfo", encoding="ascii") as table:
            for line in table:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:  # not Linux
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows
        return None

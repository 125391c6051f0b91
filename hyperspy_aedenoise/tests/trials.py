"""Kill, interrupt or fill the disk of a writing process, at random moments.

Run as ``python trials.py COMMAND HOW N`` in a folder with `scan.hspy`, which carries a
fit, and whole outputs. COMMAND is "main" or "save", HOW "SIGKILL", "SIGINT" or "full".
Prints, per trial, the exit status, whether the outputs are whole, and other files.
"""

import json
import os
import random
import resource
import signal
import sys
import time
from types import SimpleNamespace

import hyperspy.api as hs
import matplotlib.image
import numpy as np
from exspy.signals import EELSSpectrum
from matplotlib.figure import Figure

from hyperspy_aedenoise import AutoencoderDenoiser, __main__

OUTPUTS = {"main": ("out.hspy", "out.png"), "save": ("out.keras",)}
#: Most seconds until a trial is stopped: several turns of either command.
LONGEST = 1.0
#: Tenths of a second until the signal is sent again.
PATIENCE = 100


def command_line():
    """The command, with a fit and a comparison that are there already."""
    EELSSpectrum.decompose_autoencoder = lambda *_, **__: {
        "history": {"interrupted": False}
    }
    EELSSpectrum.compare_denoising = lambda *_, **__: SimpleNamespace(
        plot=Figure, recommended="autoencoder"
    )
    status = 0
    try:
        while status == 0:
            status = __main__.main(["scan.hspy", "-o", "out.hspy", "--overwrite"])
    except KeyboardInterrupt:  # between two turns
        return 130
    return status


def saving():
    """`AutoencoderDenoiser.save`, again and again."""
    try:
        while True:
            denoiser.save("out.keras")
    except OSError:
        return 1
    except KeyboardInterrupt:
        return 130


def is_whole(command):
    """Whether all outputs are read, and hold the same as before."""
    try:
        if command == "save":
            again = AutoencoderDenoiser.load("out.keras")
            return bool(np.array_equal(again.denoise(data), wanted))
        matplotlib.image.imread("out.png")
        return bool(np.array_equal(hs.load("out.hspy").data, wanted))
    except (OSError, ValueError):
        return False


def waited_for(child, how, seconds):
    """Exit status of a process that gets its signal after so many seconds.

    And again, as a user would do it: Python loses Ctrl-C in what it calls to clean up.
    """
    if how == "full":
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    ended = 0
    while not ended:
        time.sleep(seconds)  # by then it has its handler
        os.kill(child, getattr(signal, how))
        for _ in range(PATIENCE):
            time.sleep(0.1)
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
    return os.waitstatus_to_exitcode(status)


def trial(command, how, rng):
    """Exit status, whether the outputs are whole, and what else is there."""
    child = os.fork()
    if not child:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        if how == "full":
            largest = max(os.path.getsize(name) for name in OUTPUTS[command])
            limit = rng.randrange(largest)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        os._exit({"main": command_line, "save": saving}[command]())
    status = waited_for(child, how, rng.uniform(0.2, LONGEST))
    left = sorted(set(os.listdir()) - {"scan.hspy", *OUTPUTS[command]})
    for name in left:
        os.unlink(name)
    return status, is_whole(command), left


if __name__ == "__main__":
    command, how, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
    scan = hs.load("scan.hspy")
    data = scan.data
    content = scan.metadata.Signal.Denoising.autoencoder.tobytes()
    denoiser = AutoencoderDenoiser.from_bytes(content)
    wanted = denoiser.denoise(data)
    rng = random.Random(20260101)
    print(json.dumps([trial(command, how, rng) for _ in range(n)]))

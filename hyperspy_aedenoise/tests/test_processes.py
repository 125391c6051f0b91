"""What a fit leaves alone in the process that it runs in, and forks of it."""

import os
import subprocess
import sys

import pytest

#: Spectra and a short fit to them.
FIT = """
import os, random
import numpy as np
import hyperspy_aedenoise as aed

rng = np.random.default_rng(0)
noisy = np.sin(np.arange(40)) + rng.normal(0, 0.05, (60, 40))

def fit(architecture):
    denoiser = aed.AutoencoderDenoiser(architecture, iterations=1, random_state=0)
    return denoiser.fit(noisy)
"""
#: Fits of each kind, with a look at the global random numbers around them.
RANDOM = """
def states():
    name, keys, *others = np.random.get_state()
    return random.getstate(), name, keys.tolist(), others

before = states()
fit("spectral")
from hyperspy_aedenoise._filters.code_network import build_network
build_network()
assert states() == before, "the package's own networks"

import keras
layers = [keras.Input((40,)), keras.layers.Dense(2), keras.layers.Dense(40)]
own = keras.Sequential(layers)
before = states()
aed.AutoencoderDenoiser.from_bytes(fit(own).to_bytes())
assert states() == before, "a network of the user's own"
"""
#: A fit in a fork; its exit status is 1 if it was refused.
FORK = """
def status_in_a_fork():
    child = os.fork()
    if not child:
        try:
            fit("spectral")
        except RuntimeError as error:
            os._exit(1 if "spawn" in str(error) else 2)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

aed.AutoencoderDenoiser
assert status_in_a_fork() == 0, "none has run"
fit("spectral")
assert status_in_a_fork() == 1, "one has run"
"""
#: A thread that wants Keras while another one is loading it.
THREADS = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from hyperspy_aedenoise._backend import load_keras

with ThreadPoolExecutor(1) as pool:
    other = pool.submit(load_keras)
    while "keras" not in sys.modules and not other.done():
        time.sleep(0.001)
    assert load_keras().Input is other.result().Input
"""


def run(code):
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )


def test_a_fit_takes_no_random_numbers_of_the_user():
    """Neither of Python's `random` nor of NumPy's global state, loading Keras too."""
    found = run(FIT + RANDOM)
    assert found.returncode == 0, found.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.skipif(
    os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow",
    reason="the threads are TensorFlow's",
)
def test_a_network_in_a_fork_is_refused_where_it_would_hang():
    """And runs in a fork of a process in which none has run."""
    found = run(FIT + FORK)
    assert found.returncode == 0, found.stderr


def test_threads_wait_for_keras_that_another_one_loads():
    """A module is known by name long before it is whole."""
    found = run(THREADS)
    assert found.returncode == 0, found.stderr

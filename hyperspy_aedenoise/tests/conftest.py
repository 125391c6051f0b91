"""Small spectrum images with known noise, and the real ones where they are."""

import os
from pathlib import Path

import matplotlib.pyplot
import numpy as np
import pytest
import threadpoolctl

import hyperspy_aedenoise as aed
from hyperspy_aedenoise._report import estimate

matplotlib.use("Agg")

SIGMA = 0.05
#: Longest side of the maps of what is written for readers, when it is tested.
SIDE = 12
#: The source tree, where these files lie in one.
TOP = Path(__file__).parents[2]
REAL = TOP.parent / "shared" / "data" / "real"


def pytest_configure(config):
    """Here, as an installed copy has no other settings."""
    slow = "slow: takes minutes; run with `-m slow`, all with `-m 'slow or not slow'`"
    config.addinivalue_line("markers", slow)
    config.option.markexpr = config.option.markexpr or "not slow"


def pytest_sessionstart():
    """Workers share the cores: with as many threads each they'd wait for each other."""
    n_workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    if n_workers > 1:
        n_threads = max(1, (os.cpu_count() or 1) // n_workers)
        threadpoolctl.threadpool_limits(n_threads)
        for name in ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "TF_NUM_INTRAOP"):
            os.environ.setdefault(f"{name}_THREADS", str(n_threads))


def of_the_source(*folders):
    """Skip a module that checks what lies beside the package, where it doesn't."""
    needed = "pyproject.toml", *folders
    missing = [name for name in needed if not (TOP / name).exists()]
    if missing:
        message = f"the source tree isn't there: {', '.join(missing)}"
        pytest.skip(message, allow_module_level=True)


@pytest.fixture(autouse=True)
def no_figures_left():
    """Matplotlib warns of more than 20 open figures."""
    yield
    matplotlib.pyplot.close("all")


@pytest.fixture(autouse=True, scope="session")
def one_pair():
    """Comparisons are judged by a single pair, for the time; by several where asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(estimate, "_MOST_PAIRS", 1)
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(20260101)


@pytest.fixture(scope="session")
def clean_signal():
    """Clean spectrum image with unequal sides, (y, x | energy) = (6, 9 | 60)."""
    return aed.data.sto_o_k((6, 9), energy_start=527.0, dispersion=0.5, n_channels=60)


@pytest.fixture(scope="session")
def noisy_session_signal(clean_signal):
    return aed.add_noise(clean_signal, SIGMA, random_state=1)


@pytest.fixture
def noisy_signal(noisy_session_signal):
    """The clean one with white noise of sigma 0.05."""
    return noisy_session_signal.deepcopy()


@pytest.fixture(scope="session")
def trained_session_signal(noisy_session_signal):
    signal = noisy_session_signal.deepcopy()
    train(signal)
    return signal


@pytest.fixture
def trained_signal(trained_session_signal):
    """The noisy one with a briefly trained autoencoder."""
    return trained_session_signal.deepcopy()


def train(signal, **keywords):
    """Train briefly and in silence."""
    defaults = {
        "iterations": 6,
        "random_state": 0,
        "show_progressbar": False,
        "print_info": False,
    }
    return signal.decompose_autoencoder(**(defaults | keywords))


@pytest.fixture
def smaller_sets(monkeypatch):
    """Simulated sets are small, whatever an example asks for."""
    make = aed.data.sto_o_k

    def sto_o_k(shape=(SIDE, SIDE), **keywords):
        return make(tuple(min(side, SIDE) for side in shape), **keywords)

    monkeypatch.setattr(aed.data, "sto_o_k", sto_o_k)


def real_file(name):
    """Path of a real measurement, or skip the test."""
    path = REAL / name
    if not path.exists():
        pytest.skip(f"{name} is not there")
    return path


def state_of(signal):
    """Everything that must not change, but for the documented entry."""
    metadata = signal.metadata.as_dictionary()
    metadata["Signal"].pop("Denoising", None)
    return (
        np.array(signal.data).tobytes(),
        signal.data.dtype,
        str(signal.axes_manager._get_axes_dicts()),
        str(metadata),
    )


def same(one, other):
    return np.allclose(one.data, other.data, atol=1e-6, equal_nan=True)

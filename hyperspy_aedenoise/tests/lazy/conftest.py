"""Lazy maps of a few hundred spectra that count as large ones."""

import dask.array as da
import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise._denoiser import error_bars
from hyperspy_aedenoise._observation import spectra_by_blocks as blocks
from hyperspy_aedenoise.tests.conftest import SIGMA, train

#: What gives a signal, without arguments.
RESULTS = (
    "get_autoencoder_model",
    "get_autoencoder_loadings",
    "get_autoencoder_uncertainty",
)


CHUNKINGS = {
    "also along energy": (8, 8, 16),
    "odd": ((5, 1, 6), (3, 10, 1), (7, 29, 24)),
    "whole rows": (1, -1, -1),
    "energies one by one": (-1, -1, 1),
    "one chunk": (-1, -1, -1),
}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Maps of a few hundred spectra are large ones: 34 spectra of 60 channels each.

    The draws of the uncertainty, which are not judged here, are few.
    """
    monkeypatch.setattr(blocks, "_BLOCK", 2**11)
    monkeypatch.setattr(error_bars, "N_DRAWS", 3)


@pytest.fixture(scope="module")
def noisy():
    """(y, x | energy) = (12, 14 | 60)."""
    clean = aed.data.sto_o_k((12, 14), energy_start=527, dispersion=0.5, n_channels=60)
    return aed.add_noise(clean, SIGMA, random_state=1)


@pytest.fixture(scope="module")
def fitted(noisy):
    """Of the noisy one, in memory."""
    signal = noisy.deepcopy()
    train(signal)
    return signal


def lazy_of(signal, chunks=(8, 8, 16)):
    """A lazy copy in some chunks."""
    lazy = signal.as_lazy()
    lazy.data = da.from_array(signal.data, chunks=chunks)
    return lazy


def values_of(signal):
    return np.asarray(signal.data)


def assert_same(found, expected, scale):
    """Equal to 1e-4 of a standard deviation, and NaN at the same places."""
    found, expected = values_of(found), values_of(expected)
    assert found.dtype == expected.dtype
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    known = ~np.isnan(expected)
    spread = np.std(scale[np.isfinite(scale)], dtype=float)
    assert np.abs(found - expected)[known].max() < 1e-4 * spread


def assert_fits_alike(signal, lazy, **keywords):
    """A fit to lazy data denoises as one to the same data in memory does."""
    train(signal, **keywords)
    train(lazy, **keywords)
    assert lazy._lazy
    denoised = lazy.get_autoencoder_model()
    assert denoised._lazy
    assert_same(denoised, signal.get_autoencoder_model(), signal.data)

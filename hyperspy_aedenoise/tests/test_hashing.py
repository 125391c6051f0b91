"""Spectra are known again by a hash, which takes as long as decoding them."""

import hashlib

import numpy as np
import pytest

from hyperspy_aedenoise.tests.conftest import train

METHODS = ["get_autoencoder_model", "get_autoencoder_loadings"]


@pytest.fixture(scope="module")
def fits(noisy_session_signal):
    """One of each kind, of which some left out a position."""
    fits = {}
    mask = np.zeros((9, 6), bool)
    mask[0, 0] = True
    for architecture in ("auto", "spectral"):
        for masked in (None, mask):
            signal = noisy_session_signal.deepcopy()
            train(signal, navigation_mask=masked, architecture=architecture)
            fits[architecture, masked is not None] = signal
    return fits


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("architecture", ["auto", "spectral"])
@pytest.mark.parametrize("masked", [False, True])
def test_each_spectrum_once(fits, architecture, masked, method, monkeypatch):
    signal = fits[architecture, masked].inav[1:]  # not contiguous in memory
    hashed, blake2b = [], hashlib.blake2b

    def counted(row, **options):
        hashed.append(row)
        return blake2b(row, **options)

    monkeypatch.setattr(hashlib, "blake2b", counted)
    getattr(signal, method)()
    assert len(hashed) == signal.axes_manager.navigation_size
    hashed.clear()
    getattr(signal.as_lazy(), method)().compute(show_progressbar=False)
    # a block of it also before that is computed
    assert len(hashed) <= 2 * signal.axes_manager.navigation_size

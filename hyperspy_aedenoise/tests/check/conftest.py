"""A map that was fitted and checked once."""

import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import NoiseModel

NOISE = NoiseModel(gain=1.0, offset=4.0)


def fitted(signal):
    signal.decompose_autoencoder(
        random_state=0, show_progressbar=False, print_info=False
    )
    return signal


@pytest.fixture(scope="module")
def map_signal():
    clean = aed.data.sto_o_k((18, 20), n_channels=80, dispersion=0.3) * 300.0
    noisy = fitted(aed.add_noise(clean, NOISE, random_state=0))
    return clean, noisy, noisy.check_denoising(truth=clean)

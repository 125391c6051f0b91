"""A map, compared with and without truth."""

import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise.tests.conftest import SIGMA, train

ENERGIES = {"energy_start": 527.0, "dispersion": 0.5, "n_channels": 60}


ROUTES = ["raw", "pca", "pca_shrinkage", "autoencoder"]


@pytest.fixture(scope="session")
def compared():
    """A larger map, compared with and without truth."""
    clean = aed.data.sto_o_k(
        (18, 20), energy_start=527.0, dispersion=0.5, n_channels=60
    )
    noisy = aed.add_noise(clean, SIGMA, random_state=2)
    train(noisy, iterations=60)
    return clean, noisy, noisy.compare_denoising(truth=clean), noisy.compare_denoising()


def row_of(comparison, route):
    (row,) = (row for row in comparison.table if row["route"] == route)
    return row

"""Made experiments on an edge of SrTiO3, and the reference that is matched to them."""

import numpy as np
import pytest
from exspy.signals import EELSSpectrum

import hyperspy_aedenoise as aed

#: No atomic columns resolved, so that any field of view has the same mean.
UNIFORM = {"source_size": 10.0}


NOISE = aed.NoiseModel(gain=2.0, offset=9.0, correlation=(1.0, 0.4, 0.1))


def signal_of(values, offset, dispersion, units="eV"):
    signal = EELSSpectrum(np.asarray(values, dtype=float))
    axis = signal.axes_manager.signal_axes[0]
    axis.offset, axis.scale, axis.units = offset, dispersion, units
    return signal


def edge_counts(counts=600.0, shape=(5, 8), **keywords):
    """Clean edge on 100 channels of 0.5 eV, from 505 eV on."""
    fine = aed.data.sto_o_k(
        shape, energy_start=505.05, dispersion=0.1, n_channels=500, **UNIFORM | keywords
    )
    edge = fine.data.reshape(*shape, 100, 5).sum(axis=-1, dtype=float)
    return edge * counts / edge.mean(axis=(0, 1)).max()


def experiment(
    shift=1.3, resolution=1.0, level=900.0, exponent=3.0, seed=0, **keywords
):
    edge = edge_counts(resolution=resolution, **keywords)
    energies = 505.25 + 0.5 * np.arange(100) + shift
    clean = edge + level * (energies / 530) ** -exponent
    noisy = NOISE.sample(clean, np.random.default_rng(seed))
    return signal_of(noisy, energies[0], 0.5)


@pytest.fixture(scope="module")
def reference():
    return aed.data.sto_o_k((4, 6), **UNIFORM)


@pytest.fixture(scope="module")
def matched(reference):
    return aed.match_reference(reference, experiment(), random_state=0)


def within(report, name, truth, most):
    """Right to `most`, and to 4 of its standard errors."""
    value, error, _ = report.parameters[name]
    return abs(value - truth) < min(most, 4 * error)

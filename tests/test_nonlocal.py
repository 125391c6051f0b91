"""Positions that look alike help each other, and only these."""

import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise._lowrank import principal_codes
from hyperspy_aedenoise._nonlocal import denoise_nonlocal, filter_map

NOISE = aed.NoiseModel.gaussian(0.05)


def everywhere(counts):
    return np.ones(counts.shape[:-1], dtype=bool)


def share_of_shrinkage(clean, noise, rng):
    """MSE of the non-local filter relative to that of optimal shrinkage."""
    noisy = noise.sample(clean, rng)
    rows = noisy.reshape(-1, noisy.shape[-1])
    linear = principal_codes(rows, noise).denoise(rows).reshape(clean.shape)
    filtered = denoise_nonlocal(noisy, everywhere(noisy), noise, rng)
    return np.square(filtered - clean).mean() / np.square(linear - clean).mean()


def mixtures(share, n_channels=120):
    """Two phases on a background, shape (*share.shape, n_channels)."""
    energy = np.linspace(0, 1, n_channels)
    one, other = (np.exp(-(((energy - at) / 0.06) ** 2)) for at in (0.4, 0.6))
    return share[..., None] * one + (1 - share[..., None]) * other


def test_a_lattice_gains_much(rng):
    """Columns that repeat: less than half of shrinkage's error on a small field."""
    clean = aed.data.sto_o_k((24, 30), n_channels=128, dispersion=0.25).data
    assert share_of_shrinkage(clean.astype(float), NOISE, rng) < 0.5


def test_smooth_lines_gain_much(rng):
    """40 spectra across an interface: spectra are few, channels alike are many."""
    clean = mixtures(np.linspace(0, 1, 40) ** 2)
    assert share_of_shrinkage(clean, NOISE, rng) < 0.4


def test_counting_noise_and_stacks_of_maps(rng):
    """Variance that follows the intensity; three navigation axes."""
    share = np.linspace(0, 1, 2 * 9 * 11).reshape(2, 9, 11)
    clean = 50 + 400 * mixtures(share)
    noise = aed.NoiseModel(3.0, 20.0, (1.0, 0.4, 0.1))
    assert share_of_shrinkage(clean, noise, rng) < 0.7


def test_nothing_alike_does_little_harm(rng):
    """Random mixtures: nothing spatial to use."""
    clean = mixtures(rng.uniform(0, 1, (20, 21)))
    assert share_of_shrinkage(clean, NOISE, rng) < 1.1


def test_a_sharp_interface_stays_sharp(rng):
    """The step of a code map of noise 1 and height 12 is not blurred."""
    clean = np.zeros((16, 20, 1))
    clean[:, 9:] = 12.0
    filtered = filter_map(
        clean + rng.normal(size=clean.shape), np.ones((16, 20)), 3, 60, 3
    )
    error = np.square(filtered - clean).mean(axis=(0, 2))
    assert error.max() < 0.3  # a mean over 3 positions would give 16 at the step


def test_large_maps_are_compared_in_part(rng, monkeypatch):
    """Neighbours and a sample instead of all positions: nearly the same result."""
    y, x = np.indices((40, 44))
    clean = 6 * np.sin(y / 3)[..., None] * np.sin(x / 4)[..., None]
    noisy = clean + rng.normal(size=clean.shape)
    level = np.ones((40, 44))
    whole = filter_map(noisy, level, 3, 60, 2)
    monkeypatch.setattr("hyperspy_aedenoise._nonlocal._ALL", 1000)
    monkeypatch.setattr("hyperspy_aedenoise._nonlocal._BLOCK", 16)
    part = filter_map(noisy, level, 3, 60, 2)
    errors = [np.square(v - clean).mean() for v in (noisy, whole, part)]
    assert errors[1] < 0.25 * errors[0]
    assert errors[2] < 1.3 * errors[1]


def test_input_and_masked_positions(rng):
    """NaN at masked positions does nothing; the input stays as it is."""
    clean = mixtures(np.linspace(0, 1, 48).reshape(6, 8))
    noisy = NOISE.sample(clean, rng)
    noisy[2, 3] = np.nan
    used = everywhere(noisy)
    used[2, 3] = False
    before = noisy.copy()
    filtered = denoise_nonlocal(noisy, used, NOISE, rng)
    assert np.array_equal(noisy, before, equal_nan=True)
    assert np.isfinite(filtered).all()


@pytest.mark.parametrize("shape", [(1, 3), (3, 1), (5,), (2, 2, 2)])
def test_tiny_and_odd_shapes(shape, rng):
    clean = np.broadcast_to(mixtures(np.array(0.5)), (*shape, 120))
    noisy = NOISE.sample(clean, rng)
    assert denoise_nonlocal(noisy, everywhere(noisy), NOISE, rng).shape == noisy.shape


def test_dead_channels_and_empty_positions(rng):
    """Where counting noise has no variance nothing is divided by it."""
    clean = 100 * mixtures(np.linspace(0, 1, 48).reshape(6, 8))
    clean[..., 50] = 0
    clean[3, 4] = 0
    noise = aed.NoiseModel(2.0)
    noisy = noise.sample(clean, rng)
    filtered = denoise_nonlocal(noisy, everywhere(noisy), noise, rng)
    assert np.isfinite(filtered).all()
    assert np.abs(filtered[..., 50]).max() < 1

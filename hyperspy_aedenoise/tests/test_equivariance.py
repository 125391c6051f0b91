"""What is done to the data is done to the result: units and axes don't matter."""

from functools import cache

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

import hyperspy_aedenoise as aed

NOISE = aed.NoiseModel(gain=1, offset=4)
SHAPE = (14, 14)
few = hypothesis.settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
)


@cache
def measured():
    """Clean counts, noisy ones, and what comes out."""
    clean = aed.data.sto_o_k(SHAPE, dispersion=0.4, n_channels=64) * 300.0
    noisy = aed.add_noise(clean, NOISE, random_state=0)
    return clean.data, noisy.data, denoised(noisy.data)


def fitted(data, seed=0):
    signal = type(aed.data.sto_o_k((1, 1)))(data)
    signal.decompose_autoencoder(
        random_state=seed, show_progressbar=False, print_info=False
    )
    return signal


def denoised(data, seed=0):
    return fitted(data, seed).get_autoencoder_model().data


def rms(values):
    return float(np.sqrt(np.mean(np.square(values, dtype=float))))


def advice(data):
    comparison = fitted(data).compare_denoising()
    raw = comparison.table[0]["estimated_mse"]
    shares = [row["estimated_mse"] / raw for row in comparison.table]
    return comparison.recommended, shares


@few
@hypothesis.given(power=strategies.floats(-11, 11))
def test_units_do_not_matter(power):
    _, noisy, expected = measured()
    result = denoised(noisy * np.float32(10**power)) / np.float32(10**power)
    assert rms(result - expected) < 1e-3 * rms(noisy - expected)


@few
@hypothesis.given(constant=strategies.floats(-1000, 1000))
def test_a_constant_is_only_added(constant):
    """But for rounding of what stands on it, and of the pedestal that is measured."""
    _, noisy, expected = measured()
    result = denoised(noisy + np.float32(constant)) - np.float32(constant)
    assert rms(result - expected) < 5e-3 * rms(noisy - expected)


TURNED = {
    "mirrored across": lambda data: data[:, ::-1],
    "mirrored down": lambda data: data[::-1],
    "transposed": lambda data: data.swapaxes(0, 1),
    "reversed energies": lambda data: data[..., ::-1],
}


@pytest.mark.parametrize("turn", TURNED.values(), ids=TURNED)
def test_axes_do_not_matter(turn):
    """Drawn noise falls elsewhere: results differ by less than their error."""
    clean, noisy, expected = measured()
    result = turn(denoised(turn(noisy).copy()))
    error = rms(expected - clean)
    assert rms(result - expected) < 0.7 * error
    assert rms(result - clean) < 1.1 * error


def test_a_seed_does_not_matter_beyond_the_error():
    clean, noisy, expected = measured()
    error = rms(expected - clean)
    for seed in range(1, 4):
        result = denoised(noisy, seed)
        assert rms(result - expected) < 0.7 * error
        assert rms(result - clean) < 1.1 * error


def test_without_neighbours_it_is_still_better_than_noise():
    """Positions in any order lose what neighbours gave, and nothing else."""
    clean, noisy, expected = measured()
    order = np.random.default_rng(0).permutation(noisy[..., 0].size)
    rows = noisy.reshape(len(order), -1)[order].reshape(noisy.shape)
    result = denoised(rows).reshape(len(order), -1)
    rest = result[np.argsort(order)].reshape(clean.shape) - clean
    assert rms(rest) < 1.6 * rms(expected - clean)


@few
@hypothesis.given(
    rows=strategies.slices(SHAPE[0]).filter(lambda s: len(range(SHAPE[0])[s]) > 0),
    columns=strategies.slices(SHAPE[1]).filter(lambda s: len(range(SHAPE[1])[s]) > 0),
)
def test_slices_of_a_fit_are_slices_of_its_result(rows, columns):
    _, noisy, expected = measured()
    signal = fitted(noisy)
    part = signal.deepcopy()
    part = part._deepcopy_with_new_data(signal.data[rows, columns].copy())
    part.get_dimensions_from_data()
    result = part.get_autoencoder_model().data
    assert np.allclose(result, expected[rows, columns], atol=1e-5 * rms(expected))


def test_the_advice_moves_along():
    """With a constant HyperSpy's scaling of counts isn't used: its PCA is another."""
    _, noisy, _ = measured()
    route, shares = advice(noisy)
    scaled, others = advice(noisy * np.float32(1e-3))
    assert scaled == route
    assert np.allclose(others, shares, atol=0.01)
    assert advice(noisy + np.float32(200))[0] == route

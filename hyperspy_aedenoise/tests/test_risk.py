"""Pairs tell which of two denoisers is better, without truth."""

import numpy as np
import pytest

from hyperspy_aedenoise import NoiseModel
from hyperspy_aedenoise._engine.recorrupted_pairs import Pair, recorrupted_pair
from hyperspy_aedenoise._observation.observation import Observation
from hyperspy_aedenoise._observation.spectra_by_blocks import InMemory

NOISE = NoiseModel(2.0, 25.0, (1, 0.4))
RATIO = 0.3


def set_of(rng, n=400):
    clean = np.tile(100 + 50 * np.sin(np.linspace(0, 6, 64)), (n, 1))
    return clean, clean + NOISE.fluctuation(clean, rng)


def pair_of(rng, n):
    """A pair, with what is true of it."""
    clean, noisy = set_of(rng, n)
    observation = Observation.of(noisy, np.ones(n, bool), NOISE)
    return clean, Pair.drawn(observation, clean, rng, RATIO)


def test_the_noises_of_a_pair_are_independent(rng):
    """Uncorrelated, with 1 + a**2 and 1 + 1 / a**2 times the variance."""
    clean, noisy = set_of(rng)
    first, second = recorrupted_pair(noisy, clean, NOISE, RATIO, rng)
    one, two = (first - clean), (second - clean)
    spread = np.sqrt(NOISE.variance(clean))
    n = clean.size / 2  # neighbouring channels are correlated
    assert np.var(one / spread) == pytest.approx(1 + RATIO**2, rel=4 * np.sqrt(2 / n))
    assert np.var(two / spread) == pytest.approx(
        1 + 1 / RATIO**2, rel=4 * np.sqrt(2 / n)
    )
    assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 4 / np.sqrt(n)


def test_paired_difference_is_right_within_its_error(rng):
    """Over 60 draws the deviations have mean 0 and unit variance."""
    pulls = []
    for _ in range(60):
        clean, pair = pair_of(rng, 40)
        first = pair.first.spectra.all()
        one = np.tile(first.mean(axis=0), (40, 1))
        other = 0.5 * first + 0.5 * one
        true = np.mean((one - clean) ** 2) - np.mean((other - clean) ** 2)
        found = pair.difference(InMemory(one), InMemory(other))
        pulls.append((found.value - true) / found.error)
    assert abs(np.mean(pulls)) < 4 / np.sqrt(60)
    assert np.std(pulls) == pytest.approx(1, abs=4 / np.sqrt(120))


def test_a_denoiser_that_keeps_the_noise_is_not_rewarded(rng):
    """The identity fits its own noise perfectly and is still the worst."""
    _, pair = pair_of(rng, 400)
    first = pair.first.spectra.all()
    mean = np.tile(first.mean(axis=0), (len(first), 1))
    found = pair.difference(InMemory(first), InMemory(mean))
    assert found.value > 10 * found.error

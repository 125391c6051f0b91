"""Features that show only in means over places, in counts of few electrons."""

import numpy as np
import pytest
import scipy.stats

import hyperspy_aedenoise as aed
from hyperspy_aedenoise._engine.recipe import Recipe
from hyperspy_aedenoise._engine.restoration import restore
from hyperspy_aedenoise._filters.weak_noise import as_gaussian
from hyperspy_aedenoise._observation.observation import Observation

COUNTING = aed.NoiseModel(1.0)
SIDE, CHANNEL = 28, np.arange(160)
PEAK = np.exp(-0.5 * ((CHANNEL - 80) / 5) ** 2)
ROW, COLUMN = np.indices((SIDE, SIDE))
REGIONS = {
    "half": ROW < 14,
    "patch": (abs(ROW - 10) < 4) & (abs(COLUMN - 12) < 4),
    "two rows": (ROW == 9) | (ROW == 10),
}
#: An edge that sets in where hardly anything was counted before.
EDGE = np.where(CHANNEL > 30, np.exp(-(CHANNEL - 30) / 60), 1e-3)
EDGE /= EDGE.mean()


def restored(expected, rng):
    """The restoration of counts by shrunk principal components."""
    used = np.ones(expected.shape[:-1], bool)
    observation = Observation.of(rng.poisson(expected)[used], used, COUNTING)
    assert observation.is_counted
    return restore(observation, None, Recipe(), rng)


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("mean", (0.1, 1.0))
def test_most_of_a_weak_feature_is_kept(region, mean, rng):
    """Of 24 standard errors in all, 1.2 in a spectrum of half of the map."""
    inside = REGIONS[region]
    height = 24 / np.sqrt(np.square(PEAK).sum() / mean * inside.sum())
    extra = height * inside[..., None] * PEAK
    result = restored(mean + extra, rng)
    values = result.spectra().reshape(extra.shape) - mean
    apart = values[inside].mean(axis=0) - values[~inside].mean(axis=0)
    assert apart @ PEAK / (height * PEAK @ PEAK) == pytest.approx(1, abs=0.3)
    assert len(result.weak.found) == 1
    assert abs(result.weak.found[0]["channel"] - 80) <= 5


@pytest.mark.parametrize("mean", (0.02, 0.1, 1.0))
@pytest.mark.parametrize("scene", ("flat", "lattice", "particle"))
def test_nothing_where_all_spectra_are_alike(scene, mean, rng):
    """Single electrons where hardly any are expected are nothing."""
    brightness = {
        "flat": np.ones((SIDE, SIDE)),
        "lattice": 2 + np.cos(ROW) * np.cos(0.7 * COLUMN),
        "particle": 0.02 + REGIONS["patch"],
    }[scene]
    weak = restored(mean * brightness[..., None] * EDGE, rng).weak
    assert not weak.found and not weak.missed


@pytest.mark.parametrize("expected", (0.1, 1.0, 20.0))
def test_few_electrons_are_as_rare_as_they_are(expected):
    """But for a factor of four, where a Gaussian value would be off without bounds."""
    counts = np.arange(int(expected + 4 * np.sqrt(expected)) + 1, 60)
    values = (counts - expected) / np.sqrt(expected)
    rare = values.copy()
    as_gaussian(rare, np.full(rare.shape, 1 / np.sqrt(expected)))
    chance = scipy.stats.poisson.sf(counts - 1, expected)
    assert np.all(scipy.stats.norm.logsf(rare) > np.log(chance / 4))
    assert np.all(rare < values) and np.all(np.diff(rare) > 0)


def test_many_electrons_are_gaussian():
    values = np.array([-6.0, -2.0, 0.0, 4.0])
    same = values.copy()
    as_gaussian(same, np.full(same.shape, 1e-4))
    np.testing.assert_allclose(same, values, rtol=1e-3)

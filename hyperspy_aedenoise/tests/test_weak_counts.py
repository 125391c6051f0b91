"""Features that show only in means over places, in counts of few electrons."""

import numpy as np
import pytest
import scipy.stats

import hyperspy_aedenoise as aed
from hyperspy_aedenoise._engine.recipe import Recipe
from hyperspy_aedenoise._engine.restoration import restore
from hyperspy_aedenoise._filters.weak_noise import OutsideNoise, as_gaussian
from hyperspy_aedenoise._filters.weak_scan import scan, templates
from hyperspy_aedenoise._noise.whitening import Colour
from hyperspy_aedenoise._observation.observation import Observation

SHAPE, CHANNEL = (28, 24), np.arange(160)
PEAK = np.exp(-0.5 * ((CHANNEL - 80) / 5) ** 2)
ROW, COLUMN = np.indices(SHAPE)
REGIONS = {
    "half": ROW < 14,
    "patch": (abs(ROW - 10) < 4) & (abs(COLUMN - 12) < 4),
    "two rows": (ROW == 9) | (ROW == 10),
}
#: An edge that sets in where hardly anything was counted before.
EDGE = np.where(CHANNEL > 30, np.exp(-(CHANNEL - 30) / 60), 1e-3)
EDGE /= EDGE.mean()


def observed(expected, rng, unit=1.0):
    used = np.ones(expected.shape[:-1], bool)
    counts = rng.poisson(expected)[used] * unit
    observation = Observation.of(counts, used, aed.NoiseModel(unit))
    assert observation.is_counted
    return observation


def restored(observation, rng):
    """The restoration by shrunk principal components."""
    return restore(observation, None, Recipe(), rng)


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize(("mean", "unit"), [(0.1, 1.0), (1.0, 0.37)])
def test_most_of_a_weak_feature_is_kept(region, mean, unit, rng):
    """Of 24 standard errors in all, beside the noise without it.

    Four positions are one cell of the map of a feature where there are 16 electrons in
    a spectrum, so that two rows are kept in part.
    """
    inside = REGIONS[region]
    height = 24 / np.sqrt(np.square(PEAK).sum() / mean * inside.sum())
    extra = height * inside[..., None] * PEAK
    result = restored(observed(mean + extra, rng, unit), rng)
    values = result.spectra().reshape(extra.shape) / unit - mean
    apart = values[inside].mean(axis=0) - values[~inside].mean(axis=0)
    kept = apart @ PEAK / (height * PEAK @ PEAK)
    assert kept > 0.3 if (region, mean) == ("two rows", 0.1) else 0.7 < kept < 1.3
    (found,) = result.weak.found
    assert abs(found["channel"] - 80) <= 5


@pytest.mark.parametrize("mean", (0.02, 0.1, 1.0))
@pytest.mark.parametrize("scene", ("flat", "lattice", "particle"))
def test_nothing_where_only_brightness_differs(scene, mean, rng):
    """Single electrons where hardly any are expected are nothing."""
    brightness = {
        "flat": np.ones(SHAPE),
        "lattice": 2 + np.cos(ROW) * np.cos(0.7 * COLUMN),
        "particle": 0.02 + REGIONS["patch"],
    }[scene]
    weak = restored(observed(mean * brightness[..., None] * EDGE, rng), rng).weak
    assert not weak.found and not weak.missed


def test_a_stray_hit_is_no_feature(rng):
    counts = rng.poisson(0.1, (*SHAPE, 160)).astype("f4")
    for number, hit in enumerate((5, 8, 12, 19)):
        counts[4 + 5 * number, 9, 30 + 20 * number] += hit
    used = np.ones(SHAPE, bool)
    observation = Observation.of(counts[used], used, aed.NoiseModel(1.0))
    assert observation.is_counted
    weak = restored(observation, rng).weak
    assert not weak.found and not weak.missed


@pytest.mark.parametrize("foot", (1.0, 0.02))
def test_chance_of_counts_is_as_stated(foot, rng):
    """Two kinds of spectra, one of them dark in a part of the energies: 1 of 100 maps.

    More than 2 of 30 would come once in 300 trials then.
    """
    course = np.ones((*SHAPE, 160))
    course[:14, :, 60:110] = foot
    course[14:, :, 60:110] = 2 - foot
    expected = (0.1 * course).reshape(-1, 160)
    mean, known = np.full(160, 0.1), np.zeros((160, 0))
    colour = Colour.of(aed.NoiseModel(1.0), mean)
    count, cells = np.ones((1, *SHAPE)), (1, *SHAPE, 160)
    one, half_of_all = np.ones(len(expected), "f4"), len(expected) // 2
    ratio = np.maximum(expected / mean, 0.1).astype("f4")
    step = (1 / colour.spread).astype("f4")
    noise = OutsideNoise(ratio, known, step, one)
    peaks, seen = templates(colour, known), 0
    for _ in range(30):
        residual = colour.whiten(rng.poisson(expected) - expected).astype("f4")
        for half in (residual[:half_of_all], residual[half_of_all:]):
            half -= half.mean(axis=0)  # as components take it off
        seen += scan(residual.reshape(cells), count, peaks, noise).excess > 0
    assert seen <= 2


@pytest.mark.parametrize("expected", (1e-6, 1e-3, 0.1, 1.0, 20.0))
def test_few_electrons_are_as_rare_as_they_are(expected):
    """To 10 %, where a Gaussian value would be off without bounds."""
    counts = np.arange(1, 60)
    values = (counts - expected) / np.sqrt(expected)
    rare = as_gaussian(values, np.full(values.shape, 1 / np.sqrt(expected)))
    chance = scipy.stats.poisson.sf(counts - 1, expected)
    some = (rare > 3) & (rare < 8)
    claimed = scipy.stats.norm.sf(rare[some])
    assert some.any()
    np.testing.assert_allclose(claimed, chance[some], rtol=0.1)


def test_many_electrons_are_gaussian():
    values = np.array([-6.0, -2.0, 0.0, 4.0])
    same = as_gaussian(values, np.full(4, 1e-4))
    np.testing.assert_allclose(same, values, rtol=1e-3)

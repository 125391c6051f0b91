"""Maps of weak features: cells, windows, and regions of two levels."""

import numpy as np
import pytest

from hyperspy_aedenoise._filters.faint_maps import faint_map
from hyperspy_aedenoise._filters.two_levels import two_levels
from hyperspy_aedenoise._filters.windows import Grid, around, fitted_windows, integral
from hyperspy_aedenoise._observation.layout import Layout


def test_sums_over_windows():
    values = np.arange(24.0).reshape(1, 4, 6)
    sums = integral(values)
    means = around(sums, 3, 2)
    assert means[0, 1, 2] == values[0, 0:3, 2:4].sum()
    assert means[0, 0, 5] == values[0, 0:2, 5:].sum()
    rows = around(sums, 2, 12)
    assert rows.shape == (1, 4, 1)
    assert rows[0, 1, 0] == values[0, 1:3].sum()
    np.testing.assert_allclose(around(sums, 8, 12), [[[values.sum()]]])


def test_large_maps_are_binned():
    """The noise of a cell is that of its mean."""
    layout = Layout.of(np.ones((130, 20), bool))
    grid = Grid.of(layout, np.full(2600, 4.0))
    assert grid.shape == (1, 44, 20)
    assert grid.count().max() == 3
    np.testing.assert_allclose(grid.weights().max(), 3 / 4)
    np.testing.assert_array_equal(
        grid.cell, np.arange(2600) // 60 * 20 + np.tile(range(20), 130)
    )


def test_rectangles_that_overlap(rng):
    truth = np.zeros((1, 24, 24))
    truth[0, 3:15, 4:10] = 1.0
    truth[0, 10:20, 8:22] -= 0.8
    noisy = truth + 0.8 * rng.standard_normal(truth.shape)
    fit = fitted_windows(noisy, np.full(truth.shape, 0.8**-2), 1.0, 40)
    assert np.square(fit - truth).mean() < 0.1 * 0.8**2


@pytest.mark.parametrize("used", [1.0, 0.8])
def test_two_levels_have_the_shape_of_a_region(rng, used):
    """A fifth of the cells may be masked.

    Stripes are rectangles; what is none is fitted better than by rectangles.
    """
    y, x = np.indices((32, 32))
    weights = (rng.uniform(size=(1, 32, 32)) < used).astype(float)
    stripes = x % 9 < 2
    for region in (np.hypot(y - 15, x - 12) < 8, np.abs(y - x) < 3, stripes):
        truth = np.where(weights > 0, region - np.mean(region), 0.0)
        truth *= 30 / np.sqrt(np.square(truth).sum())
        noisy = np.where(weights > 0, truth + rng.standard_normal(truth.shape), 0.0)
        fit = two_levels(noisy, weights, 1.0)
        assert 0.8 < np.vdot(fit, truth) / 900 < 1.15
        assert np.square(fit - truth).sum() < 0.2 * 900
        rectangles = fitted_windows(noisy, weights, 1.0, 40)
        is_better = np.square(fit - truth).sum() < np.square(rectangles - truth).sum()
        assert is_better or region is stripes
        assert not fit[weights == 0].any()


def test_faint_maps_of_noise_are_empty(rng):
    """On maps, lines and stacks."""
    for shape in ((1, 24, 24), (1, 1, 200), (3, 12, 12)):
        maps = [faint_map(rng.standard_normal(shape), np.ones(shape)) for _ in range(5)]
        assert sum(one.any() for one in maps) <= 1

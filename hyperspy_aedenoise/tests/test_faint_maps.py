"""Maps of weak features: cells, windows, and regions of two levels."""

import numpy as np
import pytest

from hyperspy_aedenoise._filters.faint_maps import faint_map
from hyperspy_aedenoise._filters.residual_cells import take_off
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


def test_beginnings_settle_each_for_itself(rng, monkeypatch):
    """However many at a time; a region in one map of a stack is found there alone."""
    weights = rng.uniform(0.5, 2, (2, 16, 18))
    weights[:, 3, 4] = 0
    region = np.zeros(weights.shape, bool)
    region[1, 5:13, 4:12] = True
    codes = np.where(region, 1.0, 0) + rng.standard_normal(weights.shape) / np.sqrt(
        np.maximum(weights, 1e-12)
    )
    together = two_levels(codes, weights, 1.0, (region,))
    monkeypatch.setattr("hyperspy_aedenoise._filters.two_levels._AT_ONCE", 1)
    np.testing.assert_allclose(
        two_levels(codes, weights, 1.0, (region,)), together, atol=1e-12
    )
    inside = together[region].mean()
    assert inside - together[~region].mean() == pytest.approx(1, abs=0.25)
    assert (together[:, 3, 4] == 0).all()


def test_known_directions_and_the_mean_are_taken_off(rng):
    """In place; cells without spectra take no part in the mean."""
    rows = rng.standard_normal((5, 7)).astype("f4")
    known = np.linalg.qr(rng.standard_normal((7, 2)))[0]
    root = np.sqrt([3.0, 1, 0, 2, 4])
    empty = rows[2] - known @ (known.T @ rows[2])
    take_off(rows, known, root)
    np.testing.assert_allclose(rows @ known, 0, atol=1e-5)
    np.testing.assert_allclose(root @ rows, 0, atol=1e-5)
    np.testing.assert_allclose(rows[2], empty, atol=1e-5)

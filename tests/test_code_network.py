"""The network that corrects filtered code maps."""

import numpy as np
import pytest

from hyperspy_aedenoise._code_network import correction
from hyperspy_aedenoise._nonlocal import MapFilter


@pytest.fixture(scope="module")
def maps():
    """Truth, noisy and filtered codes of two grains with a sharp, tilted boundary."""
    y, x = np.indices((40, 40))
    truth = np.where((2 * x + y < 60)[..., None], [4.0, 1.0], [-4.0, -1.0])[None]
    noisy = truth + np.random.default_rng(3).normal(size=truth.shape)
    return truth, noisy, MapFilter(3, 40)(noisy, np.ones((1, 40, 40)))


def error(codes, truth):
    return np.square(codes - truth).mean()


def test_corrects_what_the_filter_left(maps):
    truth, noisy, filtered = maps
    before = filtered.copy()
    change = correction(noisy, filtered, np.ones((1, 40, 40)))
    assert error(filtered + change, truth) < 0.8 * error(filtered, truth)
    np.testing.assert_array_equal(filtered, before)


def test_is_the_same_in_any_unit(maps):
    _, noisy, filtered = maps
    one = correction(noisy, filtered, np.ones((1, 40, 40)))
    other = correction(5 * noisy, 5 * filtered, np.full((1, 40, 40), 25.0))
    np.testing.assert_allclose(other, 5 * one, atol=1e-3)


def test_maps_of_a_stack_are_corrected_one_by_one(maps):
    _, noisy, filtered = maps
    alone = correction(noisy, filtered, np.ones((1, 40, 40)))
    stack = [np.concatenate([values, -values]) for values in (noisy, filtered)]
    together = correction(*stack, np.ones((2, 40, 40)))
    np.testing.assert_allclose(together[:1], alone, atol=1e-5)


def test_takes_away_no_more_than_three_standard_deviations(maps):
    _, noisy, filtered = maps
    change = correction(noisy + 1000, filtered, np.ones((1, 40, 40)))
    assert np.abs(change).max() <= 3.001

"""What random matrix theory says of noise holds for noise that is drawn."""

import numpy as np
import pytest

from hyperspy_aedenoise._noise.random_matrices import (
    largest_of_noise,
    rank_of_unknown_level,
)


@pytest.mark.parametrize("shape", [(900, 60), (300, 300), (60, 900)])
def test_the_largest_component_of_noise_is_at_the_edge(shape, rng):
    """The relative spread of the largest variance is about ``n ** (-2 / 3)``."""
    white = rng.normal(size=shape)
    largest = np.linalg.svd(white, compute_uv=False)[0] ** 2 / shape[0]
    tolerance = 4 * min(shape) ** (-2 / 3)
    assert largest == pytest.approx(
        largest_of_noise(shape[1] / shape[0]), rel=tolerance
    )


@pytest.mark.parametrize("level", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("shape", [(200, 40), (40, 200)])
def test_the_rank_does_not_depend_on_the_unit(shape, level, rng):
    """Three strong components in noise of any level are three, and noise alone none."""
    white = rng.normal(size=shape)
    scores, spectra = rng.normal(size=(shape[0], 3)), rng.normal(size=(3, shape[1]))
    for signal, rank in ((scores @ spectra, 3), (0, 0)):
        fluctuations = level * (white + signal)
        fluctuations -= fluctuations.mean(axis=0)
        assert rank_of_unknown_level(fluctuations, 1.2) == rank


def test_some_components_are_left_to_show_the_noise(rng):
    """Even where all of them are strong, fewer than half count as signal."""
    steep = rng.normal(size=(30, 12)) * 10.0 ** np.arange(12)
    assert rank_of_unknown_level(steep - steep.mean(axis=0), 1.2) <= 5

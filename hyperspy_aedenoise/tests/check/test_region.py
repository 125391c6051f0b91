"""Means over a region, denoised against raw."""

import numpy as np
import pytest

from hyperspy_aedenoise import NoiseModel
from hyperspy_aedenoise._check.region import RegionMeans
from hyperspy_aedenoise.tests.check.conftest import NOISE


def test_means_of_a_region(map_signal):
    """By mask and by region of interest; errors are those of the noise."""
    import hyperspy.api as hs

    _, noisy, report = map_signal
    mask = np.zeros(noisy.axes_manager.navigation_shape, bool)
    mask[3:9, 5:10] = True
    region = report.region(mask)
    inside = noisy.data[5:10, 3:9].reshape(-1, 80)
    assert region.n_positions == 30
    np.testing.assert_allclose(
        region.signals["raw"].data, inside.mean(axis=0), rtol=1e-5
    )
    variance = region.signals["raw"].metadata.Signal.Noise_properties.variance
    np.testing.assert_allclose(
        variance.data, NOISE.variance(inside.mean(axis=0)) / 30, rtol=0.2
    )
    assert max(abs(row["significance"]) for row in region.table) < 4.5
    x, y = noisy.axes_manager.navigation_axes
    roi = hs.roi.RectangularROI(
        x.index2value(3), y.index2value(5), x.index2value(9), y.index2value(10)
    )
    by_roi = report.region(roi)
    np.testing.assert_array_equal(
        by_roi.signals["raw"].data, region.signals["raw"].data
    )
    assert len(region.plot().axes) == 2
    assert "standard errors" in str(region)
    with pytest.raises(TypeError, match="`region` must be a mask"):
        report.region("all")
    with pytest.raises(ValueError, match="`region` must be of the signal's"):
        report.region(mask.T)


def test_the_difference_of_a_region_scatters_as_it_says(rng):
    """Correlation along energy included."""
    noise = NoiseModel(0.5, 2.0, (1.0, 0.5, 0.2))
    clean = np.full((40, 90), 50.0)
    found = [
        RegionMeans.of(noise.sample(clean, rng), clean, noise).significance
        for _ in range(60)
    ]
    assert 0.9 < np.std(found) < 1.1

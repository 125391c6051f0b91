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


def test_windows_of_a_region(map_signal):
    """Both ends included; of a window alone nothing is said of the largest of many."""
    _, noisy, report = map_signal
    energies = noisy.axes_manager[-1].axis
    mask = np.ones(noisy.axes_manager.navigation_shape, bool)
    region = report.region(mask, windows=[energies[[10, 14]], energies[[20, 20]]])
    for row, (first, last) in zip(region.table, [(10, 14), (20, 20)], strict=True):
        assert (row["low"], row["high"]) == (energies[first], energies[last])
        inside = noisy.data[..., first : last + 1]
        assert row["raw"] == pytest.approx(inside.mean(), rel=1e-5)
    assert "of 2 windows" in str(region)
    assert "windows" not in str(report.region(mask, windows=[energies[[10, 14]]]))


@pytest.mark.parametrize(
    ("windows", "kind", "words"),
    [
        ((530, 540), TypeError, r"two energies.*got 530.*windows=\[\(low, high\)"),
        (530, TypeError, "two energies"),
        ([], TypeError, "two energies"),
        ([(10, 20)], ValueError, r"`windows`.*\(10, 20\)"),
    ],
)
def test_windows_must_be_energies_of_the_signal(map_signal, windows, kind, words):
    _, noisy, report = map_signal
    mask = np.ones(noisy.axes_manager.navigation_shape, bool)
    with pytest.raises(kind, match=words):
        report.region(mask, windows=windows)


@pytest.mark.parametrize("windows", [None, np.array([[3, 7], [40, 88], [50, 51]])])
def test_the_difference_of_a_region_scatters_as_it_says(rng, windows):
    """Correlation along energy included."""
    noise = NoiseModel(0.5, 2.0, (1.0, 0.5, 0.2))
    clean = np.full((40, 90), 50.0)
    found = [
        RegionMeans.of(noise.sample(clean, rng), clean, noise, windows).significance
        for _ in range(60 if windows is None else 400)
    ]
    assert 0.9 < np.std(found) < 1.1

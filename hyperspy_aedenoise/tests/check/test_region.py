"""Means over a region, denoised against raw."""

import numpy as np
import pytest

from hyperspy_aedenoise import NoiseModel
from hyperspy_aedenoise._check.region import RegionMeans
from hyperspy_aedenoise._report.window import given_window
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
    """In the order that was asked for, both ends included."""
    _, noisy, report = map_signal
    energies = noisy.axes_manager[-1].axis
    mask = np.ones(noisy.axes_manager.navigation_shape, bool)
    region = report.region(mask, windows=[energies[[30, 34]], energies[[20, 20]]])
    raw, denoised = region.signals["raw"], region.signals["denoised"]
    variance = raw.metadata.Signal.Noise_properties.variance.data
    for row, (first, last) in zip(region.table, [(30, 34), (20, 20)], strict=True):
        inside = np.s_[first : last + 1]
        assert (row["low"], row["high"]) == (energies[first], energies[last])
        assert row["raw"] == pytest.approx(raw.data[inside].mean())
        assert row["denoised"] == pytest.approx(denoised.data[inside].mean())
        assert row["difference"] == pytest.approx(row["raw"] - row["denoised"])
        # the noise is white
        error = np.sqrt(variance[inside].sum()) / (last + 1 - first)
        assert row["error"] == pytest.approx(error, rel=0.01)
    assert "differ most" in str(region) and "of 2 windows" in str(region)
    alone = str(report.region(mask, windows=[energies[[30, 34]]]))
    assert "raw minus denoised is" in alone and "windows" not in alone


@pytest.mark.parametrize(
    ("windows", "kind", "words"),
    [
        ((530, 540), TypeError, r"`windows`.*list of pairs.*got \(530, 540\)"),
        (530, TypeError, "`windows`.*list of pairs"),
        ([], TypeError, "`windows`.*list of pairs"),
        ([(530, 535), (540,)], TypeError, "`windows`.*two energies"),
        ([(10, 20)], ValueError, r"`windows`.*got \(10, 20\)"),
    ],
)
def test_windows_must_be_energies_of_the_signal(map_signal, windows, kind, words):
    _, noisy, report = map_signal
    mask = np.ones(noisy.axes_manager.navigation_shape, bool)
    with pytest.raises(kind, match=words):
        report.region(mask, windows=windows)


def test_the_ends_of_a_window_are_inside():
    """Whichever way the axis runs, in single precision, beside left-out channels."""
    scale = np.float32(0.1)  # as in the files of microscopes
    energies = 480 + float(scale) * np.arange(600)
    every = np.arange(600)

    def ends(energies, common=every):
        found = given_window((532.0, 533.0), energies, common, "windows", "")
        return found[0], found[-1], len(found)

    assert ends(energies) == (520, 530, 11)
    assert ends(energies[::-1]) == (69, 79, 11)
    left_out = (every >= 525) & (every < 540)
    assert ends(energies, every[~left_out]) == (520, 524, 5)


def test_the_difference_of_a_region_scatters_as_it_says(rng):
    """Correlation along energy included."""
    noise = NoiseModel(0.5, 2.0, (1.0, 0.5, 0.2))
    clean = np.full((40, 90), 50.0)
    windows, n = np.array([[3, 7], [40, 88], [50, 51]]), 400
    by_default, chosen = [], []
    for _ in range(n):
        noisy = noise.sample(clean, rng)
        by_default.append(RegionMeans.of(noisy, clean, noise).significance)
        chosen.append(RegionMeans.of(noisy, clean, noise, windows).significance)
    tolerance = 4 / np.sqrt(2 * n)  # of a standard deviation of n values
    for found in (by_default, chosen):
        assert np.std(found, axis=0) == pytest.approx(1, abs=tolerance)

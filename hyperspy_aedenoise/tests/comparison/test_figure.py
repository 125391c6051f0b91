"""The picture of a comparison."""

from dataclasses import replace

import hyperspy.api as hs
import matplotlib.pyplot as plt
import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import NoiseModel
from hyperspy_aedenoise._report.comparison import DenoisingComparison
from hyperspy_aedenoise._report.window import Contrast
from hyperspy_aedenoise.tests.comparison.conftest import ROUTES
from hyperspy_aedenoise.tests.conftest import train


def test_it_can_be_read(compared):
    _, _, with_truth, without = compared
    text = str(without)
    assert all(route in text for route in ROUTES)
    assert "Recommended" in text
    assert "MSE against truth" in str(with_truth)
    assert "<table" in without._repr_html_()


def test_it_can_be_seen(compared):
    """Raw, PCA, autoencoder and what is recommended, marked alike in all.

    Below each map its residual, below each spectrum the same.
    """
    _, _, with_truth, without = compared
    for comparison in (without, with_truth):
        n_images = 3 + (comparison.recommended not in ("raw", "pca", "autoencoder"))
        n_images += comparison is with_truth
        figure = comparison.plot()
        maps = [ax for ax in figure.axes if ax.images and len(ax.lines) == 3]
        residuals = [ax for ax in figure.axes if ax.images and not ax.lines]
        assert len(maps) == n_images
        assert len(residuals) == n_images - 1
        titles = [ax.get_title() for ax in panels_of_spectra(figure)]
        assert titles == ["Mean spectrum", "Position 1", "Position 2", "Position 3"]
        lines = [len(ax.lines) for ax in panels_of_spectra(figure)]
        assert lines == [n_images] * 4


def panels_of_spectra(figure):
    names = ("Mean spectrum", "Position")
    return [ax for ax in figure.axes if ax.get_title().startswith(names)]


def test_what_was_taken_off_is_noise(compared):
    """Of what no route should keep: half of the map within 0.67 of its deviation."""
    comparison = compared[3]
    figure = comparison.plot()
    residual = [ax for ax in figure.axes if ax.images and not ax.lines][-1]
    values = np.abs(residual.images[0].get_array().data)
    # 360 values: a median is good to 6 %, and 6 of 60 components are taken off it
    assert np.median(values) == pytest.approx(0.6745, rel=0.2)


def window_of(figure):
    """Ends of the shaded window in the mean spectrum."""
    mean = panels_of_spectra(figure)[0]
    (span,) = mean.patches  # before matplotlib 3.9 no rectangle
    extents = span.get_path().transformed(span.get_patch_transform()).get_extents()
    return extents.x0, extents.x1


def edge_on_background(rng, edge=40.0):
    """A small edge at 440 eV in half of the positions, on a steep background.

    Thickness, and so the background at the low end, varies most by far.
    """
    energies = 350 + 0.5 * np.arange(300)
    thickness = rng.uniform(0.5, 1.5, (12, 14, 1))
    background = 4000 * (energies / 350) ** -3.0 * thickness
    line = np.exp(-0.5 * ((energies - 440) / 4) ** 2)
    clean = background.copy()
    clean[:, :7] += edge * line
    signal = hs.signals.Signal1D(clean)
    signal.set_signal_type("EELS")
    axis = signal.axes_manager[-1]
    axis.offset, axis.scale, axis.units = 350, 0.5, "eV"
    return signal


@pytest.mark.parametrize("spoiled", [False, True])
def test_the_maps_are_of_the_edge(rng, spoiled):
    """Neither the background at the low end nor one spike chooses the energy."""
    clean = edge_on_background(rng)
    noisy = aed.add_noise(clean, NoiseModel(1.0), random_state=0)
    noise = NoiseModel(1.0)
    denoised = clean.deepcopy()
    if spoiled:
        denoised.data[3, 4, 20] += 1e6
    signals = {"raw": noisy, "pca": clean, "autoencoder": denoised}
    row = {"estimated_mse": 1.0, "estimated_error": 0.1, "mse": None}
    table = [row | {"route": route} for route in signals]
    comparison = DenoisingComparison(table, signals, "pca", "", noise=noise)
    low, high = window_of(comparison.plot())
    assert 430 < low < high < 450
    # the peak is a hundredth of the range: it is shown from close by
    panels = panels_of_spectra(comparison.plot())
    assert panels[1].get_title() == "Position 1, less a power law"
    low, high = window_of(comparison.plot(window=(360, 380)))
    assert (low, high) == pytest.approx((360, 380), abs=0.51)


def test_the_zero_loss_peak_is_no_contrast(rng):
    """It varies most, and tells least: the map is of the plasmon."""
    energies = -10 + 0.2 * np.arange(400)
    spectra = 1e5 * rng.uniform(0.5, 1.5, (40, 1)) * np.exp(-0.5 * energies**2)
    plasmon = np.exp(-0.5 * ((energies - 22) / 3) ** 2)
    spectra = spectra + 2000 * rng.uniform(0.5, 1.5, (40, 1)) * plasmon + 10
    contrast = Contrast(spectra, NoiseModel(1.0), energies)
    assert np.abs(energies[contrast.window()] - 22).max() < 4


@pytest.mark.parametrize(
    ("window", "kind", "words"),
    [
        ((10, 20), ValueError, "`window`.*527 to 556.5"),
        (530, TypeError, "`window`.*two energies"),
        (("a", "b"), TypeError, "`window`.*two energies"),
    ],
)
def test_a_window_must_be_energies_of_the_signal(compared, window, kind, words):
    with pytest.raises(kind, match=words):
        compared[3].plot(window=window)


def test_one_spike_does_not_fade_a_map(compared):
    """The limits of the maps are those of what most positions have."""
    _, _, comparison, _ = compared
    figure = comparison.plot()
    before = [ax.images[0].get_clim() for ax in figure.axes if ax.images]
    signals = {route: signal.deepcopy() for route, signal in comparison.signals.items()}
    for signal in signals.values():
        signal.data[3, 4] += 1e4
    spiked = replace(comparison, signals=signals)
    after = [ax.images[0].get_clim() for ax in spiked.plot().axes if ax.images]
    assert np.allclose(after, before, rtol=0.2)


def test_masked_positions_do_not_look_like_data(compared):
    """They are hatched."""
    _, noisy, _, _ = compared
    signal = noisy.deepcopy()
    mask = np.zeros((20, 18), bool)
    mask[:, :5] = True
    train(signal, navigation_mask=mask)
    figure = signal.compare_denoising().plot()
    images = [ax for ax in figure.axes if ax.images]
    assert all(ax.patch.get_hatch() for ax in images)
    assert np.ma.getmaskarray(images[-1].images[0].get_array())[:5].all()


def test_routes_have_colours_of_their_own(compared):
    """No two are alike, and the legend is beside the panels."""
    comparison = replace(compared[2], recommended="pca_shrinkage")
    figure = comparison.plot()
    panel = panels_of_spectra(figure)[0]
    assert len({line.get_color() for line in panel.lines}) == len(panel.lines)
    assert not any(ax.get_legend() for ax in figure.axes)


def test_maps_are_of_channels_that_all_routes_have(noisy_signal):
    """A masked channel is missing in the raw image, too."""
    mask = np.zeros(60, bool)
    mask[20:30] = True
    noisy_signal.data[..., mask] += 50
    train(noisy_signal, signal_mask=mask)
    figure = noisy_signal.compare_denoising().plot()
    maps = [ax for ax in figure.axes if ax.images and ax.lines]
    means = [ax.images[0].get_array().mean() for ax in maps]
    assert means == pytest.approx([means[0]] * len(means), rel=0.05)


def test_signals_are_plotted_with_one_navigator(compared):
    """Its cursor moves all; the signals of the comparison stay as they were."""
    comparison = compared[2]
    before = comparison.signals["pca"].metadata.General.title
    assert comparison.plot(interactive=True) is None
    figures = [plt.figure(number) for number in plt.get_fignums()]
    titles = [figure.axes[0].get_title() for figure in figures]
    assert sum("Navigator" in title for title in titles) == 1
    for name in ("raw", "pca", "autoencoder", "raw - autoencoder"):
        assert f"{name} Signal" in titles
    assert comparison.signals["pca"].metadata.General.title == before
    with pytest.raises(ValueError, match="`window` must be None"):
        comparison.plot(window=(530, 535), interactive=True)

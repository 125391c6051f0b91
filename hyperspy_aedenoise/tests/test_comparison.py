"""The comparison with PCA: right numbers, right advice."""

import re
from dataclasses import replace
from types import SimpleNamespace

import hyperspy.api as hs
import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.ndimage

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import NoiseModel
from hyperspy_aedenoise._engine.recorrupted_pairs import RATIO, PairedDifference
from hyperspy_aedenoise._filters.nonlocal_bayes import MapFilter
from hyperspy_aedenoise._noise.measured import MeasuredNoise
from hyperspy_aedenoise._report import estimate
from hyperspy_aedenoise._report.comparison import DenoisingComparison
from hyperspy_aedenoise._report.estimate import Estimate
from hyperspy_aedenoise._report.recommendation import recommend
from hyperspy_aedenoise._report.window import Contrast
from hyperspy_aedenoise._report.words import estimate_in_words
from hyperspy_aedenoise.tests.conftest import SIGMA, train

ENERGIES = {"energy_start": 527.0, "dispersion": 0.5, "n_channels": 60}
ROUTES = ["raw", "pca", "pca_shrinkage", "autoencoder"]
COLUMNS = {"route", "estimated_mse", "estimated_error", "mse"}
COLUMNS |= {"difference_to_pca", "difference_error"}


@pytest.fixture(scope="module")
def compared(clean_signal):
    """A larger map, compared with and without truth."""
    clean = aed.data.sto_o_k(
        (24, 30), energy_start=527.0, dispersion=0.5, n_channels=60
    )
    noisy = aed.add_noise(clean, SIGMA, random_state=2)
    train(noisy, iterations=60)
    return clean, noisy, noisy.compare_denoising(truth=clean), noisy.compare_denoising()


def row_of(comparison, route):
    (row,) = (row for row in comparison.table if row["route"] == route)
    return row


def test_all_routes_are_there(compared):
    _, noisy, with_truth, without = compared
    assert [row["route"] for row in without.table] == ROUTES
    assert [row["route"] for row in with_truth.table] == [*ROUTES, "pca_oracle"]
    for comparison in (with_truth, without):
        assert all(row.keys() >= COLUMNS for row in comparison.table)
        assert set(comparison.signals) == {row["route"] for row in comparison.table}
        for signal in comparison.signals.values():
            assert type(signal) is type(noisy)
            assert str(signal.axes_manager) == str(noisy.axes_manager)


def test_errors_against_truth(compared):
    """Each number is what one gets from the signals by hand."""
    clean, _, comparison, without = compared
    for row in comparison.table:
        difference = comparison.signals[row["route"]].data - clean.data
        # the signals are float32
        assert row["mse"] == pytest.approx(np.square(difference).mean(), rel=1e-3)
    assert all(row["mse"] is None for row in without.table)


def test_pca_is_hyperspys_own(compared):
    _, noisy, comparison, _ = compared
    copy = noisy.deepcopy()
    copy.decomposition(print_info=False)
    n = copy.learning_results.number_significant_components
    assert row_of(comparison, "pca")["components"] == n
    expected = copy.get_decomposition_model(n).data
    assert np.allclose(comparison.signals["pca"].data, expected, atol=1e-5)
    chosen = noisy.compare_denoising(components=2)
    expected = copy.get_decomposition_model(2).data
    assert np.allclose(chosen.signals["pca"].data, expected, atol=1e-5)


def test_raw_is_the_signal_itself(compared):
    _, noisy, comparison, _ = compared
    assert np.array_equal(comparison.signals["raw"].data, noisy.data)


def test_the_oracle_is_the_best_pca(compared):
    clean, noisy, comparison, _ = compared
    copy = noisy.deepcopy()
    copy.decomposition(print_info=False)
    errors = [
        np.square(copy.get_decomposition_model(n).data - clean.data).mean()
        for n in range(1, 11)
    ]
    row = row_of(comparison, "pca_oracle")
    assert row["components"] == np.argmin(errors) + 1
    assert row["mse"] == pytest.approx(min(errors), rel=1e-3)


def test_errors_estimated_without_truth_are_right(compared):
    """PCA's and raw's within 15 %, all within their errors, and differences."""
    _, _, with_truth, without = compared
    true = {row["route"]: row["mse"] for row in with_truth.table}
    for route in ("raw", "pca"):
        assert row_of(without, route)["estimated_mse"] == pytest.approx(
            true[route], rel=0.15
        )
    for route in ROUTES:
        row = row_of(without, route)
        assert abs(row["estimated_mse"] - true[route]) < 3 * row["estimated_error"]
        assert row["estimated_error"] < row["estimated_mse"]
    for route in ("pca_shrinkage", "autoencoder"):
        row = row_of(without, route)
        off = row["difference_to_pca"] - (true[route] - true["pca"])
        # the estimate is for 9 % more noise
        allowed = 4 * row["difference_error"] + 0.1 * true["pca"]
        assert abs(off) < allowed


def test_the_recommended_route_is_the_best(compared):
    _, _, with_truth, without = compared
    rows = [row for row in with_truth.table if row["route"] != "pca_oracle"]
    best = min(rows, key=lambda row: row["mse"])
    assert with_truth.recommended == best["route"]
    assert without.recommended in ROUTES
    assert with_truth.recommended in with_truth.reason


def test_pca_is_recommended_where_the_network_was_spoiled(compared):
    """A network trained on another material must not be praised."""
    _, noisy, _, _ = compared
    wrong = aed.data.sto_o_k(
        (8, 9), core_hole="full", energy_start=524.0, dispersion=0.5, n_channels=60
    )
    wrong.axes_manager[-1].offset = 527.0
    spoiled = noisy.deepcopy()
    train(spoiled, reference=wrong, noise=NoiseModel.gaussian(SIGMA))
    comparison = spoiled.compare_denoising()
    assert comparison.recommended != "autoencoder"
    row = row_of(comparison, "autoencoder")
    assert row["difference_to_pca"] > 10 * row["difference_error"]


def test_it_can_be_read(compared):
    _, _, with_truth, without = compared
    text = str(without)
    assert all(route in text for route in ROUTES)
    assert "Recommended" in text
    assert "MSE against truth" in str(with_truth)
    assert "<table" in without._repr_html_()


def test_it_can_be_seen(compared):
    """Raw, PCA, autoencoder and what is recommended, marked alike in all.

    Below each map what was taken off, below each spectrum the same.
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
    # 720 values: a median is good to 5 %, and 6 of 60 components are taken off it
    assert np.median(values) == pytest.approx(0.6745, rel=0.2)


def window_of(figure):
    """Ends of the shaded window in the mean spectrum."""
    mean = panels_of_spectra(figure)[0]
    (span,) = (patch for patch in mean.patches if hasattr(patch, "get_width"))
    return span.get_x(), span.get_x() + span.get_width()


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
    mask = np.zeros((30, 24), bool)
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


def test_the_same_question_gets_the_same_answer(trained_signal):
    one, other = trained_signal.compare_denoising(), trained_signal.compare_denoising()
    assert one.table == other.table


def test_counting_noise_is_treated_as_hyperspy_advises(clean_signal):
    """Poisson-normalised PCA on counts; and the raw error is the noise variance."""
    counts = clean_signal * 400.0 + 50.0
    noisy = aed.add_noise(counts, NoiseModel(1.0), random_state=0)
    train(noisy, noise=NoiseModel(1.0))
    comparison = noisy.compare_denoising(truth=counts)
    copy = noisy.deepcopy()
    copy.decomposition(normalize_poissonian_noise=True, print_info=False)
    row = row_of(comparison, "pca")
    expected = copy.get_decomposition_model(row["components"]).data
    assert np.allclose(comparison.signals["pca"].data, expected, rtol=1e-3)
    raw = row_of(comparison, "raw")
    assert raw["estimated_mse"] == pytest.approx(raw["mse"], rel=0.1)


def test_an_own_model_is_judged_as_it_was_passed():
    """Also one that had been trained before: its weights are where it starts from."""
    clean = aed.data.sto_o_k((12, 14), **ENERGIES)
    noisy = aed.add_noise(clean, SIGMA, random_state=2)
    spectrum = keras.Input((60,))
    hidden = keras.layers.Dense(4)(spectrum)
    model = keras.Model(spectrum, keras.layers.Dense(60)(hidden))
    rows = clean.data.reshape(-1, 60)
    rows = (rows - rows.mean(axis=0)) / SIGMA
    spread = rows.std()
    model.compile("adam", "mse")
    model.fit(rows / spread, rows / spread, epochs=60, verbose=0)
    train(noisy, architecture=model, iterations=20)
    comparison = noisy.compare_denoising(truth=clean)
    row = row_of(comparison, "autoencoder")
    assert row["estimated_mse"] == pytest.approx(row["mse"], rel=0.5)
    assert noisy.compare_denoising(truth=clean).table == comparison.table


def test_positions_left_out_take_no_part(compared):
    """Spoiled probe positions that were masked in the training spoil no route."""
    clean, noisy, _, _ = compared
    spoiled = noisy.deepcopy()
    spoiled.data[:5] += 100
    mask = np.zeros((30, 24), bool)  # x, y
    mask[:, :5] = True
    train(spoiled, navigation_mask=mask)
    comparison = spoiled.compare_denoising(truth=clean)
    for route in ("pca", "pca_shrinkage", "autoencoder"):
        assert row_of(comparison, route)["mse"] < SIGMA**2 / 10
        if route != "pca":
            assert np.isnan(comparison.signals[route].data[:5]).all()


def test_masked_nan_in_counts(clean_signal):
    """Counting noise is drawn where there are counts, and nowhere else."""
    noisy = aed.add_noise(clean_signal * 400.0 + 50.0, NoiseModel(1.0), random_state=0)
    noisy.data[2, 3] = np.nan
    mask = np.isnan(noisy.data).all(axis=-1).T
    train(noisy, noise=NoiseModel(1.0), navigation_mask=mask)
    comparison = noisy.compare_denoising()
    assert np.isfinite([row["estimated_mse"] for row in comparison.table]).all()
    assert comparison.plot() is not None


def test_an_interrupted_comparison_is_none(compared, monkeypatch):
    """Half a comparison would mislead: Ctrl-C ends it."""
    _, noisy, _, _ = compared

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(MapFilter, "__call__", interrupt)
    with pytest.raises(KeyboardInterrupt):
        noisy.compare_denoising()


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


def test_lazy_signals_are_compared(trained_signal):
    comparison = trained_signal.as_lazy().compare_denoising()
    assert comparison.table == trained_signal.compare_denoising().table


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"components": 0}, ValueError, "`components`"),
        ({"components": 1.5}, TypeError, "`components`"),
        ({"components": 55}, ValueError, "`components`.*at most 54"),
        ({"truth": hs.signals.Signal1D(np.ones((2, 3, 60)))}, ValueError, "`truth`"),
        ({"truth": np.ones((6, 9, 60))}, TypeError, "`truth`.*a signal"),
        (
            {"truth": hs.signals.Signal1D(np.full((6, 9, 60), np.nan))},
            ValueError,
            "`truth`.*finite",
        ),
    ],
)
def test_wrong_arguments_are_refused(trained_signal, arguments, kind, words):
    with pytest.raises(kind, match=words):
        trained_signal.compare_denoising(**arguments)


@pytest.mark.parametrize(
    ("estimate", "error", "text"),
    [
        (0.0025, 3e-5, "0.0025 +- 3e-05"),
        (5e-8, 3e-6, "not told from 0 (5e-08 +- 3e-06)"),
        (-4e-6, 3e-6, "not told from 0 (-4e-06 +- 3e-06)"),
    ],
)
def test_errors_that_cannot_be_told_from_none_are_no_limits(estimate, error, text):
    row = {"estimated_mse": estimate, "estimated_error": error}
    assert estimate_in_words(row) == text


def test_nonlocal_is_a_route_where_it_is_another_one(compared, clean_signal):
    """By default the autoencoder is the filtered codes: nothing to compare with."""
    assert "nonlocal" not in compared[3].signals
    noisy = aed.add_noise(clean_signal, SIGMA, random_state=0)
    train(noisy, output_dimension=2)
    comparison = noisy.compare_denoising()
    assert {"nonlocal", "autoencoder"} <= set(comparison.signals)
    assert row_of(comparison, "nonlocal")["components"] >= 1


def counts_on_background():
    """Counts of an edge on a steep background of varying thickness, and that alone."""
    clean = aed.data.sto_o_k((14, 14), dispersion=0.2, n_channels=128)
    thickness = np.linspace(0.5, 1.5, 196).reshape(14, 14, 1)
    background = 2e4 * (1 + np.arange(128) / 10.0) ** -2.0 * thickness
    clean.data = clean.data * 90.0 + background
    return aed.add_noise(
        clean, NoiseModel(gain=1, offset=1), random_state=0
    ), background


def clipped(rng):
    clean = aed.data.sto_o_k((14, 14), dispersion=0.2, n_channels=128) * 3.0
    noisy = aed.add_noise(clean, NoiseModel.gaussian(2.0), random_state=0)
    noisy.data = np.maximum(noisy.data, 0)
    return noisy, {}


def without_background(rng):
    noisy, background = counts_on_background()
    noisy.data = noisy.data - background
    return noisy, {}


def smoothed_between_positions(rng):
    noisy, _ = counts_on_background()
    noisy.data = scipy.ndimage.gaussian_filter1d(noisy.data, 1.0, axis=1)
    return noisy, {}


def assumed_noise(factor):
    def of(rng):
        noisy, _ = counts_on_background()
        return noisy, {"noise": NoiseModel(gain=factor, offset=factor)}

    return of


@pytest.mark.parametrize(
    ("spoiled", "words"),
    [
        (clipped, "they were clipped"),
        (without_background, "denoise first, and subtract after"),
        (smoothed_between_positions, "consecutive spectra is correlated"),
        (assumed_noise(8.0), r"takes off has 0\.\d+ times the variance"),
        (assumed_noise(0.1), r"takes off has \d+(\.\d+)? times the variance"),
    ],
)
def test_nothing_is_recommended_where_the_noise_model_does_not_hold(
    rng, spoiled, words, tmp_path
):
    signal, keywords = spoiled(rng)
    train(signal, random_state=0, **keywords)
    comparison = signal.compare_denoising()
    assert comparison.recommended is None
    assert re.search(f"^No route is recommended.*{words}", comparison.reason)
    assert "*" not in str(comparison._pretty())
    comparison.plot()
    signal.save(tmp_path / "fitted.hspy")  # the file knows nothing of the measurement
    again = hs.load(tmp_path / "fitted.hspy").compare_denoising()
    assert again.reason == comparison.reason


def test_counts_that_were_not_touched_get_a_recommendation():
    signal, _ = counts_on_background()
    train(signal, random_state=0)
    assert signal.compare_denoising().recommended in ROUTES


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


def test_few_values_are_judged_by_several_pairs(noisy_signal, monkeypatch):
    """Pairs share the noise of the data, 0.08 of the variance; the rest is averaged.

    The doubt is that of what the routes differ by, which changes with each pair by
    less than a fourth.
    """
    train(noisy_signal)
    doubts = []
    for n_pairs in (1, 4):
        monkeypatch.setattr(estimate, "_MOST_PAIRS", n_pairs)
        table = {row["route"]: row for row in noisy_signal.compare_denoising().table}
        doubts.append(table["autoencoder"]["difference_error"])
    shared = 1 / (1 + 1 / RATIO**2)
    expected = np.sqrt(shared + (1 - shared) / 4)
    assert doubts[1] / doubts[0] == pytest.approx(expected, rel=0.25)


@pytest.mark.parametrize(("errors", "best"), [(2.2, "pca"), (2.6, "autoencoder")])
def test_one_route_of_many_must_gain_more(errors, best):
    """2.2 standard errors are more than chance for one rival, but not among three."""
    difference = {
        ("pca", "pca"): PairedDifference(0.0, 0.0),
        ("raw", "pca"): PairedDifference(1.0, 0.1),
        ("pca_shrinkage", "pca"): PairedDifference(0.0, 0.1),
        ("autoencoder", "pca"): PairedDifference(-0.01 * errors, 0.01),
        ("autoencoder", "pca_shrinkage"): PairedDifference(-0.01 * errors, 0.01),
    }
    mse = {"raw": 1.0, "pca": 0.2, "pca_shrinkage": 0.2, "autoencoder": 0.1}
    estimate = Estimate(mse, difference, 100)
    observation = SimpleNamespace(n_spectra=100, plain_mean=np.ones(8))
    noise = MeasuredNoise(gain=0.0, offset=1.0)
    assert recommend([{"mse": None}], estimate, observation, noise)[0] == best


@pytest.mark.parametrize(
    ("is_proven", "best"), [(False, "pca_shrinkage"), (True, "autoencoder")]
)
def test_a_proven_gain_is_not_proven_twice(is_proven, best):
    """The fit left shrinkage for a gain in pairs of its own; these see too little."""
    difference = {
        ("pca", "pca"): PairedDifference(0.0, 0.0),
        ("raw", "pca"): PairedDifference(1.0, 0.1),
        ("pca_shrinkage", "pca"): PairedDifference(-0.1, 0.01),
        ("autoencoder", "pca"): PairedDifference(-0.11, 0.01),
        ("autoencoder", "pca_shrinkage"): PairedDifference(-0.01, 0.01),
    }
    mse = {"raw": 1.0, "pca": 0.2, "pca_shrinkage": 0.1, "autoencoder": 0.1}
    estimate = Estimate(mse, difference, 100, is_proven=is_proven)
    observation = SimpleNamespace(n_spectra=100, plain_mean=np.ones(8))
    noise = MeasuredNoise(gain=0.0, offset=1.0)
    assert recommend([{"mse": None}], estimate, observation, noise)[0] == best


def test_an_error_below_none_is_not_believed():
    nothing = PairedDifference(0.0, 0.1)
    estimate = Estimate(
        {"raw": 1.0, "pca": 0.2, "autoencoder": -0.5},
        {
            ("raw", "pca"): nothing,
            ("autoencoder", "pca"): nothing,
            ("pca", "pca"): nothing,
        },
        100,
    )
    observation = SimpleNamespace(n_spectra=100, plain_mean=np.ones(8))
    noise = MeasuredNoise(gain=0.0, offset=1.0)
    route, reason = recommend([{"mse": None}], estimate, observation, noise)
    assert route is None
    assert "the error of autoencoder comes out as -0.5 +- 0.1" in reason


def test_a_pattern_larger_than_the_errors_is_told():
    nothing = PairedDifference(0.0, 0.1)
    estimate = Estimate(
        {"raw": 1.0, "pca": 0.2},
        {("raw", "pca"): nothing, ("pca", "pca"): nothing},
        100,
    )
    observation = SimpleNamespace(n_spectra=100, plain_mean=np.full(8, 10.0))
    for size, is_told in ((0.01, False), (0.09, True)):
        noise = MeasuredNoise(gain=0.0, offset=1.0, fixed_pattern=size)
        route, reason = recommend([{"mse": None}], estimate, observation, noise)
        assert route == "pca"
        assert ("A pattern common to all spectra, 0.9" in reason) == is_told

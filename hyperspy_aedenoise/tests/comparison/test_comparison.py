"""The comparison with PCA: right numbers."""

import hyperspy.api as hs
import keras
import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import NoiseModel
from hyperspy_aedenoise._engine.recorrupted_pairs import RATIO
from hyperspy_aedenoise._filters.nonlocal_bayes import MapFilter
from hyperspy_aedenoise._report import estimate
from hyperspy_aedenoise._report.words import estimate_in_words
from hyperspy_aedenoise.tests.comparison.conftest import ENERGIES, ROUTES, row_of
from hyperspy_aedenoise.tests.conftest import SIGMA, train

COLUMNS = {"route", "estimated_mse", "estimated_error", "mse"}


COLUMNS |= {"difference_to_pca", "difference_error"}


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


def test_errors_beside_spikes_are_right(compared, rng):
    """Of spectra without any, into which PCA mixes those of others."""
    clean, noisy, *_ = compared
    signal = noisy.deepcopy()
    hit = rng.choice(clean.data.size // 60, 20, replace=False)
    signal.data.reshape(-1, 60)[hit, rng.integers(5, 55, 20)] += 100 * SIGMA
    train(signal)
    comparison = signal.compare_denoising()
    others = np.ones(clean.data.size // 60, bool)
    others[hit] = False
    for row in comparison.table:
        restored = comparison.signals[row["route"]].data
        error = np.square(restored - clean.data).reshape(-1, 60)[others].mean()
        assert abs(row["estimated_mse"] - error) < 3 * row["estimated_error"]
    assert "without the 20 that have spikes" in str(comparison)


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
    mask = np.zeros((20, 18), bool)  # x, y
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

"""The advice of a comparison, and where none is given."""

import re
from types import SimpleNamespace

import hyperspy.api as hs
import numpy as np
import pytest
import scipy.ndimage

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import NoiseModel
from hyperspy_aedenoise._engine.recorrupted_pairs import PairedDifference
from hyperspy_aedenoise._noise.measured import MeasuredNoise
from hyperspy_aedenoise._report.estimate import Estimate
from hyperspy_aedenoise._report.recommendation import recommend
from hyperspy_aedenoise.tests.comparison.conftest import ROUTES, row_of
from hyperspy_aedenoise.tests.conftest import SIGMA, train


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
        (assumed_noise(8.0), r"autoencoder has 0\.\d+ times the variance"),
        (assumed_noise(0.1), r"autoencoder has \d+(\.\d+)? times the variance"),
    ],
)
def test_nothing_is_recommended_where_the_noise_model_does_not_hold(
    rng, spoiled, words
):
    signal, keywords = spoiled(rng)
    train(signal, random_state=0, **keywords)
    comparison = signal.compare_denoising()
    assert comparison.recommended is None
    assert re.search(f"^No route is recommended.*{words}", comparison.reason)
    assert "*" not in str(comparison._pretty())
    comparison.plot()


def test_a_fit_from_a_file_is_doubted_the_same(rng, tmp_path):
    """The file knows nothing of the measurement of the noise."""
    signal, _ = clipped(rng)
    train(signal, random_state=0)
    signal.save(tmp_path / "fitted.hspy")
    again = hs.load(tmp_path / "fitted.hspy")
    assert again.compare_denoising().reason == signal.compare_denoising().reason


def test_counts_that_were_not_touched_get_a_recommendation():
    signal, _ = counts_on_background()
    train(signal, random_state=0)
    assert signal.compare_denoising().recommended in ROUTES


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

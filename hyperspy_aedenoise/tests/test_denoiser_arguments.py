"""What the engine refuses, and how it says so."""

import numpy as np
import pytest

from hyperspy_aedenoise import AutoencoderDenoiser, NoiseModel
from hyperspy_aedenoise.tests.test_denoiser import SIGMA, forbidden_model, own_model

GOOD = np.random.default_rng(0).normal(1, SIGMA, (30, 40))


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"iterations": 0}, ValueError, r"`iterations`.*got 0"),
        ({"iterations": -5}, ValueError, r"`iterations`.*got -5"),
        ({"iterations": 1.5}, TypeError, r"`iterations`.*got 1.5"),
        ({"architecture": "unet"}, ValueError, r"`architecture`.*'unet'"),
        ({"architecture": 3}, TypeError, r"`architecture`.*int"),
        ({"output_dimension": 0}, ValueError, r"`output_dimension`.*got 0"),
        ({"output_dimension": 41}, ValueError, r"`output_dimension`.*got 41"),
        ({"output_dimension": "2"}, TypeError, r"`output_dimension`"),
        ({"noise": 0.05}, TypeError, r"`noise`.*float.*gaussian"),
        ({"noise": NoiseModel(0.0)}, ValueError, r"`noise`.*larger than zero"),
        ({"random_state": "x"}, TypeError, r"`random_state`.*'x'"),
        ({"random_state": -1}, ValueError, r"`random_state`.*-1"),
        ({"architecture": own_model(39, False)}, ValueError, r"`architecture`.*40"),
        (
            {"architecture": forbidden_model()},
            ValueError,
            "`architecture`.*Lambda",
        ),
        (
            {"architecture": own_model(40, False), "output_dimension": 3},
            ValueError,
            "`output_dimension`.*None",
        ),
    ],
)
def test_wrong_arguments_are_refused(arguments, kind, words):
    with pytest.raises(kind, match=words):
        AutoencoderDenoiser(**arguments).fit(GOOD)


@pytest.mark.parametrize(
    ("spectra", "keywords", "kind", "words"),
    [
        (GOOD[0], {}, ValueError, "at least 2 spectra"),
        (GOOD[:2], {}, ValueError, "fewer than 3 spectra"),
        (GOOD + 1j, {}, TypeError, "complex128"),
        (GOOD.astype(str), {}, TypeError, "real numbers"),
        (GOOD[:, :5], {}, ValueError, "at least 8 channels"),
        (GOOD[:0], {}, ValueError, "at least one spectrum"),
        (np.float64(3), {}, ValueError, "last axis"),
        (np.ones((9, 40)), {}, ValueError, "identical"),
        (GOOD - 5, {"noise": NoiseModel(1.0)}, ValueError, "`noise`.*`offset`"),
        (GOOD, {"reference": GOOD[:, :30]}, ValueError, "`reference`.*30 channels"),
        (GOOD, {"reference": GOOD * np.nan}, ValueError, "`reference`.*finite"),
        (GOOD, {"left_out": np.zeros(7, bool)}, ValueError, r"`left_out`.*\(7,\)"),
    ],
)
def test_wrong_spectra_are_refused(spectra, keywords, kind, words):
    denoiser = AutoencoderDenoiser(iterations=1, noise=keywords.pop("noise", None))
    with pytest.raises(kind, match=words):
        denoiser.fit(spectra, **keywords)


def test_nan_is_refused_with_its_place():
    spoiled = GOOD.copy()
    spoiled[4, 6] = np.nan
    spoiled[9, 2] = np.inf
    with pytest.raises(ValueError, match=r"2 NaN.* in 2 spectra.*\(4,\), channel 6"):
        AutoencoderDenoiser(iterations=1).fit(spoiled)
    left_out = np.zeros(30, bool)
    left_out[[4, 9]] = True
    denoiser = AutoencoderDenoiser(iterations=1).fit(spoiled, left_out=left_out)
    assert np.isfinite(denoiser.denoise(GOOD)).all()


def test_use_before_training_is_refused(tmp_path):
    denoiser = AutoencoderDenoiser()
    for use in (
        lambda: denoiser.denoise(GOOD),
        lambda: denoiser.encode(GOOD),
        lambda: denoiser.decode(GOOD),
        lambda: denoiser.save(tmp_path / "x.keras"),
    ):
        with pytest.raises(RuntimeError, match="not trained yet"):
            use()

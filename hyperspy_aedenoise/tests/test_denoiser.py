"""The engine: what it learns, and how."""

import keras
import numpy as np
import pytest

from hyperspy_aedenoise import AutoencoderDenoiser, NoiseModel
from hyperspy_aedenoise._linear.principal_codes import principal_codes
from hyperspy_aedenoise._observation.observation import Observation

SIGMA = 0.05


def shifting_peak(n_spectra, n_channels, rng):
    """A peak at random energy: curved, so that no few linear components hold it."""
    channel = np.arange(n_channels)
    centre = rng.uniform(0.35, 0.65, (n_spectra, 1)) * n_channels
    return np.exp(-0.5 * ((channel - centre) / (0.05 * n_channels)) ** 2)


@pytest.fixture(scope="module", params=["spectral", "spatial-spectral"])
def fitted(request):
    """A denoiser with its clean and noisy spectra; a number of channels not in 2**k."""
    rng = np.random.default_rng(3)
    clean = shifting_peak(300, 67, rng)
    noisy = clean + rng.normal(0, SIGMA, clean.shape)
    denoiser = AutoencoderDenoiser(
        request.param, noise=NoiseModel.gaussian(SIGMA), iterations=150, random_state=0
    )
    return denoiser.fit(noisy, energies=500 + 0.5 * np.arange(67)), clean, noisy


def error(values, clean):
    return np.square(values - clean).mean()


def test_noise_is_removed(fitted):
    """Without clean data, to less than a fifth of its variance."""
    denoiser, clean, noisy = fitted
    assert error(denoiser.denoise(noisy), clean) < error(noisy, clean) / 5


def test_training_on_clean_spectra_beats_the_linear_start():
    """Where one latent variable, the energy, rules and linear components don't fit."""
    rng = np.random.default_rng(4)
    reference = shifting_peak(400, 64, rng)
    clean = shifting_peak(100, 64, rng)
    noisy = clean + rng.normal(0, SIGMA, clean.shape)
    denoiser = AutoencoderDenoiser(
        output_dimension=2,
        noise=NoiseModel.gaussian(SIGMA),
        iterations=200,
        random_state=0,
    ).fit(noisy, reference)
    losses = denoiser.history_["held_out_loss"]
    assert denoiser.history_["kept_iteration"] > 0
    assert losses[-1] < 0.8 * losses[0]
    assert error(denoiser.denoise(noisy), clean) < 0.8 * losses[0] * SIGMA**2


def test_the_same_seed_gives_the_same_spectra():
    rng = np.random.default_rng(5)
    clean = shifting_peak(400, 40, rng)
    noisy = clean + rng.normal(0, SIGMA, clean.shape)

    def denoised(seed):
        denoiser = AutoencoderDenoiser(
            output_dimension=2,
            noise=NoiseModel.gaussian(SIGMA),
            iterations=40,
            random_state=seed,
        ).fit(noisy, reference=clean)
        assert denoiser.history_["kept_iteration"] > 0
        return denoiser.denoise(noisy)

    assert np.array_equal(denoised(1), denoised(1))
    assert not np.array_equal(denoised(1), denoised(2))


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the steps are TensorFlow's"
)
def test_a_step_of_the_training_is_traced_once(monkeypatch, rng):
    """Tracing takes as long as many steps: in a short fit, most of the time."""
    traced, train_step = [], keras.Model.train_step

    def counted(model, data):
        traced.append(model)
        return train_step(model, data)

    monkeypatch.setattr(keras.Model, "train_step", counted)
    noisy = shifting_peak(60, 40, rng) + rng.normal(0, SIGMA, (60, 40))
    AutoencoderDenoiser("spectral", iterations=3, random_state=0).fit(noisy)
    assert len(traced) == 1


def test_the_global_random_state_is_left_alone(rng):
    np.random.seed(0)  # noqa: NPY002  the legacy state is what must not change
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    noisy = rng.normal(1, SIGMA, (30, 40))
    AutoencoderDenoiser(iterations=1, random_state=0).fit(noisy)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_the_input_is_not_changed(fitted):
    denoiser, _, noisy = fitted
    before = noisy.copy()
    denoiser.denoise(noisy)
    AutoencoderDenoiser(iterations=1).fit(noisy)
    assert np.array_equal(noisy, before)


def test_denoise_is_decode_after_encode(fitted):
    denoiser, _, noisy = fitted
    latent = denoiser.encode(noisy)
    assert latent.shape == (300, denoiser.decode_dimension())
    assert np.allclose(denoiser.decode(latent), denoiser.denoise(noisy), atol=1e-5)
    # "of order 1", whatever the number of channels and the dose
    assert 0.05 < np.abs(latent[:, 0]).max() < 20


def test_any_number_of_axes(fitted):
    denoiser, _, noisy = fitted
    flat = denoiser.denoise(noisy)
    assert np.allclose(
        denoiser.denoise(noisy.reshape(3, 4, 25, 67)).reshape(300, 67), flat
    )
    assert denoiser.denoise(noisy[0]).shape == (67,)


def test_scale_of_the_data_does_not_matter():
    """Counts of 1e6 and fractions of 1e-9 are denoised alike."""
    rng = np.random.default_rng(6)
    clean = shifting_peak(60, 40, rng)
    noisy = clean + rng.normal(0, SIGMA, clean.shape)
    gains = []
    for scale in (1e-9, 1.0, 1e6):
        denoiser = AutoencoderDenoiser(
            noise=NoiseModel.gaussian(SIGMA * scale), iterations=5, random_state=0
        ).fit(noisy * scale)
        gains.append(error(denoiser.denoise(noisy * scale) / scale, clean))
    assert gains == pytest.approx([gains[1]] * 3, rel=1e-3)


def test_a_spectrum_with_nan_stays_alone(fitted):
    """It is NaN throughout, and its neighbours are as without it."""
    denoiser, _, noisy = fitted
    spoiled = noisy[:5].copy()
    spoiled[2, 7] = np.nan
    result = denoiser.denoise(spoiled)
    assert np.isnan(result[2]).all()
    assert np.allclose(result[[0, 1, 3, 4]], denoiser.denoise(noisy[[0, 1, 3, 4]]))


def test_pure_noise_gives_the_mean_spectrum():
    rng = np.random.default_rng(7)
    noisy = 1 + rng.normal(0, SIGMA, (200, 40))
    denoiser = AutoencoderDenoiser(
        noise=NoiseModel.gaussian(SIGMA), iterations=20, random_state=0
    ).fit(noisy)
    assert denoiser.history_["kept_iteration"] == 0
    # the error of the mean of 200 spectra, from 40 channels good to sqrt(2 / 40)
    expected = SIGMA**2 / 200
    assert error(denoiser.denoise(noisy), 1) < expected * (1 + 4 * np.sqrt(2 / 40))


def test_chance_rarely_looks_like_a_gain():
    """On pure noise the start is left in about 2 of 100 trainings."""
    left = 0
    for seed in range(8):
        noise = np.random.default_rng(seed).normal(0, 1, (60, 24))
        denoiser = AutoencoderDenoiser(
            noise=NoiseModel.gaussian(1.0), iterations=40, random_state=seed
        ).fit(1 + noise)
        left += denoiser.history_["kept_iteration"] > 0
    # more than 2 of 8 at a rate of 0.023 happen once in 2000 test runs
    assert left <= 2


@pytest.mark.parametrize("n_reference", [1, 10])
def test_learning_from_few_clean_spectra(n_reference):
    """They teach their own shape; judged in fresh noise, without a warning."""
    rng = np.random.default_rng(11)
    reference = shifting_peak(n_reference, 40, rng)
    noisy = reference[:1] + rng.normal(0, SIGMA, (5, 40))
    denoiser = AutoencoderDenoiser(
        noise=NoiseModel.gaussian(SIGMA), iterations=20, random_state=0
    ).fit(noisy, reference)
    assert np.isfinite(denoiser.history_["held_out_error"]).all()
    assert error(denoiser.denoise(noisy), reference[:1]) < SIGMA**2 / 2


def test_uncertainty_is_the_noise_that_passes(fitted):
    """At most that of the noise itself; the same again for the same spectra."""
    denoiser, _, noisy = fitted
    spread = denoiser.uncertainty(noisy)
    assert np.array_equal(spread, denoiser.uncertainty(noisy))
    assert 0 < np.sqrt(np.mean(spread**2)) < SIGMA


def test_few_spectra_stay_linear_and_the_user_is_told(caplog):
    rng = np.random.default_rng(8)
    noisy = shifting_peak(4, 40, rng) + rng.normal(0, SIGMA, (4, 40))
    denoiser = AutoencoderDenoiser("spectral", iterations=5).fit(noisy)
    assert "4 spectra are too few" in caplog.text
    assert denoiser.history_["iteration"] == []
    assert np.isfinite(denoiser.denoise(noisy)).all()


def test_a_reference_of_other_intensity_is_noticed(caplog, rng):
    noisy = 100 + rng.normal(0, 1, (30, 40))
    denoiser = AutoencoderDenoiser(noise=NoiseModel.gaussian(1.0), iterations=1)
    denoiser.fit(noisy, reference=np.ones((5, 40)))
    assert "0.01 times the mean intensity" in caplog.text


@pytest.mark.parametrize("stop_at", [0, 3])
def test_an_interrupt_keeps_the_best_state(stop_at):
    """Ctrl-C ends the training, not the work."""
    rng = np.random.default_rng(9)
    noisy = shifting_peak(60, 40, rng) + rng.normal(0, SIGMA, (60, 40))

    def interrupted(iterations):
        for iteration in iterations:
            if iteration > stop_at:
                raise KeyboardInterrupt
            yield iteration

    denoiser = AutoencoderDenoiser("spectral", iterations=20, random_state=0)
    denoiser.fit(noisy, progress=interrupted)
    assert denoiser.history_["interrupted"]
    assert len(denoiser.history_["iteration"]) == stop_at
    assert denoiser.history_["kept_iteration"] <= stop_at
    assert np.isfinite(denoiser.denoise(noisy)).all()


def choice_interrupted_after(n_draws):
    """Spectra, and what is fitted to them if Ctrl-C comes after a few pairs of four."""
    rng = np.random.default_rng(9)
    noisy = shifting_peak(60, 40, rng) + rng.normal(0, SIGMA, (60, 40))

    def interrupted(draws):
        yield from list(draws)[:n_draws]
        raise KeyboardInterrupt

    denoiser = AutoencoderDenoiser(noise=NoiseModel.gaussian(SIGMA), random_state=0)
    denoiser.fit(noisy, progress=interrupted)
    assert denoiser.history_["interrupted"]
    return noisy, denoiser


def test_a_choice_interrupted_at_once_leaves_optimal_shrinkage():
    noisy, denoiser = choice_interrupted_after(0)
    assert not denoiser.history_["forms"]
    everywhere = np.ones(noisy.shape[:-1], bool)
    rows = noisy.reshape(-1, noisy.shape[-1])
    observation = Observation.of(rows, everywhere, denoiser.noise_)
    shrunk = principal_codes(observation).denoise(noisy)
    assert np.allclose(denoiser.denoise(noisy), shrunk, atol=1e-5)


def test_an_interrupted_choice_is_by_what_was_tried():
    """One pair of four is enough for a shifting peak: the best on it is taken."""
    _, denoiser = choice_interrupted_after(1)
    best = min(
        denoiser.history_["forms"], key=lambda one: one["difference_to_shrinkage"]
    )
    assert best["difference_to_shrinkage"] < -3 * best["difference_error"]
    assert best.items() >= denoiser.form_.items()


def own_model(n_channels, named):
    spectrum = keras.Input((n_channels,))
    if not named:
        hidden = keras.layers.Dense(3)(spectrum)
        return keras.Model(spectrum, keras.layers.Dense(n_channels)(hidden))
    encoder = keras.Model(spectrum, keras.layers.Dense(3)(spectrum), name="encoder")
    latent = keras.Input((3,))
    decoder = keras.layers.Dense(n_channels)(latent)
    decoder = keras.Model(latent, decoder, name="decoder")
    return keras.Model(spectrum, decoder(encoder(spectrum)))


def forbidden_model():
    spectrum = keras.Input((40,))
    return keras.Model(spectrum, keras.layers.Lambda(lambda x: 2 * x)(spectrum))


def test_own_models_may_skip_and_be_regularised(rng):
    """What Keras users build: arithmetic between layers, penalties."""
    spectrum = keras.Input((40,))
    hidden = keras.layers.Dense(40, kernel_regularizer="l2")(spectrum)
    model = keras.Model(spectrum, hidden + spectrum)
    noisy = rng.normal(1, SIGMA, (60, 40))
    denoiser = AutoencoderDenoiser(model, iterations=2).fit(noisy)
    again = AutoencoderDenoiser.from_bytes(denoiser.to_bytes())
    assert np.allclose(again.denoise(noisy), denoiser.denoise(noisy))


@pytest.mark.parametrize("named", [True, False])
def test_an_own_model_is_trained_as_a_copy(named, rng):
    clean = rng.uniform(0.5, 1, (200, 1)) * np.linspace(1, 2, 40)
    noisy = clean + rng.normal(0, SIGMA, clean.shape)
    model = own_model(40, named)
    before = [weights.copy() for weights in model.get_weights()]
    denoiser = AutoencoderDenoiser(model, iterations=300, random_state=0).fit(noisy)
    after = model.get_weights()
    assert all(map(np.array_equal, before, after))
    losses = denoiser.history_["held_out_loss"]
    assert losses[-1] < losses[0]
    again = AutoencoderDenoiser.from_bytes(denoiser.to_bytes())
    assert np.allclose(again.denoise(noisy), denoiser.denoise(noisy))
    assert again.untrained_architecture().output_shape == (None, 40)
    if named:
        assert denoiser.encode(noisy).shape == (200, 3)
        assert np.allclose(
            denoiser.decode(denoiser.encode(noisy)), denoiser.denoise(noisy), atol=1e-4
        )
    else:
        with pytest.raises(ValueError, match="no layer named 'encoder'"):
            denoiser.encode(noisy)


def test_spectra_of_other_length_are_refused(fitted):
    with pytest.raises(ValueError, match=r"length 67.*\(4, 66\)"):
        fitted[0].denoise(np.ones((4, 66)))

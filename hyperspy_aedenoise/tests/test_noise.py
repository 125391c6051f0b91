"""The noise model draws what it says."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.ndimage

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import NoiseModel
from hyperspy_aedenoise._noise.estimate import estimate_noise
from hyperspy_aedenoise._noise.whitening import Colour

MODELS = [
    NoiseModel.gaussian(0.05),
    NoiseModel(gain=3.0),
    NoiseModel(gain=2.0, offset=25.0),
    NoiseModel(gain=5.0, offset=9.0, correlation=(1, 0.45, 0.08)),
]


def slope_spectrum(n_spectra, n_channels=40):
    """Expected counts that fall steeply, as a background does."""
    return np.tile(2000.0 * np.linspace(1, 2, n_channels) ** -4, (n_spectra, 1))


@pytest.mark.parametrize("model", MODELS, ids=str)
@pytest.mark.parametrize("draw", ["sample", "fluctuation"])
def test_drawn_noise_has_the_stated_variance(model, draw, rng):
    """`sample`, `fluctuation` and `variance` describe one and the same noise."""
    clean = slope_spectrum(4000)
    if draw == "sample":
        noise = model.sample(clean, rng) - clean
    else:
        noise = model.fluctuation(clean, rng)

    standardised = noise / np.sqrt(model.variance(clean))
    # the variance of a channel from n draws is good to sqrt(2 / n); 40 channels
    error = np.sqrt(2 / len(clean))
    assert np.abs(standardised.var(axis=0) - 1).max() < 4.5 * error
    assert abs(standardised.mean()) < 5 / np.sqrt(clean.size / 2)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_drawn_noise_has_the_stated_correlation(model, rng):
    """Also where the spectrum is steep, and between the first and last channels."""
    clean = slope_spectrum(4000)
    noise = (model.sample(clean, rng) - clean) / np.sqrt(model.variance(clean))

    expected = [*model.correlation, 0.0, 0.0][:4]
    for lag, rho in enumerate(expected[1:], start=1):
        product = noise[:, lag:] * noise[:, :-lag]
        # neighbouring products are correlated, too: at most all 2 * 2 + 1 of them
        assert product.mean() == pytest.approx(rho, abs=4 * np.sqrt(5 / product.size))
    ends = np.mean(noise[:, 0] * noise[:, -1])
    assert abs(ends) < 4 / np.sqrt(len(noise))


def test_counting_noise_is_poisson(rng):
    """Without read-out noise and correlation the counts are whole electrons."""
    counts = NoiseModel(gain=3.0).sample(np.full((50, 20), 21.0), rng)
    assert np.allclose(counts / 3, np.round(counts / 3))


def test_the_input_is_not_changed_and_its_type_kept(rng):
    clean = np.full((3, 20), 7, dtype=np.float32)
    assert NoiseModel(1.0, 1.0).sample(clean, rng).dtype == np.float32
    assert (clean == 7).all()


def test_negative_expectation_has_read_out_noise_only():
    assert NoiseModel(2.0, 4.0).variance(np.array([-5.0]))[0] == 4


def test_hyperspy_factors_give_the_variance_of_a_channel():
    """HyperSpy: (gain_factor * expected + gain_offset) * correlation_factor."""
    model = NoiseModel(5.0, 9.0, (1, 0.4, 0.1))
    factors = model.hyperspy_factors()
    variance = factors["gain_factor"] * 100 + factors["gain_offset"]
    variance *= factors["correlation_factor"]
    assert variance == pytest.approx(model.variance(100.0))
    # the gain of a single electron is larger than variance / mean of a channel
    assert factors["gain_factor"] == pytest.approx(5 * (1 + 2 * 0.5))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"gain": -1.0}, ValueError, "`gain`"),
        ({"gain": "1"}, TypeError, "`gain`"),
        ({"gain": 1.0, "offset": np.nan}, ValueError, "`offset`"),
        ({"gain": 1.0, "correlation": (0.9, 0.4)}, ValueError, "`correlation`"),
        ({"gain": 1.0, "correlation": (1.0, 0.9)}, ValueError, "`correlation`"),
        ({"gain": 1.0, "correlation": ()}, ValueError, "`correlation`"),
    ],
)
def test_impossible_noise_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        NoiseModel(**arguments)


@pytest.mark.parametrize("model", MODELS[1:], ids=str)
def test_whitened_noise_is_white(model, rng):
    """Unit variance, no correlation: what principal components need."""
    clean = slope_spectrum(3000)
    white = Colour.of(model, clean[0]).whiten(model.sample(clean, rng) - clean)
    # 5 % white noise are added to a correlation before it is inverted
    assert 0.9 < white.var() < 1.03
    assert abs(np.mean(white[:, 1:] * white[:, :-1])) < 0.06


def test_unwhiten_undoes_whiten(rng):
    colour = Colour.of(MODELS[3], slope_spectrum(1)[0])
    values = rng.normal(size=(5, 40))
    assert np.allclose(colour.unwhiten(colour.whiten(values)), values)


def varied_map(n_spectra, rng):
    """Counts of two phases in varying thickness on a background, 120 channels."""
    energy = np.linspace(0, 1, 120)
    edge = np.where(energy > 0.4, 1.0, 0) * np.exp(-3 * np.abs(energy - 0.45))
    other = np.exp(-0.5 * ((energy - 0.7) / 0.03) ** 2)
    thickness = rng.uniform(0.5, 1.5, (n_spectra, 1))
    share = rng.uniform(0, 1, (n_spectra, 1))
    background = 300 * (1 + energy) ** -3
    return thickness * (background + 200 * (edge + share * other))


@pytest.mark.parametrize(
    "model",
    [
        NoiseModel(2.0),
        NoiseModel(4.0, 200.0),
        NoiseModel(5.0, 100.0, (1, 0.45, 0.08)),
    ],
    ids=str,
)
def test_estimated_noise_is_that_of_the_data(model, rng):
    """The variance within 5 % and the correlation within 0.05, from 900 spectra."""
    clean = varied_map(900, rng)
    estimate = estimate_noise(model.sample(clean, rng))
    at = np.array([100.0, 200.0, 300.0, 400.0])  # the middle of the intensities
    assert estimate.variance(at) == pytest.approx(model.variance(at), rel=0.05)
    rho = [*estimate.correlation, 0, 0][1:3]
    assert rho == pytest.approx([*model.correlation, 0, 0][1:3], abs=0.05)


@pytest.mark.parametrize("sigma", [0.0125, 0.05, 0.2])
def test_estimated_gaussian_noise(sigma, rng):
    """Within 2 % on data normalised to 0..1."""
    clean = varied_map(900, rng)
    clean /= clean.max()
    estimate = estimate_noise(clean + rng.normal(0, sigma, clean.shape))
    assert np.sqrt(estimate.variance(clean.mean())) == pytest.approx(sigma, rel=0.02)


def test_one_varying_channel_has_no_noise_to_measure(rng):
    """It is one component; beyond that nothing varies."""
    spectra = np.ones((40, 50))
    spectra[:, 20] += rng.normal(0, 1, 40)
    with pytest.raises(ValueError, match="without visible noise"):
        estimate_noise(spectra)


def test_anticorrelated_noise_has_hyperspy_factors():
    """As a difference of channels has; the variance is right."""
    factors = NoiseModel(1.0, 0.0, (1, -0.5)).hyperspy_factors()
    assert factors["gain_factor"] * factors["correlation_factor"] == pytest.approx(1)


def test_too_few_or_identical_spectra_have_no_noise_to_measure(rng):
    with pytest.raises(ValueError, match=r"`noise`.*fewer than 3 spectra"):
        estimate_noise(rng.normal(size=(2, 50)))
    with pytest.raises(ValueError, match=r"`noise`.*identical"):
        estimate_noise(np.ones((10, 50)))


def test_standard_errors_are_those_of_repetition(rng):
    """The errors of 12 estimates scatter as they say, to a factor of two."""
    model = NoiseModel(4.0, 200.0)
    found = [estimate_noise(model.sample(varied_map(400, rng), rng)) for _ in range(12)]
    for name in ("gain", "offset"):
        values = np.array([getattr(noise, name) for noise in found])
        stated = np.mean([getattr(noise, f"{name}_error") for noise in found])
        assert 0.5 < values.std(ddof=1) / stated < 2


def test_two_noises_of_different_colour(rng):
    """Counting noise that a point spread correlates, and white read-out noise."""
    clean = varied_map(900, rng)
    counting = NoiseModel(3.0, 0.0, (1, 0.6, 0.2))
    data = counting.sample(clean, rng) + rng.normal(0, 15, clean.shape)
    noise = estimate_noise(data)
    assert noise.gain == pytest.approx(3, rel=0.1)
    assert noise.offset == pytest.approx(225, rel=0.2)
    assert len(noise.correlation) > 1


def test_drift_and_steep_backgrounds_are_no_noise(rng):
    """A line that moves by its width, on a background over two orders of magnitude."""
    energy = np.arange(300)
    shift = rng.uniform(-2, 2, (900, 1))
    line = 2000 * np.exp(-(((energy - 180 - shift) / 4) ** 2))
    clean = 1e5 * (1 + energy / 40) ** -3.0 * rng.uniform(0.8, 1.2, (900, 1)) + line
    noise = estimate_noise(NoiseModel(5.0).sample(clean, rng))
    assert noise.gain == pytest.approx(5, rel=0.05)


def test_spikes_and_dead_channels_are_left_out(rng):
    model = NoiseModel(2.0, 50.0)
    data = model.sample(varied_map(400, rng), rng)
    data[rng.integers(0, 400, 60), rng.integers(5, 115, 60)] += 5e3
    data[:, 30] = 0
    noise = estimate_noise(data)
    at = np.array([100.0, 300.0])
    assert noise.variance(at) == pytest.approx(model.variance(at), rel=0.06)
    assert noise.n_dead_channels == 1
    assert 50 <= noise.n_spikes <= 70


def test_fixed_pattern_is_told(rng):
    """Channel gains that scatter by 5 %: as large as the noise."""
    clean = varied_map(400, rng) * (1 + 0.05 * rng.standard_normal(120))
    noise = estimate_noise(NoiseModel(0.5).sample(clean, rng))
    assert noise.fixed_pattern == pytest.approx(0.05, rel=0.3)
    assert any("pattern common to all spectra" in text for text in noise.warnings)
    smooth = estimate_noise(NoiseModel(0.5).sample(varied_map(400, rng), rng))
    assert smooth.fixed_pattern < 0.01


def test_what_cannot_be_told_is_said(rng):
    """One intensity only; few spectra. The sum at the mean is right even so."""
    flat = estimate_noise(NoiseModel(2.0, 100.0).sample(np.full((200, 60), 80.0), rng))
    assert flat.variance(80.0) == pytest.approx(260, rel=0.05)
    assert any("can't be told apart" in text for text in flat.warnings)
    few = estimate_noise(NoiseModel(2.0).sample(varied_map(3, rng)[:, :20], rng))
    assert any("few spectra" in text for text in few.warnings)


@pytest.mark.parametrize("n_spectra", [3, 4, 6])
@pytest.mark.parametrize("counts", [100, 10000])
@pytest.mark.parametrize("correlation", [(1.0,), (1.0, 0.4, 0.1)], ids=["white", "not"])
def test_few_spectra_may_all_differ(n_spectra, counts, correlation, rng):
    """By thickness and an edge: with components alone 3 have 30 to 400 times too much.

    In 12 draws of each case the variance was 0.73 to 1.42 times the true one.
    """
    model = NoiseModel(1.0, 4.0, correlation)
    channel = np.arange(400) / 4
    edge = np.where(channel > 40, np.exp(-(channel - 40) / 40), 0)
    thickness, share = rng.uniform(0.5, 1.5, (2, n_spectra, 1))
    edge = 0.2 * share * scipy.ndimage.gaussian_filter1d(edge, 4)
    clean = counts * (thickness * (1 + channel / 60) ** -3 + edge)
    noise = estimate_noise(model.sample(clean, rng))
    assert 0.65 < noise.variance(clean).mean() / model.variance(clean).mean() < 1.6


def test_measured_noise_prints_and_plots(rng):
    noise = estimate_noise(
        NoiseModel(2.0, 9.0, (1, 0.4)).sample(varied_map(99, rng), rng)
    )
    assert "+-" in str(noise)
    assert len(noise.plot().axes) == 2
    assert isinstance(noise.scaled(2.0), NoiseModel)


@pytest.mark.parametrize("vacuum", [0, 0.05, 0.5, 5])
def test_counting_noise_of_a_particle_in_vacuum(vacuum, rng):
    """Most of the map has hardly any counts: they tell nothing, and rule nothing."""
    y, x = np.indices((40, 40)) - 19.5
    thickness = np.sqrt(np.clip(1 - (y**2 + x**2) / 14**2, 0, None))
    spectrum = 50 + 100 * np.exp(-0.5 * ((np.arange(200) - 80) / 6) ** 2)
    clean = thickness[..., None] * spectrum + vacuum
    noise = estimate_noise(rng.poisson(clean).astype(float).reshape(-1, 200))
    # 120 000 values with counts tell a variance to 0.4 %
    assert noise.gain == pytest.approx(1, abs=4 * 0.004)
    assert noise.n_spikes == 0


def test_the_picture_says_how_far_the_points_are_from_the_line(clean_signal):
    """In percent, and where the farthest one lies."""
    noise = aed.add_noise(clean_signal, 0.05, random_state=0).estimate_noise()
    title = noise.plot().axes[0].get_title()
    assert title.startswith("Half of the points lie within ")
    assert "don't describe" not in title
    bend = np.linspace(0.3, 3, len(noise.variances))
    bent = replace(noise, variances=noise.variances * bend).plot().axes[0].get_title()
    assert "gain and offset alone don't describe this noise" in bent

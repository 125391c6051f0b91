"""Data whose noise isn't of the kind that is measured are recognised."""

import re

import hyperspy.api as hs
import numpy as np
import pytest
import scipy.ndimage

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import NoiseModel, data
from hyperspy_aedenoise._noise.estimate import estimate_noise
from hyperspy_aedenoise._noise.window_sums import window_of_a_fit

NOISE = NoiseModel(2.0, 25.0)
CHANNEL = np.arange(200.0)
BACKGROUND = 1000 * (1 + CHANNEL / 80) ** -3.5


def edge_map(rng, scale=1.0):
    """Edges in varying thickness, shape (40, 40, 200), and their backgrounds."""
    edge = np.where(CHANNEL > 90, 200 * np.exp(-np.abs(CHANNEL - 95) / 40), 0)
    edge = scipy.ndimage.gaussian_filter1d(edge, 3)
    smooth = scipy.ndimage.gaussian_filter(rng.uniform(-1, 1, (2, 40, 40)), (0, 3, 3))
    thickness, share = 1 + 0.4 * smooth[..., None] / np.abs(smooth).max()
    background = scale * thickness * BACKGROUND
    return background + scale * thickness * share * edge, background


def words(spectra):
    return " ".join(estimate_noise(spectra.reshape(-1, spectra.shape[-1])).warnings)


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_nothing_is_said_of_good_data(scale, rng):
    """Of few counts, and of 60000 of them."""
    clean, _ = edge_map(rng, scale)
    assert "pattern" not in words(NOISE.sample(clean, rng))
    assert not words(NoiseModel(1.0, 4.0).sample(clean, rng))


@pytest.mark.parametrize(
    "sampling", [(0.125, 256), (0.25, 100)], ids=["fine", "coarse"]
)
def test_the_curvature_of_a_spectrum_is_no_pattern(sampling, rng):
    """Edges of 60000 counts, where it is half as large as the noise, or larger."""
    dispersion, n_channels = sampling
    clean = data.sto_o_k((16, 16), dispersion=dispersion, n_channels=n_channels).data
    clean = clean * 60000.0
    spectra = NoiseModel(1.0, 4.0).sample(clean, rng).reshape(-1, clean.shape[-1])
    noise = estimate_noise(spectra)
    assert not noise.warnings
    # a tenth of the noise at the maximum would not be seen
    assert noise.fixed_pattern < 0.1 / np.sqrt(60000)


def test_a_background_that_is_gone(rng):
    clean, background = edge_map(rng)
    assert "background was removed" in words(NOISE.sample(clean, rng) - background)


@pytest.mark.parametrize("noise", [NOISE, NoiseModel(2.0, 25.0, (1.0, 0.35, 0.05))])
@pytest.mark.parametrize("window", [(0, 15), (0, 40), (20, 50)], ids=str)
def test_a_moderate_background_that_was_fitted(noise, window, rng):
    """Its noise is like that of any map, but in the window of the fit nothing is left.

    A straight line has the variance of the window to take off that any fit has.
    """
    spectra = noise.sample(edge_map(rng)[0], rng).reshape(-1, len(CHANNEL))
    assert "was fitted" not in words(spectra)
    first, end = window
    part = CHANNEL[first:end], spectra[:, first:end].T
    line = np.polynomial.polynomial.polyfit(*part, 1)
    told = words(spectra - np.polynomial.polynomial.polyval(CHANNEL, line))
    assert "a background was fitted to each spectrum and removed" in told
    found = list(map(int, re.search(r"channels \((\d+) to (\d+)\)", told).groups()))
    assert first - 5 < found[0] < found[1] < end + 5


def test_spectra_that_were_normalised(rng):
    """By their sums over a window, in which nothing differs any more."""
    spectra = NOISE.sample(edge_map(rng)[0], rng).reshape(-1, len(CHANNEL))
    told = words(1e4 * spectra / spectra[:, 20:60].sum(axis=1, keepdims=True))
    assert "were normalised" in told
    assert "no more than 1 %" in told


@pytest.mark.parametrize("n_spectra", [30, 300])
def test_equal_spectra_scatter_as_their_noise(n_spectra, rng):
    """Of 50 maps without anything but noise none looks like a fit."""
    clean = np.full((n_spectra, 100), 50.0)
    for _ in range(50):
        assert window_of_a_fit(NOISE.sample(clean, rng), [NOISE])[0] is None


def test_noises_of_different_colour_are_no_fit(rng):
    """Counting noise that a scintillator blurs, and white read-out noise, in the dark.

    An average of both correlations is too large where there is no light.
    """
    clean = np.where(CHANNEL < 60, 0.0, 400.0) * rng.uniform(0.8, 1.2, (400, 1))
    counts = rng.poisson(clean) - clean
    blurred = clean + scipy.ndimage.gaussian_filter1d(counts, 2, axis=1)
    spectra = blurred + rng.normal(0, 4, clean.shape)
    assert "was fitted" not in words(spectra)


def test_resampled_along_energy(rng):
    noisy = NOISE.sample(edge_map(rng)[0], rng)
    at = np.arange(0, 198, 0.7)
    share = at % 1
    before, after = noisy[..., at.astype(int)], noisy[..., at.astype(int) + 1]
    assert "resampled along energy" in words((1 - share) * before + share * after)


def test_smoothed_along_energy(rng):
    noisy = NOISE.sample(edge_map(rng)[0], rng)
    assert "smoothed" in words(scipy.ndimage.gaussian_filter1d(noisy, 3, axis=-1))


def test_resampled_in_space(rng):
    noisy = NOISE.sample(edge_map(rng)[0], rng)
    moved = scipy.ndimage.shift(noisy, (0.5, 0.3, 0), order=1, mode="nearest")
    assert "consecutive spectra is correlated" in words(moved)


def test_clipped_at_zero(rng):
    clean, background = edge_map(rng)
    assert "clipped" in words(np.maximum(NOISE.sample(clean, rng) - background, 0))
    # counts have as many zeros, also beside a zero-loss peak
    for counts in (clean / 500, low_loss(rng)):
        assert "clipped" not in words(rng.poisson(counts).astype(float))
    assert "clipped" in words(
        np.maximum(low_loss(rng) + rng.normal(-2, 5, (144, 200)), 0)
    )


def test_extrapolated_ends(rng):
    """As HyperSpy leaves them where it moves spectra and doesn't crop them."""
    clean, _ = edge_map(rng)
    noisy = hs.signals.Signal1D(NOISE.sample(clean, rng))
    shift = rng.normal(0, 3, clean.shape[:-1])
    moved, cropped = noisy.deepcopy(), noisy.deepcopy()
    moved.shift1D(shift, crop=False, show_progressbar=False)
    cropped.shift1D(shift, crop=True, show_progressbar=False)
    assert "straight line" in words(moved.data)
    assert "straight line" not in words(cropped.data)
    for counts in (clean / 500, clean / 50, clean + 1e6):
        assert "straight line" not in words(rng.poisson(counts).astype(np.float32))


def low_loss(rng):
    """A zero-loss peak that moves, a plasmon, and a count between them."""
    energy = np.arange(200) * 0.2 - 5
    apart = energy - rng.normal(0, 0.1, (144, 1))
    plasmon = 300 * np.exp(-0.5 * ((energy - 20) / 4) ** 2)
    return 1e6 * np.exp(-0.5 * (apart / 0.5) ** 2) + 1 + plasmon


def test_saturated(rng):
    clean, _ = edge_map(rng, 60.0)
    noisy = np.round(NoiseModel(1.0, 25.0).sample(clean, rng))
    limit = np.quantile(noisy.max(axis=-1), 0.94)
    assert "in 6 % of the spectra" in words(np.minimum(noisy, limit))
    assert "saturated" not in words(noisy)
    # also where the largest line is much broader than a channel, and without rounding
    clean = 300 * aed.data.sto_o_k((24, 24)).data.astype(float)
    for noisy in (rng.poisson(clean), NoiseModel(1.0, 4.0).sample(clean, rng)):
        clipped = np.minimum(noisy, np.percentile(noisy, 99.5)).astype(float)
        assert "saturated" in words(clipped.reshape(-1, clean.shape[-1]))


def test_a_pattern_that_is_added_to_repeats(rng):
    """All of equal intensity: dim channels tell it from one of the gain."""
    clean = 3e4 * np.exp(-np.arange(600) / 80) + 50
    pattern, noise = rng.standard_normal(600), NoiseModel(1.0, 9.0)
    dark = noise.sample(np.broadcast_to(clean, (400, 600)), rng) + 8 * pattern
    found = estimate_noise(dark)
    assert found.dark_pattern == pytest.approx(8, rel=0.3)
    assert "dark reference" in words(dark)
    assert "correct the gain" not in words(dark)
    level = clean * (1 + 0.03 * pattern)
    gain = noise.sample(np.broadcast_to(level, (400, 600)), rng)
    assert estimate_noise(gain).dark_pattern == 0
    assert "correct the gain" in words(gain)


def test_patterns_that_are_added_and_patterns_of_gain(rng):
    """Told apart where half of the spectra have hardly any counts."""
    clean, _ = edge_map(rng)
    clean[:20] *= 0.05
    pattern, noise = rng.standard_normal(200), NoiseModel(1.0, 9.0)
    dark = noise.sample(clean, rng).reshape(-1, 200) + 5 * pattern
    found = estimate_noise(dark)
    # the standard deviation of 200 numbers, by their median, is known to 8 %
    assert found.dark_pattern == pytest.approx(5, rel=0.3)
    assert "dark reference" in words(dark)
    assert "correct the gain" not in words(dark)
    gain = noise.sample(clean * (1 + 0.05 * pattern), rng).reshape(-1, 200)
    found = estimate_noise(gain)
    assert found.fixed_pattern == pytest.approx(0.05, rel=0.3)
    assert found.dark_pattern == 0
    assert "correct the gain" in words(gain)


def test_no_pattern_is_told_of_few_channels(rng):
    """Of ten channels there is no difference of order twelve."""
    from hyperspy_aedenoise._noise.neighbours import dark_pattern

    assert dark_pattern(rng.normal(100, 3, (5, 10)), NoiseModel(0.0, 9.0)) == 0


@pytest.mark.parametrize("drift", [0.01, 0.05, 0.2])
def test_a_moving_zero_loss_peak_does_not_rule(drift, rng):
    """1e6 counts that move beside a tail of 1 to 100; energies in eV.

    What the peak leaves in the channels beside it isn't noise; without regard to that
    the variance would be up to 50 000 times too large. Where the peak moves by much it
    is known to a factor of 1.5 only.
    """
    energy = np.arange(400) * 0.1 - 3
    thickness = rng.uniform(0.3, 1, (480, 1))
    shift = rng.normal(0, drift, (480, 1))
    clean = 1e6 * np.exp(-thickness - 0.5 * ((energy - shift) / 0.12) ** 2)
    clean += thickness * (3 + 100 * np.exp(-0.5 * ((energy - 22) / 5) ** 2))
    noise = estimate_noise(NoiseModel(0.5, 9.0).sample(clean, rng))
    at = np.array([5.0, 100.0])
    ratio = noise.variance(at) / [11.5, 59]
    margin = 1.12 if drift < 0.05 else 1.5
    assert ((ratio > 1 / margin) & (ratio < margin)).all()
    if drift > 0.1:
        assert "`s.isig`" in " ".join(noise.warnings)

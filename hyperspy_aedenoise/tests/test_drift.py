"""Energy drift between spectra: measured, followed, and told from what doesn't move."""

from dataclasses import replace

import hyperspy.api as hs
import numpy as np
import pytest

from hyperspy_aedenoise import AutoencoderDenoiser, NoiseModel
from hyperspy_aedenoise._engine import restoration
from hyperspy_aedenoise._engine.recipe import Recipe
from hyperspy_aedenoise._filters import energy_shift
from hyperspy_aedenoise._filters.energy_shift import moved
from hyperspy_aedenoise._observation.observation import Observation
from hyperspy_aedenoise.tests.conftest import train

NOISE = NoiseModel.gaussian(0.05)
CHANNEL = np.arange(140)


def energy_drift(rows, used, noise):
    return energy_shift.energy_drift(Observation.of(rows, used, noise))


def restored(rows, recipe, rng):
    """Spectra of a line, restored by a recipe."""
    observation = Observation.of(rows, np.ones(len(rows), bool), NOISE)
    return restoration.restore(observation, None, recipe, rng).spectra()


def edge(drift, width=4.0):
    """An edge with a peak, moved by channels; shape (*drift.shape, 140)."""
    channel = CHANNEL - np.asarray(drift)[..., None]
    step = 0.5 / (1 + np.exp(-(channel - 50) / 3))
    return 0.2 + step + np.exp(-0.5 * ((channel - 60) / width) ** 2)


def test_moving_is_exact():
    """An edge, moved by a fraction of a channel, against the formula."""
    drift = np.array([-3.3, 0.0, 0.5, 7.25])
    found = moved(edge(np.zeros(4)), drift)
    assert np.abs(found - edge(drift)).max() < 1e-5  # single precision


def test_moved_noise_stays_white(rng):
    noise = rng.normal(size=(2000, 140))
    found = moved(noise, rng.uniform(-5, 5, 2000))[:, 20:-20]
    assert found.var() == pytest.approx(1, rel=4 * np.sqrt(2 / found.size))
    neighbours = (found[:, 1:] * found[:, :-1]).mean()
    assert abs(neighbours) < 4 / np.sqrt(found.size)


def bound(scale=1.0, sigma=0.05):
    """Least error of a drift (Cramer-Rao), intensity and slope being unknown."""
    still = scale * edge(np.zeros(()))
    apart = still * np.linspace(-1, 1, 140) ** np.arange(2)[:, None]
    slope = np.gradient(still)
    slope -= np.linalg.lstsq(apart.T, slope, rcond=None)[0] @ apart
    return sigma / np.linalg.norm(slope)


def test_drift_is_as_precise_as_noise_allows(rng):
    """Random drift: its error is the Cramer-Rao bound."""
    drift = rng.normal(0, 2, 500)
    rows = NOISE.sample(edge(drift), rng)
    found = energy_drift(rows, np.ones(500, bool), NOISE)
    # a variance from 500 draws; 1 in 500 of it is that of the mean spectrum
    assert (found - drift).std() == pytest.approx(bound(), rel=4 / np.sqrt(1000))


def test_smooth_drift_is_more_precise_than_one_spectrum_tells(rng):
    """Neighbours help each other, as they do for the codes."""
    y, x = np.indices((20, 25))
    drift = 2 * np.sin(y / 6) + x / 12
    rows, drift = NOISE.sample(edge(drift), rng).reshape(500, -1), drift.ravel()
    error = (energy_drift(rows, np.ones((20, 25), bool), NOISE) - drift).std()
    assert error < 0.6 * bound()  # a mean of three has 0.58


def test_what_is_dim_or_masked_gets_the_drift_beside_it(rng):
    """Half of a map is vacuum, and some positions are left out."""
    y, x = np.indices((20, 24))
    bright = x < 14
    drift = 2 * np.sin(y / 6)
    clean = np.where(bright[..., None], 1, 0.01) * edge(drift)
    used = rng.uniform(size=bright.shape) > 0.1
    rows = NOISE.sample(clean, rng)[used]
    error = energy_drift(rows, used, NOISE) - drift[used]
    error -= error[bright[used]].mean()  # it is that against the mean spectrum
    assert error[bright[used]].std() < bound()
    assert np.abs(error).max() < 1  # the sine changes by a third from row to row
    # in vacuum it is that of bright positions, which lie in the same row or the next
    assert error[~bright[used]].std() < bound() + np.abs(np.diff(drift[:, 0])).mean()


def test_counting_noise_of_bright_and_dim_spectra(rng):
    """The noise of each is its own, so that the dim ones don't spoil the others."""
    noise = NoiseModel(0.01)
    drift = rng.normal(0, 1, 600)
    scale = np.where(np.arange(600) % 2, 2.0, 0.05)
    rows = noise.sample(scale[:, None] * edge(drift), rng)
    error = energy_drift(rows, np.ones(600, bool), noise) - drift
    bright = scale > 1
    # read as white noise of the mean's variance, least-squares fits can't be better
    sigma = np.sqrt(noise.variance(2 * edge(0.0)).mean())
    assert (error[bright] - error[bright].mean()).std() < 1.5 * bound(2.0, sigma)


def test_no_drift_is_seen_where_there_is_none(rng):
    """Neither in changes of thickness nor in those of the slope with energy."""
    still = edge(np.zeros(300))
    thickness = rng.uniform(0.4, 1, (300, 1)) * still
    slope = 1 + rng.normal(0, 0.1, (300, 1)) * (CHANNEL / 70 - 1)
    for clean in (still, thickness, slope * thickness):
        rows = NOISE.sample(clean, rng)
        assert energy_drift(rows, np.ones(300, bool), NOISE) is None


@pytest.mark.parametrize("height", [0, 0.01, 0.03])
def test_spectra_that_show_nothing_have_no_drift(height, rng):
    """Noise alone, or an edge that is lost in it, moved or not."""
    rows = NOISE.sample(0.3 + height * edge(rng.normal(0, 3, 400)), rng)
    assert energy_drift(rows, np.ones(400, bool), NOISE) is None


@pytest.mark.parametrize("n", [1, 3])
def test_few_spectra_have_no_drift(n, rng):
    rows = NOISE.sample(edge(np.arange(n)), rng)
    assert energy_drift(rows, np.ones(n, bool), NOISE) is None


@pytest.fixture(scope="module")
def repeats():
    """60 spectra that drift at random, clean and noisy, and what was fitted."""
    rng = np.random.default_rng(4)
    clean = rng.uniform(0.8, 1, (60, 1)) * edge(rng.normal(0, 2, 60), 2.0)
    noisy = NOISE.sample(clean, rng)
    return clean, noisy, AutoencoderDenoiser(noise=NOISE, random_state=0).fit(noisy)


@pytest.mark.parametrize("lazy", [False, True])
def test_the_shift_as_a_signal(lazy):
    """In eV and in the order of the axes; of slices, and NaN where masked."""
    rng = np.random.default_rng(4)
    drift = rng.normal(0, 2, (6, 10))
    signal = hs.signals.Signal1D(NOISE.sample(edge(drift), rng))
    signal.set_signal_type("EELS")
    signal.axes_manager[-1].scale = 0.2
    signal.axes_manager[-1].units = "eV"
    mask = np.zeros((10, 6), bool)
    mask[7] = True
    signal = signal.as_lazy() if lazy else signal
    train(signal, navigation_mask=mask, noise=NOISE)
    shift = signal.get_autoencoder_energy_shift()
    assert shift.axes_manager.signal_shape == (10, 6)
    assert shift._lazy == lazy
    values = np.asarray(shift.data)
    assert np.array_equal(np.isnan(values), mask.T)
    known = ~mask.T
    apart = values[known] - 0.2 * (drift - drift[known].mean())[known]
    # a standard deviation of 54 spectra
    assert apart.std() < 0.2 * bound() * (1 + 4 / np.sqrt(2 * 54))
    part = signal.inav[2:5, 1].get_autoencoder_energy_shift()
    assert np.array_equal(np.asarray(part.data), values[1, 2:5])
    one = signal.inav[2, 1].get_autoencoder_energy_shift()
    assert np.asarray(one.data).item() == values[1, 2]


def test_where_no_shift_is_followed_there_is_none(trained_signal):
    with pytest.raises(RuntimeError, match="No energy shift"):
        trained_signal.get_autoencoder_energy_shift()


def test_a_drift_is_followed(repeats):
    """With it, the error is less than half of that of the same filter without."""
    clean, noisy, denoiser = repeats
    form, rng = Recipe(**denoiser.form_), np.random.default_rng(0)
    assert form.aligned
    assert len(denoiser.history_["energy_shift"]) == 60
    without = restored(noisy, replace(form, aligned=False), rng)
    error = np.square(denoiser.denoise(noisy) - clean).mean()
    assert error < np.square(without - clean).mean() / 2


def test_slices_files_and_new_spectra_follow_it(repeats, tmp_path):
    clean, noisy, denoiser = repeats
    restored = denoiser.denoise(noisy)
    assert np.array_equal(denoiser.denoise(noisy[7:9]), restored[7:9])
    denoiser.save(tmp_path / "drift.keras")
    again = AutoencoderDenoiser.load(tmp_path / "drift.keras")
    assert np.array_equal(again.denoise(noisy), restored)
    assert again.history_ == denoiser.history_
    new = NOISE.sample(clean, np.random.default_rng(5))
    assert np.square(denoiser.denoise(new) - clean).mean() < 0.05**2 / 3


def test_uncertainty_is_that_of_the_error(repeats):
    """Along energy, too: it is largest where the edge is steep."""
    clean, noisy, denoiser = repeats
    claimed = np.square(denoiser.uncertainty(noisy)).mean(axis=0)
    error = np.square(denoiser.denoise(noisy) - clean).mean(axis=0)
    # 16 draws of one shift per spectrum, 60 spectra: good to a fifth
    assert claimed.mean() == pytest.approx(error.mean(), rel=0.4)
    assert np.corrcoef(claimed, error)[0, 1] > 0.8


def test_across_missing_channels_nothing_is_moved(repeats):
    _, noisy, _ = repeats
    kept = np.r_[:80, 90:140]
    denoiser = AutoencoderDenoiser(noise=NOISE, random_state=0)
    denoiser.fit(noisy[:, kept], energies=100 + 0.5 * kept)
    assert not denoiser.form_["aligned"]


def test_two_edges_that_move_apart_are_no_drift(rng):
    """Alignment on the one would blur the other; the pairs see that."""
    energy = np.arange(140)
    shift = rng.uniform(-3, 3, (300, 1))
    clean = sum(
        np.exp(-0.5 * ((energy - at - sign * shift) / 4) ** 2)
        for at, sign in ((45, 1), (95, -1))
    )
    noisy = NOISE.sample(clean, rng)
    denoiser = AutoencoderDenoiser(noise=NOISE, random_state=0).fit(noisy)
    assert not denoiser.form_["aligned"]


def test_what_does_not_move_stays(rng):
    """The pattern of a detector is no edge: it stays where it was, and is not lost."""
    drift = rng.normal(0, 2, 400)
    pattern = 0.1 * rng.normal(size=140)
    noisy = NOISE.sample(edge(drift) + pattern, rng)
    recipe = Recipe(False, "alike codes", "along energy", aligned=True)
    found = (restored(noisy, recipe, rng) - edge(drift)).mean(axis=0)
    # the noise of the mean; what of the pattern varies as slowly as the drift
    # moves can't be told from the edge
    assert np.square(found - pattern).mean() < 0.2 * np.square(pattern).mean()

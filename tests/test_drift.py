"""Energy drift between spectra: measured, followed, and told from what doesn't move."""

import numpy as np
import pytest

from hyperspy_aedenoise import AutoencoderDenoiser, NoiseModel
from hyperspy_aedenoise._drift import energy_drift, moved
from hyperspy_aedenoise._spatial_spectral import Form, restore

NOISE = NoiseModel.gaussian(0.05)
CHANNEL = np.arange(140)


def edge(drift, width=4.0):
    """An edge with a peak, moved by channels; shape (*drift.shape, 140)."""
    channel = CHANNEL - np.asarray(drift)[..., None]
    step = 0.5 / (1 + np.exp(-(channel - 50) / 3))
    return 0.2 + step + np.exp(-0.5 * ((channel - 60) / width) ** 2)


def test_moving_is_exact_inside(rng):
    """A smooth peak, moved by a fraction of a channel, against the formula."""
    drift = np.array([-3.3, 0.0, 0.5, 7.25])
    found = moved(edge(np.zeros(4)), drift)
    # float32, and ends that go on steadily
    assert np.abs(found - edge(drift)).max() < 1e-4


def test_moved_noise_stays_white(rng):
    noise = rng.normal(size=(2000, 140))
    found = moved(noise, rng.uniform(-5, 5, 2000))[:, 20:-20]
    assert found.var() == pytest.approx(1, rel=4 * np.sqrt(2 / found.size))
    neighbours = (found[:, 1:] * found[:, :-1]).mean()
    assert abs(neighbours) < 4 / np.sqrt(found.size)


def test_drift_is_as_precise_as_noise_allows(rng):
    """Random drift: errors of the size of the Cramer-Rao bound."""
    drift = rng.normal(0, 2, 500)
    rows = NOISE.sample(edge(drift), rng)
    found = energy_drift(rows, np.ones(500, bool), NOISE)
    slope = np.gradient(edge(np.zeros(())))
    scale = edge(np.zeros(())) * np.linspace(-1, 1, 140) ** np.arange(2)[:, None]
    apart = slope - np.linalg.lstsq(scale.T, slope, rcond=None)[0] @ scale
    bound = 0.05 / np.linalg.norm(apart)
    error = (found - found.mean()) - (drift - drift.mean())
    assert error.std() < 1.25 * bound  # the mean, too, is noisy
    assert error.std() > 0.8 * bound


def test_smooth_drift_is_more_precise_than_one_spectrum_tells(rng):
    """Neighbours help each other, as they do for the codes."""
    y, x = np.indices((20, 25))
    drift = 2 * np.sin(y / 6) + x / 12
    rows, drift = NOISE.sample(edge(drift), rng).reshape(500, -1), drift.ravel()
    together = energy_drift(rows, np.ones((20, 25), bool), NOISE) - drift
    mixed = rng.permutation(500)
    alone = energy_drift(rows[mixed], np.ones(500, bool), NOISE) - drift[mixed]
    assert together.std() < 0.6 * alone.std()


def test_no_drift_is_seen_where_there_is_none(rng):
    """Neither in changes of thickness nor in those of the slope with energy."""
    still = edge(np.zeros(300))
    thickness = rng.uniform(0.4, 1, (300, 1)) * still
    slope = 1 + rng.normal(0, 0.1, (300, 1)) * (CHANNEL / 70 - 1)
    for clean in (still, thickness, slope * thickness):
        rows = NOISE.sample(clean, rng)
        assert energy_drift(rows, np.ones(300, bool), NOISE) is None


@pytest.mark.parametrize("n", [1, 3])
def test_few_spectra_have_no_drift(n, rng):
    rows = NOISE.sample(edge(np.arange(n)), rng)
    assert energy_drift(rows, np.ones(n, bool), NOISE) is None


def test_a_drift_is_followed(rng):
    """60 repeats that drift at random: a third of the error of the same without."""
    drift = rng.normal(0, 2, 60)
    clean = rng.uniform(0.8, 1, (60, 1)) * edge(drift, 2.0)
    noisy = NOISE.sample(clean, rng)
    denoiser = AutoencoderDenoiser(noise=NOISE, random_state=0).fit(noisy)
    restored = denoiser.denoise(noisy)
    assert denoiser.form_["aligned"]
    assert denoiser.history_["drift"] == pytest.approx(drift.std(), rel=0.1)
    used = np.ones(60, bool)
    form = Form(**denoiser.form_ | {"aligned": False})
    without = restore(noisy, used, NOISE, None, rng, form).spectra()
    assert np.square(restored - clean).mean() < np.square(without - clean).mean() / 2
    assert np.array_equal(denoiser.denoise(noisy[7:9]), restored[7:9])


def test_what_does_not_move_stays(rng):
    """The pattern of a detector is no edge: it stays where it was, and is not lost."""
    drift = rng.normal(0, 2, 400)
    pattern = 0.1 * rng.normal(size=140)
    noisy = NOISE.sample(edge(drift) + pattern, rng)
    used = np.ones(400, bool)
    form = Form(False, "alike codes", "along energy", aligned=True)
    restored = restore(noisy, used, NOISE, None, rng, form).spectra()
    found = (restored - edge(drift)).mean(axis=0)
    # the noise of the mean; what of the pattern varies as slowly as the drift
    # moves can't be told from the edge
    assert np.square(found - pattern).mean() < 0.2 * np.square(pattern).mean()

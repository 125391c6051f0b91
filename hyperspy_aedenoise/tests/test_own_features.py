"""What is strong and of a single spectrum, as a wide cosmic ray, stays there."""

import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import AutoencoderDenoiser, NoiseModel
from hyperspy_aedenoise._engine.own_features import OwnFeatures
from hyperspy_aedenoise._observation.observation import Observation
from hyperspy_aedenoise._report.lone_spectra import lone_spectra
from hyperspy_aedenoise._report.summary import summary

NOISE = NoiseModel(gain=1, offset=4)
SHAPE, N_CHANNELS = (20, 24), 160
#: As wide as a line, and of many equal channels.
LINE, BOX = np.exp(-np.square(np.arange(-10, 11) / 3.4) / 2), np.ones(8)


@pytest.fixture(scope="module")
def clean():
    axis = {"energy_start": 522, "dispersion": 0.125, "n_channels": N_CHANNELS}
    return 300 * aed.data.sto_o_k(SHAPE, **axis).data.astype(float)


@pytest.fixture
def noisy(clean, rng):
    return NOISE.sample(clean, rng)


def fit(data):
    return AutoencoderDenoiser(noise=NOISE, random_state=0).fit(data)


def error_outside(denoiser, noisy, clean, places):
    """Mean squared error of the spectra that have no cosmic ray."""
    others = np.ones(SHAPE, bool)
    others[tuple(np.transpose(places))] = False
    return np.square((denoiser.denoise(noisy) - clean)[others]).mean()


@pytest.mark.parametrize("shape", [LINE, BOX], ids=["line", "box"])
def test_wide_cosmic_rays_stay_out_of_others(noisy, clean, shape):
    """As wide as a line they may be real: they are kept, and told."""
    calm = fit(noisy)
    assert not calm.history_["rare"]["peaks"]
    places = [(5, 7), (2, 3), (9, 11), (11, 0)]
    hit = noisy.copy()
    for at, place in enumerate(places):
        hit[place][60 + at : 60 + at + len(shape)] += 2000 * shape
    denoiser = fit(hit)
    assert denoiser.n_latent_ == calm.n_latent_ + 4
    found = {tuple(p["positions"][0]): p for p in denoiser.history_["rare"]["peaks"]}
    assert set(found) == set(places)
    restored, middle = denoiser.denoise(hit), len(shape) // 2
    for at, place in enumerate(places):
        assert abs(found[place]["channel"] - 60 - at - middle) <= 1
        kept = (restored - clean)[place][60 + at + middle]
        assert kept == pytest.approx(2000, rel=0.03)
    error, without = (
        error_outside(one, hit, clean, places) for one in (denoiser, calm)
    )
    assert error < 1.03 * without
    told = summary(denoiser)
    assert "(inav[7, 5])" in told and "may be a cosmic ray of many channels" in told
    again = AutoencoderDenoiser.from_bytes(denoiser.to_bytes())
    assert np.array_equal(again.denoise(hit), restored)


def test_the_error_bar_of_a_wide_cosmic_ray_is_the_noise_in_it(noisy, clean):
    noisy[5, 7, 60:81] += 2000 * LINE
    denoiser = fit(noisy)
    error = denoiser.uncertainty(noisy)
    counting = np.sqrt(NOISE.variance(2000 + clean[5, 7, 70]))
    assert error[5, 7, 68:73].mean() == pytest.approx(counting, rel=0.4)
    assert error[5, 9, 68:73].mean() < 0.3 * counting


def test_what_two_spectra_share_is_named(noisy, clean):
    """It is a component, and may be a line of both."""
    assert lone_spectra(fit(noisy)) == []
    noisy[[5, 9], [7, 2], 60:81] += 2000 * LINE
    denoiser = fit(noisy)
    (found,) = lone_spectra(denoiser)
    assert sorted(found["positions"]) == [[5, 7], [9, 2]]
    assert abs(found["channel"] - 70) <= 2
    assert "is that of 2 spectra alone (s.inav[" in summary(denoiser)
    restored = denoiser.denoise(noisy)
    kept = (restored - clean)[[5, 9], [7, 2], 70]
    assert kept == pytest.approx([2000, 2000], rel=0.03)


def test_a_spectrum_of_its_own_is_a_component(noisy):
    """Where most channels differ nothing says what the spectrum would be without."""
    noisy[5, 7] += 40 * np.arange(noisy.shape[-1])[::-1]
    denoiser = fit(noisy)
    assert not denoiser.history_["rare"]["peaks"]
    assert lone_spectra(denoiser)[0]["positions"] == [[5, 7]]


def test_spectra_that_all_differ_keep_their_components(noisy, rng):
    noisy = noisy.reshape(-1, N_CHANNELS)[:60]
    for row in noisy:
        row[rng.integers(0, N_CHANNELS - 21) + np.arange(21)] += 2000 * LINE
    observation = Observation.of(noisy, np.ones(60, bool), NOISE)
    assert OwnFeatures.of(observation).rest is observation

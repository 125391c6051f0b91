"""What is strong and of a single spectrum, as a wide cosmic ray, stays there."""

import dask.array
import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import AutoencoderDenoiser, NoiseModel
from hyperspy_aedenoise._engine.own_features import OwnFeatures
from hyperspy_aedenoise._filters.energy_shift import moved
from hyperspy_aedenoise._linear.leverage import unit_scores
from hyperspy_aedenoise._observation.observation import Observation
from hyperspy_aedenoise._observation.spectra_by_blocks import spectra_of
from hyperspy_aedenoise._report.lone_spectra import lone_spectra
from hyperspy_aedenoise._report.summary import summary

NOISE = NoiseModel(gain=1, offset=4)
SHAPE, N_CHANNELS = (20, 24), 160
#: As wide as a line, and of many equal channels.
LINE, BOX = np.exp(-np.square(np.arange(-10, 11) / 3.4) / 2), np.ones(8)
PLACES = [(5, 7), (2, 3), (9, 11), (11, 0)]


@pytest.fixture(scope="module")
def clean():
    axis = {"energy_start": 522, "dispersion": 0.125, "n_channels": N_CHANNELS}
    return 300 * aed.data.sto_o_k(SHAPE, **axis).data.astype(float)


@pytest.fixture
def noisy(clean, rng):
    return NOISE.sample(clean, rng)


def fit(data):
    return AutoencoderDenoiser(noise=NOISE, random_state=0).fit(data)


def observed(data, noise=NOISE):
    rows = data.reshape(-1, data.shape[-1])
    return Observation.of(rows, np.ones(data.shape[:-1], bool), noise)


def with_rays(data, shape, height, places):
    """Data with a ray at each of some places, at other energies."""
    data = data.copy()
    for at, place in enumerate(places):
        first = 20 + 33 * at
        data[place][first : first + len(shape)] += height * shape
    return data


def error_outside(denoiser, noisy, clean):
    """Mean squared error of the spectra that have no cosmic ray."""
    others = np.ones(SHAPE, bool)
    others[tuple(np.transpose(PLACES))] = False
    return np.square((denoiser.denoise(noisy) - clean)[others]).mean()


@pytest.mark.parametrize("shape", [LINE, BOX], ids=["line", "box"])
def test_wide_cosmic_rays_stay_out_of_others(noisy, clean, shape):
    """As wide as a line they may be real: they are kept as measured, and told."""
    calm = fit(noisy)
    assert not calm.history_["rare"]["peaks"]
    hit = with_rays(noisy, shape, 2000, PLACES)
    denoiser = fit(hit)
    assert denoiser.n_latent_ == calm.n_latent_ + len(PLACES)
    found = {tuple(p["positions"][0]): p for p in denoiser.history_["rare"]["peaks"]}
    assert set(found) == set(PLACES)
    restored, reach = denoiser.denoise(hit), len(shape)
    for at, place in enumerate(PLACES):
        ray = slice(20 + 33 * at, 20 + 33 * at + reach)
        assert ray.start <= found[place]["channel"] < ray.stop
        kept = (restored - calm.denoise(noisy))[place][ray].sum()
        # as measured: the noise of these channels stays
        noise = np.sqrt(NOISE.variance(clean[place][ray]).sum())
        assert abs(kept - 2000 * shape.sum()) < 4 * noise
    # four of 480 spectra tell a little less; half as much error again was left before
    errors = [error_outside(one, hit, clean) for one in (denoiser, calm)]
    assert errors[0] < 1.03 * errors[1]
    told = summary(denoiser)
    assert "(inav[7, 5])" in told and "may be a cosmic ray of many channels" in told
    again = AutoencoderDenoiser.from_bytes(denoiser.to_bytes())
    assert np.array_equal(again.denoise(hit), restored)


def test_what_is_taken_out_and_the_rest_are_what_was_measured(noisy):
    hit = with_rays(noisy, BOX, 2000, PLACES)
    hit.setflags(write=False)
    observation = observed(hit)
    found = OwnFeatures.of(observation)
    whole = found.rest.spectra.all()
    whole[found.rows] += found.parts
    assert np.allclose(whole, observation.spectra.all(), rtol=1e-6, atol=1e-3)
    assert (np.count_nonzero(found.parts, axis=1) < 2 * len(BOX)).all()
    in_dask = dask.array.from_array(hit, chunks=(7, 9, 50))
    lazy = Observation(
        spectra_of(in_dask, np.ones(SHAPE, bool)), observation.layout, NOISE
    )
    assert np.allclose(OwnFeatures.of(lazy).parts, found.parts, atol=1e-3)


@pytest.mark.parametrize(
    "noise", [NOISE, NoiseModel(1, 4, (1.0, 0.5, 0.1))], ids=["white", "correlated"]
)
def test_nothing_is_taken_out_of_calm_maps(clean, noise):
    for seed in range(5):
        observation = observed(noise.sample(clean, np.random.default_rng(seed)), noise)
        assert OwnFeatures.of(observation).rest is observation


def test_of_few_counts_they_are_counts(clean, rng):
    """So that the rest is still treated as such."""
    counts = NoiseModel(1)
    hit = counts.sample(with_rays(clean / 100, np.ones(40), 40, PLACES[:3]), rng)
    found = OwnFeatures.of(observed(hit, counts))
    assert len(found.rows) == 3
    assert found.rest.is_counted


def test_identical_spectra_have_nothing_of_their_own():
    observation = observed(np.tile(np.arange(20.0, 120.0), (8, 8, 1)))
    assert OwnFeatures.of(observation).rest is observation


def test_a_drift_is_followed_beside_them(rng):
    """A ray gives no drift to others, and moves with none."""
    channel, drift = np.arange(N_CHANNELS), rng.normal(0, 1.5, SHAPE)[..., None]
    clean = 100 + 900 / (1 + np.exp((70 - channel + drift) / 2))
    clean += 1500 * np.exp(-np.square((channel - drift - 100) / 5) / 2)
    hit = with_rays(NOISE.sample(clean, rng), BOX, 3000, PLACES)
    denoiser = fit(hit)
    assert denoiser.form_["aligned"]
    restored = denoiser.denoise(hit)
    for at, place in enumerate(PLACES):
        ray = slice(20 + 33 * at, 28 + 33 * at)
        noise = np.sqrt(NOISE.variance(clean[place][ray] + 3000).mean())
        assert abs((restored - clean)[place][ray] - 3000).max() < 5 * noise
    assert error_outside(denoiser, hit, clean) < 0.2 * NOISE.variance(clean).mean()


@pytest.mark.parametrize("seed", range(3))
def test_the_ends_of_a_drift_are_like_the_others(clean, seed):
    """Though no other spectrum is moved as far; a ray there is still its own."""
    rng = np.random.default_rng(seed)
    drift = rng.normal(0, 3, 120)
    drift[[17, 61]] = -10, 11
    mean = np.tile(clean.mean(axis=(0, 1)), (120, 1))
    repeats = NOISE.sample(moved(mean, drift), rng)[None]
    observation = observed(repeats)
    assert OwnFeatures.of(observation).rest is observation
    hit = with_rays(repeats, BOX, 2000, [(0, 61)])
    found = OwnFeatures.of(observed(hit))
    assert found.rows.tolist() == [61]
    (channels,) = np.nonzero(found.parts[0])
    assert channels.min() > 20 - 3 and channels.max() < 28 + 3


def test_a_ray_like_a_moved_line_is_its_own(rng):
    """Where nothing drifts nothing is explained by a drift."""
    channel = np.arange(N_CHANNELS)
    line = 1500 * np.exp(-np.square((channel - 80) / 4) / 2)
    share = rng.uniform(0, 1, SHAPE)
    share[5, 7] = 0
    truth = 200 + share[..., None] * line
    noisy = NOISE.sample(truth, rng)
    noisy[5, 7] += np.roll(line, 12)
    assert OwnFeatures.of(observed(noisy)).rows.tolist() == [5 * SHAPE[1] + 7]


def test_the_error_bar_of_a_wide_cosmic_ray_is_the_noise_in_it(noisy, clean):
    noisy[5, 7, 60:81] += 2000 * LINE
    denoiser = fit(noisy)
    error = denoiser.uncertainty(noisy)
    counting = np.sqrt(NOISE.variance(2000 + clean[5, 7, 70]))
    # a mean square of 16 in 5 channels is good to 16 %; noise falls towards its sides
    assert error[5, 7, 68:73].mean() == pytest.approx(counting, rel=0.4)
    assert error[5, 9, 68:73].mean() < 0.3 * counting


@pytest.mark.parametrize("second", [2000, 1000, 600])
def test_what_two_spectra_share_is_named(noisy, clean, second):
    """It is a component, and may be a line of both."""
    noisy[5, 7, 60:81] += 2000 * LINE
    noisy[9, 2, 60:81] += second * LINE
    assert not len(OwnFeatures.of(observed(noisy)).rows)
    denoiser = fit(noisy)
    (found,) = lone_spectra(denoiser)
    assert sorted(found["positions"]) == [[5, 7], [9, 2]]
    assert abs(found["channel"] - 70) <= 2
    assert "is that of 2 spectra alone (s.inav[" in summary(denoiser)
    kept = (denoiser.denoise(noisy) - clean)[[5, 9], [7, 2], 60:81] @ LINE
    noise = np.sqrt(NOISE.variance(2000 * LINE + clean.mean()) @ np.square(LINE))
    assert (
        np.abs(kept - np.array([2000, second]) * np.square(LINE).sum()).max()
        < 4 * noise
    )


def test_a_ray_on_what_few_spectra_have(clean, rng):
    """What these share stays a component; the ray alone is taken out."""
    few = [(3, 4), (3, 5), (4, 4), (4, 5), (5, 4), (5, 5)]
    phase = clean.copy()
    phase[tuple(np.transpose(few))] += 800 * np.exp(
        -np.square((np.arange(N_CHANNELS) - 110) / 15) / 2
    )
    hit = NOISE.sample(phase, rng)
    hit[4, 5, 30:38] += 2000
    found = OwnFeatures.of(observed(hit))
    assert found.rows.tolist() == [4 * SHAPE[1] + 5]
    (channels,) = np.nonzero(found.parts[0])
    assert channels.min() > 26 and channels.max() < 42


def test_a_spectrum_of_its_own_is_a_component(noisy):
    """Where most channels differ nothing says what the spectrum would be without."""
    noisy[5, 7] += 40 * np.arange(N_CHANNELS)[::-1]
    observation = observed(noisy)
    assert OwnFeatures.of(observation).rest is observation
    assert lone_spectra(fit(noisy))[0]["positions"] == [[5, 7]]


def test_spectra_that_all_differ_keep_their_components(noisy, rng):
    noisy = noisy.reshape(-1, N_CHANNELS)[:60]
    for row in noisy:
        row[rng.integers(0, N_CHANNELS - 21) + np.arange(21)] += 2000 * LINE
    observation = observed(noisy)
    assert OwnFeatures.of(observation).rest is observation


def test_many_components_make_no_spectrum_lonely(rng):
    scores = unit_scores(rng.standard_normal((40, 30)), np.ones(40))
    leverage = np.square(scores).sum(axis=1)
    assert leverage.sum() == pytest.approx(30)
    constant = np.column_stack([np.zeros(40), rng.standard_normal(40)])
    assert unit_scores(constant, np.ones(40)).shape == (40, 1)

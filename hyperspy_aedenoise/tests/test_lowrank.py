"""Principal codes, rank and shrinkage."""

import numpy as np
import pytest

from hyperspy_aedenoise import NoiseModel
from hyperspy_aedenoise._linear import principal_codes as linear
from hyperspy_aedenoise._noise.random_matrices import optimal_gain
from hyperspy_aedenoise._observation.observation import Observation

WHITE = NoiseModel.gaussian(1.0)


def observed(rows, noise):
    return Observation.of(rows, np.ones(len(rows), bool), noise)


def principal_codes(rows, noise, n_codes=None):
    return linear.principal_codes(observed(rows, noise), n_codes)


def clean_codes(rows, noise, n_codes=None):
    return linear.clean_codes(observed(rows, noise), n_codes)


def of_rank(rank, n_spectra, n_channels, strength, rng):
    """Spectra of a given rank beside their mean, with codes of given variance."""
    basis = np.linalg.qr(rng.normal(size=(n_channels, rank)))[0]
    codes = rng.normal(size=(n_spectra, rank)) * np.sqrt(strength)
    return codes @ basis.T + np.linspace(0, 3, n_channels)


@pytest.mark.parametrize(("n_spectra", "n_channels"), [(600, 80), (80, 600)])
@pytest.mark.parametrize("rank", [1, 3])
def test_the_rank_is_found(n_spectra, n_channels, rank, rng):
    """Strong components count, noise does not, whichever side is longer."""
    clean = of_rank(rank, n_spectra, n_channels, 60.0, rng)
    codes = principal_codes(clean + rng.normal(size=clean.shape), WHITE)
    assert (codes.shrinkage > 0).sum() == rank


def test_noise_alone_gives_the_mean_spectrum(rng):
    noise = rng.normal(size=(500, 60))
    codes = principal_codes(noise, WHITE)
    assert codes.shrinkage.tolist() == [0]
    assert np.allclose(codes.denoise(noise), noise.mean(axis=0))


def test_shrinkage_beats_every_truncation(rng):
    """On average over 20 sets with weak components: that is what it is optimal in."""
    shrunk, truncated = [], []
    for _ in range(20):
        clean = of_rank(4, 300, 100, np.array([40.0, 6.0, 3.0, 2.0]), rng)
        noisy = clean + rng.normal(size=clean.shape)
        shrunk.append(np.square(principal_codes(noisy, WHITE).denoise(noisy) - clean))
        mean = noisy.mean(axis=0)
        u, s, v = np.linalg.svd(noisy - mean, full_matrices=False)
        models = [u[:, :k] * s[:k] @ v[:k] + mean for k in range(7)]
        truncated.append([np.square(model - clean).mean() for model in models])
    assert np.mean(shrunk) < np.mean(truncated, axis=0).min()


@pytest.mark.parametrize("ratio", [0.25, 1.0, 4.0])
def test_the_gain_is_the_best_one(ratio, rng):
    """Of a component in noise: against the best factor for it, by the truth."""
    n_channels = 240
    n_spectra = int(n_channels / ratio)
    gains, best = [], []
    for strength in (1.0, 1.5, 2.5, 6.0):
        strength = strength * (1 + np.sqrt(ratio)) ** 2
        clean = of_rank(1, n_spectra, n_channels, strength, rng) - np.linspace(
            0, 3, n_channels
        )
        noisy = clean + rng.normal(size=clean.shape)
        u, s, v = np.linalg.svd(noisy, full_matrices=False)
        best.append(u[:, 0] @ clean @ v[0] / s[0])
        gains.append(optimal_gain(s[0] ** 2 / n_spectra, n_channels / n_spectra))
    assert np.array(gains) == pytest.approx(best, abs=0.1)


def test_codes_have_unit_noise(rng):
    """Also of correlated counting noise: that is what whitening is for."""
    noise = NoiseModel(2.0, 4.0, (1, 0.3))
    clean = np.maximum(of_rank(2, 3000, 50, 900.0, rng) + 100, 0)
    noisy = noise.sample(clean, rng)
    codes = principal_codes(noisy, noise)
    spread = (codes.encode(noisy) - codes.encode(clean)).var(axis=0)
    assert spread == pytest.approx(np.ones(2), abs=0.15)


@pytest.mark.parametrize("dark", [0.3, 0.1, 0.004])
def test_counting_noise_beside_vacuum_is_no_component(dark, rng):
    """Half of the spectra are hardly there; the noise of the others is noise."""
    noise = NoiseModel(1.0)
    spectrum = 100 * (2 + np.sin(np.linspace(0, 6, 200)))
    thickness = np.where(np.arange(320) < 160, 1, dark)[:, None]
    noisy = noise.sample(thickness * spectrum, rng)
    codes = principal_codes(noisy, noise)
    assert (codes.shrinkage > 0).sum() == 1
    # noise of one code in each spectrum, and of the component's own spectrum
    error = np.square(codes.denoise(noisy) - thickness * spectrum)[:160].mean()
    assert error < 1.5 * noise.variance(spectrum).mean() * (1 / 200 + 1 / 160)


def test_empty_spectra_hide_no_component(rng):
    """700 spectra without counts or noise, and 300 with a weak component."""
    noise = NoiseModel(1.0)
    basis = np.sin(np.linspace(0, 20, 100))[None]
    basis /= np.linalg.norm(basis)
    codes = rng.normal(size=(300, 1)) * np.sqrt(2.5 * 50)
    noisy = noise.sample(50 + codes * basis, rng)
    alone = principal_codes(noisy, noise)
    both = principal_codes(np.concatenate([np.zeros((700, 100)), noisy]), noise)
    assert len(alone.shrinkage) == 1
    # the first is whether there is anything at all
    assert both.shrinkage[1:] == pytest.approx(alone.shrinkage, abs=0.01)


def test_empty_spectra_weigh_no_more_than_dim_ones(rng):
    """Where nothing was counted there is no noise to divide by."""
    noise = NoiseModel(1.0)
    clean = np.full((300, 60), 50.0)
    clean[:200] = 0
    observation = observed(noise.sample(clean, rng), noise)
    colour, level = observation.colour, observation.level
    # an empty one has a tenth of the mean level of all, which is a third of the others'
    assert level[200:].mean() / level[:200].max() == pytest.approx(30, rel=0.01)
    bright = level[200:, None] * colour.spread**2
    assert bright.mean() == pytest.approx(50, rel=0.05)


def test_encode_and_decode_are_inverse_on_the_codes(rng):
    clean = of_rank(2, 100, 40, 50.0, rng)
    codes = principal_codes(clean + rng.normal(size=clean.shape), WHITE, 2)
    values = rng.normal(size=(7, 2))
    assert np.allclose(codes.encode(codes.decode(values)), values)


def test_clean_codes_keep_what_can_be_seen_in_the_noise(rng):
    """Components with less than a tenth of the noise variance are left out."""
    clean = of_rank(3, 400, 60, np.array([50.0, 5.0, 0.01]), rng)
    codes = clean_codes(clean, WHITE)
    assert codes.shrinkage == pytest.approx([50 / 51, 5 / 6], rel=0.1)

"""Direct detectors count far less than one electron in a channel."""

import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise._engine.recipe import Recipe
from hyperspy_aedenoise._engine.recorrupted_pairs import Pair, thinned_pair
from hyperspy_aedenoise._engine.restoration import restore
from hyperspy_aedenoise._linear.principal_codes import principal_codes
from hyperspy_aedenoise._noise.counts import are_few_counts, unit_of_counts
from hyperspy_aedenoise._noise.estimate import estimate_noise
from hyperspy_aedenoise._observation.despiked import spikes_in
from hyperspy_aedenoise._observation.observation import Observation
from hyperspy_aedenoise.data import sto_o_k

COUNTING = aed.NoiseModel(1.0)
#: Counts per channel, on average.
MEANS = (0.02, 0.05, 0.1, 0.3, 1.0)
RATIO = 0.3


def counted(mean, size=24, seed=0):
    """Atomic columns, clean and counted, shape (size, size, n_channels)."""
    clean = sto_o_k((size, size), n_channels=160).data.astype(float)
    clean *= mean / clean.mean()
    return clean, np.random.default_rng(seed).poisson(clean).astype(np.float32)


def observed(noisy, noise=COUNTING):
    rows = noisy.reshape(-1, noisy.shape[-1])
    return Observation.of(rows, np.ones(noisy.shape[:-1], bool), noise)


def denoised(noisy, noise=None):
    return aed.AutoencoderDenoiser(noise=noise, random_state=0).fit(noisy)


def pulls(restored, noisy, clean):
    """Sums over regions and windows beside the raw ones, in their standard errors."""
    rng = np.random.default_rng(1)
    height, width, n_channels = noisy.shape
    found = []
    while len(found) < 100:
        y, x = rng.integers(0, (height - 4, width - 4))
        down, across = rng.integers(2, (height // 2, width // 2))
        first, last = rng.integers((0, 10), (n_channels - 10, n_channels))
        part = np.s_[y : y + down, x : x + across, first : max(last, first + 10)]
        expected = clean[part].sum()
        if expected > 10:  # fewer are no Gaussian
            apart = restored[part].sum(dtype=float) - noisy[part].sum(dtype=float)
            found.append(apart / np.sqrt(expected))
    return np.array(found)


@pytest.mark.parametrize("mean", MEANS)
def test_weights_take_no_intensity(mean):
    """The weighted mean of equal spectra is their mean, up to its standard error."""
    rng = np.random.default_rng(3)
    clean = np.full((2000, 100), mean)
    observation = observed(rng.poisson(clean).astype(np.float32))
    error = np.sqrt(mean / clean.size)
    assert observation.mean.mean() == pytest.approx(mean, abs=4 * error)


def test_weights_take_no_intensity_of_spectra_that_differ():
    """Of bright and dim ones it is that with weights of the true levels."""
    rng = np.random.default_rng(4)
    thickness = rng.uniform(0.5, 2, (20000, 1))
    clean = thickness * np.full(60, 0.5)
    observation = observed(rng.poisson(clean).astype(np.float32))
    weight = 1 / observation.level
    known = (weight @ clean / weight.sum()).mean()
    error = np.sqrt(0.5 / clean.size)
    assert observation.dimming.mean() > 10 * error
    assert observation.mean.mean() == pytest.approx(known, abs=5 * error)


@pytest.mark.parametrize("mean", MEANS)
def test_intensity_is_kept(mean):
    """In all spectra together, by principal codes and by filtered ones."""
    _, noisy = counted(mean)
    observation = observed(noisy)
    recipe = Recipe(code_filter="alike 3 x 3", decoder="along energy")
    found = restore(observation, 2, recipe, np.random.default_rng(0)).spectra()
    total = noisy.sum(dtype=float)
    for spectra in (
        found,
        principal_codes(observation).denoise(observation.spectra.all()),
    ):
        assert abs(spectra.sum(dtype=float) - total) < 3 * np.sqrt(total)


@pytest.mark.parametrize("mean", (0.02, 0.1, 1.0))
def test_sums_over_regions_and_channels_are_kept(mean):
    """By the default call, which measures the noise itself."""
    clean, noisy = counted(mean)
    restored = denoised(noisy).denoise(noisy)
    assert (np.abs(pulls(restored, noisy, clean)) < 3).mean() >= 0.99
    total = noisy.sum(dtype=float)
    assert abs(restored.sum(dtype=float) - total) < 3 * np.sqrt(total)


def test_where_nothing_was_counted_there_is_an_error():
    """The restored values are 0 in such channels, and so are all draws of them."""
    _, noisy = counted(0.02, size=16, seed=2)
    denoiser = denoised(noisy)
    error = denoiser.uncertainty(noisy)
    empty = ~noisy.any(axis=(0, 1))
    assert empty.sum() > 1
    # that of one count among all spectra; NaN isn't as large, either
    assert error.min() == pytest.approx(1 / 16**2)
    assert error[..., empty].mean() < error.mean()


@pytest.mark.parametrize("dark", (0.001, 0.02))
def test_a_dark_half_stays_dark(dark):
    """No light comes from the bright one, nor goes there."""
    clean, _ = counted(0.5)
    clean[:, :12] *= dark
    noisy = np.random.default_rng(0).poisson(clean).astype(np.float32)
    restored = denoised(noisy).denoise(noisy)
    for half in np.s_[:, :12], np.s_[:, 12:]:
        apart = restored[half].sum(dtype=float) - noisy[half].sum(dtype=float)
        assert abs(apart) < 3 * np.sqrt(clean[half].sum())


def test_sums_of_codes_are_kept_whatever_the_filter(rng):
    """Also where the counting noise differs from position to position."""
    _, noisy = counted(20.0, size=16)
    observation = observed(noisy)
    found = restore(observation, 1, Recipe(), rng)
    missing = (found.noisy - found.codes).sum(axis=0)
    assert np.abs(missing) < 1e-3 * np.abs(found.noisy).sum()


def test_counts_shared_out_are_independent(rng):
    """With the variances of a recorrupted pair, and exactly so for few counts."""
    clean = np.full((400, 500), 0.2)
    first, second = thinned_pair(3 * rng.poisson(clean), 3.0, RATIO, rng)
    n = clean.size
    for values, factor in ((first, 1 + RATIO**2), (second, 1 + 1 / RATIO**2)):
        variance = 9 * 0.2 * factor
        assert values.mean() == pytest.approx(0.6, abs=4 * np.sqrt(variance / n))
        # the fourth moment of so few counts
        assert values.var() == pytest.approx(variance, rel=4 * np.sqrt(60 / n))
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 4 / np.sqrt(n)


def test_only_few_counts_are_shared_out(rng):
    """Else pairs are what they were: with fresh Gaussian noise."""
    for mean, whole in ((0.1, True), (50.0, False)):
        clean = np.full((300, 40), mean)
        observation = observed(rng.poisson(clean).astype(np.float32))
        pair = Pair.drawn(observation, clean, rng, RATIO)
        electrons = pair.first.spectra.all() / pair.first.noise.gain
        assert observation.is_counted == whole
        assert np.allclose(electrons, np.rint(electrons), atol=1e-3) == whole
        assert pair.first.is_counted == whole


@pytest.mark.parametrize("mean", (0.01, 0.1, 1.0))
@pytest.mark.parametrize("unit", (1.0, 0.37))
def test_the_noise_of_counts_is_known(mean, unit):
    """It is Poisson's: nothing is left to be measured."""
    _, noisy = counted(mean)
    noise = estimate_noise(unit * noisy.reshape(-1, noisy.shape[-1]))
    assert noise.gain == pytest.approx(unit, rel=1e-6)
    assert (noise.offset, noise.pedestal, noise.correlation) == (0, 0, (1.0,))


def test_what_is_no_poisson_noise_is_not_taken_for_it(rng):
    """Whole numbers alone are no counts."""
    rounded = np.rint(np.abs(rng.normal(0.5, 1.5, (200, 50))))
    smooth = rng.poisson(np.full((200, 51), 0.3))
    smooth = smooth[:, 1:] + smooth[:, :-1]
    read_out = rng.poisson(np.full((200, 50), 0.3)) + rng.normal(0, 0.1, (200, 50))
    many = rng.poisson(np.full((200, 50), 30.0))
    for spectra in (rounded, smooth, read_out, many, np.zeros((200, 50))):
        assert unit_of_counts(spectra) is None
    assert not are_few_counts(read_out, 1.0)
    # what rounding leaves of a count that was subtracted and added
    clean = np.full((200, 50), 0.3)
    assert unit_of_counts(clean + (rng.poisson(clean) - clean)) == pytest.approx(1)


@pytest.mark.parametrize("mean", (0.02, 0.1, 1.0))
def test_spikes_among_few_counts(mean):
    """Counts are no spikes, however few; sixty electrons in one channel are."""
    _, noisy = counted(mean)
    assert not len(spikes_in(observed(noisy)).row)
    hit = noisy.copy()
    hit[4, 4, 100] += 60
    found = spikes_in(observed(hit)).each
    assert found.row.tolist() == [4 * noisy.shape[1] + 4]
    assert found.channel.tolist() == [100]
    rows = hit.reshape(-1, noisy.shape[-1])
    assert estimate_noise(rows).gain == 1 and estimate_noise(rows).n_spikes


@pytest.mark.parametrize("mean", (0.05, 0.3))
def test_the_claimed_error_is_that_of_the_truth(mean):
    """Within a factor of 2, and what is recommended is better than PCA."""
    from exspy.signals import EELSSpectrum

    clean, noisy = counted(mean)
    signal = EELSSpectrum(noisy)
    signal.decompose_autoencoder(
        random_state=0, show_progressbar=False, print_info=False
    )
    comparison = signal.compare_denoising()
    true = {
        route: np.square(denoised.data - clean).mean()
        for route, denoised in comparison.signals.items()
    }
    for row in comparison.table:
        assert 0.5 < row["estimated_mse"] / true[row["route"]] < 2, row
    assert true[comparison.recommended] < true["pca"]


def test_a_rehearsal_is_of_counts():
    """As the fit was: else another branch of it would tell its error."""
    from hyperspy_aedenoise._observation.redrawn_noise import Redrawn
    from hyperspy_aedenoise._observation.spectra_by_blocks import InMemory

    clean, noisy = counted(0.1, size=12)
    fitted = observed(noisy)
    assert fitted.is_counted
    expected = InMemory(clean.reshape(-1, clean.shape[-1]).astype(np.float32))
    again = fitted.with_spectra(Redrawn(expected, fitted.noise, 0))
    assert again.is_counted

"""Encoder, code filter and decoder together: what is chosen, and what it is worth."""

import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import AutoencoderDenoiser, NoiseModel
from hyperspy_aedenoise._engine.candidates import helpful_share
from hyperspy_aedenoise._engine.code_bank import CodeBank
from hyperspy_aedenoise._engine.encoder import Encoding
from hyperspy_aedenoise._engine.recipe import Recipe
from hyperspy_aedenoise._engine.restoration import restore
from hyperspy_aedenoise._engine.selection import choose
from hyperspy_aedenoise._linear.principal_codes import principal_codes
from hyperspy_aedenoise._observation.layout import Layout
from hyperspy_aedenoise._observation.observation import Observation

NOISE = NoiseModel.gaussian(0.05)


def fit(noisy, noise=NOISE, **keywords):
    return AutoencoderDenoiser(noise=noise, random_state=0).fit(noisy, **keywords)


def shrunk(rows, noise):
    """Optimally shrunk spectra."""
    observation = Observation.of(rows, np.ones(len(rows), bool), noise)
    return principal_codes(observation).denoise(rows)


def mixtures(share, n_channels=120):
    """Two phases, shape (*share.shape, n_channels)."""
    energy = np.linspace(0, 1, n_channels)
    one, other = (np.exp(-(((energy - at) / 0.06) ** 2)) for at in (0.4, 0.6))
    return share[..., None] * one + (1 - share[..., None]) * other


def share_of_shrinkage(clean, noise, rng):
    """MSE relative to that of optimal shrinkage, and the form that was chosen."""
    noisy = noise.sample(clean, rng)
    rows = noisy.reshape(-1, noisy.shape[-1])
    linear = shrunk(rows, noise).reshape(clean.shape)
    denoiser = fit(noisy, noise)
    error = np.square(denoiser.denoise(noisy) - clean).mean()
    return error / np.square(linear - clean).mean(), denoiser.form_


def test_a_lattice_gains_much(rng):
    """Columns that repeat: less than half of shrinkage's error on a small field."""
    clean = aed.data.sto_o_k((24, 30), n_channels=128, dispersion=0.25).data
    share, form = share_of_shrinkage(clean.astype(float), NOISE, rng)
    assert share < 0.5
    assert form["code_filter"].startswith("alike")


def test_smooth_lines_gain_much(rng):
    """40 spectra across an interface: spectra are few, channels alike are many."""
    clean = mixtures(np.linspace(0, 1, 40) ** 2)
    share, form = share_of_shrinkage(clean, NOISE, rng)
    assert share < 0.4
    assert form["decoder"] == "along energy"


def test_counting_noise_and_stacks_of_maps(rng):
    """Variance that follows the intensity; three navigation axes."""
    share = np.linspace(0, 1, 2 * 9 * 11).reshape(2, 9, 11)
    noise = NoiseModel(3.0, 20.0, (1.0, 0.4, 0.1))
    assert share_of_shrinkage(50 + 400 * mixtures(share), noise, rng)[0] < 0.7


def test_shifts_at_random_positions(rng):
    """One hidden variable, nothing spatial: it is found, or alike spectra help."""
    channel = np.arange(80)
    centre = rng.uniform(35, 45, (30, 31, 1))
    clean = np.exp(-0.5 * ((channel - centre) / 5) ** 2)
    share, form = share_of_shrinkage(clean, NOISE, rng)
    assert form["aligned"] or form["code_filter"] == "alike codes"
    assert share < 0.7


def test_nothing_is_taken_that_gains_nothing(rng):
    """In 10 fields of random mixtures nothing does harm; the start is what it says."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        clean = mixtures(rng.uniform(0, 1, (12, 13)))
        share, _ = share_of_shrinkage(clean, NOISE, rng)
        assert share < 1.1


def test_the_estimated_gain_is_the_true_one(rng):
    """What the pair says of the chosen form, against the truth, within 3 errors."""
    clean = mixtures(np.linspace(0, 1, 30 * 31).reshape(30, 31))
    noisy = NOISE.sample(clean, rng)
    rows = noisy.reshape(-1, 120)
    observation = Observation.of(rows, np.ones((30, 31), bool), NOISE)
    found = choose(observation, None, rng, iter)
    (chosen,) = (one.difference for one in found.evidence if one.recipe == found.recipe)
    denoiser = fit(noisy)
    errors = [
        np.square(values - clean).mean() / 0.05**2
        for values in (
            denoiser.denoise(noisy),
            shrunk(rows, NOISE).reshape(clean.shape),
        )
    ]
    # judged with 1 + 0.3**2 times the noise, in units of the noise
    assert chosen.value == pytest.approx(
        (errors[0] - errors[1]) * 1.09, abs=3 * chosen.error
    )


@pytest.mark.parametrize(("size", "share"), [(0.5, 1), (4, 0.25), (-1, 0), (0, 0)])
def test_share_of_a_correction_is_what_other_noise_bears_out(size, share, rng):
    """A correction that goes as far as the truth, times something."""
    clean = mixtures(rng.uniform(0, 1, (20, 21)))
    first, second = (NOISE.sample(clean, rng).reshape(420, -1) for _ in range(2))
    encoding = Encoding.of(Observation.of(first, np.ones((20, 21), bool), NOISE))
    truth = encoding.linear.encode(clean)[None]
    filtered = np.zeros_like(truth)
    found = helpful_share(encoding, filtered, size * truth, second)
    power = np.square(size * truth).sum()
    # the second's noise in the codes has variance 1
    assert found == pytest.approx(share, abs=4 / max(np.sqrt(power), 1))


@pytest.mark.parametrize("shape", [(150, 120), (3, 80, 90), (20000,), (2, 10000)])
def test_forms_of_large_maps_are_tried_on_pieces(shape, rng):
    """Each row of a piece is the one from its position."""
    used = rng.uniform(size=shape) > 0.1
    rows = np.argwhere(used).astype(float)
    some, where = Layout.of(used).pieces(8192, 4)
    some, where = rows[some], where.used
    assert 4000 < len(some) <= 8192
    assert where.sum() == len(some)
    # neighbours in a piece are neighbours in the map
    placed = np.full((*where.shape, len(shape)), np.nan)
    placed[where] = some
    step = np.diff(placed, axis=2)
    assert np.nanmax(np.abs(step - np.eye(len(shape))[-1])) == 0


def test_what_is_left_out_is_no_piece(rng):
    used = np.zeros((150, 120), bool)
    used[60:, :] = True
    some, where = Layout.of(used).pieces(8192, 4)
    assert where.used.mean() > 0.7
    assert len(some) > 5000


def test_weak_components_are_found_in_means(rng):
    """PCA can't see the second component; means over alike positions show it.

    Its variance of 0.25 of the noise is below sqrt(150 / 1680) = 0.30, what PCA needs.
    """
    y, x = np.indices((40, 42))
    stripe = np.where(x // 6 % 2, 1, -1)
    strong, weak = 8 * np.sin(y / 4) + 6 * stripe, 0.5 * stripe
    one, other = np.zeros((2, 150))
    one[40:80], other[90:110] = 1 / np.sqrt(40), 1 / np.sqrt(20)
    clean = 5 + strong[..., None] * one + weak[..., None] * other
    noise = NoiseModel.gaussian(1.0)
    rows = noise.sample(clean, rng).reshape(-1, 150)
    encoding = Encoding.of(Observation.of(rows, np.ones(y.shape, bool), noise))
    found = encoding.with_weak(rng)
    assert encoding.codes.shape[-1] == 1
    assert found.codes.shape[-1] == 2
    direction = found.linear.decoder[-1] / np.linalg.norm(found.linear.decoder[-1])
    assert (direction @ other) ** 2 > 0.3  # 1 / 150 by chance


def test_no_weak_components_in_noise(rng):
    """20 maps of noise on a smooth pattern: none, but for a chance below 1 in 20."""
    y, _ = np.indices((20, 22))
    clean = 12 * np.sin(y / 4)[..., None] * np.ones(60) / np.sqrt(60)
    noise = NoiseModel.gaussian(1.0)
    n_found = 0
    for _ in range(20):
        rows = noise.sample(clean, rng).reshape(-1, 60)
        encoding = Encoding.of(Observation.of(rows, np.ones(y.shape, bool), noise))
        n_found += encoding.with_weak(rng) is not encoding
    assert n_found <= 2


def test_masked_positions_are_filled_from_their_own_map():
    """Mirrored, as beyond a border; from nearby where that isn't there either."""
    used = np.ones((2, 4, 9), bool)
    used[0, :, :3] = False
    used[1, 1:3] = False
    values = np.argwhere(used)
    filled = Layout.of(used).to_map(values)
    assert np.array_equal(filled[used], values)
    assert (filled[..., 0] == np.arange(2)[:, None, None]).all()
    assert np.array_equal(filled[0, 0, :3, 2], [5, 4, 3])
    assert np.array_equal(filled[1, 1:3, 5, 1], [0, 3])


def test_masked_positions_are_bridged(rng):
    """A NaN spectrum that is left out does nothing to its neighbours."""
    clean = mixtures(np.linspace(0, 1, 12 * 13).reshape(12, 13))
    noisy = NOISE.sample(clean, rng)
    holed = noisy.copy()
    holed[5, 6] = np.nan
    before = holed.copy()
    restored = fit(holed, left_out=np.isnan(holed).any(axis=-1)).denoise(holed)
    assert np.array_equal(holed, before, equal_nan=True)
    assert np.isnan(restored[5, 6]).all()
    around = np.delete(np.arange(12 * 13), 5 * 13 + 6)
    error = np.square(restored - clean).reshape(156, -1)[around].mean()
    whole = np.square(fit(noisy).denoise(noisy) - clean).mean()
    assert error < 1.5 * whole


def test_a_slice_gets_what_the_whole_got(rng):
    clean = mixtures(np.linspace(0, 1, 12 * 13).reshape(12, 13))
    noisy = NOISE.sample(clean, rng)
    denoiser = fit(noisy)
    whole = denoiser.denoise(noisy)
    assert np.array_equal(denoiser.denoise(noisy[3:5, 2:9]), whole[3:5, 2:9])
    assert np.array_equal(denoiser.denoise(noisy[7, 7]), whole[7, 7])


def test_new_spectra_are_denoised_by_the_known_ones(rng):
    """Another noise draw of the same positions, spectrum by spectrum."""
    clean = mixtures(np.linspace(0, 1, 20 * 21).reshape(20, 21))
    denoiser = fit(NOISE.sample(clean, rng))
    new = NOISE.sample(clean, rng)
    error = np.square(denoiser.denoise(new) - clean).mean()
    # 2 codes of 120 are kept
    assert error < 2 * 0.05**2 * 2 / 120


def test_uncertainty_is_that_of_the_error(rng):
    """The bootstrap's variance, against the true squared error."""
    clean = mixtures(np.linspace(0, 1, 20 * 21).reshape(20, 21))
    noisy = NOISE.sample(clean, rng)
    denoiser = fit(noisy)
    draws = []
    spread = denoiser.uncertainty(noisy, lambda steps: draws.extend(steps) or steps)
    assert len(draws) == 16
    claimed = np.square(spread).mean()
    error = np.square(denoiser.denoise(noisy) - clean).mean()
    # a lower bound that is close: bias is missing in it
    assert 0.4 * error < claimed < 1.5 * error


def test_dead_channels_and_empty_positions(rng):
    """Where counting noise has no variance nothing is divided by it."""
    clean = 100 * mixtures(np.linspace(0, 1, 48).reshape(6, 8))
    clean[..., 50] = 0
    clean[3, 4] = 0
    noise = NoiseModel(2.0)
    noisy = noise.sample(clean, rng)
    restored = fit(noisy, noise).denoise(noisy)
    assert np.isfinite(restored).all()
    assert np.abs(restored[..., 50]).max() < 1


@pytest.mark.parametrize("shape", [(1, 3), (3, 1), (5,), (2, 2, 2), (3, 1, 1, 2)])
def test_tiny_and_odd_shapes(shape, rng):
    noisy = NOISE.sample(np.broadcast_to(mixtures(np.array(0.5)), (*shape, 120)), rng)
    assert fit(noisy).denoise(noisy).shape == noisy.shape


def test_a_bank_that_does_not_fit_is_refused():
    arrays = {
        "fingerprints": np.zeros(3, np.uint64),
        "noisy": np.zeros((3, 2), np.float32),
        "filtered": np.zeros((3, 2), np.float32),
        "level": np.zeros(3, np.float32),
        "used": np.ones((1, 3), bool),
    }
    CodeBank.from_arrays(arrays, 2)
    for wrong in ({"level": np.zeros(4)}, {"used": np.ones((2, 3), bool)}):
        with pytest.raises(ValueError, match="shapes"):
            CodeBank.from_arrays(arrays | wrong, 2)
    with pytest.raises(ValueError, match="shapes"):
        CodeBank.from_arrays(arrays, 3)


def lattice(shape):
    """Two phases on a lattice that the network as it was trained doesn't help."""
    y, x = np.indices(shape) * 2 * np.pi / 5.3
    return mixtures(0.5 + 0.5 * np.cos(x + 0.3 * y) * np.cos(y - 0.3 * x))


@pytest.mark.parametrize("shape", [(1, 40, 44), (1, 90, 90), (2, 40, 70)])
def test_the_network_is_refined_on_what_is_there(shape, rng):
    """With a hole, and another map that has hardly any positions."""
    clean = np.broadcast_to(lattice(shape[1:]), (*shape, 120))
    used = np.ones(shape, bool)
    used[0, 5:40, 20:60] = False
    used[1:, :, :-6] = False
    noise = NoiseModel.gaussian(0.2)
    rows = noise.sample(clean[used], rng)
    encoding = Encoding.of(Observation.of(rows, used, noise))
    filtered = encoding.filtered("alike 5 x 5")
    network = encoding.refined_network(filtered, "alike 5 x 5", rng)
    change = encoding.correction(network, filtered)
    truth = encoding.linear.encode(clean[used])
    before, after = (
        np.square(codes[used] - truth).mean() for codes in (filtered, filtered + change)
    )
    assert after < 0.9 * before


def chosen(clean, noise, rng):
    rows = noise.sample(clean, rng).reshape(-1, clean.shape[-1])
    used = np.ones(clean.shape[:-1], bool)
    observation = Observation.of(rows, used, noise, gapless=False)
    return observation, choose(observation, None, rng, iter)


def test_a_refined_network_is_taken_where_it_helps():
    rng = np.random.default_rng(1)  # where it doesn't hang on the last digits
    clean = aed.data.sto_o_k((48, 48), n_channels=96, dispersion=0.33).data
    noise = NoiseModel.gaussian(0.2)
    observation, found = chosen(clean.astype(float), noise, rng)
    assert found.recipe.refined
    errors = []
    for network in (found.network, None):
        restored = restore(observation, None, found.recipe, rng, network).spectra()
        errors.append(np.square(restored - clean.reshape(restored.shape)).mean())
    assert errors[0] < errors[1]


def test_an_interrupted_refinement_leaves_what_was_there(rng, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Encoding, "refined_network", interrupted)
    *_, found = chosen(lattice((24, 25)), NOISE, rng)
    assert found.interrupted
    assert found.recipe.code_filter != "none"
    assert not any(one.recipe.refined for one in found.evidence)


def test_few_spectra_refine_no_network(rng, monkeypatch):
    monkeypatch.delattr(Encoding, "refined_network")
    assert not chosen(lattice((20, 25)), NOISE, rng)[-1].recipe.refined


def test_optimal_shrinkage_is_the_form_to_begin_with():
    assert Recipe() == Recipe(False, "none", "principal")

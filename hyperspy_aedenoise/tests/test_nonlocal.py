"""Positions that look alike help each other, and only these."""

import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise._filters import nonlocal_bayes as _nonlocal
from hyperspy_aedenoise._filters.along_energy import along_energy
from hyperspy_aedenoise._filters.nonlocal_bayes import MapFilter, estimate_from
from hyperspy_aedenoise._filters.patches import PatchAverage, Patches
from hyperspy_aedenoise._observation.layout import Layout


def waves(height, width):
    """A smooth map of one code of amplitude 6, in units of the noise."""
    y, x = np.indices((height, width))
    return 6 * np.sin(y / 3)[..., None] * np.sin(x / 4)[..., None]


def test_a_smooth_map_gains_much(rng):
    """A patch of 9 has 2 or 3 degrees of freedom: 0.3 of the noise is left."""
    clean = waves(30, 34)
    noisy = clean + rng.normal(size=clean.shape)
    filtered = MapFilter(3, 40)(noisy, np.ones(clean.shape[:2]))
    assert np.square(filtered - clean).mean() < 0.3


@pytest.mark.parametrize("side", [1, 5])
def test_almost_no_noise_does_no_harm(side, rng):
    """Codes of 10 million times the noise, which single precision can't tell."""
    clean = 1e7 * waves(20, 22)
    filtered = MapFilter(side, 40)(clean, np.ones((20, 22)))
    np.testing.assert_allclose(
        filtered, clean, rtol=1e-4, atol=1e-4 * np.abs(clean).max()
    )


def test_a_sharp_interface_stays_sharp(rng):
    """The step of a code map of noise 1 and height 12 is not blurred."""
    clean = np.zeros((16, 20, 1))
    clean[:, 9:] = 12.0
    noisy = clean + rng.normal(size=clean.shape)
    filtered = MapFilter(3, 60, passes=3)(noisy, np.ones((16, 20)))
    error = np.square(filtered - clean).mean(axis=(0, 2))
    assert error.max() < 0.3  # a mean over 3 positions would give 16 at the step


@pytest.mark.parametrize("n_codes", [1, 5])
def test_noise_alone_is_removed(n_codes, rng):
    """Most of it: the 40 patches most like a noisy one share some of its noise."""
    noisy = rng.normal(size=(24, 25, n_codes))
    filtered = MapFilter(3, 40)(noisy, np.ones((24, 25)))
    assert np.square(filtered).mean() < 0.5


def test_a_code_of_noise_beside_a_strong_one_is_removed(rng):
    """49 positions of 3 codes vary by chance in many ways among 40 patches."""
    clean = np.concatenate([4 * waves(30, 34), np.zeros((30, 34, 2))], axis=-1)
    noisy = clean + rng.normal(size=clean.shape)
    filtered = MapFilter(7, 40)(noisy, np.ones((30, 34)))
    # a mean of 40 patches that are alike in the first code
    assert np.square(filtered[..., 1:]).mean() < 2 / 40


@pytest.mark.parametrize("side", [1, 5])
def test_masked_positions_are_no_examples(side, rng):
    """Beside them codes are estimated as well as at the border of a map."""
    image = aed.data.sto_o_k((40, 44), n_channels=8).data.sum(axis=-1)
    clean = 20 * (image - image.mean())[..., None] / image.std()
    noisy = clean + rng.normal(size=clean.shape)
    used, level = np.ones((2, 40, 44))
    used = used.cumsum(axis=1) > 9
    filter_ = MapFilter(side, 40)
    masked = filter_(Layout.of(used).to_map(noisy[used])[0], level, used)[:, 9:]
    cut = filter_(noisy[:, 9:], level[:, 9:])
    if side == 1:  # nothing around them counts
        np.testing.assert_allclose(masked, cut, rtol=1e-4, atol=1e-4)
    near = np.s_[:, :2]
    error, at_border = (np.square(v - clean[:, 9:])[near].mean() for v in (masked, cut))
    assert error < 1.5 * at_border


def test_alike_codes_anywhere(rng):
    """One hidden variable in 5 codes, at random positions: most of the noise goes."""
    angle = rng.uniform(0, np.pi, (40, 40, 1))
    clean = 12 * np.cos(angle * np.arange(1, 6) / 2)
    noisy = clean + rng.normal(size=clean.shape)
    level = np.ones((40, 40))
    anywhere = MapFilter(1, 60)(noisy, level)
    around = MapFilter(3, 40)(noisy, level)
    # 1 direction of 5 is left, and the curvature within a group
    error = np.square(anywhere - clean).mean()
    assert error < 0.45
    assert error < 0.75 * np.square(around - clean).mean()


def test_large_maps_are_compared_in_part(rng, monkeypatch):
    """Neighbours and a sample instead of all positions: nearly the same result."""
    clean = waves(40, 44)
    noisy = clean + rng.normal(size=clean.shape)
    level = np.ones((40, 44))
    filter_ = MapFilter(3, 60, passes=2)
    whole = filter_(noisy, level)
    monkeypatch.setattr("hyperspy_aedenoise._filters.nonlocal_bayes._ALL", 1000)
    monkeypatch.setattr("hyperspy_aedenoise._filters.nonlocal_bayes._BLOCK", 16)
    part = filter_(noisy, level)
    errors = [np.square(v - clean).mean() for v in (noisy, whole, part)]
    assert errors[1] < 0.25 * errors[0]
    assert errors[2] < 1.3 * errors[1]


def test_codes_beyond_the_twelfth_are_left(rng):
    noisy = rng.normal(size=(8, 9, 14))
    filtered = MapFilter(3, 20)(noisy, np.ones((8, 9)))
    assert np.array_equal(filtered[..., 12:], noisy[..., 12:].astype(np.float32))
    assert np.square(filtered[..., :12]).mean() < np.square(noisy[..., :12]).mean()


def test_new_codes_are_estimated_from_known_ones(rng):
    """On a line in 4 dimensions: 1 of 4 directions of the noise is left."""
    direction = np.ones(4) / 2
    clean = rng.uniform(-20, 20, (500, 1)) * direction
    noisy = (clean + rng.normal(size=clean.shape)).astype(np.float32)
    new = clean[:100] + rng.normal(size=(100, 4))
    bank = clean.astype(np.float32), np.ones(500, np.float32)
    estimate = estimate_from(new, noisy, *bank, 60)
    assert np.square(estimate - clean[:100]).mean() < 0.4


@pytest.mark.parametrize("shape", [(1, 3), (3, 1), (2, 2), (1, 40)])
def test_tiny_and_narrow_maps(shape, rng):
    noisy = rng.normal(size=(*shape, 2))
    for side in (1, 3, 5, 7):
        assert MapFilter(side, 40)(noisy, np.ones(shape)).shape == noisy.shape


def test_the_noise_level_of_each_position_counts(rng):
    """Where the noise is 10 times as large, the estimate leans on the others more."""
    clean = waves(30, 34)
    level = np.where(np.indices((30, 34))[0] < 15, 0.1, 1.0)
    noisy = clean + np.sqrt(level)[..., None] * rng.normal(size=clean.shape)
    right = MapFilter(3, 40)(noisy, level)
    wrong = MapFilter(3, 40)(noisy, np.full(level.shape, level.mean()))
    assert np.square(right - clean).mean() < np.square(wrong - clean).mean()


def test_the_input_stays(rng):
    noisy = rng.normal(size=(9, 8, 2)).astype(np.float32)
    before = noisy.copy()
    MapFilter(3, 20)(noisy, np.ones((9, 8)))
    assert np.array_equal(noisy, before)


def test_lattices_of_the_standard_set(rng):
    """Code maps that repeat are filtered better by 5 x 5 than by 3 x 3 positions."""
    image = aed.data.sto_o_k((40, 44), n_channels=8).data.sum(axis=-1)
    clean = 20 * (image - image.mean())[..., None] / image.std()
    noisy = clean + rng.normal(size=clean.shape)
    level = np.ones((40, 44))
    small, large = (MapFilter(side, 40)(noisy, level) for side in (3, 5))
    errors = [np.square(v - clean).mean() for v in (small, large)]
    assert errors[1] < errors[0] < 0.6


@pytest.mark.parametrize(
    ("shape", "sides", "step"),
    [
        ((1, 33, 34), (5, 5), 2),
        ((2, 5, 6), (5, 5), 2),
        ((1, 7, 1), (5, 5), 2),
        ((1, 1, 1), (5, 5), 2),
        ((1, 1, 4003), (1, 11), 4),
    ],
)
def test_every_position_lies_in_an_estimated_patch(shape, sides, step):
    codes = np.random.default_rng(0).normal(size=(*shape, 3)).astype(np.float32)
    (wanted,) = np.nonzero(_nonlocal._every(step, shape))
    average = PatchAverage(codes, sides)
    average.add(wanted, Patches(codes, sides).at(wanted))
    np.testing.assert_allclose(average.of(codes), codes, rtol=1e-6)


def test_of_fine_channels_every_fourth_patch_is_enough(rng):
    energy = np.linspace(0, 20, 4400)
    step = 1 / (1 + np.exp((6 - energy) / 0.3))
    clean = 3 * (step + np.exp(-((energy - 8) ** 2)))
    noisy = clean + rng.normal(size=clean.shape)

    def error(calm):
        return np.square(calm - clean).mean()

    every = MapFilter(11, 256, 3)(noisy[None, :, None], np.ones((1, 4400)))
    fourth = along_energy(noisy[None])[0]
    assert error(fourth) < 1.03 * error(every[0, :, 0]) < 0.25


@pytest.mark.parametrize("n_components", [3, 14])
def test_few_components_are_enough_or_all_are_calculated(
    n_components, rng, monkeypatch
):
    """The same as from a full decomposition, up to the rounding of single precision."""
    directions = np.linalg.qr(rng.normal(size=(49, n_components)))[0].T
    truth = 30 * rng.normal(size=(60, n_components)) @ directions
    noisy = (truth + rng.normal(size=truth.shape)).astype(np.float32)
    group = np.array([rng.permutation(60)[:40] for _ in range(60)])
    calm, level = truth.astype(np.float32), np.ones(60, np.float32)
    near = _nonlocal._Near(noisy, calm, level, is_calm=True)
    quick = _nonlocal._wiener(near, np.arange(60), group)
    monkeypatch.setattr(_nonlocal, "_FEW", 40)
    full = _nonlocal._wiener(near, np.arange(60), group)
    rounding = 49 * np.finfo(np.float32).eps * np.abs(noisy).max()
    np.testing.assert_allclose(quick, full, rtol=0, atol=rounding)

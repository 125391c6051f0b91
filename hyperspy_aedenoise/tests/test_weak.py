"""Weak features, which show only in means over places, are found and kept."""

import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import AutoencoderDenoiser, NoiseModel
from hyperspy_aedenoise._engine.recipe import Recipe
from hyperspy_aedenoise._engine.restoration import restore
from hyperspy_aedenoise._filters import weak_features
from hyperspy_aedenoise._filters.alike_means import alike_groups
from hyperspy_aedenoise._filters.feature_spectrum import made_of_parts
from hyperspy_aedenoise._filters.weak_scan import scan, templates
from hyperspy_aedenoise._filters.windows import Grid
from hyperspy_aedenoise._noise.whitening import Colour
from hyperspy_aedenoise._observation.layout import Layout
from hyperspy_aedenoise._observation.observation import Observation
from hyperspy_aedenoise._observation.spectra_by_blocks import spectra_of

NOISE = NoiseModel.gaussian(1.0)
DETECTOR = NoiseModel(0.5, 0.5, (1.0, 0.4, 0.08))
CHANNEL = np.arange(100)
SHAPE = (28, 32)
Y, X = np.indices(SHAPE)
REGIONS = {
    "half": X < 14,
    "rows": (Y == 17) | (Y == 18),
    "patch": (Y >= 8) & (Y < 15) & (X >= 11) & (X < 19),
}


def peak(centre, width, height=1.0):
    return height * np.exp(-0.5 * ((CHANNEL - centre) / width) ** 2)


def clean(shape=SHAPE):
    """One strong component on a flat spectrum."""
    y, x = np.indices(shape)
    weight = 6 + 4 * np.cos(x) * np.cos(0.7 * y)
    return 20 + weight[..., None] * peak(30, 6)


def with_feature(region, total, feature, noise=NOISE):
    """Clean spectra with a feature of a total significance, and it alone."""
    base = clean(region.shape)
    spread = np.sqrt(noise.variance(base.mean(axis=(0, 1))))
    inside = noise.correlation[0] + 2 * sum(noise.correlation[1:])
    norm = np.linalg.norm(feature / spread) / np.sqrt(inside)
    extra = region[..., None] * feature * total / norm / np.sqrt(region.sum())
    return base + extra, extra


def restored(truth, noise, rng, used=None):
    """The restoration by shrunk principal components, and what comes with it."""
    noisy = noise.sample(truth, rng)
    used = np.ones(truth.shape[:-1], bool) if used is None else used
    observation = Observation.of(noisy[used], used, noise)
    return observation, restore(observation, None, Recipe(), rng)


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("noise", [NOISE, DETECTOR], ids=["white", "detector"])
def test_a_weak_feature_is_kept(region, noise, rng):
    """Of 16 standard errors in all, too few for a component of its own."""
    truth, extra = with_feature(REGIONS[region], 16, peak(70, 3), noise)
    _, result = restored(truth, noise, rng)
    values = result.spectra().reshape(truth.shape)
    kept = np.vdot(values - clean(), extra) / np.vdot(extra, extra)
    # half of it is in the mean spectrum, the contrast has an error of 1 / 11
    assert kept == pytest.approx(1, abs=3 / 11)
    assert len(result.weak.found) == 1
    assert abs(result.weak.found[0]["channel"] - 70) <= 3
    outside = (values - truth)[~REGIONS[region]].mean(axis=0)
    assert np.abs(outside).max() < 0.3 * extra.max()


def test_a_negative_feature_beside_the_known_component(rng):
    truth, extra = with_feature(REGIONS["half"], 16, -peak(37, 4))
    _, result = restored(truth, NOISE, rng)
    values = result.spectra().reshape(truth.shape)
    kept = np.vdot(values - clean(), extra) / np.vdot(extra, extra)
    assert kept == pytest.approx(1, abs=3 / 11)


def test_a_feature_where_the_known_codes_are_alike(rng, monkeypatch):
    """It is in places far from each other, so that no window shows it.

    Most of it is kept; without means over alike positions most of it is lost.
    """
    between = np.abs(np.cos(X) * np.cos(0.7 * Y)) < 0.3
    truth, extra = with_feature(between, 24, peak(70, 3))
    contrast = extra - extra.mean(axis=(0, 1))

    def kept():
        _, result = restored(truth, NOISE, rng)
        values = result.spectra().reshape(truth.shape)
        share = np.vdot(values - clean(), contrast) / np.vdot(contrast, contrast)
        return share, len(result.weak.found)

    shares, numbers = np.transpose([kept() for _ in range(4)])
    assert np.mean(shares) > 0.5 and (numbers == 1).all()
    monkeypatch.setattr(weak_features, "alike_groups", lambda *_: ())
    assert np.mean([kept()[0] for _ in range(4)]) < 0.5


def test_a_faint_edge_is_kept_as_one(rng):
    """In noise its shape is found better than any peak could be without noise."""
    edge = np.where(CHANNEL >= 60, np.exp(-(CHANNEL - 60) / 12), 0)
    edge /= np.linalg.norm(edge)
    colour, known = Colour.of(NOISE, np.ones(100)), np.empty((100, 0))
    dense = [peak(at, width) for at in range(55, 80) for width in np.arange(2, 12, 0.5)]
    alike = np.array(dense) @ edge / np.linalg.norm(dense, axis=1)
    peaks = templates(colour, known)
    draws = 14 * edge + rng.standard_normal((20, 100))
    found = [made_of_parts(one, peaks, known) @ edge for one in draws]
    assert np.mean(found) > alike.max()


def test_a_smooth_trend(rng):
    """Half of a ramp is in the mean spectrum; the other half has a code."""
    truth, extra = with_feature(X / 31, 20, peak(70, 3))
    extra = extra * np.sqrt((X / 31).sum() / np.square(X / 31).sum())
    truth = clean() + extra
    _, result = restored(truth, NOISE, rng)
    values = result.spectra().reshape(truth.shape)
    kept = np.vdot(values - clean(), extra) / np.vdot(extra, extra)
    assert kept == pytest.approx(1, abs=3 / 20)
    assert len(result.weak.found) == 1


@pytest.mark.parametrize("noise", [NOISE, DETECTOR], ids=["white", "detector"])
def test_nothing_in_noise(noise, rng):
    """A chance of 1 % each: two false ones of 12 come once in 150 times."""
    found = []
    for _ in range(12):
        _, result = restored(clean((16, 20)), noise, rng)
        found += result.weak.found + result.weak.missed
    assert len(found) <= 1


def test_codes_that_are_rounding_make_no_groups(rng):
    """Cells alike in that would be alike in noise: a feature was told in flat maps."""
    grid = Grid.of(Layout(np.ones((40, 40), bool)), np.ones(1600))
    real, rounding = rng.standard_normal((2, 1600, 1))
    assert alike_groups(1e-9 * rounding, grid) == ()
    both = np.concatenate([real, 1e-9 * rounding], axis=1)
    for one, other in zip(
        alike_groups(real, grid), alike_groups(both, grid), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_nothing_beside_flat_vacuum(rng):
    """There the noise has another course along energy than the mean spectrum's."""
    noise = NoiseModel(1.0, 4.0)
    truth = 300 * aed.data.sto_o_k((24, 24)).data.astype(float)
    truth[:, 16:] = 20
    for _ in range(3):
        _, result = restored(truth, noise, rng)
        assert result.weak.found + result.weak.missed == []


def test_where_the_noise_is_larger_than_assumed_everywhere(rng):
    """That is an error of the noise model, and no feature."""
    truth = clean()
    noisy = truth + 1.15 * rng.standard_normal(truth.shape)
    used = np.ones(SHAPE, bool)
    observation = Observation.of(noisy.reshape(-1, 100), used, NOISE)
    result = restore(observation, 1, Recipe(), rng)
    assert result.weak is None  # a number of codes was asked for
    result = restore(observation, None, Recipe(), rng)
    assert not result.weak.found


def test_positions_left_out_and_stacks(rng):
    """What is left out counts nowhere; each map of a stack has its own windows."""
    region = np.stack([REGIONS["half"], np.zeros(SHAPE, bool)])
    truth = np.stack([clean(), clean()])
    _, extra = with_feature(REGIONS["half"], 16, peak(70, 3))
    truth[0] += extra
    used = np.ones(region.shape, bool)
    used[0, 5:9, 3:12] = used[1, 20:] = False
    _, result = restored(truth, NOISE, rng, used)
    assert len(result.weak.found) == 1
    values = (result.spectra() - truth[used]) @ peak(70, 3)
    in_region, in_other = values[region[used]], values[~region[used]]
    height = (extra @ peak(70, 3)).max()
    assert abs(in_region.mean()) < 0.2 * height
    assert abs(in_other.mean()) < 0.2 * height


def test_a_line(rng):
    region = (np.arange(240) >= 100)[None] & (np.arange(240) < 180)[None]
    truth, extra = with_feature(region, 11, peak(70, 3))
    _, result = restored(truth, NOISE, rng)
    values = result.spectra().reshape(truth.shape)
    kept = np.vdot(values - clean(region.shape), extra) / np.vdot(extra, extra)
    assert kept == pytest.approx(1, abs=3 / 11)


def test_by_blocks(rng):
    """A lazy signal is looked at block by block, with the same result."""
    dask_array = pytest.importorskip("dask.array")
    truth, _ = with_feature(REGIONS["half"], 16, peak(70, 3))
    noisy = NOISE.sample(truth, rng).astype(np.float32)
    lazy = dask_array.from_array(noisy, (9, 11, 50))
    used = np.ones(SHAPE, bool)
    results = []
    for values in (noisy, lazy):
        observation = Observation(spectra_of(values, used), Layout.of(used), NOISE)
        results.append(restore(observation, None, Recipe(), np.random.default_rng(0)))
    assert len(results[1].weak.found) == 1
    np.testing.assert_allclose(results[0].weak.codes, results[1].weak.codes, atol=0.01)


def test_known_directions_are_looked_up_and_not_searched(rng):
    """A refit has the features of the fit, also where chance hides one."""
    truth, _ = with_feature(REGIONS["half"], 16, peak(70, 3))
    observation, result = restored(truth, NOISE, rng)
    again = restore(observation, None, Recipe(), rng, weak=result.weak.vectors)
    assert again.weak.found == [None]
    codes = np.stack([one.codes[:, -1] for one in (result, again)])
    assert np.corrcoef(codes)[0, 1] > 0.98
    none = restore(observation, None, Recipe(), rng, weak=np.zeros((100, 0)))
    assert none.codes.shape[1] == result.codes.shape[1] - 1


def test_what_is_seen_but_not_kept_is_told(fitted):
    from hyperspy_aedenoise._report.weak_in_words import warning_of_missed

    denoiser = fitted[0]
    assert warning_of_missed(denoiser, "eV") == ""
    weak = denoiser.history_["weak"]
    feature = weak["features"][0]
    weak["missed"].append(feature | {"height": 0.0, "significance": 7.2})
    try:
        text = warning_of_missed(denoiser, "eV")
    finally:
        weak["missed"].clear()
    assert "53" in text and "significance 7" in text and "times the noise" not in text


def test_chance_is_as_stated(rng):
    """A scan of pure noise is above its limit in far less than a tenth of the cases."""
    known = np.linalg.qr(rng.standard_normal((40, 2)))[0]
    peaks = templates(Colour.of(NOISE, np.ones(40)), known)
    count = np.ones((1, 16, 18))

    def drawn():
        noise = rng.standard_normal((1, 16, 18, 40))
        return (noise - noise @ known @ known.T).astype(np.float32)

    seen = [scan(drawn(), count, peaks) for _ in range(60)]
    assert sum(one.excess > 0 for one in seen) <= 3
    # and it isn't far too careful: some come near
    assert max(one.excess for one in seen) > -5


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(4)
    truth, extra = with_feature(REGIONS["half"], 17, peak(70, 3))
    noisy = NOISE.sample(truth, rng).astype(np.float32)
    denoiser = AutoencoderDenoiser(noise=NOISE, random_state=0)
    return denoiser.fit(noisy, energies=500 + 0.5 * CHANNEL), noisy, extra


def test_it_is_told_and_survives_a_file(fitted, tmp_path):
    from hyperspy_aedenoise._report.summary import latent_names, summary

    denoiser, noisy, extra = fitted
    denoised = denoiser.denoise(noisy)
    kept = np.vdot(denoised - clean(), extra) / np.vdot(extra, extra)
    assert kept == pytest.approx(1, abs=3 / 11)
    text = summary(denoiser, "eV")
    assert "weak feature kept: 53" in text
    assert "in columns 0 to " in text
    names = latent_names(denoiser, 3).values()
    assert any(name.startswith("Weak feature, 53") for name in names)
    denoiser.save(tmp_path / "fit.keras")
    again = AutoencoderDenoiser.load(tmp_path / "fit.keras")
    np.testing.assert_array_equal(again.denoise(noisy), denoised)
    assert again.history_["weak"] == denoiser.history_["weak"]
    assert summary(again, "eV") == text


def test_where_the_noise_is_in_doubt_they_are(fitted):
    from copy import copy

    from hyperspy_aedenoise._noise.measured import MeasuredNoise
    from hyperspy_aedenoise._report.summary import summary

    denoiser = copy(fitted[0])
    denoiser.noise, denoiser.noise_ = None, MeasuredNoise(0.0, NOISE.offset)
    assert "don't follow the noise model" not in summary(denoiser, "eV")
    off = "the points are off the line"
    denoiser.noise_ = MeasuredNoise(0.0, NOISE.offset, misfits=(off,), warnings=(off,))
    assert "don't follow the noise model" in summary(denoiser, "eV")


def test_directions_come_back_from_the_encoder(fitted):
    denoiser, noisy, _ = fitted
    observation = Observation.of(noisy.reshape(-1, 100), np.ones(SHAPE, bool), NOISE)
    vectors = denoiser.fitted_.weak_vectors(observation.colour)
    assert vectors.shape[1] == 1
    white = observation.colour.whiten(peak(70, 3)[None])[0]
    assert abs(vectors[:, 0] @ white) > 0.9 * np.linalg.norm(white)


def test_what_analysis_does_is_undone(rng):
    colour = Colour.of(DETECTOR, clean().mean(axis=(0, 1)))
    basis = rng.standard_normal((100, 3))
    np.testing.assert_allclose(colour.synthesis(colour.analysis(basis)), basis)

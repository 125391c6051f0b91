"""Problems with a denoising are told; good data are not accused."""

import numpy as np
import pytest
import scipy.ndimage

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import NoiseModel
from hyperspy_aedenoise._check.residual import ResidualStatistics
from hyperspy_aedenoise._check.residual_means import structures
from hyperspy_aedenoise._noise.whitening import OwnWhitening
from hyperspy_aedenoise._observation.observation import Observation
from hyperspy_aedenoise._observation.spectra_by_blocks import Computed, same
from hyperspy_aedenoise._report import findings
from hyperspy_aedenoise._report.residual_findings import on_residual
from hyperspy_aedenoise.tests.check.conftest import NOISE, fitted

SHAPE = (24, 26)


CHANNEL = np.arange(90)


Y, X = np.indices(SHAPE)


PLACES = findings.Places(
    500 + 0.1 * CHANNEL, "eV", np.argwhere(np.ones(SHAPE, bool)), SHAPE, 0.1
)


def expected():
    """Spectra with more and less counts."""
    return (100 + 60 * np.cos(0.3 * X + 0.2 * Y))[..., None] * np.ones(90)


def looked_at(noisy, restored, noise=NOISE):
    """Observation, restored spectra and whitening of made maps."""
    observation = Observation.of(noisy.reshape(-1, 90), np.ones(SHAPE, bool), noise)
    rows = restored.reshape(-1, 90).astype(np.float32)
    whitening = OwnWhitening(noise, observation.colour)
    return observation, Computed(same, rows, n_channels=90), whitening


def kinds(noisy, restored, noise=NOISE):
    """What is found on a residual."""
    seen = looked_at(noisy, restored, noise)
    mean = restored.reshape(-1, 90).mean(axis=0)
    found = [
        *findings.on_structures(structures(*seen), noise, mean, PLACES),
        *on_residual(ResidualStatistics.of(*seen), PLACES),
    ]
    return {one["kind"]: one for one in found}


@pytest.mark.parametrize("noise", [NOISE, NoiseModel(0.5, 2.0, (1.0, 0.4, 0.1))])
def test_noise_is_not_accused(noise):
    clean = expected()
    for seed in range(4):
        noisy = noise.sample(clean, np.random.default_rng(seed))
        assert kinds(noisy, clean, noise) == {}


def test_structure_that_was_taken_off_is_found(rng):
    """With its place, energy, height and width."""
    clean = expected()
    inside = (Y >= 6) & (Y < 12) & (X >= 8) & (X < 15)
    extra = inside[..., None] * 12 * np.exp(-0.5 * ((CHANNEL - 40) / 3) ** 2)
    noisy = NOISE.sample(clean + extra, rng)
    (found,) = [one for one in kinds(noisy, clean).values()]
    assert found["kind"] == "structure" and found["severity"] == "severe"
    assert abs(found["energy"] - 504) < 0.2
    # full width at half maximum, within a step of those that are tried
    assert 1 / 1.7 < found["width"] / (2.355 * 3 * 0.1) < 1.7
    # of the mean over the window that shows it best, which may be somewhat larger
    assert 0.6 * 12 < found["height"] < 12 + 3 * found["error"]
    assert 25 <= found["n_positions"] <= 64
    assert "504" in found["text"] and "s.inav[" in found["text"]


def test_structure_of_either_sign_has_no_height(rng):
    """A mean over all positions would hide it."""
    clean = expected()
    sign = rng.choice([-1, 1], X.shape)[..., None]
    extra = sign * 8 * np.exp(-0.5 * ((CHANNEL - 60) / 4) ** 2)
    found = kinds(NOISE.sample(clean + extra, rng), clean)["structure"]
    assert "higher in some places and lower in others" in found["text"]
    assert "map the residual" in found["text"]
    assert not {"height", "error"} & set(found)


def test_a_dip_is_no_peak(rng):
    clean = expected()
    extra = (X < 13)[..., None] * -8 * np.exp(-0.5 * ((CHANNEL - 60) / 4) ** 2)
    found = kinds(NOISE.sample(clean + extra, rng), clean)["structure"]
    assert found["height"] < 0 and "dip" in found["text"]


def smoothed(residual):
    return scipy.ndimage.gaussian_filter(residual, (0.6, 0.6, 0)) / 0.5


def too_bright(residual):
    return residual * np.where(expected() > 110, 1.4, 1.0)


def one_channel(residual):
    return residual * np.where(CHANNEL == 30, 3.0, 1.0)


def one_spectrum(residual):
    return residual * np.where((Y == 3) & (X == 5), 2.0, 1.0)[..., None]


def striped(residual):
    stripes = np.random.default_rng(1).standard_normal((SHAPE[0], 1, 90))
    return residual + 4 * stripes


def along_energy(residual):
    return scipy.ndimage.gaussian_filter1d(residual, 0.6, axis=-1)


def louder(residual):
    return 1.5 * residual


def shifted(residual):
    return residual + 1.5 * np.exp(-0.5 * ((CHANNEL - 45) / 8) ** 2)


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (smoothed, "correlation between neighbours"),
        (too_bright, "variance by intensity"),
        (one_channel, "variance by energy"),
        (one_spectrum, "spectra that don't fit"),
        (striped, "stripes"),
        (along_energy, "correlation along energy"),
        (louder, "variance"),
        (shifted, "pattern"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_kind_is_told(spoil, kind, rng):
    clean = expected()
    residual = NOISE.sample(clean, rng) - clean
    found = kinds(clean + spoil(residual), clean)
    assert kind in found, found
    text = found[kind]["text"]
    assert any(character.isdigit() for character in text)


def test_a_good_denoising_has_nothing_against_it(map_signal):
    clean, noisy, report = map_signal
    assert [one["kind"] for one in report.findings] == ["truth"]
    assert str(report).startswith("No problem was found")
    error = np.sqrt(np.square(noisy.get_autoencoder_model().data - clean.data).mean())
    assert np.isclose(report.findings[0]["error"], error)
    assert report.n_judged == report.n_spectra == 360
    assert report.signals["residual"].data.shape == noisy.data.shape
    assert abs(report.signals["residual"].data.std() - 1) < 0.05
    assert report.signals["residual_map"].data.shape == (18, 20)
    assert report.signals["residual_spectrum"].data.shape == (80,)
    assert "<li>" in report._repr_html_()


def test_it_can_be_seen(map_signal):
    figure = map_signal[2].plot()
    assert len(figure.axes) >= 6
    assert "positions" in figure.axes[5].get_legend_handles_labels()[1][0]


def test_what_is_detectable(map_signal):
    """Noise sets it: more positions need less, beyond the energies nothing is said."""
    _, noisy, report = map_signal
    axis = noisy.axes_manager.signal_axes[0]
    energies = axis.axis[[10, 40, 70]]
    few, many = (report.detectable(energies, positions=n) for n in (9, 64))
    assert few.shape == (3,) and (many < few).all() and (many > 0).all()
    assert np.isnan(report.detectable(axis.axis[0] - 5.0, positions=9))
    assert report.detectable(energies[0], positions=9) == few[0]
    with pytest.raises(ValueError, match="`positions` must be at most 360"):
        report.detectable(energies, positions=1000)
    assert np.isnan(report.detectable(energies, positions=360)).sum() in (0, 3)
    with pytest.raises(ValueError, match="`width` must be at least a channel wide"):
        report.detectable(energies, width=-1)


@pytest.mark.slow
def test_what_it_names_is_kept(map_signal):
    """Put in with fresh noise, a peak of that height comes out nearly always."""
    _, noisy, report = map_signal
    clean = noisy.get_autoencoder_model()
    axis = noisy.axes_manager.signal_axes[0]
    kept = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        y, x, channel = rng.integers(1, 15), rng.integers(1, 13), rng.integers(15, 65)
        height = report.detectable(axis.axis[channel], positions=16)
        width = 5 / 2.355
        peak = np.exp(-0.5 * ((np.arange(80) - channel) / width) ** 2)
        extra = np.zeros(clean.data.shape)
        extra[y : y + 4, x : x + 4] = height * peak
        signal = clean + extra.astype(np.float32)
        noisy_one = fitted(aed.add_noise(signal, NOISE, random_state=seed))
        rest = noisy_one.get_autoencoder_model().data - clean.data
        kept.append(rest[y : y + 4, x : x + 4].mean(axis=(0, 1)) @ peak / (peak @ peak))
        kept[-1] /= height
    assert np.mean(np.array(kept) > 0.5) >= 0.8


def test_masks_lazy_and_single_spectra(map_signal):
    """What took no part isn't looked at; lazy signals give the same."""
    _, noisy, report = map_signal
    lazy = noisy.as_lazy()
    again = lazy.check_denoising()
    assert not again.findings and again.signals["residual"]._lazy
    np.testing.assert_allclose(
        again.signals["residual_spectrum"].data,
        report.signals["residual_spectrum"].data,
        rtol=1e-4,
    )
    part = noisy.inav[3, 4].check_denoising()
    assert part.n_spectra == 1
    masked = noisy.deepcopy()
    mask = np.zeros(noisy.axes_manager.navigation_shape, bool)
    mask[:4] = True
    masked.decompose_autoencoder(
        navigation_mask=mask, random_state=0, show_progressbar=False, print_info=False
    )
    report = masked.check_denoising()
    assert report.n_judged == 288 and report.n_spectra == 360
    assert np.isnan(report.signals["residual_map"].data[:, :4]).all()


def test_spoiled_data_are_told(map_signal):
    """What was resampled in space breaks every assumption here."""
    _, noisy, _ = map_signal
    spoiled = noisy._deepcopy_with_new_data(
        scipy.ndimage.gaussian_filter(noisy.data, (0.6, 0.6, 0))
    )
    report = fitted(spoiled).check_denoising()
    assert report.findings[0]["severity"] == "severe"
    text = " ".join(one["text"] for one in report.findings)
    assert "neighbour" in text or "consecutive" in text


@pytest.mark.parametrize("shape", [(4, 16), (2, 30), (1, 50), (50, 1)])
def test_any_shape_is_looked_at(shape, rng):
    clean = np.full((*shape, 90), 80.0)
    noisy = NOISE.sample(clean, rng).reshape(-1, 90)
    observation = Observation.of(noisy, np.ones(shape, bool), NOISE)
    rows = Computed(same, clean.reshape(-1, 90).astype("f4"), n_channels=90)
    whitening = OwnWhitening(NOISE, observation.colour)
    found = ResidualStatistics.of(observation, rows, whitening)
    assert (np.abs(found.by_area - 1) < 5 * found.by_area_error).all()
    assert not structures(observation, rows, whitening)


def test_a_spike_is_no_bad_channel(rng):
    """The fit tells it itself."""
    clean = expected()
    noisy = NOISE.sample(clean, rng)
    noisy[3, 4, 50] += 1000
    assert kinds(noisy, clean) == {}


def test_pieces_of_a_large_map_keep_their_places(map_signal, monkeypatch):
    from hyperspy_aedenoise._signals import check

    _, noisy, _ = map_signal
    monkeypatch.setattr(check, "_MOST", 80 * 100)
    report = noisy.as_lazy().check_denoising()
    assert report.n_judged < report.n_spectra == 360
    judged = np.isfinite(report.signals["residual_map"].data)
    assert judged.shape == (18, 20) and judged.sum() == report.n_judged
    assert len(report.plot().axes) >= 6
    mask = np.zeros(noisy.axes_manager.navigation_shape, bool)
    mask[3:9, 5:10] = True
    assert report.region(mask).n_positions == 30


def test_few_spectra_with_a_noise_model_from_a_file(map_signal, tmp_path):
    import hyperspy.api as hs

    _, noisy, _ = map_signal
    noisy.save(tmp_path / "fitted.hspy")
    part = hs.load(tmp_path / "fitted.hspy").inav[3, 4]
    assert part.check_denoising().n_judged == 1


@pytest.mark.parametrize("n_spectra", [4, 12, 20])
def test_few_spectra_have_no_bad_channels_by_chance(n_spectra, rng):
    restored = np.full((n_spectra, 2000), 100.0, np.float32)
    used = np.ones((1, n_spectra), bool)
    for _ in range(5):
        observation = Observation.of(NOISE.sample(restored, rng), used, NOISE)
        whitening = OwnWhitening(NOISE, observation.colour)
        known = Computed(same, restored, n_channels=2000)
        residual = ResidualStatistics.of(observation, known, whitening)
        places = findings.Places(
            np.arange(2000.0), "eV", np.argwhere(used), used.shape, 1.0
        )
        found = [one["kind"] for one in on_residual(residual, places)]
        assert "variance by energy" not in found


def test_new_spectra_are_told(map_signal):
    _, noisy, _ = map_signal
    other = noisy.deepcopy()
    fresh = aed.add_noise(map_signal[0], NOISE, random_state=5)
    other.data[:2] = fresh.data[:2]
    kinds_ = {one["kind"]: one for one in other.check_denoising().findings}
    assert kinds_["extrapolation"]["n_new"] == 40


def test_without_a_fit_it_says_what_to_do():
    with pytest.raises(RuntimeError, match="decompose_autoencoder"):
        aed.data.sto_o_k((3, 3)).check_denoising()
    signal = aed.add_noise(aed.data.sto_o_k((6, 6)) * 300.0, NOISE, random_state=0)
    fitted(signal)
    with pytest.raises(TypeError, match="`truth` must be a signal"):
        signal.check_denoising(truth=signal.data)
    with pytest.raises(ValueError, match="`truth` must be of the shape"):
        signal.check_denoising(truth=signal.inav[1:])

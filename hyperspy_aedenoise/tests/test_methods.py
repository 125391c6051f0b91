"""The methods on signals: HyperSpy's habits, and what users do to signals."""

from types import SimpleNamespace

import dask.array as da
import hyperspy.api as hs
import numpy as np
import pytest
from matplotlib.text import Text

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import NoiseModel
from hyperspy_aedenoise.tests.conftest import SIGMA, train


def state_of(signal):
    """Everything that must not change, but for the documented entry."""
    metadata = signal.metadata.as_dictionary()
    metadata["Signal"].pop("Denoising", None)
    return (
        np.array(signal.data).tobytes(),
        signal.data.dtype,
        str(signal.axes_manager._get_axes_dicts()),
        str(metadata),
    )


def test_the_whole_path(noisy_signal, clean_signal, capsys):
    """Train, denoise, compare: what the README shows."""
    before = state_of(noisy_signal)
    assert train(noisy_signal, print_info=True) is None
    assert "Autoencoder info:" in capsys.readouterr().out
    denoised = noisy_signal.get_autoencoder_model()
    noisy_signal.get_autoencoder_loadings()
    noisy_signal.get_autoencoder_uncertainty()
    noisy_signal.compare_denoising()
    assert state_of(noisy_signal) == before

    assert type(denoised) is type(noisy_signal)
    assert denoised.data.dtype == noisy_signal.data.dtype
    assert str(denoised.axes_manager) == str(noisy_signal.axes_manager)
    error = np.square(denoised.data - clean_signal.data).mean()
    assert error < SIGMA**2 / 5


def test_nothing_is_printed_unless_wanted(noisy_signal, capsys):
    train(noisy_signal)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Fitting" not in captured.err


def test_return_info_is_the_training_record(noisy_signal):
    record = train(noisy_signal, return_info=True)
    assert record["architecture"] == "spatial-spectral"
    assert {one["code_filter"] for one in record["history"]["forms"]} > {"none"}
    record = train(noisy_signal, architecture="spectral", return_info=True)
    assert record["architecture"] == "spectral"
    assert record["iterations"] == 6
    assert len(record["history"]["training_loss"]) == 6


def test_progress_bar_follows_the_argument(noisy_signal, capsys):
    train(noisy_signal, show_progressbar=True)
    assert "Fitting: 100%" in capsys.readouterr().err


def test_arguments_but_the_reference_are_keyword_only(noisy_signal, clean_signal):
    with pytest.raises(TypeError):
        noisy_signal.decompose_autoencoder(clean_signal, "spectral")


def test_the_denoised_signal_says_how_it_was_made(trained_signal):
    trained_signal.estimate_noise()
    trained_signal.estimate_poissonian_noise_variance()
    metadata = trained_signal.get_autoencoder_model().metadata
    entry = metadata.Signal.Denoising
    assert entry.architecture == "spatial-spectral"
    assert entry.learned_from == "this signal"
    assert entry.noise.offset == pytest.approx(SIGMA**2, rel=0.2)
    assert not entry.has_item("autoencoder")
    # the noise of the raw data is not that of the denoised ones
    assert not metadata.has_item("Signal.Noise_properties")


def test_a_denoised_signal_has_no_autoencoder(trained_signal):
    with pytest.raises(RuntimeError, match="decompose_autoencoder"):
        trained_signal.get_autoencoder_model().get_autoencoder_model()


@pytest.mark.parametrize(
    "method",
    [
        "get_autoencoder_model",
        "get_autoencoder_loadings",
        "get_autoencoder_energy_shift",
        "get_autoencoder_uncertainty",
        "plot_autoencoder_training",
        "plot_autoencoder_loadings",
        "compare_denoising",
    ],
)
def test_untrained_signals_are_refused(noisy_signal, method):
    with pytest.raises(RuntimeError, match="decompose_autoencoder"):
        getattr(noisy_signal, method)()


def test_learning_from_a_reference(noisy_signal, clean_signal):
    train(noisy_signal, reference=clean_signal)
    assert noisy_signal.metadata.Signal.Denoising.learned_from == "reference"
    arrays = noisy_signal.deepcopy()
    train(arrays, reference=clean_signal.data)
    assert np.array_equal(
        arrays.get_autoencoder_model().data, noisy_signal.get_autoencoder_model().data
    )


# What users do to signals -----------------------------------------------------


def same(one, other):
    return np.allclose(one.data, other.data, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("lazy", [False, True])
def test_survives_saving(trained_signal, tmp_path, lazy):
    denoised = trained_signal.get_autoencoder_model()
    trained_signal.save(tmp_path / "scan.hspy")
    again = hs.load(tmp_path / "scan.hspy", lazy=lazy)
    result = again.get_autoencoder_model()
    assert result._lazy == lazy
    if lazy:
        result.compute(show_progressbar=False)
    assert same(result, denoised)
    again.close_file() if lazy else None


def test_survives_zspy(trained_signal, tmp_path):
    pytest.importorskip("zarr")
    trained_signal.save(tmp_path / "scan.zspy")
    again = hs.load(tmp_path / "scan.zspy")
    assert same(again.get_autoencoder_model(), trained_signal.get_autoencoder_model())


def test_survives_copies_and_slices(trained_signal):
    denoised = trained_signal.get_autoencoder_model()
    assert same(trained_signal.deepcopy().get_autoencoder_model(), denoised)
    part = trained_signal.inav[2:5, 1:4].get_autoencoder_model()
    assert same(part, denoised.inav[2:5, 1:4])
    single = trained_signal.inav[3, 2].get_autoencoder_model()
    assert same(single, denoised.inav[3, 2])


def test_lazy_in_lazy_out(trained_signal):
    lazy = trained_signal.as_lazy()
    lazy.rechunk(nav_chunks=(4, 3), sig_chunks=20)
    for method in ("get_autoencoder_model", "get_autoencoder_uncertainty"):
        result = getattr(lazy, method)()
        assert result._lazy
        result.compute(show_progressbar=False)
        if method == "get_autoencoder_model":
            assert same(result, trained_signal.get_autoencoder_model())
        assert np.isfinite(result.data).all()
    loadings = lazy.get_autoencoder_loadings()
    assert loadings._lazy
    loadings.compute(show_progressbar=False)
    assert same(loadings, trained_signal.get_autoencoder_loadings())


def test_training_on_lazy_data(noisy_signal):
    lazy = noisy_signal.as_lazy()
    train(lazy)
    train(noisy_signal)
    result = lazy.get_autoencoder_model()
    result.compute(show_progressbar=False)
    assert same(result, noisy_signal.get_autoencoder_model())


def test_other_channels_ask_for_training(trained_signal):
    for other in (trained_signal.isig[5:], trained_signal.rebin(scale=(1, 1, 2))):
        with pytest.raises(ValueError, match=r"60 channels.*Train again"):
            other.get_autoencoder_model()


def test_a_changed_calibration_is_mentioned(trained_signal, caplog):
    trained_signal.axes_manager[-1].offset += 2.0
    trained_signal.get_autoencoder_model()
    assert "by up to 2 eV" in caplog.text


@pytest.mark.parametrize("sigma", [SIGMA / 3, SIGMA * 3])
def test_noise_that_is_not_that_of_the_data_is_told(noisy_signal, sigma, caplog):
    train(
        noisy_signal,
        noise=NoiseModel.gaussian(sigma),
        architecture="spectral",
        output_dimension=2,
    )
    noisy_signal.get_autoencoder_model()
    assert "times the variance of the noise" in caplog.text


def test_training_again_replaces_the_old(trained_signal):
    train(trained_signal, output_dimension=3)
    assert trained_signal.get_autoencoder_loadings().data.shape == (3, 6, 9)


# Kinds of data ----------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint16", "int32", ">f4", ">i2", "float64", "<f2"])
def test_types_of_data(noisy_signal, dtype):
    """Integers and foreign byte orders give native floating point."""
    noisy_signal.data = np.round((noisy_signal.data + 1) * 1000).astype(dtype)
    before = state_of(noisy_signal)
    train(noisy_signal)
    denoised = noisy_signal.get_autoencoder_model()
    assert denoised.data.dtype.kind == "f"
    assert denoised.data.dtype.isnative
    assert np.isfinite(denoised.data).all()
    assert state_of(noisy_signal) == before
    assert str(noisy_signal.compare_denoising())


def test_a_line_scan(noisy_signal):
    line = noisy_signal.inav[:, 2]
    train(line)
    assert line.get_autoencoder_model().data.shape == (9, 60)
    assert line.get_autoencoder_loadings().data.shape[-1] == 9
    assert line.compare_denoising().plot() is not None


def test_three_navigation_axes(rng, clean_signal):
    stack = hs.stack([aed.add_noise(clean_signal, SIGMA, seed) for seed in (1, 2)])
    train(stack)
    assert stack.get_autoencoder_model().data.shape == (2, 6, 9, 60)
    assert stack.get_autoencoder_loadings().data.shape[1:] == (2, 6, 9)
    assert stack.compare_denoising().plot() is not None
    with pytest.raises(NotImplementedError, match="3 navigation axes"):
        stack.plot_autoencoder_loadings()


def test_one_spectrum(noisy_signal, clean_signal):
    """Nothing to learn from alone, but from a reference, with known noise."""
    single = noisy_signal.inav[0, 0]
    with pytest.raises(ValueError, match="fewer than 3 spectra"):
        single.estimate_noise()
    noise = NoiseModel.gaussian(SIGMA)
    for known in (None, noise):
        with pytest.raises(ValueError, match="at least 2 spectra"):
            train(single, noise=known)
    train(single, reference=clean_signal, noise=noise)
    assert single.get_autoencoder_model().data.shape == (60,)
    with pytest.raises(ValueError, match="at least 3 finite spectra"):
        single.compare_denoising()


def test_four_spectra(noisy_signal, caplog):
    """They are denoised, but train no network, and the user learns why not."""
    four = noisy_signal.inav[:2, :2]
    train(four)
    assert np.isfinite(four.get_autoencoder_model().data).all()
    train(four, architecture="spectral")
    assert "4 spectra are too few" in caplog.text
    assert np.isfinite(four.get_autoencoder_model().data).all()
    assert {row["route"] for row in four.compare_denoising().table} >= {"raw", "pca"}
    with pytest.raises(RuntimeError, match="nothing to plot"):
        four.plot_autoencoder_training()


@pytest.mark.parametrize("noise", [None, NoiseModel(0.05)])
def test_dead_channels_and_pixels(noisy_signal, noise):
    """All-zero channels and probe positions, with and without read-out noise."""
    noisy_signal.data = np.maximum(noisy_signal.data, 0)
    noisy_signal.data[..., 7] = 0
    noisy_signal.data[2, 3] = 0
    train(noisy_signal, noise=noise)
    denoised = noisy_signal.get_autoencoder_model().data
    assert np.isfinite(denoised).all()
    assert np.abs(denoised[..., 7]).max() < SIGMA
    assert np.isfinite(noisy_signal.compare_denoising().table[1]["estimated_mse"])


def test_noise_free_data_are_refused(clean_signal):
    with pytest.raises(ValueError, match="denoised already"):
        train(clean_signal.deepcopy())


def test_constant_data_are_refused(noisy_signal):
    for value in (0, 3):
        noisy_signal.data[:] = value
        with pytest.raises(ValueError, match="identical spectra"):
            train(noisy_signal)


def test_negative_values(noisy_signal):
    noisy_signal.data -= 0.5
    train(noisy_signal)
    assert noisy_signal.get_autoencoder_model().data.min() < -0.3


def test_energy_axis_in_front(noisy_signal):
    """Data whose energy axis is not the last in memory."""
    stored = np.moveaxis(noisy_signal.data, -1, 0)
    axes = noisy_signal.axes_manager._get_axes_dicts()
    front = type(noisy_signal)(stored, axes=[axes[2], axes[0], axes[1]])
    for axis, navigate in zip(
        front.axes_manager._axes, (False, True, True), strict=True
    ):
        axis.navigate = navigate
    assert front.axes_manager.signal_axes[0].index_in_array == 0
    train(front)
    train(noisy_signal)
    result = front.get_autoencoder_model()
    assert result.data.shape == stored.shape
    expected = noisy_signal.get_autoencoder_model().data
    assert np.allclose(np.moveaxis(result.data, 0, -1), expected, atol=1e-5)


def test_complex_and_two_dimensional_signals_are_refused(noisy_signal):
    complex_data = noisy_signal.deepcopy()
    complex_data.data = complex_data.data + 0j
    with pytest.raises(TypeError, match="complex"):
        train(complex_data)
    flat = noisy_signal.deepcopy()
    flat.axes_manager._axes[1].navigate = False
    with pytest.raises(ValueError, match="signal dimension 2"):
        train(flat)


def test_a_non_uniform_energy_axis_is_refused(noisy_signal):
    noisy_signal.axes_manager[-1].convert_to_non_uniform_axis()
    with pytest.raises(NotImplementedError, match="uniform energy axis"):
        train(noisy_signal)
    with pytest.raises(NotImplementedError, match="uniform energy axis"):
        noisy_signal.estimate_noise()


# Masks ------------------------------------------------------------------------


def test_nan_must_be_masked(noisy_signal):
    """Refused with number and place; masked, the rest is denoised."""
    noisy_signal.data[1, 4, 10] = np.nan
    with pytest.raises(
        ValueError, match=r"1 NaN.*inav\[4, 1\].*532 eV.*navigation_mask"
    ):
        train(noisy_signal)
    mask = np.zeros((9, 6), bool)  # HyperSpy's order: x, y
    mask[4, 1] = True
    with pytest.raises(ValueError, match=r"\(x, y\).*mask\.T"):
        train(noisy_signal, navigation_mask=np.roll(mask, 1))
    train(noisy_signal, navigation_mask=mask)
    denoised = noisy_signal.get_autoencoder_model()
    assert np.isnan(denoised.data[1, 4]).all()
    assert np.isfinite(np.delete(denoised.data.reshape(54, 60), 13, axis=0)).all()
    comparison = noisy_signal.compare_denoising()
    assert np.isfinite(comparison.table[1]["estimated_mse"])


def test_navigation_mask_as_a_signal(noisy_signal):
    """A signal mask and its array in HyperSpy's order are the same."""
    total = noisy_signal.sum(-1)
    mask = total > float(np.median(total.data))
    results = []
    for form in (mask, mask.data.T):
        signal = noisy_signal.deepcopy()
        train(signal, navigation_mask=form)
        results.append(signal.get_autoencoder_model())
    assert same(*results)
    chosen = signal.get_autoencoder_model(navigation_mask=mask)
    assert np.array_equal(np.isnan(chosen.data).all(axis=-1), mask.data)


def test_the_summary_tells_what_spoils_the_noise(clean_signal, capsys):
    """A pattern common to all spectra is kept by any denoiser: the fit says so, too."""
    signal = aed.add_noise(clean_signal, 0.01, random_state=0)
    signal.data *= 1 + 0.1 * np.random.default_rng(0).normal(size=60)
    train(signal, print_info=True)
    assert "a pattern common to all spectra" in capsys.readouterr().out


@pytest.mark.parametrize("lazy", [False, True])
def test_masked_positions_are_nan(noisy_signal, lazy):
    """As after decomposition(), unless another mask is given."""
    mask = np.zeros((9, 6), bool)
    mask[:3] = True
    signal = noisy_signal.as_lazy() if lazy else noisy_signal
    train(signal, navigation_mask=mask)
    for method in (signal.get_autoencoder_model, signal.get_autoencoder_uncertainty):
        empty = np.isnan(np.asarray(method().data))
        assert np.array_equal(empty.all(axis=-1), mask.T)
        assert np.array_equal(empty.any(axis=-1), mask.T)
    loadings = np.asarray(signal.get_autoencoder_loadings().data)
    assert (np.isnan(loadings) == mask.T).all()
    everywhere = signal.get_autoencoder_model(navigation_mask=np.zeros((9, 6), bool))
    assert np.isfinite(np.asarray(everywhere.data)).all()


def test_signal_mask(noisy_signal):
    """Masked channels take no part and are NaN, as in HyperSpy."""
    noisy_signal.data[..., 20:25] = np.nan
    mask = np.zeros(60, bool)
    mask[20:25] = True
    train(noisy_signal, signal_mask=mask)
    denoised = noisy_signal.get_autoencoder_model().data
    assert np.array_equal(np.isnan(denoised).all(axis=(0, 1)), mask)
    assert np.isfinite(denoised[..., ~mask]).all()
    assert noisy_signal.estimate_noise(signal_mask=mask).offset > 0
    comparison = noisy_signal.compare_denoising()
    assert np.isnan(comparison.signals["pca"].data[..., 22]).all()


@pytest.mark.parametrize(
    ("masks", "kind", "words"),
    [
        (
            {"navigation_mask": np.zeros((6, 9), bool)},
            ValueError,
            r"\(9, 6\).*\(6, 9\)",
        ),
        ({"navigation_mask": np.ones((9, 6), bool)}, ValueError, "~mask"),
        ({"signal_mask": np.zeros(59, bool)}, ValueError, r"\(60,\).*\(59,\)"),
        ({"signal_mask": np.ones(60, bool)}, ValueError, "at least one channel"),
        ({"signal_mask": np.arange(60) > 4}, ValueError, "at least 8 channels"),
        ({"signal_mask": np.zeros(60)}, TypeError, "float64"),
    ],
)
def test_wrong_masks_are_refused(noisy_signal, masks, kind, words):
    with pytest.raises(kind, match=words):
        train(noisy_signal, **masks)


def test_a_reference_must_be_on_the_energy_axis(noisy_signal, clean_signal):
    shifted = clean_signal.deepcopy()
    shifted.axes_manager[-1].offset += 3
    for reference in (shifted, clean_signal.isig[:50], clean_signal.data[..., 1:]):
        with pytest.raises(ValueError, match="60 channels from 527 to 556"):
            train(noisy_signal, reference=reference)


# Results ----------------------------------------------------------------------


def test_noise_in_hyperspys_words(noisy_signal):
    """`estimate_poissonian_noise_variance` then gives the right variance."""
    noise = noisy_signal.estimate_noise()
    noisy_signal.estimate_poissonian_noise_variance()
    variance = noisy_signal.metadata.Signal.Noise_properties.variance
    expected = noise.variance(noisy_signal.data)
    assert np.allclose(variance.data, expected, rtol=1e-5)
    # 54 spectra of 60 channels: a variance is good to sqrt(2 / 3240) = 2.5 %
    assert expected.mean() == pytest.approx(SIGMA**2, rel=0.1)


def test_loadings_look_like_those_of_hyperspy(trained_signal):
    trained_signal.decomposition(print_info=False)
    ours = trained_signal.get_autoencoder_loadings()
    theirs = trained_signal.get_decomposition_loadings()
    assert ours.axes_manager.navigation_dimension == 1
    assert ours.axes_manager.signal_shape == theirs.axes_manager.signal_shape
    names = [axis.name for axis in ours.axes_manager.signal_axes]
    assert names == ["x", "y"]
    assert ours.axes_manager.signal_axes[0].scale == pytest.approx(0.25)


def test_uncertainty_is_that_of_repeated_noise(clean_signal):
    """What one noisy copy says about its own scatter, against 12 others."""
    noisy = aed.add_noise(clean_signal, SIGMA, random_state=0)
    train(noisy, reference=clean_signal, noise=NoiseModel.gaussian(SIGMA))
    claimed = noisy.get_autoencoder_uncertainty().data
    repeats = []
    for seed in range(1, 13):
        copy = aed.add_noise(clean_signal, SIGMA, random_state=seed)
        copy.metadata.Signal.Denoising = noisy.metadata.Signal.Denoising
        repeats.append(copy.get_autoencoder_model().data)
    scatter = np.std(repeats, axis=0, ddof=1)
    # 12 repeats of 54 spectra with about 2 independent values each
    assert np.sqrt(np.mean(claimed**2)) == pytest.approx(
        np.sqrt(np.mean(scatter**2)), rel=0.15
    )


def test_plots(trained_signal):
    axes = trained_signal.plot_autoencoder_training()
    assert axes.get_xlabel().startswith("Squared error minus that of optimal shrinkage")
    forms = [label.get_text() for label in axes.get_yticklabels()]
    assert "none, principal" in forms
    assert len(forms) == len(axes.containers)
    panels = trained_signal.plot_autoencoder_loadings()
    assert len(panels) == trained_signal.get_autoencoder_loadings().data.shape[0]
    assert panels[0].get_xlabel() == "x (Å)"
    lines = trained_signal.inav[:, 0].plot_autoencoder_loadings()
    assert lines[0].lines


def test_loadings_are_drawn_beside_their_spectra(trained_signal):
    """What is added where the latent variable rises by its standard deviation."""
    panels = trained_signal.plot_autoencoder_loadings()
    beside = [
        ax for ax in panels[0].figure.axes if ax.get_xlabel().startswith("Energy")
    ]
    assert len(beside) == len(panels)
    loadings = trained_signal.get_autoencoder_loadings().data
    rest = trained_signal.get_autoencoder_model().data
    rest = rest - rest.mean(axis=(0, 1))
    drawn = np.array([ax.lines[-1].get_ydata() for ax in beside])
    steps = loadings.std(axis=(1, 2))
    expected = np.einsum("kyx,ke->yxe", loadings, drawn / steps[:, None])
    expected -= expected.mean(axis=(0, 1))
    # the decoder is linear, in single precision
    assert np.allclose(expected, rest, atol=1e-4)


def test_one_spike_does_not_fade_a_loading(trained_signal):
    from hyperspy_aedenoise._report.axes import limits_of

    loading = trained_signal.get_autoencoder_loadings().data[0]
    large = np.tile(loading, (6, 6))
    before = limits_of(large)
    large[0, 0] = 1e6
    assert limits_of(large) == pytest.approx(before, rel=0.1)


def test_axes_without_units_and_names(noisy_signal, capsys, caplog):
    """No picture, title or sentence says "<undefined>", and none ends in "of"."""
    plain = type(noisy_signal)(noisy_signal.data.copy())
    train(plain, print_info=True)
    axes = plain.plot_autoencoder_loadings()
    figures = [axes[0].figure, plain.plot_autoencoder_training().figure]
    figures.append(plain.compare_denoising().plot())
    texts = [text.get_text() for one in figures for text in one.findobj(Text)]
    for found in (
        plain.get_autoencoder_model(),
        plain.get_autoencoder_loadings(),
        plain.get_autoencoder_uncertainty(),
    ):
        texts.append(found.metadata.General.title)
    plain.axes_manager[-1].offset += 20
    plain.get_autoencoder_model()
    plain.data[0, 0, 0] = np.nan
    with pytest.raises(ValueError) as refusal:
        train(plain)
    texts += [str(refusal.value), capsys.readouterr().out, caplog.text]
    assert not any("undefined" in text for text in texts)
    assert not any(text.strip().endswith(" of") for text in texts)
    assert "1 NaN or infinite value in 1 spectrum," in str(refusal.value)


@pytest.mark.parametrize(("unit", "words"), [("keV", "keV"), (None, "channels")])
def test_energies_are_told_in_the_unit_of_the_axis(unit, words):
    """Of a drift of one channel, 0.3 eV: 0.0003 keV, and 1 channel without a unit."""
    from hyperspy_aedenoise._report.summary import _spread_of_shift
    from hyperspy_aedenoise._report.weak_in_words import energy_in_words

    drifted = SimpleNamespace(
        history_={"energy_shift": [-1.0, 1.0]}, energies_=0.5 + 0.0003 * np.arange(100)
    )
    number = "0.0003" if unit else "1"
    assert _spread_of_shift(drifted, unit or "") == f"{number} {words}"
    where = energy_in_words({"channel": 10.0}, drifted.energies_, unit or "")
    assert where == f"0.503 {unit or 'on the energy axis'}"


def test_a_fit_that_separates_nothing_says_so(rng, capsys):
    """Spectra that have nothing in common: as many latent variables as there can be."""
    spectra = hs.signals.Signal1D(100 * rng.normal(size=(30, 200)).cumsum(axis=1))
    spectra.set_signal_type("EELS")
    train(spectra, noise=NoiseModel.gaussian(1.0), print_info=True)
    text = capsys.readouterr().out
    assert "nothing was separated" in text
    assert "for 30 spectra" in text


def test_the_gain_is_told_beside_pca(clean_signal):
    """As a ratio of errors, which the difference alone doesn't tell."""
    from hyperspy_aedenoise._report.summary import _gain_in_words

    one = {"difference_to_shrinkage": -0.02, "difference_error": 0.001}
    words = _gain_in_words(one, 0.03, "a pair")
    # the root of (0.03 - 0.02) / 0.03
    assert "about 0.6 times that of optimally shrunk PCA" in words
    assert "0.02 +- 0.001 of the noise variance" in words
    # what theory says is less than what was gained: no error is negative
    assert "about 0.3 times" in _gain_in_words(one, 0.001, "a pair")
    assert "times" not in _gain_in_words(one, None, "a pair")


def test_how_long_it_will_take(noisy_signal, monkeypatch, capsys):
    """Said before it begins, by what the fit took; nothing where nobody would ask."""
    from hyperspy_aedenoise._signals import duration

    train(noisy_signal)
    monkeypatch.setattr(duration, "_TAKEN", dict.fromkeys(duration._TAKEN, 1.0))
    noisy_signal.get_autoencoder_uncertainty()
    assert "up to" not in capsys.readouterr().err
    assert duration.with_duration("Words", b"unknown", 1e9) == "Words"
    monkeypatch.setattr(duration, "_TAKEN", dict.fromkeys(duration._TAKEN, 40.0))
    monkeypatch.setattr(hs.preferences.General, "show_progressbar", True)
    noisy_signal.get_autoencoder_uncertainty()
    text = capsys.readouterr().err
    assert "Rehearsing (up to 5 min in all)" in text


# Numbers and arrays of other kinds ---------------------------------------------


def test_numbers_of_numpy(noisy_signal):
    """What `estimate_elbow_position` returns, for instance."""
    record = train(noisy_signal, output_dimension=np.int64(2), return_info=True)
    assert record["requested_dimension"] == 2
    assert noisy_signal.get_autoencoder_loadings().data.shape[0] == 2


@pytest.mark.parametrize("factor", [1e-30, 1e25])
def test_values_that_single_precision_cannot_square(noisy_signal, factor):
    """Refused in words, not by an error of a solver."""
    scaled = noisy_signal * factor
    for method in (train, type(scaled).estimate_noise):
        with pytest.raises(ValueError, match=r"1e-15 to 1e\+15.*multiply them first"):
            method(scaled)


@pytest.mark.parametrize("line", [False, True])
def test_navigation_axes_that_are_not_uniform(noisy_signal, line):
    """They are drawn by index where a map is, and at their places in a line."""
    signal = noisy_signal.inav[:, 2] if line else noisy_signal
    signal.axes_manager[0].convert_to_non_uniform_axis()
    train(signal)
    (first, *_) = signal.plot_autoencoder_loadings()
    assert first.get_xlabel() == "x (Å)" + ("" if line else ", by index: not uniform")
    assert signal.compare_denoising().plot() is not None


@pytest.mark.parametrize("lazy", [False, True])
def test_masked_arrays_of_numpy(noisy_signal, lazy):
    """What they mask is NaN: it has to be left out, and is not what lies beneath."""
    mask = np.zeros((6, 9), bool)
    mask[2, 3] = True
    noisy_signal.data[2, 3] = 1e6
    expected = noisy_signal.deepcopy()
    train(expected, navigation_mask=mask.T)
    whole = np.broadcast_to(mask[..., None], noisy_signal.data.shape)
    values = noisy_signal.data
    noisy_signal.data = np.ma.masked_array(values, mask=whole)
    if lazy:  # `as_lazy` itself would drop the mask
        noisy_signal = noisy_signal.as_lazy()
        noisy_signal.data = da.ma.masked_array(da.from_array(values), mask=whole)
        assert isinstance(noisy_signal.data._meta, np.ma.MaskedArray)
    with pytest.raises(ValueError, match=r"60 NaN.*1 spectrum.*inav\[3, 2\]"):
        train(noisy_signal)
    train(noisy_signal, navigation_mask=mask.T)
    denoised = noisy_signal.get_autoencoder_model()
    if lazy:
        denoised.compute(show_progressbar=False)
    assert not isinstance(denoised.data, np.ma.MaskedArray)
    assert same(denoised, expected.get_autoencoder_model())
    assert np.isnan(denoised.data[2, 3]).all()


def test_add_noise_draws_from_the_model(clean_signal):
    noisy = aed.add_noise(clean_signal, NoiseModel(0.01), random_state=0)
    assert type(noisy) is type(clean_signal)
    residual = noisy.data - clean_signal.data
    expected = 0.01 * clean_signal.data.mean()
    assert residual.var() == pytest.approx(expected, rel=0.1)
    lazy = aed.add_noise(clean_signal.as_lazy(), SIGMA, random_state=0)
    assert lazy._lazy
    again = aed.add_noise(clean_signal, SIGMA, random_state=0)
    assert np.array_equal(np.asarray(lazy.data), again.data)


def test_add_noise_refuses_wrong_arguments(clean_signal):
    for arguments, kind, words in [
        ({"noise": -1.0}, ValueError, "`sigma`"),
        ({"noise": "much"}, TypeError, "`sigma`"),
        ({"noise": 0.1, "random_state": "x"}, TypeError, "`random_state`"),
    ]:
        with pytest.raises(kind, match=words):
            aed.add_noise(clean_signal, **arguments)
    with pytest.raises(ValueError, match="signal dimension 0"):
        aed.add_noise(clean_signal.sum(-1), 0.1)

"""Types, shapes, masks and what is refused: the methods on data of many kinds."""

import dask.array as da
import hyperspy.api as hs
import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import NoiseModel
from hyperspy_aedenoise.tests.conftest import SIGMA, same, state_of, train

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

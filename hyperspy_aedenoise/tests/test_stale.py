"""Fits that are carried along to spectra that aren't theirs any more."""

import contextlib

import hyperspy.api as hs
import numpy as np
import pytest

import hyperspy_aedenoise as aed

NOISE = aed.NoiseModel(gain=1, offset=4)
SHAPE = (12, 12)


def measured(factor=1.0, seed=0):
    """Counts of the standard set."""
    clean = aed.data.sto_o_k(SHAPE, dispersion=0.2, n_channels=128) * 300.0 * factor
    return aed.add_noise(clean, NOISE, random_state=seed)


def fit(signal, **keywords):
    signal.decompose_autoencoder(
        show_progressbar=False, print_info=False, random_state=0, **keywords
    )
    return signal


@pytest.fixture(scope="module", params=["spatial-spectral", "spectral"])
def fitted_once(request):
    return fit(measured(), architecture=request.param, iterations=5)


@pytest.fixture
def fitted(fitted_once):
    return fitted_once.deepcopy()


@pytest.fixture(scope="module")
def another():
    return fit(measured(2.0, seed=1))


def aligned(signal):
    shifts = np.linspace(-2, 2, signal.data[..., 0].size)
    signal.shift1D(shifts.reshape(SHAPE), crop=False, show_progressbar=False)
    return signal


CHANGES = {
    "scaled": lambda s, other: s * 0.8,
    "normalised": lambda s, other: s / s.data.max(),
    "dark corrected": lambda s, other: s - 50.0,
    "raised": lambda s, other: s + 100.0,
    "summed": lambda s, other: s.sum(0),
    "averaged": lambda s, other: s.mean(),
    "rebinned": lambda s, other: s.rebin(scale=(2, 2, 1)),
    "aligned": lambda s, other: aligned(s),
    "stacked": lambda s, other: hs.stack([s, other], show_progressbar=False),
    "stacked, own metadata": lambda s, other: hs.stack(
        [s, other], stack_metadata=1, show_progressbar=False
    ),
}


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_other_spectra_are_refused(fitted, another, change, lazy, caplog):
    """A network, which takes each by itself, tells of them, and refuses what is odd."""
    changed = change(fitted, another)
    is_network = changed.metadata.Signal.Denoising.architecture == "spectral"
    changed = changed.as_lazy() if lazy else changed
    for method in ("get_autoencoder_model", "get_autoencoder_loadings"):
        caplog.clear()
        if is_network:
            with contextlib.suppress(ValueError):
                getattr(changed, method)()
            assert "are new to the autoencoder" in caplog.text
            continue
        with pytest.raises(ValueError, match=r"that are new or were changed.*again"):
            getattr(changed, method)()
    with pytest.raises(ValueError, match=r"that are new or were changed.*again"):
        changed.compare_denoising()


def test_a_network_that_learned_from_a_reference_takes_other_spectra(caplog):
    clean = aed.data.sto_o_k(SHAPE, dispersion=0.2, n_channels=128) * 300.0
    signal, other = measured(), measured(seed=1)
    fit(signal, reference=clean, noise=NOISE, iterations=30)
    other.metadata.Signal.Denoising = signal.metadata.Signal.Denoising
    result = other.get_autoencoder_model()
    assert "144 of 144 spectra are new to the autoencoder" in caplog.text
    assert (
        np.square(result.data - clean.data).mean()
        < 0.3 * NOISE.variance(clean.data).mean()
    )
    with pytest.raises(ValueError, match="times the noise would be removed"):
        (other * 2).get_autoencoder_model()


def test_a_fit_to_what_was_changed_is_its_own(fitted):
    changed = fit(fitted * 0.8, iterations=5)
    assert np.isfinite(changed.get_autoencoder_model().data).all()


def test_files_that_are_stacked_are_refused(fitted, another, tmp_path, caplog):
    for name, signal in {"a": fitted, "b": another}.items():
        signal.save(tmp_path / f"{name}.hspy")
    stack = hs.load(str(tmp_path / "?.hspy"), stack=True)
    try:
        stack.get_autoencoder_model()
    except (ValueError, RuntimeError) as error:
        assert "decompose_autoencoder" in str(error)
    else:
        assert "144 of 288 spectra are new to the autoencoder" in caplog.text


@pytest.mark.parametrize("lazy", [False, True])
def test_a_peak_that_came_after_the_fit_is_not_taken_off(fitted, lazy):
    """The fit doesn't know of it, and pooled over the map it hardly shows."""
    fitted.data[:4, :4, 50:60] += 60
    signal = fitted.as_lazy() if lazy else fitted
    with pytest.raises(ValueError, match=r"got 16 from which .* times the noise"):
        signal.get_autoencoder_model().data.sum().compute() if lazy else (
            signal.get_autoencoder_model()
        )
    with pytest.raises(ValueError, match="got 16 of 144 that are new"):
        signal.compare_denoising()


def test_a_few_new_spectra_are_told_and_estimated(fitted, caplog):
    """Others of the same kind, as where spikes were removed since."""
    before = fitted.get_autoencoder_model()
    assert caplog.text == ""
    fitted.data[:2, :3] = measured(seed=5).data[:2, :3]
    after = fitted.get_autoencoder_model()
    assert "6 of 144 spectra are new to the autoencoder" in caplog.text
    clean = aed.data.sto_o_k(SHAPE, dispersion=0.2, n_channels=128).data * 300.0
    error = np.square(after.data - clean)[:2, :3].mean()
    assert error < 0.2 * NOISE.variance(clean[:2, :3]).mean()
    assert np.array_equal(after.data[2:], before.data[2:])


def test_masked_and_missing_spectra_are_not_new(caplog):
    signal = measured()
    mask = np.zeros(SHAPE, bool)
    mask[:8] = True
    signal.data[:, 0] = np.nan
    fit(signal, navigation_mask=mask)
    signal.data[:, 0] = np.inf
    assert np.isfinite(signal.get_autoencoder_model().data[:, 8:]).all()
    assert caplog.text == ""


def test_types_that_hold_the_same_numbers_are_known(fitted, caplog):
    counts = measured()
    counts.data = np.rint(counts.data).astype("float32")
    fit(counts)
    expected = counts.get_autoencoder_model().data
    for dtype in ("float64", ">i4"):
        other = counts.deepcopy()
        other.change_dtype(dtype)
        assert np.allclose(other.get_autoencoder_model().data, expected)
    assert caplog.text == ""

"""Maps of spectra that are not EELS: the same, by functions."""

import exspy.signals
import hyperspy.api as hs
import matplotlib.pyplot as plt
import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise._report import estimate

SETTINGS = {"random_state": 0, "show_progressbar": False, "print_info": False}


@pytest.fixture(scope="module")
def eels():
    clean = aed.data.sto_o_k((10, 12), n_channels=80, dispersion=0.4)
    noisy = aed.add_noise(clean, 0.05, random_state=0)
    noisy.decompose_autoencoder(**SETTINGS)
    return noisy


@pytest.fixture(scope="module")
def plain(eels):
    """The same data as spectra of whatever kind, without names and units."""
    signal = hs.signals.Signal1D(eels.data.copy())
    aed.decompose_autoencoder(signal, **SETTINGS)
    return signal


def words_in(figure):
    """All text in a figure."""
    figure.canvas.draw()
    return " ".join(text.get_text() for text in figure.findobj(plt.Text))


def test_the_numbers_are_those_of_eels(eels, plain):
    denoised = aed.get_autoencoder_model(plain)
    assert type(denoised) is hs.signals.Signal1D
    np.testing.assert_array_equal(denoised.data, eels.get_autoencoder_model().data)


def test_all_functions_take_it(plain, monkeypatch):
    """And none writes "<undefined>" where an axis has no name or unit."""
    monkeypatch.setattr(estimate, "_MOST_PAIRS", 4)
    comparison = aed.compare_denoising(plain)
    assert comparison.recommended == "autoencoder"
    report = aed.check_denoising(plain)
    aed.plot_autoencoder_loadings(plain)
    aed.plot_autoencoder_training(plain)
    noise = aed.estimate_noise(plain)
    figures = [comparison.plot(), report.plot(), noise.plot()]
    figures += map(plt.figure, plt.get_fignums())
    for figure in figures:
        assert "undefined" not in words_in(figure)
    assert "undefined" not in str(report)
    uncertainty = aed.get_autoencoder_uncertainty(plain, show_progressbar=False)
    assert (uncertainty.data > 0).all()
    sums = aed.map_over_draws(
        plain, lambda s: s.isig[20:40].sum(-1), n=2, show_progressbar=False
    )
    assert sums.metadata.Signal.Noise_properties.variance.data.shape == (10, 12)


def test_it_survives_files_and_laziness(plain, tmp_path):
    plain.save(tmp_path / "plain.hspy")
    expected = aed.get_autoencoder_model(plain).data
    for lazy in (False, True):
        again = hs.load(tmp_path / "plain.hspy", lazy=lazy)
        denoised = aed.get_autoencoder_model(again)
        assert denoised._lazy == lazy
        np.testing.assert_array_equal(np.asarray(denoised.data), expected)


def test_counts_of_x_rays(rng):
    """EDS: integers, hardly any in most channels."""
    clean = aed.data.sto_o_k((12, 12), n_channels=120).data * 0.2
    signal = exspy.signals.EDSTEMSpectrum(rng.poisson(clean).astype(np.uint16))
    aed.decompose_autoencoder(signal, **SETTINGS)
    denoised = aed.get_autoencoder_model(signal).data
    assert np.mean((denoised - clean) ** 2) < 0.05 * np.mean((signal.data - clean) ** 2)
    # intensity is kept: a sum is that of the counts within three of its errors
    total = signal.data.sum(dtype=float)
    assert abs(denoised.sum(dtype=float) - total) < 3 * np.sqrt(total)


def test_as_a_method_it_is_of_eels_alone(plain):
    with pytest.raises(AttributeError, match="no attribute 'decompose_autoencoder'"):
        plain.decompose_autoencoder()
    plain = plain.deepcopy()
    plain.set_signal_type("EELS")
    assert plain.get_autoencoder_model().data.shape == plain.data.shape


def test_what_is_no_map_of_spectra_is_refused():
    with pytest.raises(ValueError, match="signal"):
        aed.decompose_autoencoder(hs.signals.Signal2D(np.zeros((3, 4, 5))))

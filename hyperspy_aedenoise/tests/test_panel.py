"""The panel for notebooks, by its parts."""

import hyperspy.ui_registry
import numpy as np
import pytest

import hyperspy_aedenoise as aed

pytest.importorskip("hyperspy_gui_ipywidgets")


@pytest.fixture
def parts(noisy_signal):
    return noisy_signal.autoencoder_gui(display=False)["ipywidgets"]["wdict"]


def test_it_fits_what_is_chosen(noisy_signal, parts, capsys):
    """As the call does that it shows, and as a user would who repeats that."""
    assert parts["compare"].disabled and parts["check"].disabled
    parts["energies"].value = (530.0, 545.0)
    parts["darkest"].value = 50
    parts["fit"].click()
    assert not parts["compare"].disabled and not parts["check"].disabled
    names = {"s": noisy_signal.deepcopy()}
    # clearing the output writes an escape sequence in front, outside of a notebook
    printed = capsys.readouterr().out.partition("\n\n")[0]
    shown = printed[printed.index("energies") :].splitlines()
    assert len(shown) == 3 and shown[2].startswith("s.decompose_autoencoder(")
    exec("\n".join(shown), names)
    found = noisy_signal.get_autoencoder_model().data
    total = noisy_signal.data.sum(axis=-1)
    out = total < 0.5 * total.max()
    assert 0 < out.sum() < out.size
    assert np.isnan(found[out]).all()
    energies = noisy_signal.axes_manager.signal_axes[0].axis
    outside = (energies < 530) | (energies > 545)
    np.testing.assert_array_equal(np.isnan(found[~out]).all(axis=0), outside)
    repeated = names["s"].get_autoencoder_model().data
    np.testing.assert_array_equal(np.isnan(repeated), np.isnan(found))


def test_it_measures_compares_and_checks(trained_signal, capsys):
    parts = trained_signal.autoencoder_gui(display=False)["ipywidgets"]["wdict"]
    for name, told in (
        ("noise", str(trained_signal.estimate_noise())),
        ("compare", "Recommended"),
        ("check", str(trained_signal.check_denoising())),
    ):
        capsys.readouterr()
        parts[name].click()
        assert told in capsys.readouterr().out
        assert "get_autoencoder_model" in parts["status"].value


def test_what_goes_wrong_is_said(noisy_signal, parts):
    noisy_signal.data[:] = 1.0
    parts["fit"].click()
    assert "Fit: " in parts["status"].value
    assert not parts["fit"].disabled and parts["compare"].disabled


def test_it_is_shown(noisy_signal, capsys):
    assert noisy_signal.autoencoder_gui() is None
    assert "VBox" in capsys.readouterr().out


def test_lazy_spectra_and_single_ones(noisy_signal):
    lazy = noisy_signal.as_lazy().autoencoder_gui(display=False)["ipywidgets"]["wdict"]
    lazy["darkest"].value = 20
    lazy["noise"].click()
    assert "firebrick" not in lazy["status"].value
    single = aed.autoencoder_gui(noisy_signal.inav[0, 0], display=False)
    assert single["ipywidgets"]["wdict"]["darkest"].disabled


def test_without_a_toolkit_it_is_the_error_of_hyperspy(noisy_signal, monkeypatch):
    monkeypatch.setattr(hyperspy.ui_registry, "TOOLKIT_REGISTRY", set())
    with pytest.raises(ImportError, match="hyperspy_gui_ipywidgets"):
        noisy_signal.autoencoder_gui()
    monkeypatch.setattr(hyperspy.ui_registry, "TOOLKIT_REGISTRY", {"anywidget"})
    with pytest.raises(NotImplementedError):
        noisy_signal.autoencoder_gui(toolkit="anywidget")

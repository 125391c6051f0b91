"""The panel for notebooks, by its parts."""

import re

import hyperspy.ui_registry
import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise._signals import gui

pytest.importorskip("hyperspy_gui_ipywidgets")
ipywidgets = pytest.importorskip("ipywidgets")
denoising_panel = pytest.importorskip("hyperspy_aedenoise._widgets.denoising_panel")


@pytest.fixture
def parts(noisy_signal):
    return noisy_signal.autoencoder_gui(display=False)["ipywidgets"]["wdict"]


def printed_call(capsys):
    """The lines of Python that a button prints."""
    # clearing the output writes an escape sequence in front, outside of a notebook
    printed = capsys.readouterr().out.partition("\n\n")[0]
    return printed[re.search("energies|total|s\\.|aed", printed).start() :]


@pytest.mark.parametrize("kind", ["eels", "plain", "lazy"])
def test_the_call_that_it_prints_is_what_it_does(noisy_signal, capsys, kind):
    """With masks and a position that is NaN."""
    noisy_signal.data[2, 3] = np.nan
    signal = noisy_signal.as_lazy() if kind == "lazy" else noisy_signal
    if kind == "plain":
        signal.set_signal_type("")
    parts = aed.autoencoder_gui(signal, display=False)["ipywidgets"]["wdict"]
    assert parts["compare"].disabled and parts["check"].disabled
    parts["energies"].value = (530.37, 545.0)
    parts["darkest"].value = 57
    parts["fit"].click()
    assert not parts["compare"].disabled and not parts["check"].disabled
    names = {"s": signal.deepcopy(), "aed": aed, "np": np}
    exec(printed_call(capsys), names)
    found, repeated = (
        np.asarray(aed.get_autoencoder_model(one).data) for one in (signal, names["s"])
    )
    np.testing.assert_array_equal(found, repeated)
    out = np.isnan(found).all(axis=-1)
    assert out[2, 3] and 1 < out.sum() < out.size
    energies = signal.axes_manager.signal_axes[0].axis
    outside = (energies < 530.12) | (energies > 545.25)
    np.testing.assert_array_equal(np.isnan(found[~out]).all(axis=0), outside)


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


class Notebook:
    """What an output of ipywidgets asks in Jupyter, where it swallows errors."""

    def showtraceback(self, *_, **__):
        raise AssertionError("a traceback was shown")


@pytest.mark.parametrize("shell", [None, Notebook()])
def test_what_goes_wrong_is_said(noisy_signal, parts, monkeypatch, shell):
    module = ipywidgets.widgets.widget_output
    monkeypatch.setattr(module, "get_ipython", lambda: shell)
    noisy_signal.data[:] = 1.0
    parts["fit"].click()
    assert "Fit: " in parts["status"].value
    assert not parts["fit"].disabled and parts["compare"].disabled


def test_pictures_are_shown_with_any_backend(parts, monkeypatch):
    shown = []
    monkeypatch.setattr(denoising_panel, "show", shown.append)
    parts["noise"].click()
    (picture,) = shown
    assert picture.data.startswith(b"\x89PNG")


def test_it_is_shown(noisy_signal, capsys):
    assert noisy_signal.autoencoder_gui() is None
    assert "VBox" in capsys.readouterr().out


def test_a_single_spectrum_is_refused_in_words(noisy_signal):
    single = aed.autoencoder_gui(noisy_signal.inav[0, 0], display=False)
    parts = single["ipywidgets"]["wdict"]
    assert parts["darkest"].disabled
    parts["fit"].click()
    assert "Fit: " in parts["status"].value


def test_without_a_toolkit_it_is_the_error_of_hyperspy(noisy_signal, monkeypatch):
    registry = {gui.TOOLKEY: {}}
    monkeypatch.setattr(hyperspy.ui_registry, "UI_REGISTRY", registry)
    monkeypatch.setattr(hyperspy.ui_registry, "TOOLKIT_REGISTRY", set())
    with pytest.raises(ImportError, match="hyperspy_gui_ipywidgets"):
        noisy_signal.autoencoder_gui()
    monkeypatch.setattr(hyperspy.ui_registry, "TOOLKIT_REGISTRY", {"anywidget"})
    with pytest.raises(NotImplementedError):
        noisy_signal.autoencoder_gui(toolkit="anywidget")

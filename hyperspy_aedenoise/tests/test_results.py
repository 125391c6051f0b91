"""What the methods give, print and draw after a fit."""

from types import SimpleNamespace

import hyperspy.api as hs
import numpy as np
import pytest
from matplotlib.text import Text

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import NoiseModel
from hyperspy_aedenoise.tests.conftest import SIGMA, train


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

"""The model component whose shape is the trained decoder."""

import os

import hyperspy.api as hs
import numpy as np
import pytest

from hyperspy_aedenoise import AutoencoderDenoiser
from hyperspy_aedenoise.components import AutoencoderEdge
from hyperspy_aedenoise.tests.conftest import train


def model_of(signal, *components):
    model = signal.create_model(auto_background=False, auto_add_edges=False)
    model.extend(components)
    return model


def values_of(model):
    return model.as_signal(show_progressbar=False).data


def test_without_a_network_it_says_what_to_do(noisy_signal):
    for nothing in (None, noisy_signal, 3):
        with pytest.raises(TypeError, match=r"`autoencoder`.*decompose_autoencoder"):
            AutoencoderEdge(nothing)


def test_without_energies_it_says_so():
    spectra = np.random.default_rng(0).normal(1, 0.1, (30, 40))
    denoiser = AutoencoderDenoiser(iterations=1).fit(spectra)
    with pytest.raises(ValueError, match="known energies"):
        AutoencoderEdge(denoiser)


def test_parameters(trained_signal):
    edge = AutoencoderEdge(trained_signal)
    names = [parameter.name for parameter in edge.parameters]
    assert names[-2:] == ["intensity", "shift"]
    assert names[:-2] == [f"latent_{i}" for i in range(len(names) - 2)]
    assert [p.name for p in edge.free_parameters] == names[:-2]


def test_its_shape_is_that_of_the_decoder(trained_signal):
    """With the latent variables of the spectra it gives the denoised signal."""
    edge = AutoencoderEdge(trained_signal)
    model = model_of(trained_signal, edge)
    edge.estimate_parameters(trained_signal)
    denoised = trained_signal.get_autoencoder_model().data
    assert np.allclose(values_of(model), denoised, atol=1e-5)
    # at one position, where HyperSpy evaluates `function` and not `function_nd`
    trained_signal.axes_manager.indices = (4, 3)
    at = edge.function(model.axis.axis) * trained_signal.axes_manager[-1].scale
    assert np.allclose(at, denoised[3, 4], atol=1e-5)


def test_a_model_of_one_spectrum_gives_its_signal(trained_signal):
    one = trained_signal.inav[4, 3]
    edge = AutoencoderEdge(trained_signal)
    model = model_of(one, edge)
    edge.estimate_parameters(one)
    denoised = trained_signal.get_autoencoder_model().data[3, 4]
    assert np.allclose(values_of(model), denoised, atol=1e-5)


def test_energy_axis_in_front_of_the_others(trained_signal):
    """The encoder finds the energies wherever they are in memory."""
    edge = AutoencoderEdge(trained_signal)
    edge.estimate_parameters(trained_signal)
    axes = trained_signal.axes_manager._get_axes_dicts()
    data = np.moveaxis(trained_signal.data, -1, 0)
    front = type(trained_signal)(data, axes=[axes[2], axes[0], axes[1]])
    for axis, navigate in zip(front.axes_manager._axes, (0, 1, 1), strict=True):
        axis.navigate = bool(navigate)
    other = AutoencoderEdge(trained_signal)
    other.estimate_parameters(front)
    assert np.allclose(other.latent_0.map["values"], edge.latent_0.map["values"])


def test_intensity_and_shift(trained_signal):
    """A factor, and an energy shift towards higher losses."""
    edge = AutoencoderEdge(trained_signal)
    axis = trained_signal.axes_manager[-1].axis
    plain = edge.function(axis)
    edge.intensity.value = 2.0
    edge.shift.value = 1.0  # two channels of 0.5 eV
    moved = edge.function(axis)
    assert np.allclose(moved[10:], 2 * plain[8:-2], atol=1e-6)


def test_fit_finds_shift_and_intensity(trained_signal):
    edge = AutoencoderEdge(trained_signal)
    target = trained_signal.inav[0, 0]
    scale = target.axes_manager[-1].scale
    axis = target.axes_manager[-1].axis
    edge.latent_0.value = 0.1
    edge.intensity.value = 1.3
    edge.shift.value = 0.3
    target.data = edge.function(axis) * scale
    fresh = AutoencoderEdge(trained_signal)
    fresh.latent_0.value = 0.1
    fresh.set_parameters_not_free()
    fresh.intensity.free = fresh.shift.free = True
    model = model_of(target, fresh)
    model.fit()
    assert fresh.shift.value == pytest.approx(0.3, abs=1e-3)
    assert fresh.intensity.value == pytest.approx(1.3, rel=1e-3)


def test_multifit_beside_a_background(trained_signal):
    """As users do it: a background of HyperSpy's, the edge, all positions."""
    signal = trained_signal.inav[:2, :2]
    offset = 0.2
    signal.data = signal.data + offset
    background = hs.model.components1D.Offset()
    edge = AutoencoderEdge(trained_signal)
    model = model_of(signal, background, edge)
    model.multifit(show_progressbar=False)
    residual = values_of(model) - signal.data
    # what is left is the noise, less what the few parameters fit
    assert residual.std() == pytest.approx(0.05, rel=0.2)


def test_it_is_stored_and_restored_with_the_model(trained_signal, tmp_path):
    edge = AutoencoderEdge(trained_signal)
    signal = trained_signal.inav[:3, :2]
    model = model_of(signal, edge)
    edge.estimate_parameters(signal)
    before = values_of(model)
    model.store("fine structure")
    assert np.allclose(values_of(signal.models.restore("fine structure")), before)
    signal.save(tmp_path / "scan.hspy")
    again = hs.load(tmp_path / "scan.hspy").models.restore("fine structure")
    assert again[0]._id_name == edge._id_name
    assert np.allclose(values_of(again), before)


def test_it_is_made_from_a_file_too(trained_signal, tmp_path):
    content = trained_signal.metadata.Signal.Denoising.autoencoder.tobytes()
    (tmp_path / "x.keras").write_bytes(content)
    axis = trained_signal.axes_manager[-1].axis
    one = AutoencoderEdge(tmp_path / "x.keras").function(axis)
    other = AutoencoderEdge(AutoencoderDenoiser.load(tmp_path / "x.keras"))
    assert np.array_equal(one, other.function(axis))


def test_no_string_is_taken_for_a_path(trained_signal, tmp_path):
    """One in a stored model could make it open anything: a pipe would hang."""
    content = trained_signal.metadata.Signal.Denoising.autoencoder.tobytes()
    (tmp_path / "x.keras").write_bytes(content)
    with pytest.raises(TypeError, match=r"`pathlib\.Path\(\.\.\.\)` of it"):
        AutoencoderEdge(str(tmp_path / "x.keras"))
    one = AutoencoderEdge(content).function(np.arange(530.0, 540))
    other = AutoencoderEdge(trained_signal).function(np.arange(530.0, 540))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("kind", [str, lambda path: np.array([path]), bytes])
def test_a_restored_model_opens_no_file(trained_signal, kind, tmp_path):
    """Whatever stands in its place in the file."""
    os.mkfifo(tmp_path / "canary")  # who opens it waits for ever
    signal = trained_signal.inav[:3, :2]
    model_of(signal, AutoencoderEdge(signal)).store("evil")
    path = os.fsencode(tmp_path / "canary") if kind is bytes else tmp_path / "canary"
    components = signal.models._models["evil"]["_dict"]["components"]
    components[0]["autoencoder"] = kind(path if kind is bytes else str(path))
    for again in (signal, saved_and_loaded(signal, tmp_path)):
        with pytest.raises((TypeError, ValueError), match="autoencoder"):
            again.models.restore("evil")


def saved_and_loaded(signal, folder):
    signal.save(folder / "evil.hspy")
    return hs.load(folder / "evil.hspy")


def test_a_broken_archive_in_a_stored_model_is_refused(trained_signal, tmp_path):
    signal = trained_signal.inav[:3, :2]
    model_of(signal, AutoencoderEdge(signal)).store("broken")
    components = signal.models._models["broken"]["_dict"]["components"]
    components[0]["autoencoder"] = components[0]["autoencoder"][:-50]
    again = saved_and_loaded(signal, tmp_path)
    with pytest.raises(ValueError, match="autoencoder file"):
        again.models.restore("broken")


def test_other_energies_are_refused_by_the_encoder(trained_signal):
    edge = AutoencoderEdge(trained_signal)
    with pytest.raises(ValueError, match="energies of the training"):
        edge.estimate_parameters(trained_signal.isig[5:])


def test_masked_channels_are_bridged(noisy_signal):
    """Trained with a gap, the component is defined in it."""
    mask = np.zeros(60, bool)
    mask[30:33] = True
    train(noisy_signal, signal_mask=mask)
    edge = AutoencoderEdge(noisy_signal)
    edge.estimate_parameters(noisy_signal, only_current=True)
    assert np.isfinite(edge.function(noisy_signal.axes_manager[-1].axis)).all()


def test_descending_energies(noisy_signal):
    """A mirrored energy axis gives the mirrored component, also in a fit."""
    mirrored = noisy_signal.isig[::-1]
    train(mirrored)
    assert mirrored.axes_manager[-1].scale < 0
    edge = AutoencoderEdge(mirrored)
    part = mirrored.inav[:2, :2]
    model = model_of(part, edge)
    edge.estimate_parameters(part)
    denoised = mirrored.get_autoencoder_model().inav[:2, :2].data
    assert np.allclose(values_of(model), denoised, atol=1e-5)
    model.multifit(show_progressbar=False)
    # least squares leave no more than what the encoder finds
    rest = [np.square(part.data - one).sum() for one in (denoised, values_of(model))]
    assert rest[1] <= 1.001 * rest[0]

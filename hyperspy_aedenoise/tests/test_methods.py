"""The methods on signals: HyperSpy's habits, and what users do to signals."""

import hyperspy.api as hs
import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import NoiseModel
from hyperspy_aedenoise.tests.conftest import SIGMA, same, state_of, train


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


# zarr 2 tells of what zarr 3 hasn't got
@pytest.mark.filterwarnings("ignore:The NestedDirectoryStore:FutureWarning")
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

"""Draws of the error, and numbers with error bars that are taken from them."""

import dask.array as da
import hyperspy.api as hs
import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise._denoiser import uncertainty
from hyperspy_aedenoise._denoiser.error_bars import ErrorBars
from hyperspy_aedenoise._observation.layout import Layout
from hyperspy_aedenoise.tests.conftest import SIGMA, train

QUIET = {"show_progressbar": False}


@pytest.fixture(scope="module")
def mapped():
    """A clean map of two spectra in changing shares, (20, 22 | 80), and a fit."""
    y, x = np.mgrid[:20, :22] / 20
    share = (0.5 + 0.5 * np.sin(5 * x) * np.cos(4 * y))[..., None]
    channel = np.arange(80)
    first, second = (np.exp(-0.5 * ((channel - at) / 6) ** 2) for at in (28, 52))
    clean = 0.2 + share * first + (1 - share) * second
    signal = eels(aed.NoiseModel.gaussian(SIGMA).sample(clean, rng_of(3)))
    train(signal)
    return clean, signal


def rng_of(seed):
    return np.random.default_rng(seed)


def eels(values):
    signal = hs.signals.Signal1D(values)
    signal.set_signal_type("EELS")
    signal.axes_manager.signal_axes[0].scale = 0.5
    return signal


def draws_of(signal, n=3, random_state=0, **keywords):
    return signal.get_autoencoder_draws(n, random_state, **QUIET, **keywords)


def window(denoised):
    return denoised.isig[10:20].integrate1D(-1)


# Draws ----------------------------------------------------------------------------


def test_a_draw_is_a_denoised_signal_along_one_more_axis(trained_signal):
    """The last navigation axis, the first of the data."""
    draws = draws_of(trained_signal)
    assert draws.data.shape == (3, *trained_signal.data.shape)
    assert type(draws) is type(trained_signal)
    assert draws.axes_manager.navigation_axes[-1].name == "draw"
    axes, known = (
        [(one.name, one.scale, one.units) for one in signal.axes_manager._axes]
        for signal in (draws, trained_signal)
    )
    assert axes[1:] == known
    assert draws.data.dtype == trained_signal.get_autoencoder_model().data.dtype
    # what each draw is goes along, the fit doesn't
    assert not draws.metadata.has_item("Signal.Denoising.autoencoder")


def test_the_same_seed_gives_the_same_draws(trained_signal):
    one, other = (draws_of(trained_signal).data for _ in range(2))
    assert np.array_equal(one, other)
    assert np.array_equal(draws_of(trained_signal, n=2).data, one[:2])
    assert np.abs(draws_of(trained_signal, random_state=1).data - one).max() > 0
    assert np.abs(draws_of(trained_signal, random_state=None).data - one).max() > 0


def test_mean_square_of_the_draws_is_that_of_the_error(mapped):
    """Against the truth; and the uncertainty is the same, smoothed."""
    clean, signal = mapped
    denoised = signal.get_autoencoder_model().data
    draws = draws_of(signal, n=16).data
    claimed = np.mean(np.square(draws - denoised))
    error = np.mean(np.square(denoised - clean))
    # of two codes at 440 positions, correlated over about 20 of them
    assert claimed == pytest.approx(error, rel=2 * np.sqrt(2 / (2 * 440 / 20)))
    uncertain = signal.get_autoencoder_uncertainty(**QUIET).data
    # smoothing doubles what is at the borders, and leaves the rest
    assert np.mean(np.square(uncertain)) == pytest.approx(claimed, rel=0.1)


def test_error_bars_cover_the_truth(mapped):
    """As often as those of a normal distribution do."""
    clean, signal = mapped
    error = np.abs(signal.get_autoencoder_model().data - clean)
    spread = signal.get_autoencoder_uncertainty(**QUIET).data
    assert np.mean(error < spread) == pytest.approx(0.68, abs=0.1)
    assert np.mean(error < 2 * spread) == pytest.approx(0.95, abs=0.05)


def test_draws_lie_where_the_truth_may_be():
    """What comes out at half of its height has draws that are higher, not lower."""

    class Halving(ErrorBars):
        is_spatial, n_channels_ = False, 20
        noise_ = aed.NoiseModel.gaussian(1e-4)

        def denoise(self, spectra):
            return spectra / 2

    noisy = np.ones((3, 20), np.float32)
    (draw,) = Halving().draws(1, noisy, 0)
    # half of it, rehearsed, loses a quarter
    assert draw == pytest.approx(0.75, abs=1e-3)
    assert Halving().uncertainty(noisy) == pytest.approx(0.25, abs=1e-3)


# Where they are asked for ---------------------------------------------------------


@pytest.mark.parametrize("chunks", [(3, 4, 20), (6, 2, -1), (-1, -1, 7)])
def test_chunks_make_no_difference(trained_signal, chunks):
    lazy = trained_signal.as_lazy()
    lazy.data = lazy.data.rechunk(chunks)
    draws = draws_of(lazy)
    assert draws._lazy
    expected = draws_of(trained_signal).data
    assert np.allclose(np.asarray(draws.data), expected, atol=1e-5 * np.ptp(expected))
    assert not draws_of(lazy, n=1, lazy_output=False)._lazy
    assert draws_of(trained_signal, n=1, lazy_output=True)._lazy


def test_masked_positions_and_channels_are_nan(noisy_signal):
    """Also where they hold NaN."""
    positions, channels = np.zeros((9, 6), bool), np.zeros(60, bool)
    positions[2:4, 1] = channels[:3] = True
    noisy_signal.data[1, 2] = np.nan
    train(noisy_signal, navigation_mask=positions, signal_mask=channels)
    draws = draws_of(noisy_signal, n=2).data
    known = ~np.isnan(noisy_signal.get_autoencoder_model().data)
    assert np.array_equal(np.isfinite(draws), np.broadcast_to(known, draws.shape))
    spread = noisy_signal.get_autoencoder_uncertainty(**QUIET).data
    assert np.array_equal(np.isfinite(spread), known)


def test_a_slice_gets_what_the_whole_gets(trained_signal):
    draws = draws_of(trained_signal)
    for part in ((slice(2, 5), slice(1, 4)), (3, 2), (slice(None), 4)):
        some = draws_of(trained_signal.inav[part])
        assert np.allclose(some.data, draws.inav[part].data, atol=1e-5)
    spread = trained_signal.get_autoencoder_uncertainty(**QUIET)
    part = trained_signal.inav[2:5, 1:4].get_autoencoder_uncertainty(**QUIET)
    assert np.allclose(part.data, spread.inav[2:5, 1:4].data, atol=1e-5)


@pytest.mark.parametrize("shape", [(7,), (2, 3, 4)])
def test_lines_and_stacks(shape, rng):
    channel = np.arange(40)
    clean = np.exp(-0.5 * ((channel - 20) / 5) ** 2) * np.ones((*shape, 1))
    signal = eels(aed.NoiseModel.gaussian(SIGMA).sample(clean, rng))
    train(signal)
    draws = draws_of(signal, n=2)
    assert draws.data.shape == (2, *shape, 40)
    assert np.isfinite(draws.data).all()
    assert signal.get_autoencoder_uncertainty(**QUIET).data.shape == (*shape, 40)


def test_through_a_network_fresh_noise_is_passed(noisy_signal, clean_signal):
    """Of a single spectrum, too."""
    train(noisy_signal, reference=clean_signal)
    draws = draws_of(noisy_signal)
    one = draws_of(noisy_signal.inav[2, 3])
    assert one.data.shape == (3, 60)
    assert np.allclose(one.data, draws.inav[2, 3].data, atol=1e-5)


def test_a_part_saved_alone_is_refused_in_words(trained_signal, tmp_path):
    path = tmp_path / "part.hspy"
    trained_signal.inav[2:4, 1:4].save(path)
    part = hs.load(path)
    for method in (part.get_autoencoder_draws, lambda: part.map_over_draws(window)):
        with pytest.raises(RuntimeError, match="the whole signal"):
            method()


@pytest.mark.parametrize("n", [0, -1, 2.5, True, "many"])
def test_no_number_of_draws(trained_signal, n):
    with pytest.raises((ValueError, TypeError), match="`n` must be a positive"):
        draws_of(trained_signal, n=n)


def test_no_seed(trained_signal):
    with pytest.raises(TypeError, match="`random_state` must be"):
        draws_of(trained_signal, random_state="today")


def test_without_a_fit(noisy_signal):
    for method in (
        noisy_signal.get_autoencoder_draws,
        lambda: noisy_signal.map_over_draws(window),
    ):
        with pytest.raises(RuntimeError, match="decompose_autoencoder"):
            method()


# Numbers --------------------------------------------------------------------------


def test_a_window_has_the_variance_of_the_draws(trained_signal):
    found, drawn = trained_signal.map_over_draws(
        window, 4, 0, return_draws=True, **QUIET
    )
    expected = window(trained_signal.get_autoencoder_model())
    assert np.allclose(found.data, expected.data)
    draws = window(draws_of(trained_signal, n=4))
    assert drawn.data.shape == (4, *found.data.shape)
    assert drawn.axes_manager.navigation_axes[-1].name == "draw"
    assert np.allclose(drawn.data, draws.data, rtol=1e-5)
    variance = found.metadata.Signal.Noise_properties.variance
    wanted = np.mean(np.square(draws.data - expected.data), axis=0)
    assert np.allclose(variance.data, wanted, rtol=1e-3)
    assert variance.axes_manager.shape == found.axes_manager.shape


def test_errors_of_neighbours_are_alike(mapped):
    """What a sum gains over single channels is less than by independence."""
    _, signal = mapped
    found = signal.map_over_draws(lambda one: one.isig[20:40].sum(-1), 16, 0, **QUIET)
    variance = found.metadata.Signal.Noise_properties.variance.data
    single = signal.get_autoencoder_uncertainty(**QUIET).isig[20:40].data
    assert np.mean(variance) > 3 * np.mean(np.square(single).sum(axis=-1))


def test_a_dictionary_of_signals(trained_signal):
    def both(denoised):
        return {"mean": denoised.mean((0, 1)), "ratio": window(denoised) / 2}

    found, drawn = trained_signal.map_over_draws(both, 2, 0, return_draws=True, **QUIET)
    assert list(found) == list(drawn) == ["mean", "ratio"]
    assert found["mean"].data.shape == (60,)
    assert drawn["mean"].data.shape == (2, 60)
    assert drawn["ratio"].data.shape == (2, 6, 9)
    for one in found.values():
        variance = one.metadata.Signal.Noise_properties.variance
        assert variance.data.shape == one.data.shape
        assert (variance.data > 0).all()


def test_lazy_numbers_are_those_in_memory(trained_signal):
    lazy = trained_signal.as_lazy()
    lazy.data = lazy.data.rechunk((3, 4, 20))
    found, expected = (
        one.map_over_draws(window, 3, 0, **QUIET) for one in (lazy, trained_signal)
    )
    assert found._lazy and isinstance(found.data, da.Array)
    variances = [
        np.asarray(one.metadata.Signal.Noise_properties.variance.data)
        for one in (found, expected)
    ]
    assert np.allclose(np.asarray(found.data), expected.data, rtol=1e-5)
    assert np.allclose(*variances, rtol=1e-3)


def test_the_signal_itself_is_left_alone(trained_signal):
    before = trained_signal.deepcopy()

    def greedy(denoised):
        denoised.data[:] = 1
        return denoised.sum(-1)

    trained_signal.map_over_draws(greedy, 2, 0, **QUIET)
    assert np.array_equal(trained_signal.data, before.data)
    assert not trained_signal.metadata.has_item("Signal.Noise_properties")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("no function", "`function` must be callable"),
        (lambda one: one.data, "returns a signal or a dictionary of signals; got nd"),
        (lambda one: {"a": one.data.mean()}, "dictionary of signals; got float"),
    ],
)
def test_what_is_no_function_of_signals(trained_signal, function, words):
    with pytest.raises(TypeError, match=words):
        trained_signal.map_over_draws(function, 2, 0, **QUIET)


def test_results_that_change_their_shape(trained_signal):
    widths = iter((10, 12))
    with pytest.raises(ValueError, match="always returns the shapes"):
        trained_signal.map_over_draws(
            lambda one: one.isig[: next(widths)], 2, 0, **QUIET
        )


# The size of the error ------------------------------------------------------------


def test_what_a_rare_peak_adds_is_its_own():
    """Its neighbours don't share its error, nor it theirs."""
    layout = Layout.of(np.ones((4, 6), bool))
    alone = np.zeros(24, bool)
    alone[8] = True  # row 1, column 2
    around = uncertainty._Around(layout, alone)
    assert (around(np.array([8])) == 8).all()
    assert 8 not in around(np.array([7, 9, 14]))
    # row 2, column 3 has eight neighbours, one of which is that one
    assert set(around(np.array([15]))[0]) == {9, 10, 14, 15, 16, 20, 21, 22}

"""Maps that need not be in memory: by blocks, everything is as it is at once."""

import logging
import threading
import weakref

import dask
import dask.array as da
import hyperspy.api as hs
import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import NoiseModel
from hyperspy_aedenoise._engine import selection
from hyperspy_aedenoise._observation import spectra_by_blocks as blocks
from hyperspy_aedenoise._signals import memory
from hyperspy_aedenoise.tests.conftest import SIGMA, train
from hyperspy_aedenoise.tests.lazy.conftest import (
    CHUNKINGS,
    RESULTS,
    assert_fits_alike,
    assert_same,
    lazy_of,
    values_of,
)

# Chunks ---------------------------------------------------------------------------


@pytest.mark.parametrize("chunks", CHUNKINGS.values(), ids=CHUNKINGS)
def test_chunks_make_no_difference(chunks, noisy, fitted):
    """To the noise, the fit, and what the fit says of the signal."""
    lazy = lazy_of(noisy, chunks)
    noise, known = lazy.estimate_noise(), noisy.deepcopy().estimate_noise()
    assert noise.offset == pytest.approx(known.offset, rel=1e-5)
    train(lazy)
    for name in RESULTS[:2]:
        result, expected = getattr(lazy, name)(), getattr(fitted, name)()
        assert result._lazy and not expected._lazy
        assert_same(result, expected, noisy.data if "model" in name else expected.data)


def test_uncertainty_is_that_of_the_data_in_memory(noisy, fitted):
    lazy = lazy_of(noisy)
    train(lazy)
    result = lazy.get_autoencoder_uncertainty()
    assert result._lazy
    assert_same(result, fitted.get_autoencoder_uncertainty(), noisy.data)


def test_the_uncertainty_of_a_network_is_that_of_the_data_in_memory(noisy):
    """Whatever the chunks: each spectrum has draws of its own."""
    signal = noisy.deepcopy()
    train(signal, architecture="spectral")
    lazy = signal.as_lazy()
    lazy.data = lazy.data.rechunk((5, 3, -1))
    assert_same(
        lazy.get_autoencoder_uncertainty(),
        signal.get_autoencoder_uncertainty(),
        noisy.data,
    )


def test_comparison_is_that_of_the_data_in_memory(noisy):
    """In noise that isn't counted: draws of counts turn on the rounding of a mean."""
    signal, lazy = noisy.deepcopy(), lazy_of(noisy)
    for each in (signal, lazy):
        train(each, noise=NoiseModel.gaussian(SIGMA))
    found, expected = lazy.compare_denoising(), signal.compare_denoising()
    assert found.recommended == expected.recommended
    for one, other in zip(found.table, expected.table, strict=True):
        assert one["estimated_mse"] == pytest.approx(other["estimated_mse"], rel=1e-3)
    for route, denoised in found.signals.items():
        assert denoised._lazy
        assert_same(denoised, expected.signals[route], noisy.data)


def test_the_energy_shift_is_that_of_the_data_in_memory(rng):
    """To a thousandth of a channel: it is kept with four digits."""
    channel = np.arange(140) - rng.normal(0, 2, (6, 10, 1))
    clean = 0.2 + 0.5 / (1 + np.exp((50 - channel) / 3))
    clean += np.exp(-0.5 * ((channel - 60) / 4) ** 2)
    signal = hs.signals.Signal1D(clean + rng.normal(0, SIGMA, clean.shape))
    signal.set_signal_type("EELS")
    signal.axes_manager[-1].scale = 0.2
    lazy = lazy_of(signal, (4, 3, 35))
    assert_fits_alike(signal, lazy, noise=NoiseModel.gaussian(SIGMA))
    shift, expected = (s.get_autoencoder_energy_shift() for s in (lazy, signal))
    assert shift._lazy
    assert np.abs(values_of(shift) - expected.data).max() < 1e-3 * 0.2
    assert_same(
        lazy.get_autoencoder_uncertainty(),
        signal.get_autoencoder_uncertainty(),
        signal.data,
    )


# Masks and types ------------------------------------------------------------------


def test_masks_and_nan_under_them(noisy):
    """What is masked may hold anything, as a beam that was blanked."""
    signal = noisy.deepcopy()
    positions, channels = np.zeros((14, 12), bool), np.zeros(60, bool)
    positions[2:5, 7] = positions[13] = True
    channels[:4] = channels[30] = True
    signal.data[positions.T] = np.nan
    signal.data[..., channels] = np.inf
    masks = {"navigation_mask": positions, "signal_mask": channels}
    lazy = lazy_of(signal)
    assert_fits_alike(signal, lazy, **masks)
    empty = np.isnan(values_of(lazy.get_autoencoder_model()))
    assert np.array_equal(empty, positions.T[..., None] | channels)
    loadings = lazy.get_autoencoder_loadings()
    assert_same(loadings, signal.get_autoencoder_loadings(), loadings.data)
    found, expected = (s.estimate_noise(**masks) for s in (lazy, signal))
    assert found.offset == pytest.approx(expected.offset, rel=1e-5)


def test_masked_ones_are_compared(noisy):
    signal, mask = noisy.deepcopy(), np.zeros((14, 12), bool)
    mask[:3] = True
    signal.data[mask.T] = np.nan
    lazy = lazy_of(signal)
    assert_fits_alike(signal, lazy, navigation_mask=mask)
    found, expected = (s.compare_denoising() for s in (lazy, signal))
    for route, one in found.signals.items():
        assert_same(one, expected.signals[route], values_of(signal)[~mask.T])


def test_nan_is_refused_at_its_place(noisy):
    signal = noisy.deepcopy()
    signal.data[9, 11, 40] = np.nan
    for one in (signal, lazy_of(signal)):
        with pytest.raises(ValueError, match=r"s\.inav\[11, 9\].*547"):
            train(one)


@pytest.mark.parametrize("dtype", [">i4", ">f4", ">f8", "<u2", "uint8", "float16"])
def test_types_of_numbers_make_no_difference(dtype, noisy):
    """Counts of 100 per channel and more, as cameras store them."""
    values = np.clip(np.round(100 * noisy.data + 40), 0, 255).astype(dtype)
    signal = noisy._deepcopy_with_new_data(values)
    lazy = lazy_of(signal)
    assert lazy.data.dtype == np.dtype(dtype)
    assert_fits_alike(signal, lazy)
    assert np.array_equal(values_of(lazy), values)


@pytest.fixture(scope="module")
def counted():
    """A particle in vacuum, where hardly anything is counted; (18, 20 | 60)."""
    clean = aed.data.sto_o_k((18, 20), energy_start=527, dispersion=0.5, n_channels=60)
    y, x = np.indices((18, 20))
    inside = (y - 9) ** 2 + (x - 9) ** 2 < 7**2
    expected = np.where(inside[..., None], 3 * clean.data, 0.0005)
    counts = np.random.default_rng(1).poisson(expected).astype("u2")
    return clean._deepcopy_with_new_data(counts)


@pytest.mark.parametrize("chunks", [(3, 3, 60), (8, 8, 16)])
def test_empty_spectra_of_counts_keep_their_places(chunks, counted, caplog):
    """Also in blocks that hold nothing else, of which none is judged by them."""
    assert (counted.data.sum(axis=-1) == 0).sum() > 150
    signal, lazy = counted.deepcopy(), lazy_of(counted, chunks)
    with caplog.at_level(logging.WARNING, "hyperspy_aedenoise"):
        assert_fits_alike(signal, lazy, noise=NoiseModel(1.0))
    assert "the residual has" not in caplog.text
    part = (slice(3, 16), slice(0, 11))
    assert_same(
        lazy.inav[part].get_autoencoder_model(), _part(signal, part), signal.data
    )


def test_masked_empty_spectra_stay_masked(counted):
    """They are identical to others that took part."""
    mask = np.zeros((20, 18), bool)
    mask[:2] = mask[17, 2:7] = True
    signal, lazy = counted.deepcopy(), lazy_of(counted, (3, 3, 60))
    assert_fits_alike(signal, lazy, noise=NoiseModel(1.0), navigation_mask=mask)
    empty = np.isnan(values_of(lazy.get_autoencoder_model())).all(axis=-1)
    assert np.array_equal(empty, mask.T)


def _part(signal, part):
    return signal.inav[part].get_autoencoder_model()


def test_what_does_not_fit_is_told_once(noisy, caplog):
    """Not for each block."""
    lazy = lazy_of(noisy, (2, 2, 60))
    train(lazy, noise=NoiseModel.gaussian(0.2), output_dimension=2)
    with caplog.at_level(logging.WARNING, "hyperspy_aedenoise"):
        with dask.config.set(scheduler="synchronous"):
            lazy.get_autoencoder_model(lazy_output=False)
    assert caplog.text.count("the residual has") == 1


# Shapes ---------------------------------------------------------------------------


def test_a_stack_of_maps(noisy):
    stack = hs.stack([noisy.inav[:7], noisy.inav[7:]], show_progressbar=False)
    assert stack.data.shape == (2, 12, 7, 60)
    lazy = lazy_of(stack, (1, 5, 4, 16))
    assert_fits_alike(stack, lazy)
    loadings = lazy.get_autoencoder_loadings()
    assert_same(loadings, stack.get_autoencoder_loadings(), loadings.data)


def test_a_line(noisy):
    line = noisy.inav[:, 3]
    assert_fits_alike(line, lazy_of(line, (5, 16)))


def test_a_single_spectrum(fitted):
    """Of a lazy map that was fitted, and with an energy axis that is not the last."""
    lazy = lazy_of(fitted)
    for part in (lazy.inav[3, 2], lazy.inav[3:4, 2]):
        for name in RESULTS:
            result = getattr(part, name)()
            assert result._lazy
        assert_same(
            part.get_autoencoder_model(),
            fitted.get_autoencoder_model().inav[3, 2].data.reshape(part.data.shape),
            fitted.data,
        )


def test_energy_that_is_stored_first(noisy, fitted):
    """As in .dm4 files: slices of all positions at a few energies."""
    stored = np.ascontiguousarray(np.moveaxis(noisy.data, -1, 0))
    lazy = noisy.as_lazy()
    lazy.data = da.from_array(stored, chunks=(7, -1, -1)).transpose(1, 2, 0)
    train(lazy)
    assert_same(lazy.get_autoencoder_model(), fitted.get_autoencoder_model(), stored)


# Nothing is computed whole --------------------------------------------------------


class Chunks:
    """Counts the chunks of an array that are in memory, each made when asked for."""

    def __init__(self, values, chunks):
        self.lock, self.live, self.most = threading.Lock(), 0, 0
        self.values = values
        template = da.from_array(values, chunks=chunks)
        self.array = da.map_blocks(
            self._chunk, chunks=template.chunks, dtype=values.dtype, meta=values[:0]
        )

    def _chunk(self, block_info=None):
        part = tuple(slice(*limits) for limits in block_info[None]["array-location"])
        chunk = self.values[part].copy()
        with self.lock:
            self.live += chunk.nbytes
            self.most = max(self.most, self.live)
        weakref.finalize(chunk, self._gone, chunk.nbytes)
        return chunk

    def _gone(self, n_bytes):
        with self.lock:
            self.live -= n_bytes

    def share(self):
        """Most of the array that was in memory at a time, since it was last asked."""
        share, self.most = self.most / self.values.nbytes, 0
        return share


@pytest.mark.parametrize("chunks", [(6, 7, 20), (48, 56, 2)])
def test_the_data_are_never_in_memory_as_a_whole(chunks, monkeypatch):
    """Neither for the fit nor for what it says, also where chunks span the map."""
    monkeypatch.setattr(blocks, "_HELD", 0)
    monkeypatch.setattr(blocks, "_n_workers", lambda: 2)
    monkeypatch.setattr(selection, "MOST_TRIED", 400)
    clean = aed.data.sto_o_k((48, 56), energy_start=527, dispersion=0.5, n_channels=60)
    noisy = aed.add_noise(clean, SIGMA, random_state=1)
    lazy, counter = noisy.as_lazy(), Chunks(noisy.data, chunks)
    lazy.data = counter.array
    with dask.config.set(num_workers=2):
        lazy.estimate_noise()
        assert counter.share() < 0.25
        train(lazy)
        assert counter.share() < 0.25
        for name in ("get_autoencoder_model", "get_autoencoder_loadings"):
            result = getattr(lazy, name)()
            assert counter.share() < 0.25
            result.data.sum().compute()
            assert counter.share() < 0.25


# What is asked for, and what is told ----------------------------------------------


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize("is_lazy", [False, True])
@pytest.mark.parametrize("lazy_output", [None, False, True])
def test_lazy_output(name, is_lazy, lazy_output, fitted):
    """As HyperSpy has it: None is as the signal is."""
    signal = lazy_of(fitted) if is_lazy else fitted
    result = getattr(signal, name)(lazy_output=lazy_output)
    assert result._lazy == (is_lazy if lazy_output is None else lazy_output)
    assert isinstance(result.data, da.Array if result._lazy else np.ndarray)
    assert fitted._lazy is False
    assert_same(result, getattr(fitted, name)(), fitted.data)


@pytest.mark.parametrize("available, is_told", [(1e12, False), (60e3, True)])
def test_memory_that_will_not_do(available, is_told, fitted, monkeypatch, caplog):
    """A fit to 40 kB takes 120 kB more; one that goes by blocks doesn't."""
    monkeypatch.setattr(memory, "available_memory", lambda: available)
    with caplog.at_level(logging.WARNING, "hyperspy_aedenoise"):
        train(fitted.deepcopy())
        fitted.get_autoencoder_model(lazy_output=True)
    text = "decompose_autoencoder` may need about 0.000121 GB of memory, and 6e-05 GB"
    assert (text in caplog.text) == is_told
    assert ("lazy=True" in caplog.text) == is_told
    assert "get_autoencoder_model" not in caplog.text
    caplog.clear()
    train(lazy_of(fitted))
    assert not caplog.text


def test_memory_that_is_available():
    """Between a megabyte and what no machine has; unknown on some systems."""
    available = memory.available_memory()
    assert available is None or 2**20 < available < 2**50


def test_passes_over_lazy_data_show_a_bar(noisy, capsys, monkeypatch):
    """One that disappears, and none where it is off."""
    lazy = lazy_of(noisy)
    with monkeypatch.context() as patch:
        patch.setattr(hs.preferences.General, "show_progressbar", False)
        train(lazy, show_progressbar=False)
        lazy.estimate_noise()
    assert capsys.readouterr().err == ""
    lazy.estimate_noise()
    assert "Reading" in capsys.readouterr().err
    train(lazy, show_progressbar=True)
    assert "Reading" in capsys.readouterr().err
    noisy = noisy.deepcopy()
    train(noisy, show_progressbar=True)
    assert "Reading" not in capsys.readouterr().err

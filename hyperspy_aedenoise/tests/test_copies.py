"""Scans that were upsampled, stacked with themselves or unfolded before the fit."""

import hyperspy.api as hs
import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise._engine.fingerprints import copies
from hyperspy_aedenoise._observation.spectra_by_blocks import InMemory
from hyperspy_aedenoise.tests.conftest import train

NOISE = aed.NoiseModel(gain=1, offset=4)


@pytest.fixture(scope="module")
def measured():
    clean = aed.data.sto_o_k((16, 16), dispersion=0.2, n_channels=128) * 300.0
    noisy = aed.add_noise(clean, NOISE, random_state=0)
    return clean, noisy


def repeated(signal, *factors):
    """A scan upsampled by copying."""
    data = signal.data
    for axis, factor in enumerate(factors):
        data = np.repeat(data, factor, axis)
    return type(signal)(data)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("factors", [(2, 1), (2, 2)])
def test_copies_count_once(measured, factors, lazy, caplog):
    clean, noisy = measured
    train(noisy, random_state=0)
    alone = noisy.get_autoencoder_model()
    signal = repeated(noisy, *factors)
    signal = signal.as_lazy() if lazy else signal
    train(signal, random_state=0)
    n_copies = 256 * (np.prod(factors) - 1)
    assert f"{n_copies} of {256 * np.prod(factors)} spectra are copies" in caplog.text
    result = np.asarray(signal.get_autoencoder_model().data)
    assert np.array_equal(
        result,
        repeated(type(clean)(result[:: factors[0], :: factors[1]]), *factors).data,
    )
    error = np.square(result - repeated(clean, *factors).data).mean()
    assert error < 1.3 * np.square(alone.data - clean.data).mean()
    noise = signal.metadata.Signal.Denoising.noise
    assert noise["gain"] == pytest.approx(1, rel=0.1)


def test_copies_are_judged_once(measured):
    """The error that is claimed is that of the scan itself; no position is missing."""
    clean, noisy = measured
    train(noisy, random_state=0)
    alone = noisy.compare_denoising()
    signal, truth = repeated(noisy, 2, 2), repeated(clean, 2, 2)
    train(signal, random_state=0)
    comparison = signal.compare_denoising(truth=truth)
    for name in ("pca", "autoencoder"):
        assert np.isfinite(comparison.signals[name].data).all()
    for row, expected in zip(comparison.table[:3], alone.table, strict=False):
        assert row["route"] == expected["route"]
        assert row["estimated_mse"] == pytest.approx(expected["estimated_mse"], rel=0.2)


def test_a_stack_with_itself(measured, caplog):
    _, noisy = measured
    stack = hs.stack([noisy, noisy], show_progressbar=False)
    noise = stack.estimate_noise()
    assert noise.gain == pytest.approx(1, rel=0.1)
    train(stack, random_state=0)
    assert "256 of 512 spectra are copies" in caplog.text
    result = stack.get_autoencoder_model().data
    assert np.array_equal(result[0], result[1])


def test_empty_counts_are_no_copies(rng):
    counts = rng.poisson(0.02, (200, 128)).astype(np.float32)
    assert not copies(InMemory(counts)).any()
    counts = rng.poisson(2.0, (200, 128)).astype(np.float32)
    counts[150] = counts[20]
    assert np.flatnonzero(copies(InMemory(counts))).tolist() == [150]


def test_an_unfolded_map_is_told(measured, caplog):
    _, noisy = measured
    signal = noisy.inav[:6, :6].deepcopy()
    with signal.unfolded():
        train(signal, random_state=0)
        assert (
            "positions that were neighbours in the map of shape (6, 6)" in caplog.text
        )
    # known by their spectra, they are found again in the map
    assert np.isfinite(signal.get_autoencoder_model().data).all()
    caplog.clear()
    train(signal, random_state=0)
    assert "unfolded" not in caplog.text

"""What a file may have put into a signal's metadata: used as it is, or refused."""

import numpy as np
import pytest

from hyperspy_aedenoise._signals.metadata_entry import PLACE
from hyperspy_aedenoise.tests.conftest import train

RAGGED = np.array([np.zeros(2), np.zeros(3)], dtype=object)
#: What is no mask of channels or positions, and no array of numbers.
NO_MASKS = ["x", 3, None, 1.5, [["a"]], [[1, 2], [3]], RAGGED, np.zeros(60)]
NO_MASKS += [np.array(["a"] * 60), np.full(60, np.nan), np.zeros((6, 9), int)]
NO_MASKS += [np.array(["2020"] * 60, "M8[Y]"), np.zeros(60, "c8"), {"x": 1}]
METHODS = [
    "get_autoencoder_model",
    "get_autoencoder_loadings",
    "get_autoencoder_uncertainty",
    "compare_denoising",
    "plot_autoencoder_training",
]


@pytest.fixture(scope="module")
def masked(noisy_session_signal):
    """A fit that left out a position."""
    signal = noisy_session_signal.deepcopy()
    mask = np.zeros((9, 6), bool)
    mask[0, 0] = True
    train(signal, navigation_mask=mask)
    return signal


@pytest.fixture
def stored(masked):
    """As it is in a file."""
    signal = masked.deepcopy()
    entry = signal.metadata.get_item(PLACE)
    carried = entry.autoencoder
    entry.autoencoder = np.frombuffer(carried.tobytes(), np.uint8)
    entry.positions_left_out = carried.known.left_out
    entry.fingerprints = carried.known.marks
    return signal


def refusals(signal, methods=METHODS):
    """What all methods say, each in one line."""
    for method in methods:
        with pytest.raises((ValueError, RuntimeError)) as refused:
            getattr(signal, method)()
        text = str(refused.value)
        assert len(text) <= 300 and text.isprintable()
        yield text


def test_it_is_read_if_nothing_is_wrong(stored):
    assert np.isnan(stored.get_autoencoder_model().data[0, 0]).all()


@pytest.mark.parametrize("value", NO_MASKS)
def test_no_mask_of_channels(stored, value):
    """A mask of strings or NaN must not hide everything in silence."""
    stored.metadata.get_item(PLACE).channels_left_out = value
    for text in refusals(stored):
        assert "channels_left_out" in text


@pytest.mark.parametrize("name", ["positions_left_out", "fingerprints"])
@pytest.mark.parametrize("value", [one for one in NO_MASKS if one is not None])
def test_no_mask_of_positions(stored, name, value):
    setattr(stored.metadata.get_item(PLACE), name, value)
    for text in refusals(stored):
        assert name in text


@pytest.mark.parametrize(
    "value",
    [*NO_MASKS, np.zeros((2, 3), np.uint8), np.frombuffer(b"PK\3\4", np.uint8)],
)
def test_no_archive(stored, value):
    stored.metadata.get_item(PLACE).autoencoder = value
    for text in refusals(stored):
        assert "autoencoder" in text


@pytest.mark.parametrize("value", ["x", None, 1.5, True, [1], np.zeros(3), -1])
def test_no_format(stored, value):
    stored.metadata.get_item(PLACE).format = value
    for text in refusals(stored):
        assert "format" in text


def test_parts_that_are_missing(stored):
    del stored.metadata.get_item(PLACE).channels_left_out
    for text in refusals(stored):
        assert "channels_left_out" in text
    del stored.metadata.Signal.Denoising.autoencoder
    assert all("no trained autoencoder" in text for text in refusals(stored))


def test_masks_of_another_shape(stored):
    entry = stored.metadata.get_item(PLACE)
    entry.fingerprints = entry.fingerprints[:-1]
    assert all("fingerprints" in text for text in refusals(stored))


@pytest.mark.parametrize("n_masked", [1, 30])
def test_another_number_of_channels(stored, n_masked):
    stored.metadata.get_item(PLACE).channels_left_out[:n_masked] = True
    assert all("channels" in text for text in refusals(stored))


def test_what_is_no_entry(stored):
    for value in ("x", 3, np.zeros(3), [1]):
        stored.metadata.Signal.Denoising = value
        assert all("no trained autoencoder" in text for text in refusals(stored))


def test_long_sentences_are_cut(stored):
    stored.metadata.get_item(PLACE).autoencoder = np.full(10**6, ord("x"), np.uint8)
    assert all("xxx" in text for text in refusals(stored))


def test_a_broken_entry_is_saved_with_the_signal(stored, tmp_path, caplog):
    """It must not keep the user from saving the data."""
    stored.metadata.get_item(PLACE).channels_left_out = np.zeros(3)
    stored.save(tmp_path / "x.hspy")
    assert "can't be" in caplog.text or "whole" in caplog.text

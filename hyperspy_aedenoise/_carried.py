"""The trained autoencoder that a signal carries in its metadata."""

import functools
import logging
import threading

import numpy as np

from hyperspy_aedenoise._spectra import check_axes, energy_last, like, output_type
from hyperspy_aedenoise._validation import must_be

_logger = logging.getLogger(__name__)

#: Where the trained autoencoder lives: metadata survive saving, copying, slicing.
_PLACE = "Signal.Denoising"
#: Noisy copies that measure how noise passes through the network.
_N_DRAWS = 16
#: Keras builds its functions on first use, which two threads must not do at once.
_one_at_a_time = threading.Lock()


def store(signal, denoiser, channels_left_out):
    record = denoiser.record()
    history = record["history"]
    entry = {
        key: record[key]
        for key in ("package_version", "architecture", "learned_from", "iterations")
    }
    entry["kept_iteration"] = history["kept_iteration"]
    entry["noise"] = record["noise"]
    if record["output_dimension"] is not None:
        entry["output_dimension"] = record["output_dimension"]
    entry["autoencoder"] = np.frombuffer(denoiser.to_bytes(), dtype=np.uint8).copy()
    entry["channels_left_out"] = channels_left_out
    if signal.metadata.has_item(_PLACE):
        del signal.metadata.Signal.Denoising
    signal.metadata.set_item(_PLACE, entry)


def trained(signal):
    """Archive of a signal's autoencoder and the channels that it uses, checked."""
    if not signal.metadata.has_item(f"{_PLACE}.autoencoder"):
        raise RuntimeError(
            "This signal has no trained autoencoder; call `s.decompose_autoencoder()` "
            "first."
        )
    check_axes(signal)
    entry = signal.metadata.get_item(_PLACE)
    content = np.asarray(entry.autoencoder, dtype=np.uint8).tobytes()
    kept = ~np.asarray(entry.channels_left_out, dtype=bool)
    axis = signal.axes_manager.signal_axes[0]
    trained_energies = denoiser_of(content).energies_
    if kept.size != axis.size:
        raise ValueError(
            must_be(
                "signal",
                f"on the {kept.size} channels of the training",
                f"{axis.size} channels",
                "Train again on this signal, with `s.decompose_autoencoder()`.",
            )
        )
    apart = np.abs(axis.axis[kept] - trained_energies).max()
    if apart > 0.5 * abs(axis.scale):
        _logger.warning(
            "the energy axis was changed since the training, by up to %.3g %s; the "
            "autoencoder goes by channels. Train again if the data were changed, too.",
            apart,
            axis.units,
        )
    return content, kept


@functools.lru_cache(maxsize=4)
def denoiser_of(content):
    from hyperspy_aedenoise._denoiser import AutoencoderDenoiser

    return AutoencoderDenoiser.from_bytes(content)


def by_block(signal, function, **keywords):
    """Apply a function of spectra to a signal's data, lazily to lazy ones."""
    dtype = output_type(signal.data.dtype)
    data = signal.data
    if not signal._lazy:
        return function(energy_last(signal, data), output_dtype=dtype, **keywords)
    index = signal.axes_manager.signal_axes[0].index_in_array
    data = np.moveaxis(data, index, -1).rechunk({-1: -1})
    return data.map_blocks(
        function, meta=np.empty((0,) * data.ndim, dtype), output_dtype=dtype, **keywords
    )


def restore(spectra, content, kept, output_dtype):
    """Denoised spectra, shape (..., n_all_channels); NaN in channels not kept."""
    restored = np.full(spectra.shape, np.nan, output_dtype)
    with _one_at_a_time:
        restored[..., kept] = denoiser_of(content).denoise(spectra[..., kept])
    return restored


def passed_noise(spectra, content, kept, output_dtype):
    """Standard deviation of restored spectra under fresh noise, same shape."""
    denoiser = denoiser_of(content)
    rng = np.random.default_rng(0)
    noisy = np.asarray(spectra[..., kept], dtype=np.float32)
    total, squares = np.zeros_like(noisy, float), np.zeros_like(noisy, float)
    with _one_at_a_time:
        restored = denoiser.denoise(noisy)
        for _ in range(_N_DRAWS):
            draw = denoiser.noise_.fluctuation(restored, rng)
            change = denoiser.denoise(noisy + draw) - restored
            total += change
            squares += np.square(change)
    variance = (squares - total**2 / _N_DRAWS) / (_N_DRAWS - 1)
    spread = np.full(spectra.shape, np.nan, output_dtype)
    spread[..., kept] = np.sqrt(np.maximum(variance, 0))
    return spread


def restored_like(signal, values):
    """Wrap restored values; how they came about stays, the autoencoder doesn't."""
    restored = like(signal, values)
    entry = restored.metadata.get_item(_PLACE)
    del entry.autoencoder
    del entry.channels_left_out
    return restored

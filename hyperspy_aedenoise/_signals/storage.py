"""The trained autoencoder that a signal carries in its metadata."""

import functools
import logging
import threading

import numpy as np

from hyperspy_aedenoise._errors import must_be
from hyperspy_aedenoise._signals.spectra import (
    check_axes,
    energy_last,
    like,
    output_type,
    positions_shape,
)

_logger = logging.getLogger(__name__)

#: Where the trained autoencoder lives: metadata survive saving, copying, slicing.
_PLACE = "Signal.Denoising"
#: Outside of this range of residual variance over noise variance the user is told.
#: Of three spectra a mean and a component leave a third of the noise.
_PLAUSIBLE = (0.25, 2.0)
#: Keras builds its functions on first use, which two threads must not do at once.
_one_at_a_time = threading.Lock()


def store(signal, denoiser, left_out, channels_left_out):
    """Put a trained denoiser into the metadata of its signal.

    Parameters
    ----------
    signal : EELSSpectrum
    denoiser : AutoencoderDenoiser
    left_out : ndarray of bool, shape (...)
        Probe positions that took no part.
    channels_left_out : ndarray of bool, shape (n_all_channels,)
    """
    record = denoiser.record()
    entry = {
        key: record[key] for key in ("package_version", "architecture", "learned_from")
    }
    if denoiser.form_ is None:  # a trained network
        entry["iterations"] = record["iterations"]
        entry["kept_iteration"] = record["history"]["kept_iteration"]
    entry["noise"] = record["noise"]
    if record["output_dimension"] is not None:
        entry["output_dimension"] = record["output_dimension"]
    entry["autoencoder"] = np.frombuffer(denoiser.to_bytes(), dtype=np.uint8).copy()
    entry["channels_left_out"] = channels_left_out
    if left_out.any():
        entry["positions_left_out"] = left_out
    if signal.metadata.has_item(_PLACE):
        del signal.metadata.Signal.Denoising
    signal.metadata.set_item(_PLACE, entry)


def left_out_in_training(signal):
    """Probe positions that took no part, or None if there were none or it is unknown.

    A slice along the navigation axes no longer knows them.
    """
    entry = signal.metadata.get_item(_PLACE)
    if not entry.has_item("positions_left_out"):
        return None
    left_out = np.asarray(entry.positions_left_out, dtype=bool)
    return left_out if left_out.shape == positions_shape(signal) else None


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
    """The denoiser in the bytes of an archive; kept, as reading takes a while."""
    from hyperspy_aedenoise._denoiser.denoiser import AutoencoderDenoiser

    return AutoencoderDenoiser.from_bytes(content)


def by_block(signal, function, n_out=None, left_out=None, **keywords):
    """Apply a function of spectra to a signal's data, lazily to lazy ones.

    Parameters
    ----------
    signal : EELSSpectrum
    function : callable
        Takes spectra, shape (..., n_all_channels), the `keywords` and
        ``output_dtype``; returns shape (..., n_out).
    n_out : int, optional
        Default: the number of channels.
    left_out : ndarray of bool, shape (...), optional
        True at probe positions that are NaN in the result. Default: nowhere.

    Returns
    -------
    ndarray or dask array, shape (..., n_out)
    """
    dtype = output_type(signal.data.dtype)
    data = energy_last(signal, signal.data)
    if left_out is not None:
        data = np.where(left_out[..., None], np.nan, data).astype(dtype)
    if not signal._lazy:
        return function(data, output_dtype=dtype, **keywords)
    data = data.rechunk({-1: -1})
    return data.map_blocks(
        function,
        chunks=(*data.chunks[:-1], (n_out or data.shape[-1],)),
        meta=np.empty((0,) * data.ndim, dtype),
        output_dtype=dtype,
        **keywords,
    )


def restore(spectra, content, kept, output_dtype):
    """Denoised spectra, shape (..., n_all_channels); NaN in channels not kept."""
    restored = np.full(spectra.shape, np.nan, output_dtype)
    with _one_at_a_time:
        denoiser = denoiser_of(content)
        restored[..., kept] = denoiser.denoise(spectra[..., kept])
    misfit = denoiser.misfit(spectra[..., kept], restored[..., kept])
    if not _PLAUSIBLE[0] < misfit < _PLAUSIBLE[1]:
        _logger.warning(
            "what was taken away has %.2g times the variance of the noise that was "
            "assumed. Either these are not the data of the training any more (scaled, "
            "summed, rebinned, background removed: train again), or the reference "
            "doesn't fit them, or the noise model is wrong.",
            misfit,
        )
    return restored


def encode(spectra, content, kept, output_dtype):
    """Latent variables, shape (..., n_latent)."""
    with _one_at_a_time:
        return denoiser_of(content).encode(spectra[..., kept]).astype(output_dtype)


def shift(spectra, content, kept, output_dtype):
    """Energy shift in channels, shape (..., 1)."""
    with _one_at_a_time:
        found = denoiser_of(content).energy_shift(spectra[..., kept])
    return found[..., None].astype(output_dtype)


def passed_noise(spectra, content, kept, output_dtype, progress=None):
    """Standard deviation of restored spectra under fresh noise, same shape."""
    spread = np.full(spectra.shape, np.nan, output_dtype)
    with _one_at_a_time:
        denoiser = denoiser_of(content)
        spread[..., kept] = denoiser.uncertainty(spectra[..., kept], progress)
    return spread


def restored_like(signal, values):
    """Wrap restored values; how they came about stays, the autoencoder doesn't."""
    restored = like(signal, values)
    entry = restored.metadata.get_item(_PLACE)
    for name in ("autoencoder", "channels_left_out", "positions_left_out"):
        if entry.has_item(name):
            delattr(entry, name)
    return restored

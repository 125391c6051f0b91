"""The trained autoencoder of a signal: stored, found again, and applied to it."""

import logging
import threading
from dataclasses import dataclass

import numpy as np

from hyperspy_aedenoise._errors import must_be
from hyperspy_aedenoise._signals.carried import (
    FORMAT,
    PLACE,
    Carried,
    carried_by,
    carry,
    denoiser_of,
    marks_in,
    marks_of,
    why_not,
)
from hyperspy_aedenoise._signals.spectra import (
    check_axes,
    energy_last,
    like,
    output_type,
    positions_shape,
)

_logger = logging.getLogger(__name__)

#: Outside of this range of residual variance over noise variance the user is told.
#: Of three spectra a mean and a component leave a third of the noise.
_PLAUSIBLE = (0.25, 2.0)
#: Parts of the entry that mean nothing without the spectra that were fitted.
_INNER = "format", "autoencoder", "channels_left_out"
_INNER += "positions_left_out", "fingerprints"
#: Keras builds its functions on first use, which two threads must not do at once.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Fitted:
    """What there is to apply to a signal.

    Parameters
    ----------
    carried : Carried
    kept : ndarray of bool, shape (n_all_channels,)
        Channels that the autoencoder uses.
    """

    carried: Carried
    kept: np.ndarray

    @property
    def denoiser(self):
        """The denoiser; read but once."""
        return denoiser_of(self.carried.content)

    def __dask_tokenize__(self):
        # by what it is, not by the sentence that is its array
        return type(self).__name__, self.carried.token(), self.kept

    def left_out(self, spectra):
        """True for spectra, shape (..., n_all_channels), that took no part, or None."""
        if self.carried.known is None or not self.carried.known.left_out.any():
            return None
        return self.carried.known.among(marks_of(spectra[..., self.kept]))


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
    content, record = denoiser.to_bytes(), denoiser.record()
    entry = {"format": FORMAT}
    for key in ("package_version", "architecture", "learned_from"):
        entry[key] = record[key]
    if denoiser.form_ is None:  # a trained network
        entry["iterations"] = record["iterations"]
        entry["kept_iteration"] = record["history"]["kept_iteration"]
    entry["noise"] = record["noise"]
    if record["output_dimension"] is not None:
        entry["output_dimension"] = record["output_dimension"]
    entry["channels_left_out"] = channels_left_out
    if signal.metadata.has_item(PLACE):
        del signal.metadata.Signal.Denoising
    signal.metadata.set_item(PLACE, entry)
    carry(signal, content, left_out, ~channels_left_out)


def left_out_by_place(signal):
    """Probe positions left out in a fit by version 0.1.0, or None.

    It kept a mask alone, which holds for the whole map as it was.
    """
    if signal.metadata.has_item(f"{PLACE}.fingerprints"):
        return None
    left_out = signal.metadata.get_item(f"{PLACE}.positions_left_out")
    if left_out is None:
        return None
    left_out = np.asarray(left_out, dtype=bool)
    return left_out if left_out.shape == positions_shape(signal) else None


def left_out_in_training(signal, fitted):
    """Probe positions that took no part, or None if there were none."""
    known = fitted.carried.known
    if known is None:
        return left_out_by_place(signal)
    return known.among(marks_in(signal, fitted.kept)) if known.left_out.any() else None


def trained(signal):
    """A signal's autoencoder and the channels that it uses, checked, as `Fitted`."""
    carried = carried_by(signal)
    if carried is None:
        raise RuntimeError(f"{why_not(signal)} Call `s.decompose_autoencoder()` first.")
    check_axes(signal)
    entry = signal.metadata.get_item(PLACE)
    fitted = Fitted(carried, ~np.asarray(entry.channels_left_out, dtype=bool))
    axis, kept = signal.axes_manager.signal_axes[0], fitted.kept
    if kept.size != axis.size:
        raise ValueError(
            must_be(
                "signal",
                f"on the {kept.size} channels of the training",
                f"{axis.size} channels",
                "Train again on this signal, with `s.decompose_autoencoder()`.",
            )
        )
    apart = np.abs(axis.axis[kept] - fitted.denoiser.energies_).max()
    if apart > 0.5 * abs(axis.scale):
        _logger.warning(
            "the energy axis was changed since the training, by up to %.3g %s; the "
            "autoencoder goes by channels. Train again if the data were changed, too.",
            apart,
            axis.units,
        )
    return fitted


def by_block(signal, function, fitted, navigation_mask=None, **keywords):
    """Apply a function of spectra to a signal's data, lazily to lazy ones.

    Parameters
    ----------
    signal : EELSSpectrum
    function : callable
        Takes spectra, shape (..., n_all_channels), `fitted`, the `keywords` and
        ``output_dtype``; returns shape (..., n_out).
    fitted : Fitted
    navigation_mask : ndarray of bool, shape (...), optional
        True at probe positions that are NaN in the result. Default: those that took no
        part in the fit.
    **keywords
        Further arguments of the function; ``n_out``, if it isn't the number of
        channels.

    Returns
    -------
    ndarray or dask array, shape (..., n_out)
    """
    dtype = output_type(signal.data.dtype)
    data = energy_last(signal, signal.data)
    n_out = keywords.pop("n_out", data.shape[-1])
    by_marks = navigation_mask is None
    if by_marks:
        navigation_mask = left_out_by_place(signal)
    if navigation_mask is not None:
        data = np.where(navigation_mask[..., None], np.nan, data).astype(dtype)
    keywords |= {"function": function, "fitted": fitted, "by_marks": by_marks}
    if not signal._lazy:
        return _one_block(data, output_dtype=dtype, **keywords)
    data = data.rechunk({-1: -1})
    return data.map_blocks(
        _one_block,
        chunks=(*data.chunks[:-1], (n_out,)),
        meta=np.empty((0,) * data.ndim, dtype),
        output_dtype=dtype,
        **keywords,
    )


def _one_block(spectra, function, fitted, by_marks, output_dtype, **keywords):
    """A function of a block of spectra, NaN for those that took no part in the fit.

    Of a lazy signal identical spectra are told apart by what else is in their block.
    """
    left_out = fitted.left_out(spectra) if by_marks else None
    if left_out is not None:
        spectra = np.where(left_out[..., None], np.nan, spectra).astype(output_dtype)
    return function(spectra, fitted, output_dtype, **keywords)


def restore(spectra, fitted, output_dtype):
    """Denoised spectra, shape (..., n_all_channels); NaN in channels not kept."""
    restored, kept = np.full(spectra.shape, np.nan, output_dtype), fitted.kept
    with _one_at_a_time:
        denoiser = fitted.denoiser
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


def encode(spectra, fitted, output_dtype):
    """Latent variables, shape (..., n_latent)."""
    with _one_at_a_time:
        return fitted.denoiser.encode(spectra[..., fitted.kept]).astype(output_dtype)


def shift(spectra, fitted, output_dtype):
    """Energy shift in channels, shape (..., 1)."""
    with _one_at_a_time:
        found = fitted.denoiser.energy_shift(spectra[..., fitted.kept])
    return found[..., None].astype(output_dtype)


def passed_noise(spectra, fitted, output_dtype, progress=None):
    """Standard deviation of restored spectra under fresh noise, same shape."""
    spread, kept = np.full(spectra.shape, np.nan, output_dtype), fitted.kept
    with _one_at_a_time:
        spread[..., kept] = fitted.denoiser.uncertainty(spectra[..., kept], progress)
    return spread


def restored_like(signal, values):
    """Wrap restored values; how they came about stays, the autoencoder doesn't."""
    restored = like(signal, values)
    entry = restored.metadata.get_item(PLACE)
    for name in _INNER:
        if entry.has_item(name):
            delattr(entry, name)
    return restored

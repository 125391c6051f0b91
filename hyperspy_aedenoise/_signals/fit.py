"""Fitting an autoencoder to a signal."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import numpy as np

from hyperspy_aedenoise._errors import must_be, real_spectra
from hyperspy_aedenoise._report.axes import unit_of
from hyperspy_aedenoise._signals.carried_fit import carried_by
from hyperspy_aedenoise._signals.duration import remember
from hyperspy_aedenoise._signals.hyperspy_private import progress_bar
from hyperspy_aedenoise._signals.memory import FIT, warn_of_memory
from hyperspy_aedenoise._signals.spectra import (
    check_axes,
    energy_last,
    in_words_of,
    selection_of,
)
from hyperspy_aedenoise._signals.storage import has_whole_fit, store

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal
    from keras import Model

    from hyperspy_aedenoise._noise.model import NoiseModel

_logger = logging.getLogger(__name__)


def decompose_autoencoder(
    self: BaseSignal,
    reference: np.ndarray | BaseSignal | None = None,
    *,
    architecture: str | Model = "auto",
    output_dimension: int | None = None,
    noise: NoiseModel | None = None,
    iterations: int = 750,
    navigation_mask: np.ndarray | BaseSignal | None = None,
    signal_mask: np.ndarray | BaseSignal | None = None,
    random_state: int | np.random.Generator | None = None,
    show_progressbar: bool | None = None,
    print_info: bool = True,
    return_info: bool = False,
) -> dict | None:
    """Fit an autoencoder to the spectra, to denoise them.

    The trained autoencoder is stored in ``metadata.Signal.Denoising`` and travels
    with the signal: into files, copies and slices along the navigation axes.

    Parameters
    ----------
    reference : BaseSignal or numpy.ndarray, optional
        Clean spectra to learn from, on the same energy axis and in the same
        intensity units. Default: learn from this signal alone, no clean data.
    architecture : {"auto", "spatial-spectral", "spectral"} or keras.Model
        "spatial-spectral" lets probe positions that are alike, or lie alike, help each
        other; "spectral" takes each spectrum on its own, by convolutions along energy.
        "auto", the default, is "spatial-spectral" without a reference and "spectral"
        with one. A model of your own takes and gives spectra of shape (n_channels,),
        centred and scaled to order 1.
    output_dimension : int, optional
        Latent variables per spectrum. Default: the number of principal components
        that rise above the noise, or that follow an energy shift, and of rare peaks.
        With a number of your own there are no others, and neither shifts nor rare
        peaks are looked for.
    noise : NoiseModel, optional
        Default: measured on this signal.
    iterations : int, default 750
        Optimiser steps of a network, as in the work this began with.
        "spatial-spectral" doesn't use it.
    navigation_mask : numpy.ndarray of bool or BaseSignal, optional
        The navigation locations marked as True are not used in the training; of
        ``axes_manager.navigation_shape``.
    signal_mask : numpy.ndarray of bool or BaseSignal, optional
        The channels marked as True are not used, and NaN in the denoised signal;
        of ``axes_manager.signal_shape``.
    random_state : int or numpy.random.Generator, optional
        Seed; the same on the same machine gives the same result.
    show_progressbar : bool, optional
        Default: what HyperSpy's preferences say.
    print_info : bool, default True
        Print what was done, as ``decomposition()`` does.
    return_info : bool, default False
        Return the training record.

    Returns
    -------
    dict or None
        The training record if `return_info` is True: architecture, dimension,
        noise, energies (of the energy axis' unit), ``form`` (what the parts of a
        spatial-spectral autoencoder are), and ``history``: the forms that were tried
        and the losses of a network, in units of the noise variance, and ``rare``, the
        peaks that few spectra have, with their positions as indices of ``s.data``, and
        ``energy_shift``, by how many channels each spectrum is moved, if that is
        followed.

    Raises
    ------
    ValueError, TypeError
        If an argument or the data don't fit; the message says what would.
    NotImplementedError
        If the energy axis is not uniform.

    See Also
    --------
    get_autoencoder_model, get_autoencoder_loadings, plot_autoencoder_training,
    compare_denoising

    Notes
    -----
    A lazy signal is passed over block by block, by whatever scheduler dask uses. Of a
    map of more than 8192 positions, four pieces decide on the form. Ctrl-C ends the
    training and keeps the best state so far, or an earlier fit to these spectra that
    is whole; ``history["interrupted"]`` tells. Masked probe positions are NaN in the
    result, as in that of ``decomposition()``.
    """
    from hyperspy_aedenoise._denoiser.denoiser import (
        AutoencoderDenoiser,  # Keras loads here
    )
    from hyperspy_aedenoise._report.summary import summary
    from hyperspy_aedenoise._report.weak_in_words import warning_of_missed

    selection = selection_of(self, navigation_mask, signal_mask)
    _warn_if_unfolded(self)
    if reference is not None:
        reference = _reference_spectra(self, reference, selection.channels_left_out)
    denoiser = AutoencoderDenoiser(
        architecture, output_dimension, noise, iterations, random_state
    )
    warn_of_memory(self, FIT, "decompose_autoencoder")
    began = time.monotonic()
    with in_words_of(self, selection):
        denoiser.fit(
            selection.counts,
            reference,
            left_out=selection.left_out,
            energies=selection.energies,
            progress=progress_bar(show_progressbar),
            passes=progress_bar(show_progressbar, "Reading", leave=False),
        )
    taken = time.monotonic() - began
    history = denoiser.history_
    if history["interrupted"] and has_whole_fit(self):
        _logger.warning(
            "the fit was interrupted; the earlier fit to these spectra, which is "
            "whole, is kept, with all that was asked for then."
        )
        return denoiser.record() if return_info else None
    store(self, denoiser, selection.left_out, selection.channels_left_out)
    remember(carried_by(self).content, taken)
    if history["interrupted"] and denoiser.form_ is not None:
        _logger.warning(
            "the fit was interrupted; the best form by what was tried until then is "
            "kept."
        )
    elif history["interrupted"]:
        _logger.warning(
            "the training was interrupted after %d of %d iterations; the best state "
            "so far, of iteration %d, is kept.",
            len(history["iteration"]),
            iterations,
            history["kept_iteration"],
        )
    missed = warning_of_missed(denoiser, unit_of(self.axes_manager.signal_axes[0]))
    if missed:
        _logger.warning(missed)
    if print_info:
        print(summary(denoiser, unit_of(self.axes_manager.signal_axes[0])))
    return denoiser.record() if return_info else None


def _warn_if_unfolded(signal):
    """A map of which only a list of spectra is left has no neighbours."""
    folding = signal.metadata.get_item("_HyperSpy.Folding")
    if folding is None or not folding.unfolded or len(folding.original_shape) < 3:
        return
    _logger.warning(
        "the signal is unfolded: positions that were neighbours in the map of shape %s "
        "are not known to be, and can't help each other. Call `s.fold()` first.",
        folding.original_shape[:-1],
    )


def _reference_spectra(signal, reference, channels_left_out):
    """Clean spectra on the channels that are used, from a signal or an array."""
    axis = signal.axes_manager.signal_axes[0]
    if hasattr(reference, "axes_manager"):
        check_axes(reference, "reference")
        other = reference.axes_manager.signal_axes[0]
        energies = other.axis
        values = energy_last(reference, np.asarray(reference.data))
        got = f" from {energies[0]:.6g} to {energies[-1]:.6g} {unit_of(other)}".rstrip()
    else:
        energies, got = axis.axis, ""
        values = np.asarray(reference)
    values = real_spectra("reference", values)
    fits = values.shape[-1] == axis.size
    if not fits or np.abs(energies - axis.axis).max() > 0.5 * abs(axis.scale):
        raise ValueError(
            must_be(
                "reference",
                f"on the signal's energy axis, {axis.size} channels from "
                f"{axis.axis[0]:.6g} to {axis.axis[-1]:.6g} {unit_of(axis)}".rstrip(),
                f"{values.shape[-1]} channels{got}",
                "Simulate on that axis, or use `reference.interpolate_on_axis`.",
            )
        )
    return values[..., ~channels_left_out]

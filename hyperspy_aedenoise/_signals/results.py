"""What a fitted autoencoder says of a signal: spectra, codes, shifts, errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hyperspy_aedenoise._report.axes import unit_of
from hyperspy_aedenoise._signals.delivery import delivered, lazily, titled
from hyperspy_aedenoise._signals.duration import TIMES_OF_UNCERTAINTY, with_duration
from hyperspy_aedenoise._signals.fit_on_signal import (
    Restored,
    Sized,
    by_block,
    latent,
    shift,
)
from hyperspy_aedenoise._signals.hyperspy_private import (
    navigation_axes,
    navigation_signal,
    progress_bar,
)
from hyperspy_aedenoise._signals.memory import RESULT, UNCERTAINTY, warn_of_memory
from hyperspy_aedenoise._signals.spectra import left_out_positions
from hyperspy_aedenoise._signals.storage import restored_like, trained

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal


def get_autoencoder_model(
    self: BaseSignal,
    navigation_mask: np.ndarray | BaseSignal | None = None,
    lazy_output: bool | None = None,
) -> BaseSignal:
    """Return the signal as the trained autoencoder restores it.

    Parameters
    ----------
    navigation_mask : numpy.ndarray of bool or BaseSignal, optional
        The navigation locations marked as True are NaN in the result; of
        ``axes_manager.navigation_shape``. Default: those whose spectra were masked in
        the training, wherever they are now. What took no part in the training is
        estimated from what is most like it, even where it has little in common
        with it.
    lazy_output : bool, optional
        True: a lazy signal, computed when that is asked for. False: one in memory,
        computed at once. Default: lazy if this signal is.

    Returns
    -------
    EELSSpectrum
        The denoised signal with the same axes and metadata. Floating point: the type
        of this signal, and of integers float32 or float64. Masked channels, and spectra
        that hold NaN, are NaN. How it was made is in ``metadata.Signal.Denoising``.

    Raises
    ------
    RuntimeError
        If there is no trained autoencoder.
    ValueError
        If the signal's channels are not those of the training; if half of the spectra
        or more are not those of the training, or a few are that hold something else.

    Notes
    -----
    Spectra are known again wherever they are, in slices, mirrored or stacked.
    Arithmetic, sums, rebinning and alignment make new ones: they are refused rather
    than estimated by a fit that isn't theirs.
    """
    fitted = trained(self)
    if navigation_mask is not None:
        navigation_mask = left_out_positions(self, navigation_mask)
    signal = lazily(self, lazy_output)
    warn_of_memory(signal, RESULT, "get_autoencoder_model")
    values = by_block(signal, Restored(fitted.marks), fitted, navigation_mask)
    return delivered(restored_like(signal, values), lazy_output)


def get_autoencoder_uncertainty(
    self: BaseSignal,
    lazy_output: bool | None = None,
    show_progressbar: bool | None = None,
) -> BaseSignal:
    """Return the standard deviation of the error of the denoised values.

    Parameters
    ----------
    lazy_output : bool, optional
        True: a lazy signal, computed when that is asked for. False: one in memory,
        computed at once. Default: lazy if this signal is.
    show_progressbar : bool, optional
        Default: ask HyperSpy's preferences.

    Returns
    -------
    EELSSpectrum
        In signal units, per probe position and channel, NaN where the training was
        masked.

    Raises
    ------
    RuntimeError
        If there is no trained autoencoder, or but a part of it.
    ValueError
        If the signal's channels are not those of the training.

    Notes
    -----
    A spatial-spectral autoencoder is rehearsed: fitted again to the denoised spectra in
    fresh noise, 16 times (a parametric bootstrap, which takes up to 8 times as long as
    `decompose_autoencoder`). The root of the mean square of what it then gets wrong,
    noise and bias, is smoothed over positions and channels around, as 16 draws are few.
    Through a network, and for spectra that took no part in the fit, fresh noise is only
    passed; the noise that went into the weights is not counted. *Don't believe it*
    where a feature was lost in the noise: the denoised spectra don't have it, so that
    no rehearsal can lose it again. It holds for single values; errors of neighbouring
    ones are correlated; for sums, ratios and fits there is `map_over_draws`.
    """
    fitted = trained(self)
    signal = lazily(self, lazy_output)
    warn_of_memory(signal, UNCERTAINTY, "get_autoencoder_uncertainty")
    words = with_duration("Rehearsing", fitted.carried.content, TIMES_OF_UNCERTAINTY)
    size = fitted.denoiser.error_size(progress_bar(show_progressbar, words))
    uncertainty = restored_like(signal, by_block(signal, Sized(size), fitted))
    title = uncertainty.metadata.General.title
    uncertainty.metadata.General.title = titled("Uncertainty", title)
    return delivered(uncertainty, lazy_output)


def get_autoencoder_loadings(
    self: BaseSignal, lazy_output: bool | None = None
) -> BaseSignal:
    """Return the latent variables of each spectrum as maps.

    Parameters
    ----------
    lazy_output : bool, optional
        True: a lazy signal, computed when that is asked for. False: one in memory,
        computed at once. Default: lazy if this signal is.

    Returns
    -------
    BaseSignal
        One map for each latent variable: the latent index is the navigation axis,
        the probe positions are the signal axes, like the result of
        ``get_decomposition_loadings()``, NaN where the training was masked. Without
        unit, of order 1. The last ones are those of rare peaks, 0 almost everywhere.

    Raises
    ------
    RuntimeError
        If there is no trained autoencoder.
    """
    from hyperspy.signals import BaseSignal

    fitted = trained(self)
    n_latent = fitted.denoiser.decode_dimension()
    signal = lazily(self, lazy_output)
    values = by_block(signal, latent, fitted, n_out=n_latent)
    axes = navigation_axes(self)
    for axis in axes:
        axis["navigate"] = False
    first = {"size": values.shape[-1], "name": "Latent variable", "navigate": True}
    loadings = BaseSignal(np.moveaxis(values, -1, 0), axes=[first, *axes])
    if signal._lazy:
        loadings = loadings.as_lazy()
    title = self.metadata.General.title
    loadings.metadata.General.title = titled("Autoencoder loadings", title)
    loadings.set_signal_type("")  # now a Signal1D or Signal2D, where it is one
    return delivered(loadings, lazy_output)


def get_autoencoder_energy_shift(
    self: BaseSignal, lazy_output: bool | None = None
) -> BaseSignal:
    """Return by how much the spectra are moved along energy, if that is followed.

    Parameters
    ----------
    lazy_output : bool, optional
        True: a lazy signal, computed when that is asked for. False: one in memory,
        computed at once. Default: lazy if this signal is.

    Returns
    -------
    BaseSignal
        A map (a line for a line scan) in the unit of the energy axis, against the mean
        spectrum, positive towards higher energy loss; NaN where the training was
        masked.

    Raises
    ------
    RuntimeError
        If there is no trained autoencoder, or it follows no shift.

    Notes
    -----
    A drift of the energy scale, or a chemical shift that all edges share: the two can't
    be told apart. *Don't believe* differences between areas of different composition:
    what changes a spectrum's shape is in part taken for a shift.
    """
    fitted = trained(self)
    values = by_block(lazily(self, lazy_output), shift, fitted, n_out=1)
    axis = self.axes_manager.signal_axes[0]
    found = navigation_signal(self, np.atleast_1d(values[..., 0] * axis.scale))
    found.metadata.General.title = titled("Energy shift", self.metadata.General.title)
    units = f" ({unit_of(axis)})" if unit_of(axis) else ""
    found.metadata.set_item("Signal.quantity", f"Energy shift{units}")
    return delivered(found, lazy_output)

"""What a fitted autoencoder says of a signal: spectra, codes, shifts, errors."""

import numpy as np

from hyperspy_aedenoise._report.axes import unit_of
from hyperspy_aedenoise._signals.hyperspy_private import (
    navigation_axes,
    navigation_signal,
    progress_bar,
)
from hyperspy_aedenoise._signals.spectra import left_out_positions
from hyperspy_aedenoise._signals.storage import (
    Scatter,
    by_block,
    latent,
    restore,
    restored_like,
    shift,
    trained,
)


def get_autoencoder_model(self, navigation_mask=None):
    """Return the signal as the trained autoencoder restores it.

    Parameters
    ----------
    navigation_mask : numpy.ndarray of bool or BaseSignal, optional
        The navigation locations marked as True are NaN in the result; of
        ``axes_manager.navigation_shape``. Default: those whose spectra were masked in
        the training, wherever they are now. What took no part in the training is
        estimated from what is most like it, even where it has little in common
        with it.

    Returns
    -------
    EELSSpectrum
        The denoised signal with the same axes and metadata, lazy if this one is.
        Floating point: the type of this signal, and of integers float32 or float64.
        Masked channels, and spectra that hold NaN, are NaN. How it was made is in
        ``metadata.Signal.Denoising``.

    Raises
    ------
    RuntimeError
        If there is no trained autoencoder.
    ValueError
        If the signal's channels are not those of the training.
    """
    fitted = trained(self)
    if navigation_mask is not None:
        navigation_mask = left_out_positions(self, navigation_mask)
    return restored_like(self, by_block(self, restore, fitted, navigation_mask))


def get_autoencoder_uncertainty(self):
    """Return the standard deviation of the denoised values due to the noise.

    Returns
    -------
    EELSSpectrum
        In signal units, per probe position and channel, NaN where the training was
        masked; lazy if this one is.

    Raises
    ------
    RuntimeError
        If there is no trained autoencoder.
    ValueError
        If the signal's channels are not those of the training.

    Notes
    -----
    A spatial-spectral autoencoder is fitted again to the denoised spectra in fresh
    noise, 16 times (a parametric bootstrap, which takes up to 8 times as long as
    `decompose_autoencoder`). Through a network, and for spectra that took no part in
    the fit, fresh noise is only passed; the noise that went into the weights is not
    counted. That is a lower bound: what is always wrong (a feature that was lost)
    doesn't vary.
    """
    fitted = trained(self)
    refits = fitted.denoiser.refits(progress_bar())
    spread = by_block(self, Scatter(refits), fitted)
    uncertainty = restored_like(self, spread)
    title = uncertainty.metadata.General.title
    uncertainty.metadata.General.title = _titled("Uncertainty", title)
    return uncertainty


def get_autoencoder_loadings(self):
    """Return the latent variables of each spectrum as maps.

    Returns
    -------
    BaseSignal
        One map for each latent variable: the latent index is the navigation axis,
        the probe positions are the signal axes, like the result of
        ``get_decomposition_loadings()``, NaN where the training was masked. Without
        unit, of order 1; lazy if this signal is. The last ones are those of rare peaks,
        0 almost everywhere.

    Raises
    ------
    RuntimeError
        If there is no trained autoencoder.
    """
    from hyperspy.signals import BaseSignal

    fitted = trained(self)
    n_latent = fitted.denoiser.decode_dimension()
    values = by_block(self, latent, fitted, n_out=n_latent)
    axes = navigation_axes(self)
    for axis in axes:
        axis["navigate"] = False
    first = {"size": values.shape[-1], "name": "Latent variable", "navigate": True}
    loadings = BaseSignal(np.moveaxis(values, -1, 0), axes=[first, *axes])
    if self._lazy:
        loadings = loadings.as_lazy()
    title = self.metadata.General.title
    loadings.metadata.General.title = _titled("Autoencoder loadings", title)
    loadings.set_signal_type("")  # now a Signal1D or Signal2D, where it is one
    return loadings


def get_autoencoder_energy_shift(self):
    """Return by how much the spectra are moved along energy, if that is followed.

    Returns
    -------
    BaseSignal
        A map (a line for a line scan) in the unit of the energy axis, against the mean
        spectrum, positive towards higher energy loss; NaN where the training was
        masked. Lazy if this signal is.

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
    values = by_block(self, shift, trained(self), n_out=1)
    axis = self.axes_manager.signal_axes[0]
    found = navigation_signal(self, np.atleast_1d(values[..., 0] * axis.scale))
    found.metadata.General.title = _titled("Energy shift", self.metadata.General.title)
    units = f" ({unit_of(axis)})" if unit_of(axis) else ""
    found.metadata.set_item("Signal.quantity", f"Energy shift{units}")
    return found


def _titled(what, title):
    """A title that says of what, if that has one."""
    return f"{what} of {title}" if title else what

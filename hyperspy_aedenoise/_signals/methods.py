"""The functions that become methods of ``EELSSpectrum``, and their like."""

import functools
import logging

import numpy as np

from hyperspy_aedenoise._errors import finite_spectra, must_be, real_spectra
from hyperspy_aedenoise._signals.spectra import (
    check_axes,
    energy_last,
    left_out_positions,
    like,
    output_type,
    place_in,
    spectra_of,
)
from hyperspy_aedenoise._signals.storage import (
    by_block,
    denoiser_of,
    encode,
    left_out_in_training,
    passed_noise,
    restore,
    restored_like,
    shift,
    store,
    trained,
)

_logger = logging.getLogger(__name__)

#: Latent variables that are plotted: more are hardly looked at.
_MOST_MAPS = 12
#: Names of the functions below that become methods.
SIGNAL_METHODS = (
    "estimate_noise",
    "decompose_autoencoder",
    "get_autoencoder_model",
    "get_autoencoder_loadings",
    "get_autoencoder_energy_shift",
    "get_autoencoder_uncertainty",
    "plot_autoencoder_training",
    "plot_autoencoder_loadings",
    "compare_denoising",
)


def estimate_noise(self, navigation_mask=None, signal_mask=None):
    """Measure the noise of the spectra from the spectra themselves.

    Parameters
    ----------
    navigation_mask : numpy.ndarray of bool or BaseSignal, optional
        The navigation locations marked as True are not used; of
        ``axes_manager.navigation_shape``.
    signal_mask : numpy.ndarray of bool or BaseSignal, optional
        The channels marked as True are not used; of ``axes_manager.signal_shape``.

    Returns
    -------
    MeasuredNoise
        A `NoiseModel`: gain in signal units, offset in signal units squared, and the
        correlation along energy. Also their standard errors, the size of a pattern
        common to all spectra, and `warnings`; ``print(noise)`` tells all of it and
        ``noise.plot()`` shows what it rests on.

    Raises
    ------
    ValueError
        If there are fewer than 3 spectra, if they are all identical, or if they
        hold NaN that is not masked.

    Notes
    -----
    Also writes ``metadata.Signal.Noise_properties.Variance_linear_model`` in
    HyperSpy's meaning of ``gain_factor``, ``gain_offset`` and
    ``correlation_factor``, so that ``s.estimate_poissonian_noise_variance()`` uses
    it. What is common to the spectra, and the principal components above the noise,
    count as signal; dead channels and spikes are left out. *Don't believe* gain and
    offset singly where all intensities are alike. Energy drift of more than the
    width of the sharpest lines needs many components, and the noise comes out
    somewhat too large.

    Examples
    --------
    >>> import hyperspy_aedenoise as aed
    >>> s = aed.add_noise(aed.data.sto_o_k((12, 12)), 0.05, random_state=0)
    >>> noise = s.estimate_noise()
    >>> bool(abs(noise.variance(0.2) ** 0.5 - 0.05) < 0.001)
    True
    """
    from hyperspy_aedenoise._noise.estimate import estimate_noise

    spectra = spectra_of(self, navigation_mask, signal_mask)
    _refuse_nan(self, spectra)
    noise = estimate_noise(spectra.counts[~spectra.left_out])
    self.metadata.set_item(
        "Signal.Noise_properties.Variance_linear_model", noise.hyperspy_factors()
    )
    for text in noise.warnings:
        _logger.warning("estimate_noise: %s", text)
    return noise


def decompose_autoencoder(
    self,
    reference=None,
    *,
    architecture="auto",
    output_dimension=None,
    noise=None,
    iterations=750,
    navigation_mask=None,
    signal_mask=None,
    random_state=None,
    show_progressbar=None,
    print_info=True,
    return_info=False,
):
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
    The data are read into memory, also of a lazy signal. Ctrl-C ends the training
    and keeps the best state so far. Masked probe positions are NaN in the result, as in
    that of ``decomposition()``.
    """
    from hyperspy_aedenoise._denoiser.denoiser import (
        AutoencoderDenoiser,  # Keras loads here
    )
    from hyperspy_aedenoise._report.summary import summary

    spectra = spectra_of(self, navigation_mask, signal_mask)
    _refuse_nan(self, spectra)
    if reference is not None:
        reference = _reference_spectra(self, reference, spectra.channels_left_out)
    denoiser = AutoencoderDenoiser(
        architecture, output_dimension, noise, iterations, random_state
    )
    denoiser.fit(
        spectra.counts,
        reference,
        left_out=spectra.left_out,
        energies=spectra.energies,
        progress=_progress_bar(show_progressbar),
    )
    store(self, denoiser, spectra.left_out, spectra.channels_left_out)
    history = denoiser.history_
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
    if print_info:
        print(summary(denoiser))
    return denoiser.record() if return_info else None


def get_autoencoder_model(self, navigation_mask=None):
    """Return the signal as the trained autoencoder restores it.

    Parameters
    ----------
    navigation_mask : numpy.ndarray of bool or BaseSignal, optional
        The navigation locations marked as True are NaN in the result; of
        ``axes_manager.navigation_shape``. Default: those masked in the training; a
        slice of the signal no longer knows these. What took no part in the training
        is estimated from what is most like it, even where it has little in common
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
    content, kept = trained(self)
    left_out = _left_out(self, navigation_mask)
    restored = by_block(self, restore, None, left_out, content=content, kept=kept)
    return restored_like(self, restored)


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
    content, kept = trained(self)
    left_out = _left_out(self)
    keywords = {"content": content, "kept": kept}
    if not self._lazy:
        keywords["progress"] = _progress_bar(None)
    spread = by_block(self, passed_noise, None, left_out, **keywords)
    uncertainty = restored_like(self, spread)
    title = uncertainty.metadata.General.title
    uncertainty.metadata.General.title = f"Uncertainty of {title}".strip()
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

    content, kept = trained(self)
    n_latent = denoiser_of(content).decode_dimension()
    left_out = _left_out(self)
    latent = by_block(self, encode, n_latent, left_out, content=content, kept=kept)
    axes = self.axes_manager._get_navigation_axes_dicts()
    for axis in axes:
        axis["navigate"] = False
    first = {"size": latent.shape[-1], "name": "Latent variable", "navigate": True}
    loadings = BaseSignal(np.moveaxis(latent, -1, 0), axes=[first, *axes])
    if self._lazy:
        loadings = loadings.as_lazy()
    title = self.metadata.General.title
    loadings.metadata.General.title = f"Autoencoder loadings of {title}"
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
    content, kept = trained(self)
    values = by_block(self, shift, 1, _left_out(self), content=content, kept=kept)
    axis = self.axes_manager.signal_axes[0]
    found = self._get_navigation_signal(np.atleast_1d(values[..., 0] * axis.scale))
    found.metadata.General.title = (
        f"Energy shift of {self.metadata.General.title}".strip()
    )
    units = f" ({axis.units})" if isinstance(axis.units, str) else ""
    found.metadata.set_item("Signal.quantity", f"Energy shift{units}")
    return found


def plot_autoencoder_training(self):
    """Plot what the training went by.

    Losses against the iteration; of a spatial-spectral autoencoder, the error of each
    form that was tried, minus that of optimal shrinkage.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    RuntimeError
        If there is no trained autoencoder.
    """
    from hyperspy_aedenoise._report.figures import plot_training
    from hyperspy_aedenoise._report.forms_figure import plot_forms

    content, _ = trained(self)
    denoiser, title = denoiser_of(content), self.metadata.General.title
    if denoiser.form_ is not None:
        return plot_forms(denoiser.history_["forms"], denoiser.form_, title)
    return plot_training(denoiser.history_, title)


def plot_autoencoder_loadings(self, per_row=3, cmap="gray"):
    """Plot the maps of the latent variables side by side.

    The first twelve, and the peaks that few positions have, with their energy loss.

    Parameters
    ----------
    per_row : int, default 3
        Maps in each row, as in ``plot_decomposition_loadings``.
    cmap : str or matplotlib.colors.Colormap, default "gray"
        For maps; line scans are drawn as lines.

    Returns
    -------
    list of matplotlib.axes.Axes

    Raises
    ------
    RuntimeError
        If there is no trained autoencoder.
    NotImplementedError
        If there are neither one nor two navigation axes.
    """
    from hyperspy_aedenoise._report.figures import plot_loadings
    from hyperspy_aedenoise._report.summary import latent_names

    dimension = self.axes_manager.navigation_dimension
    if dimension not in (1, 2):
        raise NotImplementedError(
            must_be(
                "signal",
                "a line scan or a map (1 or 2 navigation axes) to plot its loadings",
                f"{dimension} navigation axes",
                "Use `s.get_autoencoder_loadings().plot()` or slice with `s.inav`.",
            )
        )
    denoiser = denoiser_of(trained(self)[0])
    names = latent_names(denoiser, _MOST_MAPS)
    return plot_loadings(get_autoencoder_loadings(self), names, per_row, cmap)


def compare_denoising(self, truth=None, components=None):
    """Compare the autoencoder with PCA on this signal.

    Parameters
    ----------
    truth : BaseSignal, optional
        The clean signal, where it is known (simulations).
    components : int, optional
        Principal components of the PCA route. Default: where HyperSpy sees the
        elbow of the scree plot.

    Returns
    -------
    DenoisingComparison
        With `table`, `signals`, `recommended` and `plot()`.

    Raises
    ------
    RuntimeError
        If there is no trained autoencoder.
    ValueError
        If the arguments don't fit, or with fewer than 3 spectra.

    Notes
    -----
    Without `truth` the errors are estimated: every route is computed again from
    spectra with a little more noise (the autoencoder is trained again, too) and
    judged by the independent half of the pair. That rests on the noise model being
    right.
    """
    from hyperspy_aedenoise._report.comparison import compare

    content, kept = trained(self)
    left_out = left_out_in_training(self)
    progress = _progress_bar(None)
    denoiser = denoiser_of(content)
    return compare(self, denoiser, kept, left_out, truth, components, progress)


def add_noise(signal, noise, random_state=None):
    """Noisy copy of a clean signal.

    Parameters
    ----------
    signal : BaseSignal
        Spectra; integer data give floating-point ones.
    noise : NoiseModel or float
        A number is the standard deviation of white Gaussian noise, in signal units.
    random_state : int or numpy.random.Generator, optional
        Seed of the draw.

    Returns
    -------
    BaseSignal
        Of the same class, axes and metadata.

    Examples
    --------
    >>> import hyperspy.api as hs
    >>> import numpy as np
    >>> import hyperspy_aedenoise as aed
    >>> clean = hs.signals.Signal1D(np.ones((50, 100)))
    >>> noisy = aed.add_noise(clean, 0.05, random_state=0)
    >>> bool(abs(noisy.data.std() - 0.05) < 0.002)
    True
    """
    from hyperspy_aedenoise._denoiser.arguments import generator
    from hyperspy_aedenoise._noise.model import NoiseModel

    if not isinstance(noise, NoiseModel):
        noise = NoiseModel.gaussian(noise)
    check_axes(signal)
    clean = energy_last(signal, real_spectra("signal", np.asarray(signal.data)))
    clean = clean.astype(output_type(clean.dtype), copy=False)
    noisy = noise.sample(clean, generator(random_state))
    result = like(signal, noisy)
    return result.as_lazy() if signal._lazy and not result._lazy else result


# Small things -----------------------------------------------------------------------


def _left_out(signal, navigation_mask=None):
    """Probe positions to leave out, or None: by default those of the training."""
    if navigation_mask is None:
        return left_out_in_training(signal)
    return left_out_positions(signal, navigation_mask)


def _refuse_nan(signal, spectra):
    place = place_in(signal, spectra.energies)
    finite_spectra("signal", spectra.counts, spectra.left_out, place)


def _reference_spectra(signal, reference, channels_left_out):
    """Clean spectra on the channels that are used, from a signal or an array."""
    axis = signal.axes_manager.signal_axes[0]
    if hasattr(reference, "axes_manager"):
        check_axes(reference, "reference")
        other = reference.axes_manager.signal_axes[0]
        energies = other.axis
        values = energy_last(reference, np.asarray(reference.data))
        got = f" from {energies[0]:.6g} to {energies[-1]:.6g} {other.units}"
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
                f"{axis.axis[0]:.6g} to {axis.axis[-1]:.6g} {axis.units}",
                f"{values.shape[-1]} channels{got}",
                "Simulate on that axis, or use `reference.interpolate_on_axis`.",
            )
        )
    return values[..., ~channels_left_out]


def _progress_bar(show_progressbar):
    from hyperspy.defaults_parser import preferences
    from hyperspy.external.progressbar import progressbar

    if show_progressbar is None:
        show_progressbar = preferences.General.show_progressbar
    return functools.partial(
        progressbar, desc="Fitting", disable=not show_progressbar, leave=True
    )

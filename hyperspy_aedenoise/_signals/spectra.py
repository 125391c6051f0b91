"""From a HyperSpy signal to an array of spectra, and back."""

import contextlib
from dataclasses import dataclass

import numpy as np

from hyperspy_aedenoise._errors import NotFinite, must_be, real_spectra, unmasked
from hyperspy_aedenoise._observation.layout import Layout
from hyperspy_aedenoise._report.axes import unit_of
from hyperspy_aedenoise._signals.hyperspy_private import with_new_data


@dataclass(frozen=True)
class Selection:
    """The spectra of a signal as an array, and what is left out of it.

    Parameters
    ----------
    counts : ndarray or dask array, shape (..., n_channels)
        All probe positions; the channels that are used.
    left_out : ndarray of bool, shape (...)
        True at probe positions that are not used.
    channels_left_out : ndarray of bool, shape (n_all_channels,)
        True at channels that are not used.
    energies : ndarray, shape (n_channels,)
        Energy loss of the channels that are used, in the unit of the axis.
    """

    counts: np.ndarray
    left_out: np.ndarray
    channels_left_out: np.ndarray
    energies: np.ndarray

    @property
    def layout(self):
        """Where the spectra lie that are used."""
        return Layout.of(~self.left_out)


def selection_of(signal, navigation_mask=None, signal_mask=None):
    """Select spectra of a signal, without changing it.

    Parameters
    ----------
    signal : EELSSpectrum
        Lazy data stay lazy.
    navigation_mask : ndarray of bool or BaseSignal, optional
        True where a probe position is left out; an array has the signal's
        ``axes_manager.navigation_shape``, as everywhere in HyperSpy.
    signal_mask : ndarray of bool or BaseSignal, optional
        True where a channel is left out, shape ``axes_manager.signal_shape``.

    Returns
    -------
    Selection
    """
    check_axes(signal)
    axes = signal.axes_manager
    left_out = _mask("navigation_mask", navigation_mask, axes.navigation_shape)
    channels_left_out = _mask("signal_mask", signal_mask, axes.signal_shape)
    if left_out.all():
        raise ValueError(_leaves_nothing("navigation_mask", "probe position"))
    if channels_left_out.all():
        raise ValueError(_leaves_nothing("signal_mask", "channel"))
    kept = ~channels_left_out
    counts = real_spectra("signal", energy_last(signal, signal.data))
    if not kept.all():
        counts = real_spectra("signal_mask", counts[..., kept])
    return Selection(
        counts=counts,
        left_out=left_out,
        channels_left_out=channels_left_out,
        energies=axes.signal_axes[0].axis[kept],
    )


def left_out_positions(signal, navigation_mask):
    """A navigation mask as an array, True where left out, shape (...); see above."""
    shape = signal.axes_manager.navigation_shape
    return _mask("navigation_mask", navigation_mask, shape)


def region_positions(signal, region):
    """A mask that is True at positions that are meant, as an array, shape (...)."""
    return _mask("region", region, signal.axes_manager.navigation_shape)


def positions_shape(signal):
    """Shape of the probe positions in an array."""
    return tuple(signal.axes_manager.navigation_shape[::-1])


@contextlib.contextmanager
def in_words_of(signal, selection, argument="signal"):
    """Let a refusal of NaN name the argument, and the place as `s.inav` does."""
    try:
        yield
    except NotFinite as error:
        *position, channel = error.first
        inav = ", ".join(str(i) for i in position[::-1])
        unit = unit_of(signal.axes_manager.signal_axes[0])
        where = f"`s.inav[{inav}]`, {selection.energies[channel]:.6g} {unit}".strip()
        advice = ""
        if argument == "signal" and selection.left_out.any():
            advice = (
                " Is the order of your `navigation_mask` (x, y)? A mask made from "
                "`s.data` has to be transposed, `mask.T`."
            )
        raise ValueError(error.told_of(argument, where, advice)) from None


def check_axes(signal, argument="signal"):
    """Refuse signals that are not spectra along one uniform energy axis."""
    if signal.axes_manager.signal_dimension != 1:
        raise ValueError(
            must_be(
                argument,
                "spectra (signal dimension 1)",
                f"signal dimension {signal.axes_manager.signal_dimension}",
                "Make energy loss the only signal axis, with `s.as_signal1D(-1)`.",
            )
        )
    if not signal.axes_manager.signal_axes[0].is_uniform:
        raise NotImplementedError(
            must_be(
                argument,
                "sampled on a uniform energy axis",
                "a non-uniform axis",
                "Resample it first, for instance with `s.interpolate_on_axis`.",
            )
        )


def energy_last(signal, data):
    """View `data`, laid out like the signal's, with the energy axis last.

    What is masked by `numpy.ma` is NaN.
    """
    data = unmasked(data)
    return np.moveaxis(data, signal.axes_manager.signal_axes[0].index_in_array, -1)


def like(signal, values):
    """A signal with the axes and metadata of `signal` and other values.

    Parameters
    ----------
    signal : EELSSpectrum
    values : ndarray or dask array, shape (..., n_all_channels)
        With the energy axis last.

    Returns
    -------
    EELSSpectrum
        Lazy where `values` is. Without noise variance: that of the original does
        not hold for other values.
    """
    index = signal.axes_manager.signal_axes[0].index_in_array
    return with_new_data(signal, np.moveaxis(values, -1, index))


def check_truth(signal, truth):
    """Refuse what can't be the clean signal that a noisy one was made from."""
    advice = "It is the clean signal that the noisy one was made from."
    if not hasattr(truth, "axes_manager"):
        allowed, got = "a signal", type(truth).__name__
        raise TypeError(must_be("truth", allowed, got, advice))
    if truth.data.shape != signal.data.shape:
        allowed = f"of the shape of the signal's data, {signal.data.shape}"
        raise ValueError(must_be("truth", allowed, f"{truth.data.shape}", advice))


def output_type(dtype):
    """Floating-point type for denoised values of data of `dtype`."""
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return np.dtype(np.promote_types(dtype.newbyteorder("="), np.float32))
    return np.dtype(np.float32 if dtype.itemsize <= 2 else np.float64)


def _mask(argument, mask, shape):
    """Bring a mask in HyperSpy's order, or None, to a bool array in array order."""
    if mask is None:
        return np.zeros(shape[::-1], dtype=bool)
    if hasattr(mask, "axes_manager"):
        axes = mask.axes_manager
        own = argument != "signal_mask"
        got = axes.navigation_shape if own else axes.signal_shape
        rest = axes.signal_dimension if own else axes.navigation_dimension
        values = np.asarray(mask.data)
        if rest:
            got = (*axes.navigation_shape, "|", *axes.signal_shape)
    else:
        values = np.asarray(mask).T
        got = values.shape[::-1]
    if tuple(got) != tuple(shape):
        where = "signal_shape" if argument == "signal_mask" else "navigation_shape"
        raise ValueError(
            must_be(
                argument,
                f"of the signal's `axes_manager.{where}`, {tuple(shape)}",
                f"shape {tuple(got)}",
                "Arrays follow the order of the axes_manager (x, y), not that of "
                "`s.data`; a signal such as `s.sum(-1) > 10` has the right order.",
            )
        )
    if values.dtype.kind not in "biu":
        raise TypeError(
            must_be(
                argument,
                "True where something is meant"
                if argument == "region"
                else "True where something is left out",
                f"dtype {values.dtype}",
                "Compare first, for instance `s.sum(-1) > 10`.",
            )
        )
    return values.astype(bool).reshape(shape[::-1])


def _leaves_nothing(argument, what):
    return must_be(
        argument,
        f"False for at least one {what}",
        "True everywhere",
        "HyperSpy's masks are True where something is left out; did you mean `~mask`?",
    )

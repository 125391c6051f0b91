"""Denoised signals with realisations of their error, and numbers taken from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hyperspy_aedenoise._errors import must_be
from hyperspy_aedenoise._signals.delivery import delivered, lazily, titled
from hyperspy_aedenoise._signals.duration import TIMES_OF_UNCERTAINTY, with_duration
from hyperspy_aedenoise._signals.fit_on_signal import Blocks, Drawn, Restored
from hyperspy_aedenoise._signals.hyperspy_private import (
    along_new_axis,
    progress_bar,
    with_new_data,
)
from hyperspy_aedenoise._signals.memory import MAPPED, RESULT, warn_of_memory
from hyperspy_aedenoise._signals.storage import restored_like, trained

if TYPE_CHECKING:
    from collections.abc import Callable

    from hyperspy.signals import BaseSignal

#: Name of the navigation axis that counts draws.
AXIS = "draw"


def get_autoencoder_draws(
    self: BaseSignal,
    n: int = 16,
    random_state: int | np.random.Generator | None = None,
    lazy_output: bool | None = None,
    show_progressbar: bool | None = None,
) -> BaseSignal:
    """Return the denoised signal several times, each with another draw of its error.

    What is fitted to, mapped over or integrated from the draws scatters as its error
    does, with all correlations over energy and place in it.

    Parameters
    ----------
    n : int, optional
        How many. Default: 16, which tell a standard deviation to 18 %.
    random_state : int, numpy.random.Generator or None, optional
        The same integer gives the same draws. Default: others each time.
    lazy_output : bool, optional
        True: a lazy signal, computed when that is asked for. False: one in memory,
        computed at once. Default: lazy if this signal is.
    show_progressbar : bool, optional
        Default: ask HyperSpy's preferences.

    Returns
    -------
    EELSSpectrum
        Data of shape ``(n, *self.data.shape)`` in signal units; the last navigation
        axis is "draw". NaN where the training was masked.

    Raises
    ------
    RuntimeError
        If there is no trained autoencoder, or only a part of it was saved.
    ValueError, TypeError
        If `n` is not a positive integer, or `random_state` can't be a seed; if the
        signal's channels are not those of the training.

    Notes
    -----
    A draw is the denoised signal less the error of a rehearsal: a fit to the denoised
    spectra in fresh noise. The truth is distributed like the draws, about their mean:
    that differs from the denoised signal by what the method always gets wrong. The
    mean square distance from the denoised signal is that of its error. *Don't believe
    them* about features that were lost in the noise, see
    `get_autoencoder_uncertainty`, which smooths over positions and channels besides.
    """
    signal = lazily(self, lazy_output)
    draws = _Draws(signal, n, random_state, show_progressbar)
    warn_of_memory(signal, (draws.n + 1) * RESULT, "get_autoencoder_draws")
    template, values = _together(draws, draws.n)
    result = along_new_axis(template, values, AXIS)
    result.metadata.General.title = titled("Draws", _title(signal))
    return delivered(result, lazy_output)


def map_over_draws(
    self: BaseSignal,
    function: Callable,
    n: int = 16,
    random_state: int | np.random.Generator | None = None,
    return_draws: bool = False,
    show_progressbar: bool | None = None,
) -> BaseSignal | dict[str, BaseSignal] | tuple:
    """Return what a function gives for the denoised signal, with its error bar.

    Parameters
    ----------
    function : callable
        Takes a denoised signal, and returns a signal, or a dictionary of signals, of
        one and the same shape each time: an integrated window, a ratio, parameters of
        a fitted model. What is compared should be compared inside of it, as a ratio or
        a difference: errors of neighbouring values are correlated.
    n : int, optional
        Draws of the error. Default: 16, which tell a standard deviation to 18 %.
    random_state : int, numpy.random.Generator or None, optional
        The same integer gives the same draws. Default: others each time.
    return_draws : bool, optional
        Whether to return what the function gave for the draws, too.
    show_progressbar : bool, optional
        Default: ask HyperSpy's preferences.

    Returns
    -------
    BaseSignal or dict of BaseSignal
        What the function gave for the denoised signal. The variance of its error is in
        ``metadata.Signal.Noise_properties.variance``, a signal of the same shape: mean
        square of what draws gave less what the denoised signal gave, noise and bias.
        Lazy where the function's results are.
    BaseSignal or dict of BaseSignal
        Only with `return_draws`: what it gave for the draws, along a further
        navigation axis "draw", the last one.

    Raises
    ------
    RuntimeError
        If there is no trained autoencoder, or only a part of it was saved.
    TypeError
        If the function returns anything but signals.
    ValueError
        If their shapes or names change from draw to draw; and as of
        `get_autoencoder_draws`.

    Notes
    -----
    One draw is in memory at a time. Draws are those of `get_autoencoder_draws`, which
    says when not to believe them. NaN in a single draw, as where a fit fails, is NaN
    in the variance.

    Examples
    --------
    >>> def ratio(denoised):
    ...     first, second = denoised.isig[530.0:533.0], denoised.isig[535.0:540.0]
    ...     return first.integrate1D(-1) / second.integrate1D(-1)
    >>> peaks = s.map_over_draws(ratio)  # doctest: +SKIP
    """
    if not callable(function):
        advice = "It takes a denoised signal and returns a signal."
        got = type(function).__name__
        raise TypeError(must_be("function", "callable", got, advice))
    draws = _Draws(self, n, random_state, show_progressbar)
    warn_of_memory(self, MAPPED, "map_over_draws")
    found = function(draws.denoised())
    values = _named(found)
    power = dict.fromkeys(values, 0.0)
    kept: dict = {name: [] for name in values}
    for draw in draws:
        drawn = _named(function(draw), values)
        for name, value in values.items():
            power[name] = power[name] + _squared_difference(drawn[name], value)
            if return_draws:
                kept[name].append(drawn[name])
    for name, value in values.items():
        if return_draws:
            _, stack = _together(kept[name], draws.n)
            kept[name] = along_new_axis(value, stack, AXIS)
        variance = with_new_data(value, power[name] / draws.n)
        variance.metadata.General.title = titled("Variance", _title(value))
        value.metadata.set_item("Signal.Noise_properties.variance", variance)
    if not return_draws:
        return found
    return found, kept if isinstance(found, dict) else kept[None]


class _Draws:
    """Draws of a signal as signals, one after the other.

    Parameters
    ----------
    signal : EELSSpectrum
    n, random_state, show_progressbar
        As of `get_autoencoder_draws`.
    """

    def __init__(self, signal, n, random_state, show_progressbar):
        self.signal, self._fitted = signal, trained(signal)
        content = self._fitted.carried.content
        words = with_duration("Rehearsing", content, TIMES_OF_UNCERTAINTY)
        progress = progress_bar(show_progressbar, words)
        denoiser = self._fitted.denoiser
        self._errors = denoiser.drawn_errors(n, random_state, progress)
        self.n = int(n)
        self._blocks = Blocks(signal, self._fitted)

    def denoised(self):
        """The denoised signal."""
        return self._signal_of(Restored(self._fitted.marks))

    def __iter__(self):
        return (self._signal_of(Drawn(error)) for error in self._errors)

    def _signal_of(self, function):
        return restored_like(self.signal, self._blocks(function))


def _named(found, known=None):
    """Results of a function by name; a single one's is None."""
    named = found if isinstance(found, dict) else {None: found}
    advice = "Return, for instance, `denoised.isig[530.0:535.0].integrate1D(-1)`."
    for one in named.values():
        if not hasattr(one, "axes_manager"):
            allowed = "something that returns a signal or a dictionary of signals"
            got = type(one).__name__
            raise TypeError(must_be("function", allowed, got, advice))
    if known is None:
        return named
    shapes, others = (
        {name: one.data.shape for name, one in some.items()} for some in (known, named)
    )
    if shapes != others:
        allowed = f"something that always returns the shapes {_shown(shapes)}"
        raise ValueError(must_be("function", allowed, _shown(others), advice))
    return named


def _shown(shapes):
    return str(shapes.get(None, shapes))


def _squared_difference(one, other):
    return (one.data.astype(float) - other.data) ** 2


def _title(signal):
    return signal.metadata.get_item("General.title", "")


def _together(signals, n):
    """The first of n signals, and the data of all along a new first axis."""
    signals = iter(signals)
    first = next(signals)
    if first._lazy:
        import dask.array as da

        return first, da.stack([first.data, *(one.data for one in signals)])
    values = np.empty((n, *first.data.shape), first.data.dtype)
    values[0] = first.data
    for number, one in enumerate(signals, start=1):
        values[number] = one.data
    return first, values

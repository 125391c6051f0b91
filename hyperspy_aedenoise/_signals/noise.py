"""Noise of a signal: measured, and added."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from hyperspy_aedenoise._errors import of_usual_size, real_spectra
from hyperspy_aedenoise._report.axes import unit_of
from hyperspy_aedenoise._report.words import with_energies
from hyperspy_aedenoise._signals.hyperspy_private import progress_bar
from hyperspy_aedenoise._signals.spectra import (
    check_axes,
    energy_last,
    in_words_of,
    like,
    output_type,
    selection_of,
)

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal

    from hyperspy_aedenoise._noise.measured import MeasuredNoise
    from hyperspy_aedenoise._noise.model import NoiseModel

_logger = logging.getLogger(__name__)


def estimate_noise(
    self: BaseSignal,
    navigation_mask: np.ndarray | BaseSignal | None = None,
    signal_mask: np.ndarray | BaseSignal | None = None,
) -> MeasuredNoise:
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
    it; where counts stand on a pedestal of more than the read-out noise, HyperSpy's
    model can't hold that, and a warning says so. What is common to the spectra, and
    the principal components above the noise, count as signal; dead channels and spikes
    are left out, as are channels in which something other than noise varies. *Don't
    believe* gain and offset singly where all intensities are alike. Energy drift of
    more than the width of the sharpest lines needs many components, and the noise
    comes out somewhat too large.

    Examples
    --------
    >>> import hyperspy_aedenoise as aed
    >>> s = aed.add_noise(aed.data.sto_o_k((12, 12)), 0.05, random_state=0)
    >>> noise = s.estimate_noise()
    >>> bool(abs(noise.variance(0.2) ** 0.5 - 0.05) < 0.001)
    True
    """
    from hyperspy_aedenoise._engine.fingerprints import copies
    from hyperspy_aedenoise._noise.estimate import enough_spectra, estimate_noise
    from hyperspy_aedenoise._observation.finite import refuse_not_finite
    from hyperspy_aedenoise._observation.spectra_by_blocks import InMemory, spectra_of

    selection = selection_of(self, navigation_mask, signal_mask)
    passes = progress_bar(None, "Reading", leave=False)
    spectra = spectra_of(selection.counts, ~selection.left_out, passes)
    with in_words_of(self, selection):
        refuse_not_finite("signal", spectra, selection.layout)
    some = spectra.sample(enough_spectra(spectra.n_channels))
    of_usual_size("signal", some)
    noise = estimate_noise(some[~copies(InMemory(some))])
    axis = self.axes_manager.signal_axes[0]
    for text in [*noise.warnings, *_hyperspy_told(self.metadata, noise)]:
        text = with_energies(text, selection.energies, unit_of(axis))
        _logger.warning("estimate_noise: %s", text)
    return noise


def _hyperspy_told(metadata, noise):
    """Give HyperSpy the noise as far as its model can hold it; words where it can't."""
    place = "Signal.Noise_properties.Variance_linear_model"
    try:
        metadata.set_item(place, noise.hyperspy_factors())
    except ValueError:
        if metadata.has_item(place):
            del metadata.Signal.Noise_properties.Variance_linear_model
        yield (
            f"counting noise begins at {noise.pedestal:.4g}, which HyperSpy's model of "
            "the variance can't hold: it is not written to the metadata. Before "
            "HyperSpy's own methods subtract that, "
            f"`s = s - {noise.pedestal:.4g}`; the autoencoder doesn't need it."
        )


def add_noise(
    signal: BaseSignal,
    noise: NoiseModel | float,
    random_state: int | np.random.Generator | None = None,
) -> BaseSignal:
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
    from hyperspy_aedenoise._errors import generator
    from hyperspy_aedenoise._noise.model import NoiseModel

    if not isinstance(noise, NoiseModel):
        noise = NoiseModel.gaussian(noise)
    check_axes(signal)
    clean = energy_last(signal, real_spectra("signal", np.asarray(signal.data)))
    clean = clean.astype(output_type(clean.dtype), copy=False)
    noisy = noise.sample(clean, generator(random_state))
    result = like(signal, noisy)
    return result.as_lazy() if signal._lazy and not result._lazy else result

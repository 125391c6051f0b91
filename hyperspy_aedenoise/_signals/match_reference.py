"""A simulated signal as the reference for an experiment."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

import numpy as np

from hyperspy_aedenoise._denoiser.arguments import check_noise
from hyperspy_aedenoise._errors import (
    finite_spectra,
    generator,
    must_be,
    real_spectra,
)
from hyperspy_aedenoise._noise.estimate import estimate_noise
from hyperspy_aedenoise._noise.model import NoiseModel
from hyperspy_aedenoise._noise.neighbours import guess_gain
from hyperspy_aedenoise._noise.outliers import dead_channels, without_spikes
from hyperspy_aedenoise._reference.experiment import Experiment
from hyperspy_aedenoise._reference.instrument import Edge, Losses
from hyperspy_aedenoise._reference.matching import match
from hyperspy_aedenoise._signals.hyperspy_private import navigation_axes
from hyperspy_aedenoise._signals.spectra import (
    check_axes,
    energy_last,
    in_words_of,
    selection_of,
)

if TYPE_CHECKING:
    from exspy.signals import EELSSpectrum
    from hyperspy.signals import BaseSignal

    from hyperspy_aedenoise._reference.match_report import MatchReport

_logger = logging.getLogger(__name__)

#: What a simulated edge may have before its onset, relative to its maximum.
_NO_BACKGROUND = 0.05


def match_reference(
    reference: EELSSpectrum,
    experiment: EELSSpectrum,
    *,
    low_loss: EELSSpectrum | None = None,
    noise: NoiseModel | None = None,
    add_residual: bool = False,
    navigation_mask: np.ndarray | BaseSignal | None = None,
    signal_mask: np.ndarray | BaseSignal | None = None,
    random_state: int | np.random.Generator | None = None,
) -> tuple[EELSSpectrum, MatchReport]:
    """Bring a simulated signal to an experiment.

    The simulated edge is shifted, broadened, rebinned and scaled so that it fits the
    experiment's mean spectrum on a power-law background. Its positions are given the
    experiment's spread of intensity, background and energy drift as far as that
    exceeds noise and their own. The result is a clean reference for
    ``experiment.decompose_autoencoder(reference)``.

    Parameters
    ----------
    reference : EELSSpectrum
        Clean spectra of one edge without background, in any intensity unit. A set of
        `data.sto_o_k` is computed again from its factors, with the shift, resolution
        and channels that are needed; its own background and drift are left away.
    experiment : EELSSpectrum
        Counts with the background, at least 8 channels before the edge.
    low_loss : EELSSpectrum, optional
        Low loss of the same area with the zero-loss peak, for plural scattering; of
        several spectra the mean. The reference must then be without. Default: the
        plural scattering of the reference.
    noise : NoiseModel, optional
        Noise of the experiment. Default: measured, which takes at least 3 spectra; of
        fewer, it is guessed from neighbouring channels and a warning given.
    add_residual : bool, default False
        Add to the reference what it still lacks of the experiment's mean spectrum
        beyond its noise. For training, where the simulation is known not to be
        right; what is added is smooth over 1.5 eV.
    navigation_mask, signal_mask : numpy.ndarray of bool or BaseSignal, optional
        The navigation locations and the channels of the experiment marked as True
        are not used; of ``axes_manager.navigation_shape`` and ``signal_shape``.
    random_state : int or numpy.random.Generator, optional
        Seed of the spread's distribution over the positions.

    Returns
    -------
    adjusted : EELSSpectrum
        The reference's positions on the experiment's channels, from 30 eV before the
        onset (less where the background is no power law) as far as experiment and
        reference go; in the experiment's units, with its ``Acquisition_instrument``.
    report : MatchReport
        Parameters with standard errors, residual with chi-square by region, and words
        on what still disagrees; ``print(report)``, ``report.plot()``.

    Raises
    ------
    ValueError, TypeError
        If an argument or the data don't fit, in particular if the experiment doesn't
        show the edge; the message says what would fit.
    NotImplementedError
        If an energy axis is not uniform.

    Notes
    -----
    Fitted by generalised least squares with the experiment's noise and with errors of
    simulation and power law in the covariance (M. C. Kennedy and A. O'Hagan, J. R.
    Statist. Soc. B 63 (2001) 425, doi:10.1111/1467-9868.00294, equation 5), so that a
    simulation that doesn't fit has wide error bars. The resolution is that of the mean
    spectrum, drift included; each position of the result has it less the drift.
    Lifetime broadening is left as it was simulated. Onsets are looked for within 10 eV
    of the reference's. Dead channels and spikes are left out. *Don't believe* the
    resolution where the experiment's peaks are in other places than the simulation's:
    broadening is then a way to hide that.

    Examples
    --------
    >>> import hyperspy_aedenoise as aed
    >>> axis = {"energy_start": 515, "dispersion": 0.25, "n_channels": 160}
    >>> clean = aed.data.sto_o_k((8, 8), resolution=1, background=2, **axis)
    >>> experiment = aed.add_noise(clean * 1000, 20, random_state=0)
    >>> reference = aed.data.sto_o_k((8, 8))
    >>> adjusted, report = aed.match_reference(reference, experiment)
    >>> adjusted.axes_manager.signal_shape == experiment.axes_manager.signal_shape
    True
    >>> value, error, unit = report.parameters["resolution"]
    >>> bool(abs(value - 1) < 4 * error), unit
    (True, 'eV')
    """
    rng = generator(random_state)
    for name, signal in (("reference", reference), ("experiment", experiment)):
        _check_energies(signal, name)
    # masked channels are taken along: the energy axis has no holes
    whole = selection_of(experiment, navigation_mask)
    used = ~selection_of(experiment, None, signal_mask).channels_left_out
    counts = np.where(used, np.asarray(whole.counts), 0)
    with in_words_of(experiment, whole, "experiment"):
        finite_spectra("experiment", counts, whole.left_out)
    spectra = counts[~whole.left_out].astype(float)
    left_out = []
    if len(spectra) >= 3:
        dead = used & dead_channels(spectra)
        used &= ~dead
        spectra, n_spikes = without_spikes(spectra)
        for n, what in ((dead.sum(), "dead channels"), (n_spikes, "values of spikes")):
            if n:
                left_out.append(f"{n} {what} were left out.")
    losses = None if low_loss is None else _losses(low_loss)
    edge, words = _edge(reference, losses)
    noise, doubt = _noise(noise, spectra[:, used])

    measured = Experiment(whole.energies, spectra, used, noise)
    values, inside, report = match(edge, measured, add_residual, rng)
    report = dataclasses.replace(
        report,
        notes=(*report.notes, *left_out, *words),
        warnings=(*report.warnings, *doubt),
    )
    if report.warnings:
        _logger.warning(
            "%d warnings about the match are in the report: `print(report)`.",
            len(report.warnings),
        )
    return _signal(reference, experiment, values, inside, report), report


def _check_energies(signal, argument):
    """Refuse what is not spectra along a uniform energy axis in eV."""
    if not hasattr(signal, "axes_manager"):
        raise TypeError(
            must_be(
                argument,
                "an `EELSSpectrum`",
                type(signal).__name__,
                "The energy axis is needed.",
            )
        )
    check_axes(signal, argument)
    axis = signal.axes_manager.signal_axes[0]
    if axis.units != "eV" or not axis.scale > 0:
        raise ValueError(
            must_be(
                argument,
                "on an ascending energy axis in eV",
                f"a scale of {axis.scale:.4g} {axis.units}",
                "Set `s.axes_manager.signal_axes[0].units` and `scale`, or convert the "
                "axis with `convert_to_units('eV')`.",
            )
        )


def _losses(low_loss):
    """Plural scattering of a low-loss signal."""
    _check_energies(low_loss, "low_loss")
    energies = low_loss.axes_manager.signal_axes[0].axis
    values = real_spectra("low_loss", energy_last(low_loss, np.asarray(low_loss.data)))
    finite_spectra("low_loss", values)
    mean = values.reshape(-1, len(energies)).mean(axis=0, dtype=float)
    peak = energies[np.argmax(mean)]
    if abs(peak) > 10 or not energies[0] + 1 < peak < energies[-1] - 20:
        raise ValueError(
            must_be(
                "low_loss",
                "a low loss with all of the zero-loss peak, up to 20 eV or more",
                f"{energies[0]:.1f} to {energies[-1]:.1f} eV with the largest value at "
                f"{peak:.1f} eV",
                "Give the low loss of the same area, with a calibrated energy axis.",
            )
        )
    return Losses.measured(energies, mean)


def _noise(noise, spectra):
    """Noise of the experiment, and a warning where it is only assumed."""
    if noise is None and len(spectra) < 3:
        gain = guess_gain(spectra.mean(axis=0))
        return NoiseModel(gain), [
            f"noise can't be measured from {len(spectra)} spectra. From neighbouring "
            f"channels a gain of {gain:.3g} was guessed; where the detector spreads a "
            "signal over channels it is up to three times larger, and chi-squares and "
            "standard errors are wrong in proportion. Pass `noise` if you know it."
        ]
    if noise is None:
        return estimate_noise(spectra), []
    check_noise(noise)
    return noise, []


def _edge(reference, losses):
    """The reference as an `Edge`, and words on how it was taken."""
    energies = reference.axes_manager.signal_axes[0].axis
    values = real_spectra("reference", energy_last(reference, reference.data))
    values = np.asarray(values, dtype=float).reshape(-1, len(energies))
    finite_spectra("reference", values)
    words = []
    if losses is None:
        words.append(
            "no low loss was given: plural scattering is that of the reference."
        )
    edge = _computed_again(reference, values, losses)
    if edge is not None:
        return edge, [*words, "the set of `sto_o_k` was computed again."]
    edge = Edge(energies, values, losses=losses)
    mean = values.mean(axis=0)
    if mean[:3].mean() > _NO_BACKGROUND * mean.max():
        raise ValueError(
            must_be(
                "reference",
                "an edge without background that begins before its onset",
                f"{100 * mean[:3].mean() / mean.max():.0f} % of the maximum in its "
                "first channels",
                "Simulate it without background and from some eV before the onset on.",
            )
        )
    return edge, words


def _computed_again(reference, values, losses):
    """Factors of a set of `sto_o_k`, or None if the reference isn't one as it was."""
    from hyperspy_aedenoise.data._edge_of_sto import unbroadened_edge
    from hyperspy_aedenoise.data._sto_o_k import sto_o_k

    parameters = reference.metadata.get_item("Simulation.sto_o_k")
    if parameters is None:
        return None
    parameters = parameters.as_dictionary()
    axis = reference.axes_manager.signal_axes[0]
    if not np.isclose(axis.scale, parameters["dispersion"]):
        return None
    again = sto_o_k(**parameters).data
    again = again.reshape(-1, again.shape[-1]).astype(float)
    if again.shape != values.shape:
        return None
    scale = values.sum() / again.sum()
    if not np.allclose(values, scale * again, rtol=0, atol=1e-5 * abs(values).max()):
        return None
    if losses is not None:
        parameters = parameters | {"plural_scattering": 0.0}
    energies, spectra, weights, resolution, last = unbroadened_edge(parameters)
    moved = axis.offset - parameters["energy_start"]
    unit = scale * float(reference.metadata.Simulation.sto_o_k_unit)
    return Edge(
        energies + moved, unit * spectra, weights, resolution, losses, last + moved
    )


def _signal(reference, experiment, values, inside, report):
    """The adjusted positions as a signal on the experiment's channels."""
    from exspy.signals import EELSSpectrum

    axis = experiment.axes_manager.signal_axes[0].get_axis_dictionary()
    axis["offset"] += axis["scale"] * inside.start
    axis["size"] = inside.stop - inside.start
    axes = [*navigation_axes(reference), axis]
    shape = reference.axes_manager.navigation_shape[::-1]
    adjusted = EELSSpectrum(
        values.reshape(*shape, axis["size"]).astype(np.float32),
        axes=axes,
        metadata=reference.metadata.as_dictionary(),
    )
    if adjusted.metadata.has_item("Simulation"):  # it no longer is what was simulated
        del adjusted.metadata.Simulation
    instrument = experiment.metadata.get_item("Acquisition_instrument")
    if instrument is not None:
        adjusted.metadata.set_item("Acquisition_instrument", instrument.as_dictionary())
    changed = {name: value for name, (value, _, _) in report.parameters.items()}
    adjusted.metadata.set_item("Simulation.match_reference", changed)
    title = reference.metadata.General.title
    adjusted.metadata.General.title = f"{title}, matched".strip(", ")
    return adjusted.as_lazy() if reference._lazy else adjusted

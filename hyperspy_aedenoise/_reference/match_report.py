"""What was done to bring a simulation to an experiment, in numbers and words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hyperspy_aedenoise._noise.model import NoiseModel
from hyperspy_aedenoise._reference.instrument import FWHM

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Distance (eV) that the channels before an edge keep from its onset.
DISTANCE = 2.0
#: End of the fine structure (eV above the onset), where the report draws a line.
_FINE_STRUCTURE = 10.0
#: Standard errors beyond which a difference is told.
SIGNIFICANT = 4.0


def percent(share):
    """A share in words."""
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


@dataclass(frozen=True)
class Region:
    """How well the adjusted reference fits in a range of energy.

    Attributes
    ----------
    first, last : float
        Limits in eV.
    chi_square : float
        Mean of the squared residual in units of the noise variance of the mean
        spectrum; 1 if nothing disagrees.
    expected_spread : float
        Standard deviation of `chi_square` around 1 by the noise alone.
    largest : float
        Largest residual relative to the largest value of the edge.
    """

    first: float
    last: float
    chi_square: float
    expected_spread: float
    largest: float


@dataclass(frozen=True)
class MatchReport:
    """What `match_reference` changed, and what still disagrees.

    Attributes
    ----------
    parameters : dict of str to tuple
        Value, standard error and unit of each parameter.
    regions : dict of str to Region
        How well it fits before the edge, in its first 10 eV, and above.
    warnings : tuple of str
        What should be looked at before the result is used.
    notes : tuple of str
        What else was found.
    noise : NoiseModel
        Noise of the experiment.
    energies, experiment, adjusted, background, noise_level : ndarray
        Of shape (n_channels,): energy losses in eV; on them the mean spectra of
        experiment (NaN where masked) and adjusted reference, the fitted background,
        and the standard deviation of the noise in the experiment's mean.
    """

    parameters: dict[str, tuple[float, float, str]]
    regions: dict[str, Region]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    noise: NoiseModel
    energies: np.ndarray = field(repr=False)
    experiment: np.ndarray = field(repr=False)
    adjusted: np.ndarray = field(repr=False)
    background: np.ndarray = field(repr=False)
    noise_level: np.ndarray = field(repr=False)

    @property
    def residual(self) -> np.ndarray:
        """Mean spectrum of the experiment less that of the adjusted reference."""
        return self.experiment - self.adjusted

    def plot(self) -> Figure:
        """Draw the mean spectra with the background, and the residual below.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from hyperspy_aedenoise._reference.figure import plot_match

        return plot_match(self)

    def __str__(self):
        lines = ["Reference matched to the experiment:"]
        for name, (value, error, unit) in self.parameters.items():
            lines.append(f"  {name:<22}{value:10.4g} +- {error:.2g} {unit}".rstrip())
        lines.append("Squared residual / noise variance (1 if nothing disagrees):")
        for name, region in self.regions.items():
            lines.append(
                f"  {name:<22}{region.chi_square:10.3g} (expected 1 +- "
                f"{region.expected_spread:.2g}; largest residual "
                f"{percent(region.largest)} of the edge's maximum)"
            )
        lines += [f"Warning: {text}" for text in self.warnings]
        lines += [f"Note: {text}" for text in self.notes]
        return "\n".join(lines)


def parameters_of(fit, edge, spread):
    """Value, standard error and unit by name."""
    width, error = fit.broadening()
    total = float(np.hypot(width, edge.resolution))
    if width and total:
        error = error * width / total
    name = "resolution" if edge.resolution else "added broadening"
    parameters = {
        "onset shift": (*fit.shift, "eV"),
        name: (total, error, "eV"),
        "edge intensity": (*fit.scale, "times the reference, per eV"),
    }
    if fit.level[0] > 0:
        parameters["background exponent"] = (*fit.exponent, "")
        parameters["background at onset"] = (*fit.level, "signal units")
    if edge.losses is not None:
        parameters["plural scattering"] = (
            edge.losses.paths,
            edge.losses.error,
            "mean free paths",
        )
    if np.isfinite(spread.measured[0]):
        rows = (
            ("edge", 0, 100, "%"),
            ("background", 1, 100, "%"),
            ("energy", 2, 1, "eV"),
        )
        for what, index, factor, unit in rows:
            if what != "background" or fit.level[0] > 0:
                value, error = spread.measured[index], spread.error[index]
                parameters[f"spread of {what}"] = (factor * value, factor * error, unit)
    return {
        name: (float(value), float(error), unit)
        for name, (value, error, unit) in parameters.items()
    }


def doubts_of(fit, parameters):
    """What the data can't tell well enough, and what was not done."""
    limits = {
        "onset shift": 0.05,
        "resolution": 0.1 * parameters.get("resolution", (0,))[0],
        "edge intensity": 0.02 * fit.scale[0],
    }
    for name, limit in limits.items():
        if name in parameters and 3 * parameters[name][1] > limit:
            value, error, unit = parameters[name]
            yield (
                f"the {name} is not well known, {value:.4g} +- {error:.2g} {unit} (one "
                "standard error): more counts, a longer range before the edge or a "
                "better simulation would tell."
            )
    wanted, error = fit.variance
    if wanted < -SIGNIFICANT * error:
        yield (
            "the simulation is already broader than the experiment, by a Gaussian of "
            f"about {FWHM * np.sqrt(-wanted):.2g} eV full width at half maximum "
            f"(variance {wanted:.2g} +- {error:.1g} eV²). Nothing was sharpened: "
            "simulate with a better resolution or a longer lifetime."
        )


def regions_of(spectrum, residual, fit, onset):
    """Squared residual of a `MeanSpectrum` in units of its noise, by region."""
    channels = spectrum.energies
    limits = {
        "before the edge": (channels[0], onset - DISTANCE),
        "fine structure": (onset - DISTANCE, onset + _FINE_STRUCTURE),
        "above": (onset + _FINE_STRUCTURE, channels[-1] + 1e-6),
    }
    spread = spectrum.noise_level
    correlation = spectrum.covariance / np.outer(spread, spread)
    result = {}
    for name, (first, last) in limits.items():
        here = spectrum.used & (channels >= first) & (channels < last)
        n_here = int(here.sum())
        if n_here < 2:
            continue
        together = (correlation[np.ix_(here, here)] ** 2).sum()
        result[name] = Region(
            float(first),
            float(last),
            float(np.mean((residual[here] / spread[here]) ** 2)),
            float(np.sqrt(2 * together) / n_here),
            float(np.abs(residual[here]).max() / fit.edge.max()),
        )
    return result


def disagreements_of(regions, add_residual):
    """Words for the regions in which the residual is not noise."""
    cures = {
        "before the edge": "The background is no power law there: crop or mask what is "
        "before it.",
        "fine structure": "Onset shift and resolution may be wrong by more than their "
        "errors.",
        "above": "Missing plural scattering (`low_loss`) looks like that, too.",
    }
    for name, region in regions.items():
        if region.chi_square < 1 + SIGNIFICANT * region.expected_spread:
            continue
        what = "power law" if name == "before the edge" else "simulation"
        text = (
            f"{name}: the experiment's mean is not that of the {what}; differences up "
            f"to {percent(region.largest)} of the edge's maximum, on average "
            f"{np.sqrt(region.chi_square):.1f} times the noise of the mean. "
            f"{cures[name]}"
        )
        if not add_residual and name != "before the edge":
            text += " For training, `add_residual=True` takes it from the experiment."
        yield text

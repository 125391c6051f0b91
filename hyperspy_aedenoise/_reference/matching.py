"""A simulated edge brought to the spectra of an experiment."""

import numpy as np
import scipy.optimize

from hyperspy_aedenoise._errors import must_be
from hyperspy_aedenoise._reference.edge_fit import (
    FURTHEST_SHIFT,
    find_shift,
    fit_edge,
)
from hyperspy_aedenoise._reference.match_report import (
    DISTANCE,
    SIGNIFICANT,
    MatchReport,
    disagreements_of,
    doubts_of,
    parameters_of,
    percent,
    regions_of,
)
from hyperspy_aedenoise._reference.spread import Spread, adjusted

#: Ranges (eV) before the onset in which a power law is tried, the widest first.
_BEFORE_ONSET = (30.0, 20.0, 12.0)
#: Shifts (eV) of the onset that are tried.
_SHIFTS = np.arange(-FURTHEST_SHIFT, FURTHEST_SHIFT + 0.1, 0.25)
#: Fewest channels before and after the onset.
_FEWEST_CHANNELS = 8
#: Standard errors by which an edge is there: it was looked for in many places.
_EDGE_SEEN = 6.0
#: What an edge's own tail may have before the onset, relative to its maximum.
_NO_BACKGROUND = 0.02
#: Least share of the edge that a simulation of the same edge explains.
_SAME_EDGE = 0.8


def match(edge, experiment, add_residual, rng):
    """Bring a simulated edge to the spectra of an experiment.

    Parameters
    ----------
    edge : Edge
    experiment : Experiment
    add_residual : bool
        Whether what the edge lacks of the mean spectrum is added.
    rng : numpy.random.Generator

    Returns
    -------
    values : ndarray, shape (n_positions, n_inside)
        The positions of the edge as the experiment would show them, without noise.
    inside : slice
        Channels that they cover.
    report : MatchReport
    """
    inside, start = _locate(edge, experiment)
    here = experiment.part(inside)
    mean, onset = here.mean, edge.onset + start[0]
    before = mean.used & (mean.energies < onset - DISTANCE)
    no_background = _without_background(mean, before)
    fit = fit_edge(
        edge.mean_on(mean.energies),
        mean,
        onset,
        start,
        with_background=not no_background,
    )
    other_edge = _other_edge(fit, mean.values, mean.used & ~before, here.noise)
    spread = Spread.of(fit, edge, here)
    lacking = fit.lacking if add_residual else np.zeros_like(fit.lacking)
    values = adjusted(fit, edge, lacking, spread, rng)

    parameters = parameters_of(fit, edge, spread)
    residual = mean.values - fit.mean - lacking
    regions = regions_of(mean, residual, fit, onset)
    report = MatchReport(
        parameters=parameters,
        regions=regions,
        warnings=(
            *_coverage(inside, experiment.energies),
            *no_background,
            *other_edge,
            *_short_low_loss(edge, mean.energies, onset),
            *doubts_of(fit, parameters),
            *spread.warnings,
            *disagreements_of(regions, add_residual),
        ),
        notes=(*spread.notes, *_added(lacking, fit)),
        noise=here.noise,
        energies=mean.energies,
        experiment=np.where(mean.used, mean.values, np.nan),
        adjusted=fit.mean + lacking,
        background=fit.background,
        noise_level=mean.noise_level,
    )
    return values, inside, report


# Finding the edge -------------------------------------------------------------------


def _locate(edge, experiment):
    """Channels to work on, and where the edge is roughly; or a refusal."""
    energies = experiment.energies
    nearest, furthest = edge.onset - FURTHEST_SHIFT, edge.onset + FURTHEST_SHIFT
    if not energies[0] < furthest or not energies[-1] > nearest:
        raise ValueError(
            must_be(
                "experiment",
                f"of the reference's edge, with an onset near {edge.onset:.1f} eV",
                f"energies from {energies[0]:.1f} to {energies[-1]:.1f} eV",
                "Calibrate the energy axis, or take another reference.",
            )
        )
    wide = experiment.between(nearest - _BEFORE_ONSET[0], edge.end + FURTHEST_SHIFT)
    mean = experiment.part(wide).mean
    channels, used = mean.energies, mean.used
    inside = (edge.onset + _SHIFTS > channels[0]) & (
        edge.onset + _SHIFTS < channels[-1]
    )
    start = find_shift(edge.mean_on(channels), mean, edge.onset, _SHIFTS[inside])
    onset = edge.onset + start[0]
    before = used & (channels < onset - DISTANCE)
    n_after = int((used & (channels > onset)).sum())
    if min(before.sum(), n_after) < _FEWEST_CHANNELS:
        raise ValueError(
            must_be(
                "experiment",
                f"of at least {_FEWEST_CHANNELS} channels more than {DISTANCE:g} eV "
                "before the onset and as many after it",
                f"{before.sum()} before and {n_after} after, in a spectrum from "
                f"{channels[0]:.1f} to {channels[-1]:.1f} eV with an onset that seems "
                f"to lie at {onset:.1f} eV",
                "Without them edge and background can't be told apart.",
            )
        )
    tail = edge.mean_on(channels)(*start)[0]
    reach = _power_law_range(mean, before, onset, tail)
    return experiment.between(onset - reach, edge.end + start[0]), start


def _power_law_range(spectrum, before, onset, tail):
    """Widest range before the onset in which the spectrum is a power law.

    But for the edge's own `tail`.
    """
    channels, mean = spectrum.energies, spectrum.values
    reach = _BEFORE_ONSET[0]
    for reach in _BEFORE_ONSET:
        here = before & (channels > onset - reach)
        n_free = here.sum() - 3
        if n_free < _FEWEST_CHANNELS:
            break
        factor = np.linalg.cholesky(spectrum.covariance[np.ix_(here, here)])

        def whitened(parameters, here=here, factor=factor):
            level, exponent, share = parameters
            law = level * (channels[here] / onset) ** -exponent + share * tail[here]
            return np.linalg.solve(factor, mean[here] - law)

        start = (mean[here].mean(), 3.0, 0.0)
        size = abs(start[0]) + np.ptp(mean)
        scale = (size, 1.0, size / tail.max())
        fit = scipy.optimize.least_squares(whitened, start, x_scale=scale)
        if 2 * fit.cost / n_free < 1 + SIGNIFICANT * np.sqrt(2 / n_free):
            break
    return reach


def _without_background(mean, before):
    """A warning if there is nothing to take off before the edge."""
    level = mean.values[before].mean()
    error = np.sqrt(mean.covariance[np.ix_(before, before)].sum()) / before.sum()
    if level > max(SIGNIFICANT * error, _NO_BACKGROUND * np.ptp(mean.values)):
        return []
    return [
        f"the experiment has no background before the edge (mean {level:.3g} +- "
        f"{error:.2g}, edge up to {mean.values.max():.3g}). It seems to have been "
        "removed, so none was fitted. Its noise is still there: better measure the "
        "noise, match and denoise with the background."
    ]


def _other_edge(fit, mean, above, noise):
    """Refuse spectra without the edge; warnings if it seems to be another one."""
    scale, error = fit.scale
    if not scale > _EDGE_SEEN * error:
        raise ValueError(
            must_be(
                "experiment",
                "a signal that shows the reference's edge",
                f"an edge of {scale:.3g} +- {error:.2g} times the reference within "
                f"{FURTHEST_SHIFT:g} eV of its onset, with noise of {noise.summary()}",
                "Calibrate the energy axis, take another reference, or pass `noise`.",
            )
        )
    warnings = []
    signal = (mean - fit.background)[above]
    explained = 1 - ((mean - fit.mean)[above] ** 2).sum() / (signal**2).sum()
    if explained < _SAME_EDGE:
        warnings.append(
            f"the reference explains {100 * max(explained, 0):.0f} % of what lies "
            f"above the background (at least {100 * _SAME_EDGE:.0f} % for the same "
            "edge). This may be another edge or another material."
        )
    if abs(fit.shift[0]) > FURTHEST_SHIFT - 0.5:
        warnings.append(
            f"the onset was shifted by {fit.shift[0]:+.1f} eV, as far as is tried. "
            "Calibrate the energy axis first."
        )
    return warnings


def _coverage(inside, energies):
    """A warning if the result doesn't cover all of the experiment's channels."""
    if inside == slice(0, len(energies)):
        return []
    first, last = energies[inside.start], energies[inside.stop - 1]
    return [
        f"the result covers {first:.1f} to {last:.1f} eV, the experiment "
        f"{energies[0]:.1f} to {energies[-1]:.1f} eV: more is not computed, or has no "
        "power-law background. Use the result with "
        f"`experiment.isig[{inside.start}:{inside.stop}]`."
    ]


def _short_low_loss(edge, channels, onset):
    """A warning if the low loss doesn't reach as far as the edge is fitted."""
    needed = channels[-1] - onset
    if edge.losses is None or edge.losses.loss[-1] > needed:
        return []
    return [
        f"the low loss ends at {edge.losses.loss[-1]:.1f} eV, but {needed:.1f} eV are "
        "needed up to the last channel: plural scattering above is missing."
    ]


def _added(lacking, fit):
    """A note on the residual that was added."""
    if not lacking.any():
        return []
    largest = percent(np.abs(lacking).max() / fit.edge.max())
    return [
        f"the residual of the mean was added, up to {largest} of the edge's maximum; "
        "the chi-squares are those that are left."
    ]

"""How positions differ, in an experiment and in the reference brought to it."""

from dataclasses import dataclass

import numpy as np
import scipy.interpolate
import scipy.linalg

from hyperspy_aedenoise._reference.match_report import SIGNIFICANT, percent

#: Spectra of a larger experiment are drawn at random to measure their spread.
_MOST_SPECTRA = 8192
#: Positions of a reference that are brought to the experiment at a time.
_POSITIONS = 256
#: Least share of the mean's variance that is left to single spectra when they drift.
_SHARPEST = 0.25


@dataclass(frozen=True)
class Spread:
    """How positions differ in edge and background (relative) and in energy (eV).

    Parameters
    ----------
    excess : ndarray, shape (3, 3)
        Covariance that the reference lacks.
    measured, error : ndarray, shape (3,)
        Standard deviations in the experiment, beyond its noise, and their errors; NaN
        where there are too few spectra to tell.
    variance : float
        Variance in eV squared of the Gaussian that single spectra are folded with: the
        mean's less that of the drift.
    warnings, notes : tuple of str
    """

    excess: np.ndarray
    measured: np.ndarray
    error: np.ndarray
    variance: float
    warnings: tuple
    notes: tuple

    @classmethod
    def of(cls, fit, edge, experiment):
        """Measure it; of few spectra or positions it isn't known."""
        channels, used = experiment.energies, experiment.used
        n_spectra = len(experiment.spectra)
        unknown = np.full(3, np.nan)
        if min(n_spectra, edge.n_positions) < 3:
            return cls(np.zeros((3, 3)), unknown, unknown, fit.form[1], (), ())
        chosen = np.random.default_rng(0).permutation(n_spectra)[:_MOST_SPECTRA]
        whole = fit.edge + fit.lacking
        shift, variance = fit.form
        on_channels, step = edge.mean_on(channels), 0.02
        by_energy = on_channels(shift + step, variance)
        by_energy = by_energy - on_channels(shift - step, variance)
        by_energy = fit.scale[0] * by_energy[0] / (2 * step)
        by_energy -= np.gradient(fit.lacking + fit.background, channels)
        templates = np.array([whole, fit.background, by_energy])
        fitted = np.any(templates != 0, axis=1)
        some = np.unique(np.linspace(0, edge.n_positions - 1, _POSITIONS).astype(int))
        parts, weights = edge.parts_on(channels, some)
        own = fit.scale[0] * weights @ parts(*fit.form)
        own += np.outer(own.sum(axis=1) / fit.edge.sum(), fit.background)
        found = excess_spread(
            experiment.spectra[chosen][:, used],
            templates[fitted][:, used],
            experiment.mean.covariance[np.ix_(used, used)] * n_spectra,
            own[:, used],
        )
        excess = np.zeros((3, 3))
        excess[np.ix_(fitted, fitted)] = found[0]
        deviations = np.zeros((3, 3))
        deviations[:, fitted] = found[1:]
        measured, reference, error = deviations
        beyond = np.diag(excess) > SIGNIFICANT * error
        excess *= np.outer(beyond, beyond)
        notes, warnings = [], []
        single = variance - excess[2, 2]
        if single < _SHARPEST * variance:
            single = _SHARPEST * variance
            warnings.append(
                f"an energy drift of {np.sqrt(excess[2, 2]):.2g} eV (standard "
                "deviation) is most of the width of the mean spectrum's peaks. The "
                "resolution of single spectra can't be told; half of the mean's width "
                "was taken. Align the spectra first, with `s.align1D()`."
            )
        if beyond[2]:
            notes.append(
                f"an energy drift of {np.sqrt(excess[2, 2]):.2g} eV (standard "
                "deviation between spectra) was given to the reference's positions."
            )
        if reference[0] ** 2 - measured[0] ** 2 > SIGNIFICANT * error[0]:
            notes.append(
                f"the edge's intensity varies by {percent(reference[0])} between "
                f"the reference's positions and by {percent(measured[0])} in the "
                "experiment: its source may be larger, or its field of view another."
            )
        # of a standard deviation, from that of its square
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.fmin(error / (2 * measured), np.sqrt(error))
        return cls(excess, measured, error, single, tuple(warnings), tuple(notes))


def adjusted(fit, edge, added, spread, rng):
    """All positions as the experiment would show them.

    Parameters
    ----------
    fit : EdgeFit
    edge : Edge
    added : ndarray, shape (n_channels,)
        What is added to the edge of the mean spectrum, in signal units.
    spread : Spread
    rng : numpy.random.Generator
        Draws the excess of the spread.

    Returns
    -------
    ndarray, shape (n_positions, n_channels)
    """
    channels = fit.energies
    values, vectors = np.linalg.eigh(spread.excess)
    root = vectors * np.sqrt(np.maximum(values, 0))
    added = scipy.interpolate.CubicSpline(channels, added)
    drawn = rng.standard_normal((edge.n_positions, 3)) @ root.T
    shift = fit.form[0]
    blocks = []
    for start in range(0, edge.n_positions, _POSITIONS):
        block = np.arange(start, min(start + _POSITIONS, edge.n_positions))
        amount, background, drift = drawn[block].T
        parts, weights = edge.parts_on(channels, block)
        values = parts.each_shifted(shift + drift, spread.variance, weights)
        values *= fit.scale[0]
        # their intensity, whatever the drift moves out of the channels
        share = fit.scale[0] * weights @ parts(*fit.form).sum(axis=1) / fit.edge.sum()
        places = np.clip(np.subtract.outer(channels, drift), channels[0], channels[-1])
        values += share[:, None] * added(places.T)
        values *= np.maximum(1 + amount, 0)[:, None]
        level = np.maximum(share + background, 0)
        blocks.append(values + np.outer(level, fit.background))
    return np.concatenate(blocks)


def excess_spread(spectra, templates, covariance, own):
    """How spectra differ in intensity, background and energy beyond their noise.

    Parameters
    ----------
    spectra : ndarray, shape (n_spectra, n_channels)
    templates : ndarray, shape (n_templates, n_channels)
        What the spectra are composed of.
    covariance : ndarray, shape (n_channels, n_channels)
        Of the noise of one spectrum.
    own : ndarray, shape (n_reference, n_channels)
        Reference spectra without noise, that differ in their own way.

    Returns
    -------
    excess : ndarray, shape (n_templates, n_templates)
        Covariance of the amounts of the templates, less that of the noise and of the
        reference's own amounts; no eigenvalue is below 0.
    measured, reference : ndarray, shape (n_templates,)
        Standard deviation of the amounts beyond noise, and of the reference's own.
    error : ndarray, shape (n_templates,)
        Standard error of the variance of the amounts.
    """
    factor = np.linalg.cholesky(covariance)
    white = scipy.linalg.solve_triangular(factor, templates.T, lower=True)
    of_noise = np.linalg.pinv(white.T @ white)
    gauge = (
        of_noise @ scipy.linalg.solve_triangular(factor, white, lower=True, trans="T").T
    )
    amounts, own_amounts = gauge @ spectra.T, gauge @ own.T
    total = np.cov(amounts)
    measured = total - of_noise
    reference = np.cov(own_amounts)
    values, vectors = np.linalg.eigh(measured - reference)
    excess = (vectors * np.maximum(values, 0)) @ vectors.T
    return (
        excess,
        np.sqrt(np.maximum(np.diag(measured), 0)),
        np.sqrt(np.diag(reference)),
        np.sqrt(2 / (len(spectra) - 1)) * np.diag(total),
    )

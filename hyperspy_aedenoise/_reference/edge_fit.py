"""A simulated edge fitted to an experiment's mean spectrum."""

import itertools
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from hyperspy_aedenoise._reference.edge_problem import (
    EDGE_NEAR,
    EdgeProblem,
    relative_error,
)
from hyperspy_aedenoise._reference.instrument import FWHM

#: Furthest that an onset is looked for from where the simulation has it, in eV.
FURTHEST_SHIFT = 10.0
#: Rounds in which the errors weigh the fit and the fit gives the errors.
_ROUNDS = 3


@dataclass(frozen=True)
class EdgeFit:
    """A simulated edge on a background, fitted to a mean spectrum.

    Parameters
    ----------
    shift, variance, exponent, scale, level : tuple of float
        Value and standard error: shift in eV; variance of the added Gaussian in eV
        squared, below 0 if the spectrum is sharper than the simulation (which is then
        left as it is); exponent r of the background; intensity of the edge relative
        to the simulation; background at the onset in signal units.
    energies : ndarray, shape (n_channels,)
        In eV.
    edge, background : ndarray, shape (n_channels,)
        The two parts of the fit.
    lacking : ndarray, shape (n_channels,)
        What the spectrum has beyond the fit and beyond its noise: the posterior mean
        of the errors of simulation and power law.
    """

    shift: tuple
    variance: tuple
    exponent: tuple
    scale: tuple
    level: tuple
    energies: np.ndarray
    edge: np.ndarray
    background: np.ndarray
    lacking: np.ndarray

    @property
    def mean(self):
        """Edge and background together, shape (n_channels,)."""
        return self.edge + self.background

    @property
    def form(self):
        """Shift and variance of the Gaussian, not below 0."""
        return self.shift[0], max(self.variance[0], 0.0)

    def broadening(self):
        """Full width at half maximum of the added Gaussian and its error, in eV."""
        variance, error = max(self.variance[0], 0.0), self.variance[1]
        width = FWHM * np.sqrt(variance)
        if width == 0:
            return 0.0, FWHM * np.sqrt(error)
        return width, min(FWHM**2 * error / (2 * width), FWHM * np.sqrt(error))


def find_shift(on_channels, spectrum, onset, shifts):
    """Where the simulated edge lies in a spectrum, roughly.

    Parameters
    ----------
    on_channels : EdgeOnChannels
        Of one spectrum.
    spectrum : MeanSpectrum
    onset : float
        Where the simulation has it, in eV.
    shifts : ndarray
        Shifts that are tried, in eV.

    Returns
    -------
    shift : float
        In eV.
    variance : float
        Of the added Gaussian, in eV squared.
    """
    energies, mean, used = spectrum.energies, spectrum.values, spectrum.used
    size = np.ptp(mean[used])
    noise = np.diag(spectrum.covariance)
    # two power laws and a constant stand for any background
    scaled = energies / energies[0]
    others = np.stack([np.ones_like(scaled), scaled**-2, scaled**-5])
    best = (np.inf, 0.0, 0.0)
    for shift, variance in itertools.product(shifts, (0.02, 0.1, 0.4, 1.5)):
        columns = np.concatenate([on_channels(shift, variance), others])
        wrong = 0.1 * size * relative_error(energies, onset + shift, EDGE_NEAR)
        of_channels = noise + wrong**2
        weight = used / np.sqrt(of_channels)
        solution, *_ = np.linalg.lstsq((columns * weight).T, mean * weight, rcond=None)
        misfit = (((mean - solution @ columns) * weight) ** 2).sum()
        misfit += np.log(of_channels[used]).sum()
        if solution[0] > 0 and misfit < best[0]:
            best = (misfit, float(shift), variance)
    return best[1:]


def fit_edge(on_channels, spectrum, onset, start, with_background):
    """Fit shift, resolution, intensity and background of a simulated edge.

    Parameters
    ----------
    on_channels : EdgeOnChannels
        Of one spectrum.
    spectrum : MeanSpectrum
        What it is fitted to.
    onset : float
        Energy in eV at which the background level is given.
    start : tuple of float
        Shift and variance to begin with.
    with_background : bool
        False: nothing is taken off.

    Returns
    -------
    EdgeFit

    Notes
    -----
    Generalised least squares, the intensities being solved for exactly at each step
    (variable projection). A simulation is never exactly right, nor is a power law:
    their errors enter the covariance as Gaussian processes (M. C. Kennedy and
    A. O'Hagan, J. R. Statist. Soc. B 63 (2001) 425, doi:10.1111/1467-9868.00294,
    equation 5), in proportion to edge and background, with the sizes that make the
    spectrum most likely. So a simulation that fits helps to find the background, and
    one that doesn't leaves that to the channels before the edge.
    """
    problem = EdgeProblem(on_channels, spectrum, onset, with_background)
    measured = spectrum.values[spectrum.used]
    parameters = np.array([*start, 3.0])
    first_guess = np.diag(np.full(len(measured), (0.02 * np.ptp(measured)) ** 2))
    factor = np.linalg.cholesky(problem.noise + first_guess)
    parameters = problem.optimise(parameters, factor)
    sizes = (0.02, 0.002)
    for _ in range(_ROUNDS):
        parts = problem.parts(parameters, factor)
        sizes = problem.most_likely_sizes(sizes, parts, parameters)
        factor = problem.factor(parts, sizes)
        parameters = problem.optimise(parameters, factor)
    wanted, wanted_error = parameters[1], None
    if wanted < 0:  # nothing is sharpened; what the spectrum asks for is told
        parts = problem.parts(parameters, factor)
        wanted_error = problem.standard_errors(parts, parameters, factor)[3]
        problem.sharpen = False
        parameters[1] = 0
        for _ in range(_ROUNDS):
            parts = problem.parts(parameters, factor)
            sizes = problem.most_likely_sizes(sizes, parts, parameters)
            factor = problem.factor(parts, sizes)

    edge, background = parts = problem.parts(parameters, factor)
    errors = problem.standard_errors(parts, parameters, factor)
    scale, level = problem.solve(parameters, factor)[0]
    rest = measured - (edge + background)[spectrum.used]
    lacking = problem.errors(parts, sizes)[:, spectrum.used] @ scipy.linalg.cho_solve(
        (factor, True), rest
    )
    return EdgeFit(
        shift=(parameters[0], errors[2]),
        variance=(wanted, errors[3] if wanted_error is None else wanted_error),
        exponent=(parameters[2], errors[4]),
        scale=(scale, abs(scale) * errors[0]),
        level=(level, abs(level) * errors[1]),
        energies=spectrum.energies,
        edge=edge,
        background=background,
        lacking=lacking,
    )

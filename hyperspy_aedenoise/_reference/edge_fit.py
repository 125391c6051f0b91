"""A simulated edge fitted to an experiment's mean spectrum, and to its spread."""

import itertools
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.optimize

from hyperspy_aedenoise._reference.instrument import FWHM

#: Furthest that an onset is looked for from where the simulation has it, in eV.
FURTHEST_SHIFT = 10.0
#: Lengths in eV over which errors of a simulated edge hang together, peak by peak and
#: on the whole, and those of a background.
_EDGE_LENGTHS, _BACKGROUND_LENGTHS = (1.5, 8.0), (10.0,)
#: Relative errors tried for the simulated edge and for the power law.
_EDGE_ERRORS = np.array([0, 0.002, 0.005, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.25])
_BACKGROUND_ERRORS = np.array([0, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05])
#: Distance in eV above the onset at which a simulation is as wrong as it gets, and
#: share of that error at the onset and before, of edge and background. Calculated peaks
#: are out of place in proportion to their distance from the onset; a background is
#: known where it is seen.
_FAR, _EDGE_NEAR, _BACKGROUND_NEAR = 10.0, 0.1, 0.01
#: Rounds in which the errors weigh the fit and the fit gives the errors.
_ROUNDS = 3
#: Limits of shift (eV), variance (eV squared) and exponent.
_LOWEST, _HIGHEST = np.array([-12.0, -0.5, 0.0]), np.array([12.0, 25.0, 12.0])


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


def _relative_error(energies, onset, near):
    """Error of simulation or background relative to that far from the onset."""
    return np.clip((energies - onset) / _FAR, near, 1)


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
        wrong = 0.1 * size * _relative_error(energies, onset + shift, _EDGE_NEAR)
        of_channels = noise + wrong**2
        weight = used / np.sqrt(of_channels)
        solution, *_ = np.linalg.lstsq((columns * weight).T, mean * weight)
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
    problem = _Problem(on_channels, spectrum, onset, with_background)
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


class _Problem:
    """The least-squares problem of `fit_edge`.

    `parameters` are shift, variance of the Gaussian, and exponent.
    """

    def __init__(self, on_channels, spectrum, onset, with_background):
        energies, mean, used = spectrum.energies, spectrum.values, spectrum.used
        self.on_channels = on_channels
        self.energies = energies
        self.mean = mean
        self.used = used
        self.onset = onset
        self.with_background = with_background
        self.sharpen = True
        noise = spectrum.covariance[np.ix_(used, used)]
        floor = 1e-9 * np.diag(noise) + 1e-14 * np.ptp(mean) ** 2
        self.noise = noise + np.diag(floor)
        distance = np.subtract.outer(energies, energies)
        self.kernels = []
        for lengths, near in (
            (_EDGE_LENGTHS, _EDGE_NEAR),
            (_BACKGROUND_LENGTHS, _BACKGROUND_NEAR),
        ):
            error = _relative_error(energies, onset, near)
            alike = [np.exp(-((distance / length) ** 2) / 2) for length in lengths]
            self.kernels.append(np.outer(error, error) * np.mean(alike, axis=0))

    def columns(self, parameters):
        """Edge and background of unit intensity, shape (n_channels, 2)."""
        *form, exponent = parameters
        edge = self.on_channels(*form)[0]
        background = (self.energies / self.onset) ** -exponent
        return np.stack([edge, self.with_background * background], axis=1)

    def solve(self, parameters, factor):
        """Intensities, and the whitened residual."""
        columns = self.columns(parameters)[self.used]
        white = scipy.linalg.solve_triangular(
            factor, np.column_stack([columns, self.mean[self.used]]), lower=True
        )
        intensities, *_ = np.linalg.lstsq(white[:, :-1], white[:, -1])
        return intensities, white[:, -1] - white[:, :-1] @ intensities

    def parts(self, parameters, factor):
        """Edge and background, shape (2, n_channels)."""
        intensities, _ = self.solve(parameters, factor)
        return (self.columns(parameters) * intensities).T

    def errors(self, parts, sizes):
        """Covariance of the errors of simulation and power law."""
        return sum(
            size**2 * np.outer(part, part) * kernel
            for size, part, kernel in zip(sizes, parts, self.kernels, strict=True)
        )

    def factor(self, parts, sizes):
        """Cholesky factor of the covariance of the channels that are used."""
        errors = self.errors(parts, sizes)[np.ix_(self.used, self.used)]
        return np.linalg.cholesky(self.noise + errors)

    def optimise(self, parameters, factor):
        """Parameters of the smallest whitened residual."""
        lowest, highest = _LOWEST.copy(), _HIGHEST.copy()
        if not self.with_background:
            lowest[2], highest[2] = parameters[2] - 1e-3, parameters[2] + 1e-3
        return scipy.optimize.least_squares(
            lambda trial: self.solve(trial, factor)[1],
            np.clip(parameters, lowest + 1e-9, highest - 1e-9),
            bounds=(lowest, highest),
            x_scale=[0.1, 0.1, 0.5],
            diff_step=1e-5,
        ).x

    def jacobian(self, parts, parameters):
        """Derivatives by relative intensities, and by the parameters."""
        edge, background = parts
        steps = np.diag([0.01, 0.002, 0.01])
        slopes = []
        for which, step in zip((0, 0, 1), steps, strict=True):
            upper, lower = (
                self.columns(parameters + sign * step)[:, which] for sign in (1, -1)
            )
            unit = self.columns(parameters)[:, which].sum()
            part = parts[which].sum()
            scale = part / unit if unit else 0.0
            slopes.append(scale * (upper - lower) / (2 * step.sum()))
        slopes[1] *= self.sharpen  # the resolution stays where it is
        return np.stack([edge, background, *slopes], axis=1)

    def standard_errors(self, parts, parameters, factor):
        """Of what the Jacobian is taken by; 0 for what is not fitted."""
        jacobian = self.jacobian(parts, parameters)[self.used]
        white = scipy.linalg.solve_triangular(factor, jacobian, lower=True)
        fitted = np.linalg.norm(white, axis=0) > 0
        errors = np.zeros(5)
        information = white[:, fitted].T @ white[:, fitted]
        errors[fitted] = np.sqrt(np.diag(np.linalg.pinv(information)))
        return errors

    def most_likely_sizes(self, sizes, parts, parameters):
        """Relative errors of edge and background that explain the spectrum best."""
        jacobian = self.jacobian(parts, parameters)[self.used]
        fitted = np.linalg.norm(jacobian, axis=0) > 0
        jacobian = jacobian[:, fitted] / np.linalg.norm(jacobian[:, fitted], axis=0)
        known = np.column_stack([jacobian, self.mean[self.used]])
        inside = np.ix_(self.used, self.used)
        unit = [self.errors(parts, one)[inside] for one in ((1, 0), (0, 1))]

        def surprise(trial):
            factor = np.linalg.cholesky(
                self.noise + trial[0] ** 2 * unit[0] + trial[1] ** 2 * unit[1]
            )
            white = scipy.linalg.solve_triangular(factor, known, lower=True)
            triangle = np.abs(np.diag(np.linalg.qr(white, mode="r")))
            # restricted likelihood: the last entry is what the columns leave
            return (
                triangle[-1] ** 2
                + 2 * np.log(np.concatenate([np.diag(factor), triangle[:-1]])).sum()
            )

        sizes = min(((size, sizes[1]) for size in _EDGE_ERRORS), key=surprise)
        return min(((sizes[0], size) for size in _BACKGROUND_ERRORS), key=surprise)

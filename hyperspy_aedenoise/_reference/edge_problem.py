"""The least-squares problem of an edge on a background."""

import numpy as np
import scipy.linalg
import scipy.optimize

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
_FAR, EDGE_NEAR, _BACKGROUND_NEAR = 10.0, 0.1, 0.01
#: Limits of shift (eV), variance (eV squared) and exponent.
_LOWEST, _HIGHEST = np.array([-12.0, -0.5, 0.0]), np.array([12.0, 25.0, 12.0])


def relative_error(energies, onset, near):
    """Error of simulation or background relative to that far from the onset.

    Parameters
    ----------
    energies : ndarray, shape (n_channels,)
        In eV.
    onset : float
        In eV.
    near : float
        Relative error at the onset and before.

    Returns
    -------
    ndarray, shape (n_channels,)
    """
    return np.clip((energies - onset) / _FAR, near, 1)


class EdgeProblem:
    """A simulated edge on a power law, to be fitted to a mean spectrum.

    Of its methods, `parameters` are shift (eV), variance of the Gaussian (eV squared)
    and exponent; `parts` are edge and background, shape (2, n_channels); `sizes` their
    relative errors; `factor` is the Cholesky factor of the covariance of noise and
    errors in the channels that are used.

    Parameters
    ----------
    on_channels : EdgeOnChannels
        Of one spectrum.
    spectrum : MeanSpectrum
    onset : float
        Energy in eV at which the background level is given.
    with_background : bool
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
            (_EDGE_LENGTHS, EDGE_NEAR),
            (_BACKGROUND_LENGTHS, _BACKGROUND_NEAR),
        ):
            error = relative_error(energies, onset, near)
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
        intensities, *_ = np.linalg.lstsq(white[:, :-1], white[:, -1], rcond=None)
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

"""Steps within less than a channel, as between the quadrants of a detector."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.special

#: Channels on each side of a step, and degree of the polynomial that goes through all.
_SIDES, _DEGREE = (6, 12, 24), 3
#: Full width at half maximum of an edge, in channels, that must not fit as well, nor
#: may a single channel that is off.
_EDGE = 2.0
#: Standard errors by which there must be a step, and by which that edge must not fit.
_SURE, _SHARPER = 6.0, 3.0
#: Largest step that isn't an edge, relative to the spectrum.
_LARGEST = 0.1
#: Variance of a component, in units of the noise, from which on it tells spectra apart.
_TELLING = 4.0
#: Standard deviations that the misfit of polynomial and step may be off.
_FITTING = 4.0
#: Level, relative to the median, below which logarithms mean little.
_DIM = 0.05


@dataclass(frozen=True)
class Step:
    """A step along energy.

    Parameters
    ----------
    channel : int
        The first one after it.
    size, error : float
        Relative to the spectrum.
    """

    channel: int
    size: float
    error: float


def step_of_all(mean, noise, n_spectra, pattern=0.0):
    """A step that the mean of spectra has, or None.

    Parameters
    ----------
    mean : ndarray, shape (n_channels,)
        Mean spectrum in signal units.
    noise : NoiseModel
        Of one spectrum.
    n_spectra : int
    pattern : float, default 0
        Standard deviation from channel to channel of a pattern in it, relative to it.

    Returns
    -------
    Step or None

    Notes
    -----
    Where a cubic with a step fits the logarithm of the spectrum, and with an edge of
    two channels doesn't, nor with a single channel that is off. *Don't believe it*
    where edges rise within a channel, as in simulations without broadening. In fine
    structure that is curved within six channels nothing is found.
    """
    curve, variance = _logarithm(mean, noise, n_spectra)
    return _sharpest([(curve, variance + pattern**2)], noise.correlation)


def step_of_some(spectra, noise, scores):
    """A step that some spectra have and others don't, or None.

    Parameters
    ----------
    spectra : ndarray, shape (n_spectra, n_channels)
    noise : NoiseModel
    scores : ndarray, shape (n_spectra, n_components)
        Of the principal components, in units of the noise. By each they are told apart
        in two halves, unless it is so weak that its own noise would decide.

    Returns
    -------
    Step or None
        The difference of the halves.
    """
    curves = []
    for score in scores[:, scores.var(axis=0) > _TELLING].T:
        (low, of_low), (high, of_high) = (
            _logarithm(spectra[half].mean(axis=0), noise, len(half))
            for half in np.array_split(np.argsort(score), 2)
        )
        curves.append((high - low, of_high + of_low))
    return _sharpest(curves, noise.correlation)


def _logarithm(mean, noise, n_spectra):
    """Logarithm of a mean spectrum and its variance, huge where it is dim."""
    level = mean - noise.pedestal
    dim = level <= max(_DIM * np.median(level), 0)
    level = np.where(dim, 1.0, level)
    variance = noise.variance(mean) / n_spectra / level**2
    return np.log(level), np.where(dim, 1e6, variance)


def _sharpest(curves, correlation):
    """The surest of the steps in some curves with their variances, or None."""
    best, surest = None, 0.0
    for curve, variance in curves:
        for side in _SIDES:
            if len(curve) < 4 * side:
                continue
            sure, size, error = _fitted(curve, variance, correlation, side)
            at = np.argmax(sure)
            if sure[at] > max(surest, _SURE):
                surest = sure[at]
                best = Step(int(at) + side, float(size[at]), float(error[at]))
    return best


def _fitted(curve, variance, correlation, side):
    """How sure steps at all places are, 0 where there are none, sizes and errors."""
    at = np.arange(2 * side) - side + 0.5
    lags = np.zeros(2 * side)
    known = np.asarray(correlation[: 2 * side])
    lags[: len(known)] = 0.95 * known
    lags[0] = 1.0
    factor = np.linalg.cholesky(scipy.linalg.toeplitz(lags))

    def white(values):
        return scipy.linalg.solve_triangular(factor, values, lower=True)

    polynomial = np.vander(at / side, _DEGREE + 1)
    parts = np.lib.stride_tricks.sliding_window_view(curve, 2 * side)
    spread = np.sqrt(
        np.lib.stride_tricks.sliding_window_view(variance, 2 * side).max(axis=1)
    )
    values = white(((parts - parts.mean(axis=1, keepdims=True)) / spread[:, None]).T)

    def misfit(*more):
        basis = np.linalg.qr(white(np.column_stack([polynomial, *more])))[0]
        return np.square(values).sum(axis=0) - np.square(basis.T @ values).sum(axis=0)

    width = _EDGE / np.sqrt(4 * np.log(2))
    edges = [
        scipy.special.erf((at - place) / width) for place in np.arange(-1.5, 1.6, 0.25)
    ]
    edges += [(at == place).astype(float) for place in (-1.5, -0.5, 0.5, 1.5)]
    step = (at > 0).astype(float)
    with_step = misfit(step)
    n_free = 2 * side - _DEGREE - 2
    sure = np.sqrt(np.maximum(misfit() - with_step, 0))
    sharper = np.min([misfit(edge) for edge in edges], axis=0) - with_step
    fits = with_step < n_free + _FITTING * np.sqrt(2 * n_free)
    is_step = fits & (sharper > _SHARPER**2)
    inverse = np.linalg.pinv(white(np.column_stack([polynomial, step])))[-1]
    error = np.linalg.norm(inverse) * spread
    size = (inverse @ values) * spread
    return np.where(is_step & (np.abs(size) < _LARGEST), sure, 0.0), size, error

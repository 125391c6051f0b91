"""Features of single spectra, strong enough to be components of their own."""

import logging
from dataclasses import dataclass

import numpy as np
import scipy.ndimage

from hyperspy_aedenoise._filters.energy_shift import energy_drift, moved, shifts_tried
from hyperspy_aedenoise._linear.leverage import unit_scores
from hyperspy_aedenoise._linear.principal_codes import principal_codes
from hyperspy_aedenoise._observation.observation import Observation
from hyperspy_aedenoise._observation.other_rows import with_rows

_logger = logging.getLogger(__name__)

#: Least leverage of a spectrum with a feature of its own, and how few of all spectra,
#: and at most, may have one.
_OWN, _OF_ALL, _MOST = 0.5, 1 / 30, 64
#: Largest share of that feature in another spectrum, and in standard errors of it.
_SHARED, _SHARED_CLEARLY = 0.1, 5.0
#: Standard deviations of the noise, and electrons, that it rises above what the other
#: spectra's components explain, and from where on channels beside belong to it.
_CLEAR, _FOOT = 5.0, 2.0
#: Largest share of the channels: beyond it the spectrum isn't like the others at all.
_MOST_CHANNELS = 0.5
#: Share of its channels that is left at most if it was moved along energy, and how far
#: it may be moved, in the largest drift of the others.
_LEFT, _FARTHER = 0.5, 2.0
#: Rounds of the search (features may hide behind larger ones) and of a robust fit.
_ROUNDS, _FITS = 3, 30
#: Channels over which what a spectrum has beside is averaged.
_NEAR = 3


@dataclass(frozen=True)
class OwnFeatures:
    """What single spectra have and no other, in a part of the channels.

    Parameters
    ----------
    rows : ndarray of int, shape (n,)
        Numbers of the spectra.
    parts : ndarray of float32, shape (n, n_channels)
        As measured, above what the other spectra's components explain, where they are
        moved along energy if these drift; 0 elsewhere.
    rest : Observation
        All spectra without these parts.
    """

    rows: np.ndarray
    parts: np.ndarray
    rest: Observation

    @classmethod
    def of(cls, observation):
        """Look for them, in at least 30 spectra.

        Parameters
        ----------
        observation : Observation

        Returns
        -------
        OwnFeatures

        Notes
        -----
        A cosmic ray of many channels, or anything else that is strong and of one
        spectrum, becomes a principal component, which then gives its shape to the noise
        of all others. Such a spectrum is told by its leverage, see `unit_scores`. The
        components of the others are fitted to it by iterated least squares, in which
        values far off count little (P. W. Holland and R. E. Welsch, Commun. Stat.
        Theory Methods 6 (1977) 813, https://doi.org/10.1080/03610927708827533); what is
        above that, in the channels where it is clear, is its own. At the ends of a
        drift spectra are alone, too: if the others drift, and leave less than half of
        these channels where they are moved a little farther, it is what they leave.
        *Don't believe* that all are found: what is barely a component has a leverage
        far below 1.
        """
        none = np.zeros((0, observation.n_channels), np.float32)
        found = cls(np.zeros(0, int), none, observation)
        most = min(_MOST, int(_OF_ALL * observation.n_spectra))
        tried = found.rows
        for _ in range(_ROUNDS if most else 0):
            own = _with_own(found.rest)
            if np.isin(own, tried).all():
                break
            tried = np.union1d(tried, own)
            if len(tried) > most:
                _logger.info("%d spectra are unlike all others: too many", len(tried))
                break
            # also of those before: what was alike in both was in the components
            parts = _own_parts(observation, tried)
            has_any = parts.any(axis=1)
            if not has_any.any():
                break
            rows, parts = tried[has_any], parts[has_any]
            rest = observation.spectra.take(rows) - parts
            if observation.is_counted:
                gain = observation.noise.gain
                rest = gain * np.rint(rest / gain)
            found = cls(rows, parts, with_rows(observation, rows, rest))
        return found


def _with_own(observation):
    """Numbers of the spectra with something that no other spectrum has."""
    linear = principal_codes(observation)
    codes = observation.spectra.gather(linear.codes_of)
    scores = unit_scores(codes, observation.level)
    leverage = np.square(scores).sum(axis=1)
    numbers = np.flatnonzero(leverage > _OWN)
    if not len(numbers):
        return numbers
    own = leverage[numbers]
    share = np.abs(scores @ scores[numbers].T) / own
    share[numbers, np.arange(len(numbers))] = 0
    # by noise alone
    error = np.sqrt(np.maximum(1 - own, 0) / own / len(scores))
    return numbers[share.max(axis=0) < np.maximum(_SHARED, _SHARED_CLEARLY * error)]


def _own_parts(observation, rows):
    """What some spectra have beyond the components of all others, (n, n_channels)."""
    spectra = observation.spectra
    # measured ones in their place: of few counts a mean would be no count
    usual = np.delete(np.arange(spectra.n_spectra), rows)
    usual = usual[np.linspace(0, len(usual) - 1, len(rows)).astype(int)]
    others = with_rows(observation, rows, spectra.take(usual))
    linear = principal_codes(others)
    codes = others.spectra.gather(linear.codes_of)
    # what few have is as likely here as where it is strongest
    power = np.maximum(np.square(codes).max(axis=0), 1)
    basis = np.concatenate([linear.mean[None], linear.decoder])
    noisy = spectra.take(rows).astype(float)
    parts = _beyond(noisy, basis, power, others.noise)
    most = _MOST_CHANNELS * spectra.n_channels
    least = np.minimum(_LEFT * np.count_nonzero(parts, axis=1), most)
    for shift in _shifts_like(others) if parts.any() else ():
        # what nothing is left of can't be explained better
        some = np.flatnonzero(least)
        there = moved(basis, np.full(len(basis), shift))
        rest = _beyond(noisy[some], there, power, others.noise)
        n_left = np.count_nonzero(rest, axis=1)
        fewer = n_left < least[some]
        parts[some[fewer]], least[some[fewer]] = rest[fewer], n_left[fewer]
    parts[np.count_nonzero(parts, axis=1) > most] = 0
    return parts


def _shifts_like(observation):
    """Shifts in channels, up to somewhat beyond those that spectra have, or none."""
    drift = energy_drift(observation) if observation.gapless else None
    if drift is None:
        return ()
    shifts = shifts_tried(observation.n_channels)
    return shifts[np.abs(shifts) <= _FARTHER * np.abs(drift).max()]


def _beyond(noisy, basis, power, noise):
    """What spectra have beyond the others where that is clear, else 0.

    Parameters
    ----------
    noisy : ndarray, shape (n, n_channels)
    basis : ndarray, shape (1 + n_codes, n_channels)
        Mean spectrum and components of the others.
    power : ndarray, shape (n_codes,)
        Variance that is expected of the codes: their largest square.
    noise : NoiseModel

    Returns
    -------
    ndarray of float32, shape (n, n_channels)
    """
    parts = np.zeros(noisy.shape, np.float32)
    for part, row in zip(parts, noisy, strict=True):
        beyond, spread = _robust_residual(row, basis, power, noise)
        far = np.abs(beyond) / spread
        near = scipy.ndimage.uniform_filter1d(far, _NEAR) > _FOOT
        groups, _ = scipy.ndimage.label(near)
        inside = near & np.isin(groups, groups[near & (far > _CLEAR)])
        part[inside] = beyond[inside]
    return parts


def _robust_residual(row, basis, power, noise):
    """What a basis does not explain, and the noise there, shape (n_channels,)."""
    mean, decoder = basis[0], basis[1:]
    apart, explained = row - mean, np.zeros_like(row)
    for fit in range(_FITS):
        spread = np.sqrt(noise.variance(mean + explained)) + noise.gain
        far = np.maximum(np.abs(apart - explained) / spread, 1)
        # by absolute values first: few values far off don't keep it from the others
        weight = far ** (-1 if 2 * fit < _FITS else -2) / spread**2
        normal = (decoder * weight) @ decoder.T + np.diag(1 / power)
        explained = np.linalg.solve(normal, (decoder * weight) @ apart) @ decoder
    return apart - explained, spread

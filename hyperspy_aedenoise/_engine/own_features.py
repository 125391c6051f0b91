"""Features of single spectra, strong enough to be components of their own."""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage

from hyperspy_aedenoise._linear.principal_codes import principal_codes
from hyperspy_aedenoise._observation.observation import Observation

#: Share of what components can follow in a spectrum that is its own, and how few of all
#: spectra may have that much.
_OWN, _OF_ALL = 0.7, 1 / 30
#: Standard deviations of the noise, and electrons, that a feature rises above what the
#: other spectra's components explain, and from where on channels beside belong to it.
_CLEAR, _FOOT = 5.0, 2.0
#: Largest share of the channels: beyond it the spectrum isn't like the others at all.
_MOST_CHANNELS = 0.5
#: Rounds of the search (features may hide behind larger ones) and of a robust fit.
_ROUNDS, _FITS = 3, 30
#: Channels over which what a spectrum has beside is averaged, and spectra that tell how
#: large codes are.
_NEAR, _SAMPLE = 3, 1024


@dataclass(frozen=True)
class OwnFeatures:
    """What single spectra have and no other, in a part of the channels.

    Parameters
    ----------
    rows : ndarray of int, shape (n,)
        Numbers of the spectra.
    parts : ndarray of float32, shape (n, n_channels)
        As measured, above what the other spectra's components explain; 0 elsewhere.
    rest : Observation
        All spectra without these parts.
    """

    rows: np.ndarray
    parts: np.ndarray
    rest: Observation

    @classmethod
    def of(cls, observation):
        """Look for them.

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
        of all others. Such a spectrum is told by its leverage, the square of its row of
        left singular vectors, which is 1 for what is a component alone (D. C. Hoaglin
        and R. E. Welsch, Am. Stat. 32 (1978) 17,
        https://doi.org/10.1080/00031305.1978.10479237). The components of the others
        are fitted to it by iterated least squares, in which values far off count
        little (P. W. Holland and R. E. Welsch, Commun. Stat. Theory Methods 6 (1977)
        813, https://doi.org/10.1080/03610927708827533); what is above that, in the
        channels where it is clear, is its own.
        """
        none = np.zeros((0, observation.n_channels), np.float32)
        found = cls(np.zeros(0, int), none, observation)
        most, tried = int(_OF_ALL * observation.n_spectra), found.rows
        for _ in range(_ROUNDS):
            if not most:  # of few spectra each may be one of its kind
                break
            own = np.flatnonzero(_leverage(found.rest) > _OWN)
            if np.isin(own, tried).all():
                break
            tried = np.union1d(tried, own)
            if len(tried) > most:
                break
            # also of those before: what was alike in both was in the components
            parts = _own_parts(observation, tried)
            has_any = parts.any(axis=1)
            rows, parts = tried[has_any], parts[has_any]
            rest = observation.spectra.take(rows) - parts
            found = cls(rows, parts, _replaced(observation, rows, rest))
        return found


def _leverage(observation):
    """Share that is its own of what components can follow in each spectrum."""
    linear = principal_codes(observation)
    codes = observation.spectra.gather(linear.codes_of).astype(float)
    codes /= np.sqrt(observation.level)[:, None]
    return np.square(np.linalg.qr(codes)[0]).sum(axis=1)


def _own_parts(observation, rows):
    """What some spectra have beyond the components of all others, (n, n_channels)."""
    usual = np.tile(observation.mean.astype(np.float32), (len(rows), 1))
    others = _replaced(observation, rows, usual)
    linear = principal_codes(others)
    power = np.square(linear.encode(others.spectra.sample(_SAMPLE))).mean(axis=0)
    noisy = observation.spectra.take(rows).astype(float)
    parts = [_own_part(row - linear.mean, linear, power, others.noise) for row in noisy]
    return np.array(parts, np.float32)


def _own_part(apart, linear, power, noise):
    """What a spectrum, less the mean, has beyond components, shape (n_channels,)."""
    decoder, codes = linear.decoder, np.zeros(len(power))
    for fit in range(_FITS):
        explained = codes @ decoder
        spread = np.sqrt(noise.variance(linear.mean + explained)) + noise.gain
        far = np.maximum(np.abs(apart - explained) / spread, 1)
        # by absolute values first: few values far off don't keep it from the others
        weight = far ** (-1 if 2 * fit < _FITS else -2) / spread**2
        normal = (decoder * weight) @ decoder.T + np.diag(1 / power)
        codes = np.linalg.solve(normal, (decoder * weight) @ apart)
    own = (apart - codes @ decoder) / spread
    near = scipy.ndimage.uniform_filter1d(np.abs(own), _NEAR) > _FOOT
    groups, _ = scipy.ndimage.label(near)
    inside = near & np.isin(groups, groups[near & (np.abs(own) > _CLEAR)])
    if inside.mean() > _MOST_CHANNELS:
        return np.zeros_like(apart)
    return np.where(inside, own * spread, 0)


def _replaced(observation, rows, values):
    """The observation with other spectra of some numbers."""
    number = np.full(observation.n_spectra, -1)
    number[rows] = np.arange(len(rows))
    spectra = observation.spectra.changed(_Replaced(values), number)
    return observation.with_spectra(spectra)


class _Replaced:
    """Puts spectra in place of others; a class, so that it travels to processes."""

    def __init__(self, values):
        self._values = values

    def __call__(self, rows, number):
        some = number >= 0
        if some.any():
            rows = rows.copy()  # they may be the user's own
            rows[some] = self._values[number[some]]
        return rows

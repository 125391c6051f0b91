"""The encoder: spectra to a map of codes in which the noise is white."""

from dataclasses import dataclass, replace

import numpy as np

from hyperspy_aedenoise._engine.recipe import CODE_FILTERS
from hyperspy_aedenoise._filters.code_network import refined
from hyperspy_aedenoise._filters.energy_shift import moved
from hyperspy_aedenoise._filters.nonlocal_bayes import MOST_FILTERED, MapFilter, alike
from hyperspy_aedenoise._filters.weak_components import (
    AVERAGED,
    FEWEST,
    weak_components,
)
from hyperspy_aedenoise._linear.principal_codes import (
    PrincipalCodes,
    extended,
    principal_codes,
)
from hyperspy_aedenoise._observation.observation import Observation

#: A quick filter tells what is alike in the search for weak components.
_QUICK = MapFilter(3, 60, passes=2)
#: Positions of a large map that take part in that search, and the choice of a recipe;
#: and in how many pieces.
MOST_TRIED, N_PIECES = 8192, 4
#: Largest height and width of what the network is refined on: with 48 it gains less.
_REFINED_ON = 64


@dataclass(frozen=True)
class Encoding:
    """A map of the principal codes of whitened spectra.

    Parameters
    ----------
    observation : Observation
        What was encoded; its spectra are aligned if there is a drift.
    linear : PrincipalCodes
        Encoder and decoder.
    codes : ndarray of float32, shape (n_maps, height, width, n_codes)
        Noisy codes; a line is one map of height 1. Positions that take no part have
        codes of others nearby, see `Layout.to_map`.
    level : ndarray of float32, shape (n_maps, height, width)
        Noise variance of the codes, 1 for the mean spectrum.
    drift : ndarray, shape (n_spectra,), or None
        By how many channels the spectra were moved back.
    unmoved_mean : ndarray, shape (n_channels,), or None
        Of the spectra before that.
    """

    observation: Observation
    linear: PrincipalCodes
    codes: np.ndarray
    level: np.ndarray
    drift: np.ndarray | None = None
    unmoved_mean: np.ndarray | None = None

    @classmethod
    def of(cls, observation, n_codes=None, drift=None):
        """Encode spectra, aligned along energy if a drift is given.

        Parameters
        ----------
        observation : Observation
        n_codes : int, optional
            Default: what rises above the noise, at least one.
        drift : ndarray, shape (n_spectra,), optional
            In channels.
        """
        mean = None
        if drift is not None:
            mean = observation.plain_mean
            spectra = observation.spectra.changed(moved, -drift)
            observation = observation.with_spectra(spectra.held())
        linear = principal_codes(observation, n_codes)
        return cls(observation, linear, *_maps(observation, linear), drift, mean)

    @property
    def layout(self):
        """Where the spectra lie."""
        return self.observation.layout

    @property
    def shrunk(self):
        """Optimally shrunk codes, shape of `codes`."""
        return self.codes * self.linear.shrinkage.astype(np.float32)

    def with_weak(self, rng):
        """With weak components; the same if there are none."""
        part = self
        if self.layout.n_spectra > MOST_TRIED:
            numbers, layout = self.layout.pieces(MOST_TRIED, N_PIECES)
            part = replace(
                self,
                observation=self.observation.take(numbers, layout),
                codes=layout.to_map(self.layout.from_map(self.codes)[numbers]),
                level=layout.to_map(self.layout.from_map(self.level)[numbers]),
            )
        if part.layout.n_spectra < FEWEST:
            return self
        used = part.layout.used
        guide = _QUICK(part.codes[..., :MOST_FILTERED], part.level, used)
        groups = alike(guide, used, _QUICK, AVERAGED)
        found = weak_components(part.observation, self.linear, groups, rng)
        if not found.shape[1]:
            return self
        linear = extended(self.linear, self.observation, found)
        codes, level = _maps(self.observation, linear)
        return replace(self, linear=linear, codes=codes, level=level)

    def filtered(self, name):
        """Filtered codes, shape of `codes`; `name` as of `Recipe.code_filter`."""
        if name == "none":
            return self.shrunk
        first, rest = self.codes[..., :MOST_FILTERED], self.shrunk[..., MOST_FILTERED:]
        codes = np.concatenate([first, rest], axis=-1)
        return _calm(codes, self.level, self.layout, CODE_FILTERS[name])

    def correction(self, network, filtered):
        """What the network would add to filtered codes, same shape."""
        result = np.zeros_like(filtered)
        first = np.s_[..., :MOST_FILTERED]
        codes = self.codes[first]
        result[first] = network.correction(codes, filtered[first], self.level)
        return result

    def refined_network(self, filtered, name, rng):
        """The network, refined on the map itself.

        The codes, filtered as well as they can be, are taken for the truth: fresh noise
        is added to them, and filtered in the same way.
        """
        part = self.layout.fullest_part(_REFINED_ON)
        layout, filter_ = self.layout[part], CODE_FILTERS[name]
        known = layout.from_map(filtered[part])[:, :MOST_FILTERED]
        true, level = layout.to_map(known), self.level[part]
        noise = rng.standard_normal(known.shape, dtype=np.float32)
        spread = np.sqrt(layout.from_map(level))[:, None]
        noisy = layout.to_map(known + spread * noise)
        again = _calm(noisy, level, layout, filter_)
        return refined(noisy, again, true, level, rng)


def _calm(codes, level, layout, filter_):
    """Filtered codes, also of the positions that take no part."""
    return layout.to_map(layout.from_map(filter_(codes, level, layout.used)))


def _maps(observation, linear):
    """The codes of the spectra at their positions, and the variance of their noise."""
    codes = observation.spectra.gather(linear.codes_of)
    level = observation.level.astype(np.float32)
    return observation.layout.to_map(codes), observation.layout.to_map(level)

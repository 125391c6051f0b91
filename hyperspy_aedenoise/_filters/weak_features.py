"""Weak features: what shows only in means over places, and the codes don't hold."""

from dataclasses import dataclass, field, replace

import numpy as np

from hyperspy_aedenoise._filters.alike_means import alike_groups, leading_direction
from hyperspy_aedenoise._filters.faint_maps import faint_map
from hyperspy_aedenoise._filters.feature_spectrum import made_of_parts, outside
from hyperspy_aedenoise._filters.residual_cells import residual_by_cells, take_off
from hyperspy_aedenoise._filters.weak_noise import OutsideNoise
from hyperspy_aedenoise._filters.weak_scan import scan, templates
from hyperspy_aedenoise._filters.windows import Grid, ends

#: Most features that are looked for, and fewest spectra in which that is worth a look.
_MOST_WEAK, _FEWEST = 6, 12
#: Electrons in a cell, on average, where they are few: the maps of features are
#: filtered as if their noise were Gaussian.
_ELECTRONS = 30
#: Estimates of a feature along energy and of its map in turn.
_ROUNDS = 1


@dataclass(frozen=True)
class WeakFeatures:
    """What shows only in means over places.

    Parameters
    ----------
    vectors : ndarray, shape (n_channels, n_found)
        Orthonormal directions of whitened spectra, orthogonal to the known components.
    encoder : ndarray, shape (n_channels, n_found)
        Signal units to codes.
    decoder : ndarray, shape (n_found, n_channels)
        Spectra of the features, in signal units.
    noisy, codes : ndarray of float32, shape (n_spectra, n_found)
        As they are measured, and filtered.
    found, missed : list of dict
        What is known of each: ``channel`` and ``width`` (standard deviation, in
        channels), ``significance`` (in standard deviations of a single look),
        ``height`` (in those of the noise of a spectrum), ``n_positions``, and ``first``
        and ``last`` map, row and column; and of those that were seen, but of which
        nothing could be kept.
    """

    vectors: np.ndarray
    encoder: np.ndarray
    decoder: np.ndarray
    noisy: np.ndarray
    codes: np.ndarray
    found: list = field(default_factory=list)
    missed: list = field(default_factory=list)

    def as_dict(self):
        """What was found as numbers and lists."""
        return {"features": self.found, "missed": self.missed}


def find_weak(observation, restoration, vectors=None):
    """Look for features in means over places of what a restoration took away.

    Parameters
    ----------
    observation : Observation
    restoration : Restoration
    vectors : ndarray, shape (n_channels, n_known), optional
        Directions that are known to be features: none are looked for.

    Returns
    -------
    WeakFeatures

    Notes
    -----
    The residual, whitened and projected off the known components, has the noise of the
    raw data, whatever the code filter did. It is scanned in place, extent, energy and
    width, see `scan`; where that shows nothing, means over alike positions are looked
    at in all directions, see `leading_direction`, but not in few counts, where single
    electrons in dark channels would be taken for directions. What is too large for
    chance becomes a code of its own: its spectrum is that of the residual in the places
    where it was seen, made up of few peaks and edges, and its map is filtered as what
    lies far below the noise, see `faint_map`, both in turn. Then what is left is looked
    at again. What the known codes lack of the feature is added to its spectrum.
    """
    search = _Search.of(observation, restoration)
    found, missed = [], []
    given = None if vectors is None else list(vectors.T)
    if vectors is None and observation.n_spectra < _FEWEST:
        given = []
    for number in range(_MOST_WEAK if given is None else len(given)):
        if given is None:
            one = search.next()
        else:
            one = search.along(given[number])
        if one is None:
            break
        if one.told is not None and not one.cells.any():
            missed.append(one.told)
            break
        found.append(one)
        search = search.without(one)
    return search.features(found, missed)


@dataclass(frozen=True)
class _Found:
    """One feature: its direction, its map in cells, and what is told of it."""

    vector: np.ndarray
    cells: np.ndarray
    told: dict | None


@dataclass(frozen=True)
class _Search:
    """The whitened residual of an observation by cells, and what it is made from."""

    observation: object
    restoration: object
    grid: Grid
    inside: np.ndarray
    known: np.ndarray
    left_inside: np.ndarray
    outside: np.ndarray
    ratio: np.ndarray | None
    groups: tuple

    @classmethod
    def of(cls, observation, restoration):
        colour = observation.colour
        inside = _orthonormal(colour.whiten(restoration.decoder.components))
        # principal components follow the noise in these very spectra, filtered don't
        both = [restoration.decoder.components, restoration.linear.decoder]
        known = _orthonormal(colour.whiten(np.concatenate(both)))
        least = 1
        if observation.is_counted:
            electrons = observation.plain_mean.sum() / observation.noise.gain
            least = _ELECTRONS / electrons
        grid = Grid.of(observation.layout, observation.level, least)
        residual, ratio = residual_by_cells(observation, restoration.restored, grid)
        left_inside = residual @ inside.astype("f4")
        take_off(residual, known, np.sqrt(grid.count()))
        groups = alike_groups(restoration.plain_codes, grid)
        return cls(
            observation,
            restoration,
            grid,
            inside,
            known,
            left_inside,
            residual,
            ratio,
            groups,
        )

    @property
    def count(self):
        return self.grid.count().reshape(self.grid.shape)

    def next(self):
        """The feature that shows most clearly, or None."""
        peaks = templates(self.observation.colour, self.known)
        if not len(peaks.centre):
            return None
        return self._in_windows(peaks) or self._in_alike_positions(peaks)

    def _in_windows(self, peaks):
        """A feature that shows in means over windows, or None."""
        noise = None
        if self.ratio is not None:
            of = self.observation, self.grid, self.ratio, self.known
            noise = OutsideNoise.of(*of)
        cells = self.outside.reshape(*self.grid.shape, -1)
        seen = scan(cells, self.count, peaks, noise)
        if seen.excess <= 0:
            return None
        (vector,) = outside(peaks.white([seen.template]), self.known)
        vector, cells = self._refined(vector, peaks, seen.window)
        told = {
            "channel": float(peaks.centre[seen.template]),
            "width": float(peaks.width[seen.template]),
            "significance": seen.significance,
            **self._place(seen.window, cells, vector),
        }
        return _Found(vector, cells, told)

    def _in_alike_positions(self, peaks):
        """A feature that shows in means over alike positions, or None."""
        if not self.groups or self.observation.is_counted:
            return None
        weights = self._weights()
        vector = leading_direction(
            self.outside, self.known, weights.ravel(), self.groups[0], self.ratio
        )
        if vector is None:
            return None
        vector, cells = self._refined(vector, peaks)
        if not cells.any():
            return None
        number = int(np.abs(peaks.all_matches(vector[None])[0]).argmax())
        told = {
            "channel": float(peaks.centre[number]),
            "width": float(peaks.width[number]),
            "significance": float(np.sqrt((weights * cells**2).sum())),
            **self._place(None, cells, vector),
        }
        return _Found(vector, cells, told)

    def _refined(self, vector, peaks, window=None):
        """Direction and map of a feature, each by the other."""
        cells = self._map_of(vector)
        if not cells.any() and window is not None:
            cells = window.astype(float)
        for _ in range(_ROUNDS):
            if cells.any():
                vector = self._direction(cells, peaks)
                cells = self._map_of(vector)
        return vector, cells

    def along(self, vector):
        """The feature of a known direction."""
        (vector,) = outside(vector[None], self.known)
        return _Found(vector, self._map_of(vector), None)

    def _matches(self, vector):
        """Noisy map of a direction, with noise of variance 1 where it is white."""
        matches = (self.outside @ vector.astype("f4")).astype(float)
        return matches.reshape(self.grid.shape)

    def _weights(self):
        """Inverse noise variance of the mean code of each cell."""
        return self.grid.weights()

    def _map_of(self, vector):
        """Filtered map of a direction, in codes."""
        weights = self._weights()
        codes = self._matches(vector) / np.sqrt(np.where(weights > 0, weights, 1))
        return faint_map(codes, weights, self.groups)

    def _direction(self, cells, peaks):
        """Direction of a map: few peaks and edges that make up what is there."""
        scaled = (cells * np.sqrt(self._weights())).ravel()
        scaled /= np.linalg.norm(scaled)
        spectrum = (scaled.astype("f4") @ self.outside).astype(float)
        return made_of_parts(spectrum, peaks, self.known)

    def _place(self, window, cells, vector):
        """Where a feature is, and how strong, as numbers.

        It is where its map is above the middle of its range, or below where that holds
        for far fewer cells: the mean of all cells belongs to the mean spectrum.
        """
        count, weights = self.count, self._weights()
        used, is_scattered = count > 0, window is None
        inside = used if is_scattered else window
        if np.ptp(cells[used]) > 0:
            middle = (cells[used].max() + cells[used].min()) / 2
            above = used & (cells > middle)
            inside = above if above.sum() <= 0.7 * used.sum() else used & ~above
        around = used & ~inside
        height = np.average(cells[inside], weights=weights[inside])
        if around.any():
            height -= np.average(cells[around], weights=weights[around])
        level = count[inside].sum() / weights[inside].sum()
        first, end = ends(inside)
        bins = np.array((1, *self.grid.bins))
        last = np.array(self.observation.layout.used.shape) - 1
        end = np.minimum((end + 1) * bins - 1, last)
        return {
            "height": float(height * np.abs(vector).max() / np.sqrt(level)),
            "first": (first * bins).tolist(),
            "last": end.tolist(),
            "n_positions": int(count[inside].sum()),
        }

    def without(self, one):
        """What is left."""
        outside, along = self.outside, one.vector.astype("f4")
        outside = outside - np.outer(outside @ along, along)
        known = np.column_stack([self.known, one.vector])
        return replace(self, known=known, outside=outside)

    def features(self, found, missed):
        """All of them."""
        colour, n_found = self.observation.colour, len(found)
        shape = self.observation.n_channels, n_found
        vectors = np.array([one.vector for one in found]).T.reshape(shape)
        root = np.sqrt(self._weights()).reshape(-1, 1)
        maps = [one.cells.ravel() for one in found]
        maps = np.array(maps).T.reshape(self.grid.n_cells, n_found)
        known = self.inside
        lacking = np.zeros((n_found, known.shape[1]))
        if n_found:
            lacking = np.linalg.lstsq(maps * root, self.left_inside, rcond=1e-6)[0]
        power = np.square(maps * root).sum(axis=0)
        seen = np.square(lacking).sum(axis=1) * power
        share = np.maximum(1 - known.shape[1] / np.maximum(seen, 1e-12), 0)
        white = vectors.T + (share[:, None] * lacking) @ known.T
        encoder = colour.analysis(vectors)
        encode = _Codes(self.observation.mean, encoder)
        noisy = self.observation.spectra.gather(encode)
        codes = maps[self.grid.cell].astype(np.float32)
        told = [one.told for one in found]
        decoder = colour.unwhiten(white)
        return WeakFeatures(vectors, encoder, decoder, noisy, codes, told, missed)


def _orthonormal(white):
    """Columns that span rows."""
    _, values, vectors = np.linalg.svd(white, full_matrices=False)
    return vectors[values > 1e-6 * values.max(initial=0)].T


class _Codes:
    """Codes of rows."""

    def __init__(self, mean, encoder):
        self.mean, self.encoder = mean, encoder

    def __call__(self, rows):
        return ((rows - self.mean) @ self.encoder).astype(np.float32)

"""The encoder: spectra to a map of codes in which the noise is white."""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage

from hyperspy_aedenoise._filters.nonlocal_bayes import alike
from hyperspy_aedenoise._linear.principal import (
    Colour,
    PrincipalCodes,
    extended,
    noise_level,
    parts_of,
    principal_codes,
)

#: Alike positions that are averaged in the search for weak components.
_AVERAGED = 30
#: Means that are calculated at a time.
_BATCH = 400
#: Draws of pure noise that a weak component must exceed, and by what factor.
_NULL_DRAWS, _MARGIN = 3, 1.1
#: Most weak components that are looked for.
_MOST_WEAK = 6


@dataclass(frozen=True)
class CodeMap:
    """A map of the principal codes of whitened spectra.

    Parameters
    ----------
    linear : PrincipalCodes
        Encoder and decoder.
    colour : Colour
        Of the noise at the mean spectrum.
    codes : ndarray of float32, shape (n_maps, height, width, n_codes)
        Noisy codes; a line is one map of height 1. Positions that take no part have
        codes of others nearby, see `on_map`.
    level : ndarray of float32, shape (n_maps, height, width)
        Noise variance of the codes, 1 for the mean spectrum.
    used : ndarray of bool, shape (n_maps, height, width)
        Positions that take part.
    """

    linear: PrincipalCodes
    colour: Colour
    codes: np.ndarray
    level: np.ndarray
    used: np.ndarray

    @property
    def shrunk(self):
        """Optimally shrunk codes, same shape."""
        return self.codes * self.linear.shrinkage.astype(np.float32)


def encode_map(rows, used, noise, n_codes=None):
    """Principal codes of noisy spectra, as a map.

    Parameters
    ----------
    rows : ndarray, shape (n_spectra, n_channels)
        The spectra that take part, in signal units.
    used : ndarray of bool, shape (..., x)
        Where they lie; its sum is n_spectra.
    noise : NoiseModel
    n_codes : int, optional
        Default: those above the noise, at least one.

    Returns
    -------
    CodeMap
    """
    linear = principal_codes(rows, noise, n_codes)
    return _placed(linear, Colour.of(noise, linear.mean), rows, used, noise)


def with_weak_components(code_map, filtered, rows, noise, rng, filter_):
    """Add components that rise above the noise only in the mean of alike positions.

    A component that is lost in the noise of single spectra may be plain in means over
    alike positions: their noise is smaller, while the number of independent means is
    still large. Spectra are weighted to equal noise. What counts as plain is measured
    on pure noise that is averaged over the same positions (parallel analysis, J. L.
    Horn, Psychometrika 30 (1965) 179, doi:10.1007/BF02289447).

    Parameters
    ----------
    code_map : CodeMap
    filtered : ndarray, shape (n_maps, height, width, n_codes)
        Filtered codes; they tell what is alike.
    rows, noise
        As of `encode_map`.
    rng : numpy.random.Generator
    filter_ : MapFilter
        Its patches tell what is alike.

    Returns
    -------
    CodeMap
        The same if there is nothing to add.
    """
    if code_map.used.sum() < 4 * _AVERAGED:
        return code_map
    linear, colour = code_map.linear, code_map.colour
    basis = np.linalg.qr(colour.whiten(linear.decoder).T)[0].astype(np.float32)
    weight = 1 / np.sqrt(code_map.level[code_map.used])[:, None]
    groups = alike(filtered, code_map.used, filter_, _AVERAGED)

    def covariance(white):
        """Covariance of means over alike positions, outside of the known codes."""
        white -= (white @ basis) @ basis.T
        total = 0
        for start in range(0, len(groups), _BATCH):
            mean = white[groups[start : start + _BATCH]].mean(axis=1)
            total = total + mean.T @ mean
        return total / len(white)

    white = np.empty(rows.shape, dtype=np.float32)
    for part in parts_of(len(rows)):
        white[part] = colour.whiten(rows[part] - linear.mean) * weight[part]
    values, vectors = np.linalg.eigh(covariance(white))
    # `white` is reused: of large maps it is most of the memory
    null = 0.0
    for _ in range(_NULL_DRAWS):
        rng.standard_normal(dtype=np.float32, out=white)
        null = max(null, np.linalg.eigvalsh(covariance(white))[-1])
    found = vectors[:, ::-1][:, :_MOST_WEAK][
        :, values[::-1][:_MOST_WEAK] > _MARGIN * null
    ]
    if not found.shape[1]:
        return code_map
    return _placed(extended(linear, colour, found), colour, rows, code_map.used, noise)


def stack_of_maps(used):
    """Positions, shape (..., x), as a stack of maps, shape (n_maps, height, width)."""
    return used.reshape(-1, *((1, 1, *used.shape)[-2:]))


def on_map(values, used):
    """Values of spectra at their positions.

    Parameters
    ----------
    values : ndarray, shape (n_spectra, ...)
    used : ndarray of bool, shape (..., x)
        Where the spectra lie; its sum is n_spectra.

    Returns
    -------
    ndarray, shape (n_maps, height, width, ...)
        A line is one map of height 1. Positions that take no part have the values of
        the position that mirrors them at the nearest one that does, as beyond the
        borders of a map, or of that one.
    """
    used = stack_of_maps(used)
    order = np.zeros(used.shape, dtype=int)
    order[used] = np.arange(len(values))
    if not used.all():
        # no map helps another one of the stack while it has positions of its own
        between_maps = sum(used.shape)
        nearest = scipy.ndimage.distance_transform_edt(
            ~used, (between_maps, 1, 1), return_distances=False, return_indices=True
        )
        index = np.indices(used.shape)
        mirrored = 2 * nearest - index + np.sign(index - nearest)
        limits = np.reshape(used.shape, (-1, 1, 1, 1)) - 1
        inside = ((mirrored >= 0) & (mirrored <= limits)).all(axis=0)
        mirrored = np.clip(mirrored, 0, limits)
        mirrored = np.where(inside & used[tuple(mirrored)], mirrored, nearest)
        order = order[tuple(mirrored)]
    return values[order]


def _placed(linear, colour, rows, used, noise):
    """The codes of the spectra at their positions."""
    used = stack_of_maps(used)
    codes = np.empty((len(rows), linear.encoder.shape[1]), dtype=np.float32)
    for part in parts_of(len(rows)):
        codes[part] = linear.encode(rows[part])
    level = noise_level(rows, noise, colour.spread).astype(np.float32)
    return CodeMap(linear, colour, on_map(codes, used), on_map(level, used), used)

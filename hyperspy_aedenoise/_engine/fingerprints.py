"""Where spectra lie in a map: told by fingerprints, and by their neighbours."""

import hashlib
import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np

#: Spectra that are brought to single precision at a time.
_ROWS = 4096
#: Values unlike the usual one of a spectrum from which on none is the same by chance.
_TELLING = 8


@dataclass(frozen=True)
class Places:
    """The places of known spectra.

    Parameters
    ----------
    fingerprints : ndarray of uint64, shape (n_spectra,)
        Of the spectra in single precision.
    used : ndarray of bool, shape (..., width)
        Where the spectra lie; its sum is n_spectra.
    """

    fingerprints: np.ndarray
    used: np.ndarray

    def find(self, wanted, shape=None):
        """Where fingerprints are among the known ones.

        Parameters
        ----------
        wanted : ndarray of uint64, shape (n,)
        shape : tuple of int, optional
            How they lie, with the product n. Default: nothing is known of that.

        Returns
        -------
        ndarray of int, shape (n,)
            Index of the known spectrum; -1 where it is unknown. Identical spectra at
            several places, as empty ones in counts, are told apart by their place in
            a map that was cropped, mirrored, transposed or stepped; where that is not
            possible, -2 less the index of the first of them.
        """
        rank = np.searchsorted(self._order_of[0], wanted)
        rank = np.minimum(rank, len(self.fingerprints) - 1)
        first = self._order_of[1][rank]
        known = self.fingerprints[first] == wanted
        kind, counts = self._kinds
        alone = known & (counts[kind[first]] == 1)
        place = np.where(known, np.where(alone, first, -2 - first), -1)
        if not shape or not (place < -1).any():
            return place
        at = self._guess(wanted, known, place, shape)
        return place if at is None else np.where((place < -1) & (at >= 0), at, place)

    def find_rows(self, rows, shape=None):
        """Where spectra, shape (n, n_channels), are among the known ones."""
        return self.find(fingerprints(rows), shape)

    def mean(self, values, place):
        """Values of known spectra at places, and of several identical ones the mean.

        Parameters
        ----------
        values : ndarray, shape (n_spectra, n_values)
        place : ndarray of int, shape (n,)
            As `find` returned it.

        Returns
        -------
        ndarray, shape (n, n_values)
            Of unknown spectra some numbers.
        """
        found = values[np.maximum(place, 0)]
        several = place < -1
        if several.any():
            kind, counts = self._kinds
            sums = np.zeros((len(counts), values.shape[1]))
            np.add.at(sums, kind, values)
            wanted = kind[-2 - place[several]]
            found[several] = sums[wanted] / counts[wanted, None]
        return found

    @cached_property
    def has_twins(self):
        """Whether some of the known spectra are identical."""
        return bool((self._kinds[1] > 1).any())

    @cached_property
    def _order_of(self):
        """Sorted fingerprints, and the known spectra in that order."""
        order = np.argsort(self.fingerprints, kind="stable")
        return self.fingerprints[order], order

    @cached_property
    def _kinds(self):
        """Which of the different spectra each known one is, and how many are alike."""
        return np.unique(self.fingerprints, return_inverse=True, return_counts=True)[1:]

    def _guess(self, wanted, known, place, shape):
        """Places under the map from positions to positions that fits best, or None.

        Places are -1 where none is known. What puts a known spectrum outside, or where
        another one is known to be, doesn't fit.
        """
        best = None
        # a line is a map of one row, and a map a stack of one
        n_axes = max(len(shape), self.used.ndim)
        shape, used_shape = (
            (1,) * (n_axes - len(one)) + tuple(one) for one in (shape, self.used.shape)
        )
        used = self.used.reshape(used_shape)
        there = np.indices(shape).reshape(len(shape), -1).T
        here = np.argwhere(used)
        index = np.full(used_shape, -1)
        index[used] = np.arange(len(here))
        alone = np.flatnonzero(place >= 0)
        for slope in self._slopes(there, here, alone, place):
            if alone.size:
                offsets = here[place[alone]] - there[alone] @ slope
                if (offsets != offsets[0]).any():
                    continue
                offset = offsets[0]
            elif shape == used_shape:
                offset = np.zeros(here.shape[1], int)
            else:
                continue
            positions = there[known] @ slope + offset
            if ((positions < 0) | (positions >= used_shape)).any():
                continue
            at = np.full(len(wanted), -1)
            at[known] = index[tuple(positions.T)]
            fits = (at >= 0) & (self.fingerprints[at] == wanted)
            if fits[known & (at >= 0)].all():
                if best is None or fits.sum() > (best >= 0).sum():
                    best = np.where(fits, at, -1)
                if fits[known].all():
                    break
        return best

    def _slopes(self, there, here, alone, place):
        """Integer matrices that may map positions to positions, likely ones first.

        That is, none; what the spectra tell that have no twin; and if that is not
        enough, because they lie on a line, all that mirror or swap axes.
        """
        n_axes = there.shape[1]
        yield np.eye(n_axes, dtype=int)
        if not alone.size:
            return
        moved = there[alone] - there[alone[0]]
        slope, _, rank, _ = np.linalg.lstsq(
            moved.astype(float), here[place[alone]] - here[place[alone[0]]], rcond=None
        )
        if rank == sum(np.ptp(there, axis=0) > 0):
            yield np.rint(slope).astype(int)
            return
        for order in itertools.permutations(range(n_axes)):
            for signs in itertools.product((1, -1), repeat=n_axes):
                yield np.eye(n_axes, dtype=int)[list(order)] * signs


class FoundPlaces:
    """Places where some spectra were found before, with more knowledge of the map.

    Parameters
    ----------
    places : Places
    rows : ndarray, shape (n, n_channels)
        The spectra, known again by where they are in memory.
    found : ndarray of int, shape (n,)
        What `places.find` returned for them.
    """

    def __init__(self, places, rows, found):
        self._places, self._rows, self._found = places, rows, found
        self.mean = places.mean

    def find_rows(self, rows, shape=None):
        """As of `Places`."""
        if rows.__array_interface__ == self._rows.__array_interface__:
            return self._found
        return self._places.find_rows(rows, shape)


def copies(spectra):
    """Which spectra are copies of an earlier one, bool, shape (n_spectra,).

    Noise makes no two spectra alike to the last digit, but for those with hardly any
    counts.

    Parameters
    ----------
    spectra : Spectra
    """
    marks = spectra.gather(fingerprints)
    _, first, kind, counts = np.unique(
        marks, return_index=True, return_inverse=True, return_counts=True
    )
    several = np.flatnonzero(counts > 1)
    telling = np.zeros(len(first), bool)
    for some in np.array_split(several, len(several) // _ROWS + 1):
        rows = spectra.take(np.sort(first[some]))
        unusual = (rows != np.median(rows, axis=1, keepdims=True)).sum(axis=1)
        telling[some[np.argsort(first[some])]] = unusual >= _TELLING
    return telling[kind] & (first[kind] != np.arange(len(marks)))


def fingerprints(rows):
    """A number for each spectrum, shape (n, n_channels), that tells it from others."""
    digests = []
    for start in range(0, len(rows), _ROWS):
        some = np.ascontiguousarray(rows[start : start + _ROWS], dtype=np.float32)
        some = some + np.float32(0)  # there is a negative zero
        digests += [hashlib.blake2b(row, digest_size=8).digest() for row in some]
    return np.frombuffer(b"".join(digests), dtype=np.uint64)

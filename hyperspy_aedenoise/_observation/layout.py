"""Where spectra lie: positions of a stack of maps, and which of them take part."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.ndimage


@dataclass(frozen=True)
class Layout:
    """Positions of a stack of maps, and which of them take part.

    The spectra that take part are numbered in the order of the positions, map by map
    and row by row.

    Parameters
    ----------
    used : ndarray of bool, shape (n_maps, height, width)
        True where a position takes part. A line is one map of height 1.
    shape : tuple of int, optional
        Of the positions as they were. Default: that of `used`.
    """

    used: np.ndarray
    shape: tuple | None = None

    @classmethod
    def of(cls, used):
        """Layout of positions, shape (..., x): the last two axes are a map."""
        used = np.asarray(used, dtype=bool)
        return cls(used.reshape(-1, *((1, 1, *used.shape)[-2:])), used.shape)

    @property
    def mask(self):
        """As `used`, in the shape of the positions as they were."""
        return self.used.reshape(self.shape or self.used.shape)

    @cached_property
    def n_spectra(self):
        """How many positions take part."""
        return int(self.used.sum())

    @cached_property
    def number(self):
        """Number of the spectrum at each position of `used`; -1 at the others."""
        number = np.cumsum(self.used).reshape(self.used.shape) - 1
        return np.where(self.used, number, -1)

    @cached_property
    def _nearby(self):
        """Number of the spectrum that stands for each position."""
        if self.used.all():
            return self.number
        # no map helps another one of the stack while it has positions of its own
        between_maps = sum(self.used.shape)
        nearest = scipy.ndimage.distance_transform_edt(
            ~self.used,
            (between_maps, 1, 1),
            return_distances=False,
            return_indices=True,
        )
        index = np.indices(self.used.shape)
        mirrored = 2 * nearest - index + np.sign(index - nearest)
        limits = np.reshape(self.used.shape, (-1, 1, 1, 1)) - 1
        inside = ((mirrored >= 0) & (mirrored <= limits)).all(axis=0)
        mirrored = np.clip(mirrored, 0, limits)
        mirrored = np.where(inside & self.used[tuple(mirrored)], mirrored, nearest)
        return self.number[tuple(mirrored)]

    def some(self, kept):
        """The layout of some of the spectra, bool, shape (n_spectra,)."""
        mask = self.mask.copy()
        mask[mask] = kept
        return Layout.of(mask)

    def to_map(self, values):
        """Values of spectra at their positions.

        Parameters
        ----------
        values : ndarray, shape (n_spectra, ...)

        Returns
        -------
        ndarray, shape (n_maps, height, width, ...)
            Positions that take no part have the values of the position that mirrors
            them at the nearest one that does, as beyond the borders of a map, or of
            that one.
        """
        return values[self._nearby]

    def from_map(self, maps):
        """Undo `to_map`: from (n_maps, height, width, ...) to (n_spectra, ...)."""
        return maps[self.used]

    def beside(self, members):
        """Which spectra lie beside `members`, or are some, bool, shape (n_spectra,)."""
        placed = np.zeros(self.used.shape, bool)
        placed[self.used] = members
        around = scipy.ndimage.binary_dilation(placed, np.ones((1, 3, 3), bool))
        return around[self.used]

    def pieces(self, most, n_pieces):
        """A few pieces of a large layout, spread over it, where most take part.

        Parameters
        ----------
        most : int
            Most positions in all pieces together.
        n_pieces : int

        Returns
        -------
        numbers : ndarray of int, shape (n,)
            Of the spectra in the pieces.
        layout : Layout
            The pieces as a stack of maps.
        """
        area = most // n_pieces
        n_maps, whole_height, whole_width = self.used.shape
        height = min(whole_height, int(np.sqrt(area)))
        width = min(whole_width, area // height)
        n_down, n_across = whole_height // height, whole_width // width
        grid = self.number[:, : n_down * height, : n_across * width]
        grid = grid.reshape(n_maps, n_down, height, n_across, width)
        grid = grid.swapaxes(2, 3).reshape(-1, height, width)
        share = (grid >= 0).mean(axis=(1, 2))
        full = np.flatnonzero(share >= 0.5 * share.max())
        some = np.linspace(0, len(full), min(n_pieces, len(full)), endpoint=False)
        some = full[some.astype(int) + len(full) // (2 * n_pieces)]
        chosen = grid[some]
        return chosen[chosen >= 0], Layout(chosen >= 0)

    def fullest_part(self, side):
        """Index of the part of the maps where most positions take part.

        It is at most `side` positions high and wide, without maps that have none there.
        """
        height, width = (min(side, n) for n in self.used.shape[1:])
        n_used = self.used.sum(axis=0).astype(float)
        n_used = scipy.ndimage.uniform_filter(n_used, (height, width), mode="constant")
        inside = tuple(
            slice(side // 2, n - (side - 1) // 2)
            for side, n in zip((height, width), n_used.shape, strict=True)
        )
        most = n_used[inside]
        top, left = np.unravel_index(most.argmax(), most.shape)
        rows, columns = slice(top, top + height), slice(left, left + width)
        return self.used[:, rows, columns].any(axis=(1, 2)), rows, columns

    def __getitem__(self, part):
        """The layout of a part, by an index of (map, row, column)."""
        return Layout(self.used[part])

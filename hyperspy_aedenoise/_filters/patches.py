"""Patches of maps, and their average where they overlap."""

import numpy as np


class Patches:
    """The patches of a map, mirrored at its borders.

    Parameters
    ----------
    codes : ndarray, shape (..., height, width, n_codes)
    sides : tuple of int
        Height and width of a patch, odd.
    """

    def __init__(self, codes, sides):
        *_, height, width, n_codes = codes.shape
        maps = codes.reshape(-1, height, width, n_codes).astype(np.float32)
        margins = [(0, 0), *((side // 2, side // 2) for side in sides), (0, 0)]
        padded = np.pad(maps, margins, mode="symmetric")
        windows = np.lib.stride_tricks.sliding_window_view(padded, sides, (1, 2))
        self._windows = np.moveaxis(windows, 3, -1)

    def at(self, positions):
        """Patches around positions, numbers in the stack, shape (n, n_values)."""
        where = np.unravel_index(positions, self._windows.shape[:3])
        return self._windows[where].reshape(len(positions), -1)


class PatchAverage:
    """Mean of the overlapping patches at each position of a map."""

    def __init__(self, codes, sides):
        *_, height, width, n_codes = codes.shape
        self.sides = sides
        self.shape = (codes[..., 0].size // (height * width), height, width)
        n_maps, top, left = self.shape[0], sides[0] // 2, sides[1] // 2
        self.total = np.zeros((n_maps, height + 2 * top, width + 2 * left, n_codes))
        self.count = np.zeros(self.total.shape[:-1])

    def add(self, positions, patches):
        """Add patches around positions, each of which comes but once."""
        number, y, x = np.unravel_index(positions, self.shape)
        parts = patches.reshape(len(patches), *self.sides, -1)
        for down, right in np.ndindex(self.sides):
            self.total[number, y + down, x + right] += parts[:, down, right]
            self.count[number, y + down, x + right] += 1

    def of(self, codes):
        """The mean; where no patch lies the codes are given as they are."""
        (top, left), (_, height, width) = self.sides, self.shape
        inside = np.s_[:, top // 2 : top // 2 + height, left // 2 : left // 2 + width]
        count = self.count[inside][..., None]
        mean = self.total[inside] / np.maximum(count, 1)
        return np.where(count > 0, mean, codes.reshape(mean.shape)).reshape(codes.shape)

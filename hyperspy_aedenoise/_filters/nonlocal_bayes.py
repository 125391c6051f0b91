"""Non-local Bayes filtering of code maps: patches that look alike help each other."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from hyperspy_aedenoise._filters.patches import PatchAverage, Patches
from hyperspy_aedenoise._noise.random_matrices import optimal_gain

#: Most codes that are filtered: the time grows with their third power.
MOST_FILTERED = 12
#: Up to this many patches each is compared with all others; beyond it with those around
#: and as many drawn at random, so that the time grows with the number of positions.
_ALL = 4096
#: Side of the blocks of positions that share what they are compared with, in lines as
#: many of them in a row, and how far beyond its block a patch looks.
_BLOCK, _AROUND = 32, 14
#: Positions of a patch from which on every second patch is enough in all passes but the
#: last: where all take part each position still lies in five of them, or more.
_MANY_PLACES = 11
#: Patches filtered at a time by a thread, and most threads: each takes some 100 MB.
#: The linear algebra of small matrices gains nothing from threads of its own.
_BATCH, _MOST_THREADS = 400, 4
#: Distances between patches that are in memory at a time.
_DISTANCES = 2**23
#: Components of a group that usually are all that rise above the noise, and steps of
#: the iteration towards them.
_FEW, _ITERATIONS = 10, 3


@dataclass(frozen=True)
class MapFilter:
    """A non-local Bayes filter for maps of codes with white noise.

    Each patch is estimated under the Gaussian that fits the patches most like it
    (M. Lebrun, A. Buades and J.-M. Morel, SIAM J. Imaging Sci. 6 (2013) 1665,
    doi:10.1137/120874989, equations 8 and 9).

    Parameters
    ----------
    side : int
        Of a patch in positions, odd. With 1 a position is helped by what has similar
        codes, wherever it lies; with more by what has similar surroundings.
    n_alike : int
        Patches in a group.
    passes : int
        All passes filter the noisy codes; from the second on the result of the one
        before tells what is alike, and how it varies.
    step : int
        Every how many patches one is estimated. 1: all in the last pass, and before
        that every second one where patches are large.
    """

    side: int
    n_alike: int
    passes: int = 4
    step: int = 1

    def __call__(self, codes, level, used=None):
        """Filter a map.

        Parameters
        ----------
        codes : ndarray, shape (..., height, width, n_codes)
            With noise of variance `level` in each code. A line has height 1; further
            axes make a stack of maps.
        level : ndarray, shape (..., height, width)
        used : ndarray of bool, shape (..., height, width), optional
            Positions that are filtered, and help others. Default: all.

        Returns
        -------
        ndarray of float32, shape (..., height, width, n_codes)
            Codes beyond the twelfth hardly rise above the noise, and are given as
            they are, like those of positions that are not filtered.
        """
        filtered = np.array(codes, dtype=np.float32)
        first = filtered[..., :MOST_FILTERED]
        used = np.ones(level.shape, dtype=bool) if used is None else used
        first[:] = _filtered(first, level, used, self)
        return filtered

    def sides(self, height):
        """Height and width of a patch on a map of that height."""
        return (self.side if height > 1 else 1, self.side)


def _filtered(codes, level, used, filter_):
    """All passes of a filter over a map of few codes."""
    sides = filter_.sides(codes.shape[-3])
    n_alike = min(filter_.n_alike, max(int(0.6 * used.sum()), 4), used.sum())
    level = np.asarray(level, dtype=np.float32).ravel()
    every = used.ravel()
    step = max(filter_.step, 2 if np.prod(sides) >= _MANY_PLACES else 1)
    some = every & _every(step, codes.shape[:-1])
    noisy, guide = Patches(codes, sides), None
    n_threads = min(os.cpu_count() or 1, _MOST_THREADS)
    with ThreadPoolExecutor(n_threads) as pool, threadpool_limits(1, "blas"):
        for number in range(filter_.passes):
            is_last = number == filter_.passes - 1
            wanted = every if is_last and filter_.step == 1 else some
            average = PatchAverage(codes, sides)
            for positions, candidates in _neighbourhoods(used):
                positions = positions[wanted[positions]]
                if len(positions):
                    numbers = np.union1d(positions, candidates)
                    near = _Near.of(noisy, guide, level, numbers)
                    here = np.searchsorted(numbers, positions)
                    others = np.searchsorted(numbers, candidates)
                    average.add(positions, near.estimates(here, others, n_alike, pool))
            calm = average.of(codes)
            guide = Patches(calm, sides)
    return calm


@dataclass(frozen=True)
class _Near:
    """The patches around some positions, and those they are compared with.

    Only these are in memory: a large map has far more patches than values.

    Parameters
    ----------
    noisy, seen : ndarray, shape (n_patches, n_values)
        Patches to filter, and those that tell mean and covariance of a group.
    level : ndarray, shape (n_patches,)
        Noise variance at their centres.
    is_calm : bool
        Whether `seen` was filtered before; else it is as noisy as `noisy`.
    """

    noisy: np.ndarray
    seen: np.ndarray
    level: np.ndarray
    is_calm: bool

    @classmethod
    def of(cls, noisy, guide, level, numbers):
        """Some of all patches; `guide` is None before the first pass."""
        patches = noisy.at(numbers)
        seen = patches if guide is None else guide.at(numbers)
        return cls(patches, seen, level[numbers], guide is not None)

    def estimates(self, here, candidates, n_alike, pool):
        """Estimates of the patches `here`, shape (n, n_values)."""
        others = self.seen[candidates]

        def estimated(here):
            alike = _most_alike(self.seen[here], others, n_alike)
            return _wiener(self, here, candidates[alike])

        batches = np.split(here, range(_BATCH, len(here), _BATCH))
        return np.concatenate(list(pool.map(estimated, batches)))


def _every(step, shape):
    """Every so many positions of a stack of maps, like a chessboard."""
    y, x = np.indices((np.prod(shape[:-1]), shape[-1]))
    return ((y + x) % step == 0).ravel()


def alike(guide, used, filter_, n_alike, n_first=None):
    """Which positions are alike.

    Parameters
    ----------
    guide : ndarray, shape (..., height, width, n_codes)
        Filtered codes, which tell what is alike.
    used : ndarray of bool, shape (..., height, width)
        Positions that take part.
    filter_ : MapFilter
        For its patches.
    n_alike : int
    n_first : int, optional
        So many of each group that are the most alike stand first. Default: in any
        order.

    Returns
    -------
    ndarray of int32, shape (n_used, n_alike)
        For each position that takes part those most like it, as numbers of them.
    """
    patches = Patches(guide[..., :MOST_FILTERED], filter_.sides(used.shape[-2]))
    number = np.cumsum(used.ravel(), dtype=np.int32) - 1
    found = np.empty((used.sum(), n_alike), dtype=np.int32)
    for positions, candidates in _neighbourhoods(used):
        positions = positions[used.ravel()[positions]]
        if len(positions):
            seen, others = patches.at(positions), patches.at(candidates)
            group = _most_alike(seen, others, n_alike, n_first)
            found[number[positions]] = number[candidates[group]]
    return found


def estimate_from(noisy, bank, bank_filtered, bank_level, n_alike):
    """Estimate codes of single spectra from filtered codes of others.

    Parameters
    ----------
    noisy : ndarray, shape (n, n_codes)
    bank, bank_filtered : ndarray of float32, shape (n_bank, n_codes)
        Codes of other spectra, noisy and filtered.
    bank_level : ndarray of float32, shape (n_bank,)
        Noise variance of their noisy codes; alike codes have alike noise.
    n_alike : int

    Returns
    -------
    ndarray of float32, shape (n, n_codes)
        As by one pass of a filter with patches of a single position.
    """
    noisy = np.asarray(noisy, dtype=np.float32)
    group = _most_alike(noisy, bank_filtered, min(n_alike, len(bank)))
    both = np.concatenate([bank, noisy])
    seen = np.concatenate([bank_filtered, noisy])
    level = np.concatenate([bank_level, bank_level[group].mean(axis=1)])
    near = _Near(both, seen, level, is_calm=True)
    estimate = np.empty_like(noisy)
    for start in range(0, len(noisy), _BATCH):
        part = slice(start, start + _BATCH)
        here = np.arange(len(bank), len(both))[part]
        estimate[part] = _wiener(near, here, group[part])
    return estimate


def _wiener(near, here, group):
    """Estimates of patches under the Gaussian that fits their groups.

    Parameters
    ----------
    near : _Near
    here : ndarray of int, shape (n,)
        Patches that are wanted.
    group : ndarray of int, shape (n, n_alike)

    Returns
    -------
    ndarray, shape (n, n_values)

    Notes
    -----
    What varies in a group by less than the noise is taken for noise, also where the
    patches that tell it are calm: the Gaussian is one of few dimensions. Where they are
    noisy that is what few patches of many values vary by, by chance.
    """
    noisy, seen, level = near.noisy, near.seen, near.level
    mean = noisy[group].mean(axis=1)
    apart = seen[group]
    apart = apart - apart.mean(axis=1, keepdims=True)
    deviation = (noisy[here] - mean)[..., None]
    turned = apart.transpose(0, 2, 1)
    n_alike, n_values = apart.shape[1:]
    dual = n_alike < n_values  # the smaller of two matrices with the same eigenvalues
    matrices = apart @ turned if dual else turned @ apart
    along = apart @ deviation if dual else deviation
    around = level[group].mean(axis=1)[:, None]

    def kept(power, vectors, some=slice(None)):
        """Deviations without noise, and whether all these components rise above it."""
        variance = power / (n_alike - 1) / around[some]
        if not near.is_calm:
            # in double precision: what hardly varies by noise is kept whole
            gain = optimal_gain(variance.astype(float), n_values / (n_alike - 1))
            variance = 1 / (1 - gain)  # that which would be kept in such a share
        excess = around[some] * np.maximum(variance - 1, 0)
        excess = excess.astype(power.dtype)
        share = excess / (excess + level[here][some, None])
        if dual:
            share = share / np.maximum(power, np.finfo(power.dtype).tiny)
        part = vectors.transpose(0, 2, 1) @ along[some]
        part = vectors @ (share[..., None] * part)
        return (turned[some] @ part if dual else part)[..., 0], excess[:, 0] > 0

    found, more = kept(*_leading(matrices))
    if more.any():  # the least of the largest is above the noise: others may be, too
        found[more], _ = kept(*np.linalg.eigh(matrices[more]), more)
    return mean + found


def _leading(matrices):
    """The largest eigenvalues of symmetric matrices, ascending, and the vectors.

    Subspace iteration takes a quarter of the time of all of them; small matrices are
    decomposed in full.
    """
    if matrices.shape[-1] < 2 * _FEW:
        return np.linalg.eigh(matrices)
    basis = np.linalg.qr(matrices[..., :_FEW])[0]
    for _ in range(_ITERATIONS):
        basis = np.linalg.qr(matrices @ basis)[0]
    power, turn = np.linalg.eigh(basis.transpose(0, 2, 1) @ matrices @ basis)
    return power, basis @ turn


def _neighbourhoods(used):
    """Blocks of positions, and with which of those that are used they are compared."""
    index = np.arange(used.size).reshape(-1, used.shape[-1])
    height, width = index.shape
    used = used.reshape(index.shape)
    if used.sum() <= _ALL:
        yield index.ravel(), index[used]
        return
    anywhere = np.random.default_rng(0).permutation(index[used])[: _ALL // 2]
    across = _BLOCK if height > 1 else _BLOCK**2
    for y in range(0, height, _BLOCK):
        for x in range(0, width, across):
            around = np.s_[
                max(y - _AROUND, 0) : y + _BLOCK + _AROUND,
                max(x - _AROUND, 0) : x + across + _AROUND,
            ]
            block = index[y : y + _BLOCK, x : x + across]
            yield block.ravel(), np.union1d(index[around][used[around]], anywhere)


def _most_alike(patches, candidates, n_alike, n_first=None):
    """Indices of the nearest candidates of each patch, shape (n, n_alike).

    The nearest `n_first` of them stand first.
    """
    ends = [n - 1 for n in (n_first, n_alike) if n is not None]
    power = np.square(candidates).sum(axis=1)
    found, step = [], int(np.clip(_DISTANCES // len(candidates), 1, 1000))
    for start in range(0, len(patches), step):
        distance = power - 2 * patches[start : start + step] @ candidates.T
        order = np.argpartition(distance, ends, axis=1)
        found.append(order[:, :n_alike])
    return np.concatenate(found)

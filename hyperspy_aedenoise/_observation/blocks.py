"""Spectra by blocks: in memory, in a dask array, or computed from codes.

All three are passed over in the same way, so that what is written for one holds for a
map larger than memory. A block is a few thousand spectra at most.
"""

import os
import sys

import numpy as np

#: Values of a block: 16 MB in single precision, so that copies in double precision of
#: the blocks that are treated at a time stay small.
_BLOCK = 2**22
#: Most values that are kept for later passes instead of being computed again: 256 MB.
_HELD = 2**26
#: Blocks in a chunk of the user's that is not too large to be computed as it is.
_MOST = 8
#: Parts of a pass over a dask array, after each of which the progress bar moves.
_STEPS = 24


class Spectra:
    """Spectra that are looked at block by block.

    Attributes
    ----------
    n_spectra, n_channels : int
    """

    def each(self, function, *along):
        """Apply a function to all blocks.

        Parameters
        ----------
        function : callable
            Takes spectra, ndarray of float32, shape (n, n_channels), and the parts of
            `along` that belong to them.
        *along : ndarray, shape (n_spectra, ...)

        Yields
        ------
        where : slice or ndarray of int
            Numbers of the spectra of a block.
        result
            What the function returned for it.
        """
        for part in slices(self.n_spectra, self.n_channels):
            yield part, function(self.take(part), *(one[part] for one in along))

    def total(self, function, *along):
        """The sum of what a function returns for the blocks; as of `each`."""
        results = self.each(function, *along)
        return _sum(result for _, result in results)

    def gather(self, function, *along):
        """What a function returns for each spectrum, shape (n_spectra, ...)."""
        gathered = None
        for where, values in self.each(function, *along):
            if gathered is None:
                shape = (self.n_spectra, *values.shape[1:])
                gathered = np.empty(shape, dtype=values.dtype)
            gathered[where] = values
        if gathered is None:  # there are no spectra, but results have a shape
            none = np.empty((0, self.n_channels), np.float32)
            return function(none, *(one[:0] for one in along))
        return gathered

    def take(self, numbers):
        """Some spectra, ndarray of float32, shape (len(numbers), n_channels)."""
        raise NotImplementedError

    def all(self):
        """All spectra, ndarray of float32, shape (n_spectra, n_channels)."""
        return self.gather(same)

    def sample(self, most):
        """Some spectra, as those of `take`: drawn at random, but always the same."""
        chosen = np.random.default_rng(0).permutation(self.n_spectra)[:most]
        return self.take(np.sort(chosen))

    def held(self):
        """The same, in memory if they are not too many."""
        if self.n_spectra * self.n_channels > _HELD:
            return self
        return InMemory(self.all())

    def changed(self, function, *along):
        """Spectra that a function makes of these, whenever they are looked at."""
        return _Changed(self, function, along)


def same(rows):
    """Spectra as they are."""
    return rows


def _sum(results):
    total = None
    for result in results:
        if total is None:
            total = result
        else:
            total += result
    return total


def slices(n_spectra, n_channels):
    """Blocks of consecutive spectra."""
    step = max(_BLOCK // n_channels, 64)
    return [slice(start, start + step) for start in range(0, n_spectra, step)]


class InMemory(Spectra):
    """Spectra of an array; they are neither copied nor changed.

    Parameters
    ----------
    values : ndarray, shape (..., n_channels)
    used : ndarray of bool, shape (...), optional
        Those that take part. Default: all.
    """

    def __init__(self, values, used=None):
        self.n_channels = values.shape[-1]
        self._rows = values.reshape(-1, self.n_channels)
        self._used = None
        if used is not None and not used.all():
            self._used = np.flatnonzero(used)
        self.n_spectra = len(self._rows) if self._used is None else len(self._used)

    def take(self, numbers):
        if self._used is not None:
            numbers = self._used[numbers]
        return self._rows[numbers].astype(np.float32, copy=False)


class Computed(Spectra):
    """Spectra that a function computes of what is known of each.

    Parameters
    ----------
    function : callable
        Returns spectra, shape (n, n_channels), of parts of `along`.
    *along : ndarray, shape (n_spectra, ...)
    n_channels : int
    """

    def __init__(self, function, *along, n_channels):
        self.function = function
        self.along = along
        self.n_spectra = len(along[0])
        self.n_channels = n_channels

    def take(self, numbers):
        rows = self.function(*(one[numbers] for one in self.along))
        return rows.astype(np.float32, copy=False)


class _Changed(Spectra):
    """Spectra that a function makes of other ones, block by block."""

    def __init__(self, source, function, along):
        self._source, self._function, self._along = source, function, along
        self.n_spectra, self.n_channels = source.n_spectra, source.n_channels

    def each(self, function, *along):
        both = _Chain(self._function, len(self._along), function)
        return self._source.each(both, *self._along, *along)

    def total(self, function, *along):
        both = _Chain(self._function, len(self._along), function)
        return self._source.total(both, *self._along, *along)

    def take(self, numbers):
        return self._function(
            self._source.take(numbers), *(one[numbers] for one in self._along)
        )


class _Chain:
    """One function after another; a class, so that it travels to other processes."""

    def __init__(self, first, n_first, second):
        self._first, self._n_first, self._second = first, n_first, second

    def __call__(self, rows, *along):
        rows = self._first(rows, *along[: self._n_first])
        return self._second(rows, *along[self._n_first :])


class InDask(Spectra):
    """Spectra of a dask array, computed by whatever scheduler is the user's.

    Parameters
    ----------
    values : dask array, shape (..., n_channels)
        In any chunks; energy is brought into one.
    used : ndarray of bool, shape (...)
        Those that take part.
    progress : callable, optional
        Wraps the steps of each pass, like `tqdm.tqdm`.
    """

    def __init__(self, values, used, progress=None):
        self._progress = progress or iter
        self.n_channels = values.shape[-1]
        self.n_spectra = int(used.sum())
        values = in_balanced_chunks(values)
        number = np.where(used, np.cumsum(used).reshape(used.shape) - 1, -1)
        self._blocks = []
        delayed = values.to_delayed()[..., 0]
        starts = [np.concatenate([[0], np.cumsum(sizes)]) for sizes in values.chunks]
        for index in np.ndindex(delayed.shape):
            part = tuple(
                slice(start[i], start[i + 1])
                for i, start in zip(index, starts[:-1], strict=True)
            )
            here = number[part].ravel()
            inside = here >= 0
            if inside.any():
                self._blocks.append((delayed[index], inside, here[inside]))

    def each(self, function, *along):
        import dask

        call = dask.delayed(_call, pure=False)
        for group in self._progress(self._groups()):
            tasks = [
                call(function, block, inside, *(one[where] for one in along))
                for block, inside, where in group
            ]
            results = dask.compute(*tasks)
            for (_, _, where), result in zip(group, results, strict=True):
                yield where, result

    def total(self, function, *along):
        import dask

        add = dask.delayed(_add, pure=False)
        totals = []
        for group in self._progress(self._groups()):
            # sums grow along as many chains as there are workers: few are in memory
            chains = [group[first :: _n_workers()] for first in range(_n_workers())]
            tasks = []
            for chain in filter(None, chains):
                total = None
                for block, inside, where in chain:
                    parts = (one[where] for one in along)
                    total = add(total, function, block, inside, *parts)
                tasks.append(total)
            totals.append(_sum(iter(dask.compute(*tasks))))
        return _sum(iter(totals))

    def take(self, numbers):
        import dask

        numbers = np.arange(self.n_spectra)[numbers]
        order = np.argsort(numbers)
        known = numbers[order]
        call = dask.delayed(_some, pure=False)
        tasks, places = [], []
        for block, inside, where in self._blocks:
            first, end = np.searchsorted(known, [where[0], where[-1] + 1])
            if first == end:
                continue
            place = np.searchsorted(where, known[first:end])
            place = np.minimum(place, len(where) - 1)
            here = where[place] == known[first:end]
            if here.any():
                tasks.append(call(block, inside, place[here]))
                places.append(order[first:end][here])
        rows = np.empty((len(numbers), self.n_channels), dtype=np.float32)
        step = max(_n_workers(), 1)
        for start in range(0, len(tasks), step):
            part = slice(start, start + step)
            for place, some in zip(
                places[part], dask.compute(*tasks[part]), strict=True
            ):
                rows[place] = some
        return rows

    def _groups(self):
        """Blocks that are computed together, a list of lists."""
        size = max(-(-len(self._blocks) // _STEPS), _n_workers())
        return [
            self._blocks[start : start + size]
            for start in range(0, len(self._blocks), size)
        ]


def _n_workers():
    """Threads that compute dask's tasks: a cluster's, if there is one, or ours."""
    if "distributed" in sys.modules:
        from distributed import get_client

        try:
            return max(sum(get_client().nthreads().values()), 1)
        except ValueError:  # there is none
            pass
    return os.cpu_count() or 1


def _rows(block, inside):
    rows = np.asarray(block).reshape(len(inside), -1)
    rows = rows if inside.all() else rows[inside]
    return rows.astype(np.float32, copy=False)


def _call(function, block, inside, *along):
    return function(_rows(block, inside), *along)


def _add(total, function, block, inside, *along):
    result = function(_rows(block, inside), *along)
    return result if total is None else total + result


def _some(block, inside, place):
    rows = np.asarray(block).reshape(len(inside), -1)
    return rows[np.flatnonzero(inside)[place]].astype(np.float32, copy=False)


def in_whole_spectra(values):
    """A dask array, shape (..., n_channels), in chunks of whole spectra.

    Positions stay in the chunks in which they are, unless these become too large.
    """
    whole = values.rechunk({-1: -1})
    largest = np.prod([max(sizes) for sizes in whole.chunks])
    return whole if largest <= _MOST * _BLOCK else in_balanced_chunks(values)


def in_balanced_chunks(values):
    """As `in_whole_spectra`, in chunks of a block's size, as near as there are."""
    chunks = dict.fromkeys(range(values.ndim - 1), "auto") | {values.ndim - 1: -1}
    return values.rechunk(chunks, block_size_limit=_BLOCK * values.dtype.itemsize)


def spectra_of(values, used, progress=None):
    """Spectra of an array or a dask array, shape (..., n_channels), that take part."""
    if hasattr(values, "dask"):
        return InDask(values, used, progress)
    return InMemory(values, used)

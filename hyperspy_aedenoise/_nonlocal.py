"""Non-local Bayes filtering: probe positions and channels that look alike help."""

import numpy as np

from hyperspy_aedenoise._lowrank import Colour, principal_codes
from hyperspy_aedenoise._risk import paired_difference, recorrupted_pair

#: Passes over a map of codes, and over the spectra of its components.
_PASSES, _ENERGY_PASSES = 4, 3
#: Side of a patch in positions and how many alike ones make its group: for few codes
#: on many positions, and for others.
_LARGE, _SMALL = (5, 100), (3, 60)
#: Codes and positions up to and from which patches are large.
_FEW_CODES, _MANY_POSITIONS = 4, 2000
#: Most codes that are filtered: the time grows with their third power.
_MOST_FILTERED = 12
#: Channels of a patch along energy, and alike ones.
_ALONG_ENERGY = (9, 60)
#: Up to this many patches each is compared with all others; beyond it with those around
#: and as many drawn at random, so that the time grows with the number of positions.
_ALL = 4096
#: Side of the blocks of positions that share what they are compared with, and how far
#: beyond its block a patch looks.
_BLOCK, _AROUND = 32, 14
#: Patches filtered at a time.
_BATCH = 400
#: Ratio of the pair that chooses between the codes alone and both sides.
_RATIO = 0.3


def denoise_nonlocal(counts, used, noise, rng):
    """Denoise spectra with the help of positions and channels that look alike.

    The principal codes of the whitened spectra make a map in which each patch is
    estimated together with the patches most like it (M. Lebrun, A. Buades and
    J.-M. Morel, SIAM J. Imaging Sci. 6 (2013) 1665, doi:10.1137/120874989, equations
    8 and 9). The spectra of the components are then fitted anew to the filtered map,
    and filtered along energy in the same way, if pairs of the data say that this
    helps.

    Parameters
    ----------
    counts : ndarray of float, shape (..., x, n_channels)
        In signal units; the last two navigation axes are a map, further ones a stack
        of maps.
    used : ndarray of bool, shape (..., x)
        Spectra that take part.
    noise : NoiseModel
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float, shape (..., x, n_channels)
        The mean where a spectrum takes no part.
    """
    rows = counts[used]
    expected = np.broadcast_to(rows.mean(axis=0), counts.shape).copy()
    expected[used] = principal_codes(rows, noise).denoise(rows)
    first, second = recorrupted_pair(counts, expected, noise, _RATIO, rng)
    noisier = noise.scaled(1 + _RATIO**2)
    one, both = _sides(first, used, noisier)
    found = paired_difference(
        both[used], one[used], second[used], expected[used], noise, _RATIO
    )
    one, both = _sides(counts, used, noise)
    return both if found.value < 0 else one


def _sides(counts, used, noise):
    """Spectra with filtered codes, and with filtered codes and components."""
    shape, n_channels = counts.shape[:-1], counts.shape[-1]
    rows = counts[used]
    linear = principal_codes(rows, noise)
    kept = linear.shrinkage > 0
    kept[0] = True
    codes = np.zeros((*shape, kept.sum()))
    codes[used] = linear.encode(rows)[:, kept]
    level = np.ones(shape)
    spread = Colour.of(noise, rows.mean(axis=0)).spread
    level[used] = _noise_level(linear.denoise(rows), noise, spread)
    height = int(np.prod(shape[:-1], dtype=int))
    size = (height, shape[-1])
    large = kept.sum() <= _FEW_CODES and codes[..., 0].size >= _MANY_POSITIONS
    side, alike = _LARGE if large else _SMALL
    # further codes hardly rise above the noise; they are shrunk as they are
    filtered = codes * linear.shrinkage[kept]
    first = codes[..., :_MOST_FILTERED]
    filtered[..., :_MOST_FILTERED] = filter_map(
        first.reshape(*size, -1), level.reshape(size), side, alike, _PASSES
    ).reshape(first.shape)
    one = np.empty_like(counts)
    one[:] = filtered @ linear.decoder[kept] + linear.mean

    # with the codes known, each channel is a regression on them
    known = np.column_stack([np.ones(len(rows)), filtered[used]])
    basis, triangle = np.linalg.qr(known)
    parts = basis.T @ (rows / spread)
    patch, alike = _ALONG_ENERGY
    parts = filter_map(
        parts.T[None], np.ones((1, n_channels)), patch, alike, _ENERGY_PASSES
    )[0].T
    whole = np.concatenate([np.ones((*shape, 1)), filtered], axis=-1)
    both = np.empty_like(counts)
    both[:] = whole @ np.linalg.solve(triangle, parts) * spread
    return one, both


def _noise_level(expected, noise, spread):
    """Noise variance of each spectrum relative to `spread`, that at the mean, squared.

    Empty spectra have none; a tenth stands for what the model doesn't know.
    """
    ratio = noise.variance(expected) / spread**2
    return np.maximum(ratio.mean(axis=-1), 0.1)


def filter_map(codes, level, side, n_alike, passes):
    """Filter a map of codes with white noise.

    Parameters
    ----------
    codes : ndarray, shape (height, width, n_codes)
        With noise of variance `level` in each code. A line has height 1.
    level : ndarray, shape (height, width)
    side : int
        Of a patch, odd.
    n_alike : int
        Patches in a group.
    passes : int
        All passes filter the noisy codes; from the second on the result of the one
        before tells what is alike, and how it varies.

    Returns
    -------
    ndarray, shape (height, width, n_codes)
    """
    height, width, n_codes = codes.shape
    sides = (side if height > 1 else 1, side)
    noisy = _patches(codes, sides)
    n_alike = min(n_alike, max(int(0.6 * len(noisy)), 4), len(noisy))
    level = np.asarray(level, dtype=np.float32).ravel()
    guide = None
    for _ in range(passes):
        seen = noisy if guide is None else _patches(guide, sides)
        estimate = np.empty_like(noisy)
        for positions, candidates in _neighbourhoods(height, width):
            group = candidates[_most_alike(seen[positions], seen[candidates], n_alike)]
            for start in range(0, len(positions), _BATCH):
                here = positions[start : start + _BATCH]
                alike = group[start : start + _BATCH]
                estimate[here] = _wiener(
                    noisy, seen, level, here, alike, with_noise=guide is None
                )
        guide = _unpatched(estimate, (height, width, n_codes), sides)
    return guide


def _wiener(noisy, seen, level, here, group, with_noise):
    """Estimates of patches under the Gaussian that fits their groups.

    Parameters
    ----------
    noisy, seen : ndarray, shape (n_patches, n_values)
        Patches to filter, and those that tell mean and covariance of a group.
    level : ndarray, shape (n_patches,)
        Noise variance at their centres.
    here : ndarray of int, shape (n,)
        Patches that are wanted.
    group : ndarray of int, shape (n, n_alike)
    with_noise : bool
        Whether `seen` holds the noise, too.

    Returns
    -------
    ndarray, shape (n, n_values)
    """
    mean = noisy[group].mean(axis=1)
    apart = seen[group]
    apart = apart - apart.mean(axis=1, keepdims=True)
    covariance = apart.transpose(0, 2, 1) @ apart / (group.shape[1] - 1)
    own = level[here][:, None]
    deviation = noisy[here] - mean
    if with_noise:  # take it off, and what then is negative with it
        values, vectors = np.linalg.eigh(covariance)
        values = np.maximum(values - level[group].mean(axis=1)[:, None], 0)
        along = np.einsum("nij,ni->nj", vectors, deviation)
        return mean + np.einsum("nij,nj->ni", vectors, values / (values + own) * along)
    total = covariance + own[..., None] * np.eye(noisy.shape[1], dtype=np.float32)
    solved = np.linalg.solve(total, deviation[..., None])
    return mean + (covariance @ solved)[..., 0]


def _neighbourhoods(height, width):
    """Blocks of positions, and with which positions theirs are compared."""
    index = np.arange(height * width).reshape(height, width)
    if index.size <= _ALL:
        yield index.ravel(), index.ravel()
        return
    anywhere = np.random.default_rng(0).permutation(index.size)[: _ALL // 2]
    for y in range(0, height, _BLOCK):
        for x in range(0, width, _BLOCK):
            around = index[
                max(y - _AROUND, 0) : y + _BLOCK + _AROUND,
                max(x - _AROUND, 0) : x + _BLOCK + _AROUND,
            ]
            block = index[y : y + _BLOCK, x : x + _BLOCK]
            yield block.ravel(), np.union1d(around, anywhere)


def _most_alike(patches, candidates, n_alike):
    """Indices of the nearest candidates of each patch, shape (n, n_alike)."""
    power = np.square(candidates).sum(axis=1)
    found = []
    for start in range(0, len(patches), 1000):
        distance = power - 2 * patches[start : start + 1000] @ candidates.T
        found.append(np.argpartition(distance, n_alike - 1, axis=1)[:, :n_alike])
    return np.concatenate(found)


def _patches(codes, sides):
    """Patches around all positions, mirrored at the borders, as rows of float32."""
    height, width = codes.shape[:2]
    margins = [(side // 2, side // 2) for side in sides]
    padded = np.pad(codes.astype(np.float32), [*margins, (0, 0)], mode="symmetric")
    parts = [
        padded[y : y + height, x : x + width]
        for y in range(sides[0])
        for x in range(sides[1])
    ]
    return np.stack(parts, axis=2).reshape(height * width, -1)


def _unpatched(patches, shape, sides):
    """Mean of the overlapping patches at each position."""
    height, width, n_codes = shape
    top, left = sides[0] // 2, sides[1] // 2
    total = np.zeros((height + 2 * top, width + 2 * left, n_codes))
    count = np.zeros((height + 2 * top, width + 2 * left, 1))
    parts = patches.reshape(height, width, sides[0] * sides[1], n_codes)
    for number in range(sides[0] * sides[1]):
        y, x = divmod(number, sides[1])
        total[y : y + height, x : x + width] += parts[:, :, number]
        count[y : y + height, x : x + width] += 1
    inner = slice(top, top + height), slice(left, left + width)
    return total[inner] / count[inner]

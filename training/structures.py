"""Code maps of simulated structures, as the noise-free answers of a training."""

import numpy as np
import scipy.ndimage
import scipy.special


def code_map(rng, size):
    """Codes of a random structure in units of the noise.

    Parameters
    ----------
    rng : numpy.random.Generator
    size : int
        Height and width in probe positions.

    Returns
    -------
    ndarray of float32, shape (size, size, n_codes)
        Principal codes of the structure, strongest first, one to four of them. The
        strongest deviates by 1 to 60 standard deviations of the noise, or by none at
        all: a map of noise alone.
    """
    n_codes = rng.integers(1, 5)
    kinds = [lattice, interface, grains, particles, gradient]
    weights = rng.permutation([1.0, rng.choice([0.0, 0.3, 1.0]), 0, 0, 0])
    codes = np.zeros((size, size, n_codes))
    for kind, weight in zip(kinds, weights, strict=True):
        if weight:
            codes += weight * kind(rng, size, n_codes)
    if rng.random() < 0.3:  # thickness
        codes *= 1 + 0.4 * smooth(rng, size, 1)
    codes = principal(codes)
    if rng.random() < 0.05:
        return 0 * codes
    return (codes * np.exp(rng.uniform(0, np.log(60)))).astype(np.float32)


def principal(codes):
    """Principal components of a map; the strongest has variance 1."""
    rows = codes.reshape(-1, codes.shape[-1])
    rows = rows - rows.mean(axis=0)
    left, singular, _ = np.linalg.svd(rows, full_matrices=False)
    kept = left * singular / max(singular[0], 1e-12) * np.sqrt(len(rows))
    return kept.reshape(codes.shape)


def smooth(rng, size, n):
    """Random smooth maps, shape (size, size, n), of variance about 1."""
    width = size * np.exp(rng.uniform(np.log(0.08), np.log(0.5)))
    drawn = rng.normal(size=(2 * size, 2 * size, n))
    drawn = scipy.ndimage.gaussian_filter(drawn, (width, width, 0))
    drawn = drawn[size // 2 : -size // 2, size // 2 : -size // 2]
    return drawn / max(drawn.std(), 1e-12)


def lattice(rng, size, n_codes):
    """Atomic columns: any cell, any motif, any orientation, some columns deviating."""
    lengths = np.exp(rng.uniform(np.log(4.5), np.log(24), 2))
    if rng.random() < 0.6:
        lengths[1] = lengths[0]
    turn = rng.uniform(0, 2 * np.pi)
    angles = turn + np.array([0, rng.choice([np.pi / 2, np.pi / 3, 1.3])])
    cell = lengths * np.stack([np.cos(angles), np.sin(angles)])
    y, x = np.indices((size, size))
    place = np.einsum("ij,jyx->iyx", np.linalg.inv(cell), np.stack([x, y]) * 1.0)
    place += rng.uniform(size=(2, 1, 1))
    codes = np.zeros((size, size, n_codes))
    for _ in range(rng.integers(1, 5)):
        apart = place - rng.uniform(size=(2, 1, 1))
        column = np.round(apart).astype(int)
        apart = np.einsum("ij,jyx->iyx", cell, apart - column)
        width = lengths.min() * rng.uniform(0.08, 0.28)
        weight = np.exp(-np.square(apart).sum(axis=0) / (2 * width**2))
        if rng.random() < 0.4:  # occupancies differ
            column -= column.min(axis=(1, 2), keepdims=True)
            share = rng.choice([0.02, 0.1, 0.5])
            other = rng.random(column.max(axis=(1, 2)) + 1) < share
            weight = weight * (1 - rng.uniform(0.2, 1) * other[tuple(column)])
        codes += weight[..., None] * rng.normal(size=n_codes)
    return codes


def curve(rng, phase, n_codes):
    """Codes along a curve, as of an edge that shifts: phase of 0 to 1 in each place."""
    ends = rng.normal(size=(2, n_codes))
    bent = rng.normal(size=n_codes) * rng.uniform(0, 1)
    waves = rng.normal(size=n_codes) * rng.uniform(0, 0.5)
    phase = phase[..., None]
    straight = ends[0] * (1 - phase) + ends[1] * phase
    return straight + bent * np.sin(np.pi * phase) + waves * np.sin(2 * np.pi * phase)


def interface(rng, size, n_codes):
    """A wavy boundary, sharp or wide, perhaps of a layer."""
    y, x = np.indices((size, size)) / size - 0.5
    turn = rng.uniform(0, 2 * np.pi)
    across = np.cos(turn) * x + np.sin(turn) * y
    along = np.cos(turn) * y - np.sin(turn) * x
    waves = rng.uniform(0, 0.12) * np.sin(
        rng.uniform(2, 25) * along + rng.uniform(0, 2 * np.pi)
    )
    where = across + waves + rng.uniform(-0.25, 0.25)
    if rng.random() < 0.3:
        where = np.abs(where) - rng.uniform(0.03, 0.2)
    width = np.exp(rng.uniform(np.log(0.005), np.log(0.15)))
    return curve(rng, 1 / (1 + np.exp(-np.clip(where / width, -50, 50))), n_codes)


def grains(rng, size, n_codes):
    """Polycrystal: phases with sharp boundaries, and gradients in them."""
    y, x = np.indices((size, size)) / size
    n_grains = rng.integers(3, 25)
    seeds = rng.uniform(size=(n_grains, 2))
    bent = 0.03 * rng.choice([0, 1]) * smooth(rng, size, 2)
    distance = (y + bent[..., 0])[..., None] - seeds[:, 0]
    distance = distance**2 + ((x + bent[..., 1])[..., None] - seeds[:, 1]) ** 2
    grain = distance.argmin(axis=-1)
    phase = curve(rng, rng.uniform(size=n_grains), n_codes)[grain]
    return phase * (1 + rng.uniform(0, 0.4) * (x + y - 1))[..., None]


def particles(rng, size, n_codes):
    """Discs and spheres, single or overlapping, of a few kinds."""
    y, x = np.indices((size, size))
    kinds = rng.normal(size=(rng.integers(1, 4), n_codes))
    codes = np.zeros((size, size, n_codes))
    largest = size * rng.uniform(0.05, 0.25)
    for _ in range(rng.integers(2, 15)):
        radius = largest * rng.uniform(0.3, 1) + 1
        stretch = rng.uniform(0.5, 1)
        turn = rng.uniform(0, np.pi)
        down, across = y - rng.uniform(0, size), x - rng.uniform(0, size)
        one = (np.cos(turn) * across + np.sin(turn) * down) / radius
        other = (np.cos(turn) * down - np.sin(turn) * across) / (radius * stretch)
        inside = np.clip(1 - one**2 - other**2, 0, None)
        thickness = np.sqrt(inside) if rng.random() < 0.5 else inside > 0
        codes += thickness[..., None] * kinds[rng.integers(len(kinds))]
    return codes


def gradient(rng, size, n_codes):
    """Smooth changes of thickness and composition."""
    return curve(rng, scipy.special.expit(smooth(rng, size, 1))[..., 0], n_codes)

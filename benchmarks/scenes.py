"""Clean spectrum images of many kinds, on 0..1 unless in counts, and their noise."""

from dataclasses import dataclass

import numpy as np

import hyperspy_aedenoise as aed

#: Energy above the first channel, in eV.
ENERGY = np.linspace(0, 20, 200)
#: A detector with counting noise, read-out noise and a point spread.
DETECTOR = aed.NoiseModel(3.0, 25.0, (1.0, 0.4, 0.08))


@dataclass(frozen=True)
class Scene:
    """Clean spectra, the noise they get, and what is asked of a denoiser.

    Parameters
    ----------
    name : str
    clean : ndarray, shape (..., n_channels)
    noise : aed.NoiseModel
    needed : float
        Share of the best linear method's error that may be left.
    rare : ndarray of bool, shape (...), optional
        Positions with a peak that the others don't have.
    peak : ndarray, shape (n_channels,), optional
        That peak.
    """

    name: str
    clean: np.ndarray
    noise: aed.NoiseModel
    needed: float
    rare: np.ndarray | None = None
    peak: np.ndarray | None = None


def edge(onset, shape=0.0):
    """Spectra with an edge of two lines, for arrays of onsets and of line ratios."""
    step, first, second = edge_parts(onset)
    shape = np.asarray(shape)[..., None]
    return step + (0.8 + 0.2 * shape) * first + (0.5 - 0.2 * shape) * second


def edge_parts(onset):
    """Step and lines of unit height, each of shape (..., n_channels)."""
    energy = ENERGY - np.asarray(onset)[..., None]
    step = 0.35 / (1 + np.exp(-energy / 0.4))
    lines = (np.exp(-(((energy - at) / w) ** 2)) for at, w in ((1.5, 0.9), (7, 1.4)))
    return step, *lines


def standard():
    """The standard SrTiO3 set."""
    return aed.data.sto_o_k().data.astype(float)


def rotated_cell(size):
    """Places in a rotated cell that no number of probe positions fits, in cells."""
    y, x = np.indices((size, size)).astype(float)
    turn = np.deg2rad(17.0)
    across = (np.cos(turn) * x + np.sin(turn) * y) / 9.37
    down = (np.cos(turn) * y - np.sin(turn) * x) / 8.61
    return across, down


def lattice(size=56):
    """Three sites in a rotated cell."""
    across, down = rotated_cell(size)
    spectra = edge([5.0, 7.0, 9.0], [0.0, 1.0, 0.5])
    clean = 0.25 * np.broadcast_to(edge(6.5, 0.5), (size, size, len(ENERGY)))
    sites = ((0.0, 0.0, 0.16), (0.5, 0.5, 0.12), (0.5, 0.08, 0.1))
    for (u, v, width), spectrum in zip(sites, spectra, strict=True):
        apart = [(a - s + 0.5) % 1 - 0.5 for a, s in ((across, u), (down, v))]
        weight = np.exp(-(apart[0] ** 2 + apart[1] ** 2) / (2 * width**2))
        clean = clean + 0.6 * weight[..., None] * spectrum
    return clean


def interface_onset(size=56):
    """Onset (eV) and line ratio of each position across a wavy interface."""
    y, x = np.indices((size, size)) / size
    where = 1 / (1 + np.exp(-(x - 0.5 - 0.1 * np.sin(8 * y)) / 0.08))
    return 6 + 2 * where, where


def interface():
    """Chemical shift of 2 eV and line ratio change across a wavy interface."""
    return edge(*interface_onset())


def grains():
    """Gradients of thickness and composition, and sharp boundaries."""
    y, x = np.indices((56, 56)) / 56
    rng = np.random.default_rng(7)
    seeds, phases = rng.uniform(size=(9, 2)), rng.uniform(size=9)
    distance = (y[..., None] - seeds[:, 0]) ** 2 + (x[..., None] - seeds[:, 1]) ** 2
    phase = phases[distance.argmin(axis=-1)]
    mixed = phase[..., None] * edge(5, 1) + (1 - phase[..., None]) * edge(9, 0)
    return (0.6 + 0.4 * (x + y) / 2)[..., None] * mixed


def random_mixtures():
    """Every position a mixture of its own."""
    rng = np.random.default_rng(5)
    shares = rng.dirichlet([1, 1, 1], (48, 48))
    return shares @ edge([5, 8, 11], [0, 1, 0.5])


def random_shifts():
    """Every position an energy shift and a thickness of its own."""
    rng = np.random.default_rng(6)
    return rng.uniform(0.6, 1, (48, 48, 1)) * edge(5 + rng.uniform(0, 2, (48, 48)))


def drifting():
    """One edge on columns of a rotated lattice, while the energy drifts by rows."""
    across, down = rotated_cell(56)
    waves = [0.5 + 0.5 * np.cos(2 * np.pi * place) for place in (across, down)]
    thickness = 0.3 + 0.7 * waves[0] * waves[1]
    shape = 0.5 + 0.5 * np.sin(2 * np.pi * across)
    drift = np.random.default_rng(9).normal(0, 0.03, (56, 1)).cumsum(axis=0)
    return thickness[..., None] * edge(6.5 + np.broadcast_to(drift, (56, 56)), shape)


def line(n):
    """A line scan across an interface."""
    where = 1 / (1 + np.exp(-(np.linspace(0, 1, n) - 0.5) / 0.1))
    return edge(6 + where, where)


def core_loss(counts):
    """Atomic columns on a power-law background, in counts."""
    set_ = aed.data.sto_o_k(
        (56, 56), energy_start=505, dispersion=0.25, n_channels=208, background=2.0
    )
    return counts * set_.data.astype(float)


def few_counts(mean):
    """The standard set as a direct detector counts it, with so many in a channel."""
    clean = standard()
    return mean / clean.mean() * clean


def particle():
    """A particle in vacuum, where a direct detector counts hardly anything."""
    y, x = np.indices((48, 48)) - 23.5
    inside = 1 / (1 + np.exp(np.hypot(y, x) - 16))
    return inside[..., None] * core_loss(200)[:48, :48] + 2


def with_pre_peak(name, n_positions, height, noise, needed):
    """A lattice with a pre-peak in some positions."""
    clean = lattice(48)
    rare = np.zeros((48, 48), bool)
    rng = np.random.default_rng(n_positions)
    rare.ravel()[rng.choice(rare.size, n_positions, replace=False)] = True
    peak = height * np.exp(-0.5 * ((ENERGY - 2.5) / 0.5) ** 2)
    return Scene(name, clean + rare[..., None] * peak, noise, needed, rare, peak)


def scenes():
    """All of them, one after the other."""
    gaussian = aed.NoiseModel.gaussian
    usual = gaussian(0.05)
    for sigma, needed in (
        (0.05, (0.22, 0.18, 0.18)),
        (0.0125, 3 * (0.37,)),
        (0.2, 3 * (0.2,)),
    ):
        label = "" if sigma == 0.05 else f", sigma {sigma}"
        yield Scene(
            f"standard SrTiO3 set{label}", standard(), gaussian(sigma), needed[0]
        )
        yield Scene(f"rotated lattice{label}", lattice(), gaussian(sigma), needed[1])
        yield Scene(
            f"shift at interface{label}", interface(), gaussian(sigma), needed[2]
        )
    yield Scene("grains and gradients", grains(), usual, 0.18)
    yield Scene("random mixtures", random_mixtures(), usual, 0.97)
    yield Scene("random shifts", random_shifts(), usual, 0.85)
    yield Scene("energy drift by rows", drifting(), usual, 1.0)
    for n in (40, 10):
        yield Scene(f"line of {n} spectra", line(n), usual, 0.30)
    for counts, needed in ((20, 0.35), (60, 0.28), (200, 0.25)):
        yield Scene(f"core loss, {counts} counts", core_loss(counts), DETECTOR, needed)
    for mean in (0.02, 0.1, 1):
        name = f"standard set, {mean:g} counts"
        yield Scene(name, few_counts(mean), aed.NoiseModel(1.0), 0.2)
    yield Scene("particle in vacuum", particle(), aed.NoiseModel(1.0), 0.85)
    for n in (1, 4, 16):
        for height in (0.35, 0.2):
            name = f"pre-peak of {height} in {n} of 2304"
            yield with_pre_peak(name, n, height, usual, 0.35)

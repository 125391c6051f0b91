"""The default autoencoder on data of many kinds, beside the best PCA.

    python benchmarks/cases.py [--seeds 3]

The bar is the smaller error of PCA with the number of components that the truth
prefers, and optimal shrinkage with the noise known, on the same noisy data. Printed is
the share of it that is left, by the autoencoder (which measures the noise itself) and
by shrinkage in the package, and the seconds of the fit.
"""

import argparse
import logging
import time

import numpy as np
from baselines import optimal_shrinkage, oracle_pca

import hyperspy_aedenoise as aed
from hyperspy_aedenoise._lowrank import principal_codes
from hyperspy_aedenoise._noise_estimate import estimate_noise

ENERGY = np.linspace(0, 20, 200)  # eV above the first channel


def edge(onset, shape=0.0):
    """Spectra with an edge of two lines, for arrays of onsets and of line ratios."""
    onset, shape = np.asarray(onset)[..., None], np.asarray(shape)[..., None]
    step = 0.35 / (1 + np.exp(-(ENERGY - onset) / 0.4))
    first = (0.8 + 0.2 * shape) * np.exp(-(((ENERGY - onset - 1.5) / 0.9) ** 2))
    second = (0.5 - 0.2 * shape) * np.exp(-(((ENERGY - onset - 7) / 1.4) ** 2))
    return step + first + second


def interface():
    """Onset and line ratio change across a wavy interface."""
    y, x = np.indices((56, 56)) / 56
    where = 1 / (1 + np.exp(-(x - 0.5 - 0.1 * np.sin(8 * y)) / 0.08))
    return edge(6 + 2 * where, where)


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


def line(n):
    """A line scan across an interface."""
    where = 1 / (1 + np.exp(-(np.linspace(0, 1, n) - 0.5) / 0.1))
    return edge(6 + where, where)


def standard():
    """The standard SrTiO3 set."""
    return aed.data.sto_o_k().data.astype(float)


def core_loss(counts):
    """Atomic columns on a background, in counts."""
    set_ = aed.data.sto_o_k(
        (56, 56), energy_start=505, dispersion=0.25, n_channels=206, background=2.0
    )
    return counts * set_.data.astype(float)


def cases():
    """Name, clean spectra, and noise."""
    gaussian = aed.NoiseModel.gaussian
    detector = aed.NoiseModel(3.0, 25.0, (1.0, 0.4, 0.08))
    for sigma in (0.05, 0.0125, 0.2):
        yield f"standard set, sigma {sigma}", standard(), gaussian(sigma)
        yield f"interface, sigma {sigma}", interface(), gaussian(sigma)
    yield "grains and gradients", grains(), gaussian(0.05)
    yield "random mixtures", random_mixtures(), gaussian(0.05)
    yield "random shifts", random_shifts(), gaussian(0.05)
    for n in (40, 10):
        yield f"line of {n} spectra", line(n), gaussian(0.05)
    for counts in (20, 60, 200):
        yield f"core loss, {counts} counts", core_loss(counts), detector


def bar_of(noisy, clean, noise):
    """The smaller error of best PCA and optimal shrinkage."""
    rows, truth = noisy.reshape(-1, noisy.shape[-1]), clean.reshape(-1, clean.shape[-1])
    if not noise.gain:
        shrunk = optimal_shrinkage(rows, truth, np.sqrt(noise.offset))
        return min(oracle_pca(rows, truth, 20)[0] if len(rows) > 20 else shrunk, shrunk)
    # scaled to equal noise, as is usual for counts
    weight = np.sqrt(noise.variance(truth.mean(axis=0)))
    left, singular, right = np.linalg.svd(rows / weight, full_matrices=False)
    return min(
        np.square((left[:, :k] * singular[:k]) @ right[:k] * weight - truth).mean()
        for k in range(1, 21)
    )


def main():
    """Run the cases and print their table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    n_seeds = parser.parse_args().seeds
    logging.disable(logging.WARNING)
    print(f"{'case':30} {'shrinkage':>10} {'autoencoder':>16} {'seconds':>8}")
    for name, clean, noise in cases():
        shares, seconds = [], []
        for seed in range(n_seeds):
            rng = np.random.default_rng(seed)
            noisy = noise.sample(clean, rng)
            rows = noisy.reshape(-1, noisy.shape[-1])
            bar = bar_of(noisy, clean, noise)
            start = time.perf_counter()
            measured = estimate_noise(rows)
            denoiser = aed.AutoencoderDenoiser(noise=measured, random_state=seed)
            filtered = denoiser.fit(noisy).denoise(noisy)
            seconds.append(time.perf_counter() - start)
            linear = principal_codes(rows, measured).denoise(rows).reshape(clean.shape)
            errors = [np.square(v - clean).mean() / bar for v in (linear, filtered)]
            shares.append(errors)
        mean, spread = np.mean(shares, axis=0), np.std(shares, axis=0)
        print(
            f"{name:30} {mean[0]:10.2f} {mean[1]:8.3f} +- {spread[1]:.3f} "
            f"{np.mean(seconds):8.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()

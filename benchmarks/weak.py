"""Weak features, which show only in means over places: what is kept of them.

    python benchmarks/weak.py [--seeds 1] [--totals 8 12 20 40] [--size 48]
        [--only NAME] [--write]

A feature is added to a part of a scene, at a total significance: the standard errors
by which a matched filter tells it from nothing, if place, shape and noise are known.
Share kept is the regression of restored less clean spectra, without the feature, on the
true feature. Beside the autoencoder stand PCA with the number of components that the
truth prefers, optimal shrinkage with the noise known, and means of the raw spectra in
the very region, whose share is 1 but for noise. A feature is told if it is in the
summary or a warning. `--only` takes a part of a scene's, region's or feature's name.

`--write` puts the table into docs/benchmarks.md.
"""

import argparse
import os
import sys
import warnings
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.simplefilter("ignore")

import baselines  # noqa: E402
from scenes import DETECTOR, core_loss, interface, lattice  # noqa: E402
from suite import autoencoder  # noqa: E402
from tables import put  # noqa: E402

import hyperspy_aedenoise as aed  # noqa: E402

ROOT = Path(__file__).parents[1]
#: Clean spectra, noise, and the channels of the lines to which features are related.
SCENES = {
    "lattice": (lambda n: lattice(max(n, 56))[:n, :n], aed.NoiseModel.gaussian(0.05)),
    "interface": (lambda n: interface()[:n, :n], aed.NoiseModel.gaussian(0.05)),
    "core loss": (lambda n: core_loss(60)[:n, :n], DETECTOR),
}


def regions(n):
    """Where a feature may be, on a map of n x n positions, by name."""
    y, x = np.indices((n, n))
    rng = np.random.default_rng(3)
    scattered = np.zeros((n, n), bool)
    scattered.ravel()[rng.choice(n * n, 28, replace=False)] = True
    site = rng.uniform(size=(n // 9 + 1, n // 9 + 1)) < 0.4
    near = np.hypot(y % 9 - 4, x % 9 - 4) < 1.6
    ring = np.abs(np.hypot(y - n / 2, x - n / 2) - 0.3 * n) < 1.5
    parts = {
        "half": x < 0.45 * n,
        "ramp": x / (n - 1),
        "disc of radius 3": np.hypot(y - n / 2, x - 0.4 * n) < 3.2,
        "disc of radius 9": np.hypot(y - n / 2, x - 0.4 * n) < 9,
        "two rows": (y == n // 2 + 5) | (y == n // 2 + 6),
        "diagonal band": np.abs(y - x) < 3,
        "ring": ring,
        "patch of 7 x 8": (y >= 10) & (y < 17) & (x >= n // 2) & (x < n // 2 + 8),
        "some columns": near & site[y // 9, x // 9],
        "28 positions": scattered,
    }
    return {name: part.astype(float) for name, part in parts.items()}


def features(clean):
    """Features along energy, by name."""
    n_channels = clean.shape[-1]
    channel = np.arange(n_channels)
    line = int(np.ptp(clean, axis=(0, 1)).argmax())

    def peak(centre, width):
        return np.exp(-0.5 * ((channel - centre) / width) ** 2)

    mean = clean.mean(axis=(0, 1))
    shift = mean - np.interp(channel - 0.5, channel, mean)
    window = peak(line, 8)
    return {
        "narrow": peak(0.1 * n_channels, 2.5),
        "broad": peak(0.6 * n_channels, 0.1 * n_channels),
        "shoulder": peak(line + 5, 3),
        "tail": np.where(channel > 0.8 * n_channels, 1, 0)
        * np.exp(-np.maximum(channel - 0.8 * n_channels, 0) / 15),
        "shift": shift * window,
        "negative": -peak(0.5 * n_channels, 3),
    }


def significance(extra, clean, noise):
    """Of a feature in noise that is known, by a matched filter."""
    lags = np.zeros(clean.shape[-1])
    known = np.array(noise.correlation)
    lags[: len(known)] = known
    index = np.abs(np.subtract.outer(np.arange(len(lags)), np.arange(len(lags))))
    white = np.linalg.inv(np.linalg.cholesky(lags[index] + 1e-9 * np.eye(len(lags))))
    scaled = extra / np.sqrt(noise.variance(clean))
    return float(np.linalg.norm(scaled @ white.T))


def kept(values, clean, extra):
    """Share of a feature that is in values."""
    return float(np.vdot(values - clean, extra) / np.vdot(extra, extra))


def run(scene, region, feature, total, seed):
    """Shares that are kept by each route, and what the autoencoder tells.

    Parameters
    ----------
    scene : tuple
        Clean spectra and noise.
    region : ndarray, shape (n, n)
    feature : ndarray, shape (n_channels,)
    total : float
    seed : int
    """
    clean, noise = scene
    extra = region[..., None] * feature * clean.mean()
    extra *= total / significance(extra, clean, noise)
    noisy = noise.sample(clean + extra, np.random.default_rng(seed))
    spread = baselines.spreads(noise.variance(clean))[0]
    denoised, record = autoencoder(noisy, seed)
    weak = record["history"]["weak"]
    centre = np.abs(feature).argmax()
    told = [
        abs(one["channel"] - centre) <= max(3 * one["width"], 5)
        for one in weak["features"] + weak["missed"]
    ]
    shrunk = baselines.optimal_shrinkage(noisy, spread, noise.correlation)
    return {
        "raw": kept(noisy, clean, extra),
        "pca": kept(
            baselines.oracle_pca(noisy, clean + extra, spread)[0], clean, extra
        ),
        "shrinkage": kept(shrunk, clean, extra),
        "autoencoder": kept(denoised, clean, extra),
        "told": any(told),
        "other": len(told) - sum(told),
    }


def table(rows):
    """Shares by region and total, as Markdown."""
    names = {
        "raw": "raw means",
        "pca": "PCA, best number",
        "shrinkage": "optimal shrinkage",
        "autoencoder": "**autoencoder**",
    }
    lines = [
        "| region | total | "
        + " | ".join(names.values())
        + " | 0.85 to 1.15 | told | other finds |",
        "|---|---|" + "---|" * (len(names) + 3),
    ]
    for region, total in dict.fromkeys((row["region"], row["total"]) for row in rows):
        some = [r for r in rows if (r["region"], r["total"]) == (region, total)]
        cells = [f"{np.mean([row[name] for row in some]):.2f}" for name in names]
        good = sum(0.85 <= row["autoencoder"] <= 1.15 for row in some)
        cells += [f"{good} of {len(some)}", f"{sum(r['told'] for r in some)}"]
        cells += [f"{sum(row['other'] for row in some)}"]
        lines.append(f"| {region} | {total:g} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--totals", type=float, nargs="+", default=[8, 12, 20, 40])
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--only", nargs="+", default=[""])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    rows = []
    for name, (make, noise) in SCENES.items():
        clean = make(options.size)
        for region, part in regions(options.size).items():
            for feature, spectrum in features(clean).items():
                case = f"{name}, {region}, {feature}"
                if not all(one in case for one in options.only):
                    continue
                for total in options.totals:
                    for seed in range(options.seeds):
                        found = run((clean, noise), part, spectrum, total, seed)
                        rows.append(found | {"region": region, "total": total})
                        print(case, total, seed, found, flush=True)
    print(table(rows))
    if options.write:
        put(ROOT / "docs" / "benchmarks.md", "weak", table(rows))


if __name__ == "__main__":
    sys.exit(main())

"""Sums over regions and energy windows: are they kept within their error?

    python benchmarks/sums.py [--seeds 1] [--draws 20] [--only NAME] [--write]

In each scene of `suite.py` the denoised data are summed over rectangles of probe
positions and over windows of channels, both drawn at random, and compared with the sums
of the raw data. The unit is the standard error of the raw sum, by the noise that the
scene was given. `--write` puts the table into docs/benchmarks.md. The exit code is 1 if
fewer than 99 % of all sums are within three standard errors.
"""

import argparse
import os
import warnings
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.simplefilter("ignore")

import hyperspy.api as hs  # noqa: E402
from scenes import scenes  # noqa: E402
from scipy.linalg import toeplitz  # noqa: E402
from suite import autoencoder  # noqa: E402
from tables import put  # noqa: E402

import hyperspy_aedenoise  # noqa: E402, F401

ROOT = Path(__file__).parents[1]
hs.set_log_level("ERROR")


def part(size, rng, least=1):
    """A slice of at least so many of `size` items."""
    n = rng.integers(min(least, size), size + 1)
    first = rng.integers(size - n + 1)
    return slice(first, first + n)


def differences(scene, restored, noisy, n_draws, rng):
    """Denoised less raw sums in standard errors of the raw ones, shape (n_draws,)."""
    n_channels = noisy.shape[-1]
    correlation = np.zeros(n_channels)
    correlation[: len(scene.noise.correlation)] = scene.noise.correlation
    alike = toeplitz(correlation)
    sigma = np.sqrt(scene.noise.variance(scene.clean))
    found = []
    for _ in range(n_draws):
        region = tuple(part(size, rng) for size in noisy.shape[:-1])
        window = part(n_channels, rng, least=3)
        here = sigma[(*region, window)].reshape(-1, window.stop - window.start)
        variance = np.einsum("ic,cd,id", here, alike[window, window], here)
        lost = (restored - noisy)[(*region, window)].sum()
        found.append(lost / np.sqrt(variance))
    return np.array(found)


def main():
    """Run the scenes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--only", default="", help="scenes whose name contains this")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    lines = [
        "| data | rms difference / error | largest | within 3 |",
        "|---|---|---|---|",
    ]
    everything = []
    for scene in scenes():
        if options.only not in scene.name:
            continue
        found = []
        for seed in range(options.seeds):
            rng = np.random.default_rng(seed)
            noisy = scene.noise.sample(scene.clean, rng)
            restored, _ = autoencoder(noisy, seed)
            found.append(differences(scene, restored, noisy, options.draws, rng))
        found = np.concatenate(found)
        everything.append(found)
        n_within = (np.abs(found) <= 3).sum()
        lines.append(
            f"| {scene.name} | {np.sqrt(np.mean(found**2)):.2f} | "
            f"{np.abs(found).max():.2f} | {n_within} of {found.size} |"
        )
        print(lines[-1], flush=True)
    if not everything:
        raise SystemExit("no scene has that name")
    within = np.mean(np.abs(np.concatenate(everything)) <= 3)
    print(f"\nwithin three standard errors: {within:.4f}")
    if options.write:
        put(ROOT / "docs" / "benchmarks.md", "sums", "\n".join(lines))
    if within < 0.99:
        raise SystemExit("missed: fewer than 99 % within three standard errors")


if __name__ == "__main__":
    main()

"""Error bars beside the truth: of values, of sums over regions, and of fits.

    python benchmarks/error_bars.py [--seeds 3] [--first-seed 0] [--draws 16]
        [--only NAME ...] [--fits] [--write]

Coverage is the share of values that are off by less than one and two standard
deviations, which should be 0.68 and 0.95. Actual over claimed is the root of the mean
square of the errors over that of the standard deviations; it is told for all values,
and for sums over regions of positions and over ten channels, whose standard deviation
is the root of the mean square over the draws. Estimated over true is the mean square of
draw less denoised signal over that of the error.

With `--fits` onsets are fitted to the scene with a chemical shift: to the raw data, to
PCA with the number of components that the truth prefers, and to the denoised data; the
last with the error of `map_over_draws`, and all with the standard error that a
least-squares fit claims by itself from its residual.

`--only` takes parts of scenes' names. `--write` puts the tables into
docs/benchmarks.md.
"""

import argparse
import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.simplefilter("ignore")

import baselines  # noqa: E402
import hyperspy.api as hs  # noqa: E402
from peaks import fitted_lines  # noqa: E402
from scenes import edge_parts, interface, interface_onset, scenes  # noqa: E402
from suite import signal_of  # noqa: E402
from tables import put  # noqa: E402

import hyperspy_aedenoise as aed  # noqa: E402

ROOT = Path(__file__).parents[1]
#: Positions in the regions that are summed, and channels.
REGIONS, CHANNELS = (10, 100, 1000), 10
#: Range of onsets that are tried, in eV.
ONSETS = (5.0, 9.0)


def fitted(noisy, seed):
    """The default call."""
    signal = signal_of(noisy)
    signal.decompose_autoencoder(
        random_state=seed, show_progressbar=False, print_info=False
    )
    return signal


def coverage(error, spread):
    """Shares of errors below one and two standard deviations, actual over claimed."""
    return {
        "within 1": float(np.mean(np.abs(error) < spread)),
        "within 2": float(np.mean(np.abs(error) < 2 * spread)),
        "ratio": float(np.sqrt(np.mean(error**2) / np.mean(spread**2))),
    }


def by_intensity(error, spread, clean):
    """Actual over claimed of the dim half, the bright half, and steep places."""
    ratio = error**2 / spread**2
    bright = clean > np.median(clean)
    slope = sum(np.abs(np.gradient(clean, axis=n)) for n in range(clean.ndim - 1))
    steep = slope > np.quantile(slope, 0.9)
    parts = {"dim": ~bright, "bright": bright, "steep": steep, "flat": ~steep}
    return {name: float(np.sqrt(ratio[part].mean())) for name, part in parts.items()}


def regions(shape, n_positions):
    """Index arrays of blocks of about so many positions that cover a map or a line."""
    n_all = np.prod(shape)
    if n_positions > n_all / 3:
        return
    if len(shape) == 1:
        for start in range(0, shape[0] - n_positions + 1, n_positions):
            yield (slice(start, start + n_positions),)
        return
    side = round(np.sqrt(n_positions))
    for y in range(0, shape[0] - side + 1, side):
        for x in range(0, shape[1] - side + 1, side):
            yield slice(y, y + side), slice(x, x + side)


def sums_over_regions(error, drawn):
    """Actual over claimed of sums over regions and ten channels, by positions.

    Parameters
    ----------
    error : ndarray, shape (..., n_channels)
    drawn : ndarray, shape (n_draws, ..., n_channels)
        Realisations of the error.
    """
    found = {}
    for n_positions in REGIONS:
        actual, claimed = [], []
        for part in regions(error.shape[:-1], n_positions):
            actual.append(_by_channels(error[part])[None])
            claimed.append(np.stack([_by_channels(one[part]) for one in drawn]))
        if actual:
            powers = (np.mean(np.square(one)) for one in (actual, claimed))
            found[n_positions] = float(np.sqrt(np.divide(*powers)))
    return found


def _by_channels(values):
    values = values.reshape(-1, values.shape[-1]).sum(axis=0)
    n = len(values) // CHANNELS
    return values[: n * CHANNELS].reshape(n, CHANNELS).sum(axis=1)


def run(scene, seed, n_draws):
    """All figures of one draw of the noise."""
    noisy = scene.noise.sample(scene.clean, np.random.default_rng(seed))
    start = time.perf_counter()
    signal = fitted(noisy, seed)
    fit_took = time.perf_counter() - start
    denoised = signal.get_autoencoder_model().data
    spread = signal.get_autoencoder_uncertainty(show_progressbar=False).data
    start = time.perf_counter()
    draws = signal.get_autoencoder_draws(n_draws, seed, show_progressbar=False).data
    took = time.perf_counter() - start
    error, drawn = denoised - scene.clean, denoised - draws
    found = coverage(error, spread)
    found |= by_intensity(error, spread, scene.clean)
    found["mse"] = float(np.mean(np.square(drawn)) / np.mean(np.square(error)))
    found["time"] = took / fit_took
    sums = sums_over_regions(error, drawn)
    return found | {f"sums of {n}": ratio for n, ratio in sums.items()}


# Fits -----------------------------------------------------------------------------


def claimed_by_fit(spectra, onset):
    """Standard error of an onset by least squares, from the residual's size alone.

    As any fit of a curve to a spectrum claims it where nothing is said of the noise.
    """
    step = 1e-3
    parts = [np.stack(edge_parts(onset + d), axis=-1) for d in (-step, 0, step)]
    heights = np.linalg.pinv(parts[1]) @ spectra[..., None]
    slope = ((parts[2] - parts[0]) / (2 * step)) @ heights
    jacobian = np.concatenate([parts[1], slope], axis=-1)
    residual = spectra - (parts[1] @ heights)[..., 0]
    freedom = spectra.shape[-1] - jacobian.shape[-1]
    level = np.square(residual).sum(axis=-1) / freedom
    normal = np.linalg.inv(np.swapaxes(jacobian, -1, -2) @ jacobian)
    return np.sqrt(level * normal[..., -1, -1])


def onsets(signal):
    """A map of the onset, as a function for `map_over_draws`."""
    onset, _ = fitted_lines(signal.data.astype(float), *ONSETS)
    return hs.signals.Signal2D(onset)


def fits(seed, n_draws):
    """Errors of fitted onsets on the scene with a shift, by route."""
    true, _ = interface_onset()
    clean, noise = interface(), aed.NoiseModel.gaussian(0.05)
    noisy = noise.sample(clean, np.random.default_rng(seed))
    signal = fitted(noisy, seed)
    pca, _ = baselines.oracle_pca(noisy, clean, np.sqrt(noise.offset))
    denoised = signal.get_autoencoder_model().data.astype(float)
    routes = {}
    for name, values in (("raw", noisy), ("PCA", pca), ("autoencoder", denoised)):
        onset, _ = fitted_lines(values, *ONSETS)
        routes[f"{name}, by the fit"] = onset, claimed_by_fit(values, onset)
    value = signal.map_over_draws(onsets, n_draws, seed, show_progressbar=False)
    variance = value.metadata.Signal.Noise_properties.variance.data
    routes["**autoencoder, over draws**"] = value.data, np.sqrt(variance)
    return {
        name: coverage(onset - true, spread)
        | {
            "error (meV)": 1e3 * float(np.sqrt(np.mean((onset - true) ** 2))),
            "bias / claimed": float(
                abs(np.mean(onset - true)) / np.sqrt(np.mean(spread**2))
            ),
        }
        for name, (onset, spread) in routes.items()
    }


def table(rows, first):
    """Means over the seeds, as Markdown."""
    columns = list(dict.fromkeys(key for one in rows for key in one[1]))
    lines = [
        f"| {first} | " + " | ".join(columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    for name in dict.fromkeys(name for name, _ in rows):
        some = [found for other, found in rows if other == name]
        cells = [_mean([one[key] for one in some if key in one]) for key in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _mean(values):
    return f"{np.mean(values):.2f}" if values else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--draws", type=int, default=16)
    parser.add_argument("--only", nargs="+", default=[""])
    parser.add_argument("--fits", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    tables = {}
    if options.fits:
        found = [item for s in seeds for item in fits(s, options.draws).items()]
        tables["error bars of fits"] = table(found, "onsets fitted to")
    else:
        rows = []
        for scene in scenes():
            if not any(one in scene.name for one in options.only):
                continue
            for seed in seeds:
                rows.append((scene.name, run(scene, seed, options.draws)))
                shown = {key: round(one, 3) for key, one in rows[-1][1].items()}
                print(scene.name, seed, shown, flush=True)
        tables["error bars"] = table(rows, "data")
    for name, text in tables.items():
        print(text)
        if options.write:
            put(ROOT / "docs" / "benchmarks.md", name, text)


if __name__ == "__main__":
    sys.exit(main())

"""Denoisers beside each other on data of many kinds.

    python benchmarks/suite.py [--seeds 3] [--only NAME] [--write]

The bar is the smaller error of PCA with the number of components that the truth
prefers, and optimal shrinkage with the noise known, on the same noisy data; scaled to
equal noise in all channels, or in all spectra, too, whichever is better. Printed is
the mean squared error of each route relative to it. The autoencoder is the default
call: it measures the noise itself and sees no clean data. The plain network, that of
the abstract, is trained with clean answers, on other noise of the very positions that
are judged; like the volumetric filter it is tried with the first seed only.

`--write` puts the tables into docs/benchmarks.md and README.md, and the figure into
docs/images. Needs scikit-image. The exit code is 1 if a share is above what is needed.
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
import hyperspy.api as hs  # noqa: E402
from baselines import mse  # noqa: E402
from peaks import fitted_lines  # noqa: E402
from scenes import interface_onset, scenes  # noqa: E402
from tables import put  # noqa: E402

import hyperspy_aedenoise  # noqa: E402, F401

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "docs" / "gallery" / "studies"))
hs.set_log_level("ERROR")
#: Columns of the table, in its order.
ROUTES = {
    "raw": "raw",
    "smoothed": "Savitzky-Golay",
    "volumetric": "3-D non-local means",
    "elbow": "PCA, HyperSpy's elbow",
    "pca": "PCA, best number",
    "shrinkage": "optimal shrinkage",
    "network": "plain network, clean answers",
    "autoencoder": "**autoencoder**",
}


def signal_of(values):
    """An EELSSpectrum of values."""
    signal = hs.signals.Signal1D(values)
    signal.set_signal_type("EELS")
    return signal


def elbow(scene, noisy):
    """PCA as HyperSpy does it by itself."""
    signal = signal_of(noisy)
    # HyperSpy refuses to scale spectra with negative values
    scaled = scene.noise.gain > 0 and noisy.min() >= 0
    signal.decomposition(scaled, print_info=False)
    number = signal.learning_results.number_significant_components
    return signal.get_decomposition_model(number).data


def network(scene, noisy):
    """The abstract's network, trained with clean answers on the same positions."""
    from study import train_plain

    scale = scene.clean.max()
    rows = (scene.clean.reshape(-1, scene.clean.shape[-1]) / scale).astype(np.float32)

    def draw(clean, rng):
        return scene.noise.sample(clean * scale, rng) / scale

    return train_plain(rows, draw)(noisy.astype(np.float32) / scale) * scale


def autoencoder(noisy, seed):
    """The default call, and its record."""
    signal = signal_of(noisy)
    record = signal.decompose_autoencoder(
        random_state=seed, show_progressbar=False, print_info=False, return_info=True
    )
    return signal.get_autoencoder_model().data, record


def run(scene, seed):
    """All routes on one draw of the noise.

    Returns
    -------
    dict of str to ndarray
        Restored spectra by route.
    int
        Peaks that the autoencoder put back: sum over the spectra.
    """
    noisy = scene.noise.sample(scene.clean, np.random.default_rng(seed))
    spreads = baselines.spreads(scene.noise.variance(scene.clean))
    spread = spreads[0]
    restored, record = autoencoder(noisy, seed)

    def error(values):
        return mse(values, scene.clean)

    results = {
        "raw": noisy,
        "smoothed": baselines.savitzky_golay(noisy, scene.clean),
        "elbow": elbow(scene, noisy),
        "pca": min(
            (baselines.oracle_pca(noisy, scene.clean, one)[0] for one in spreads),
            key=error,
        ),
        "shrinkage": min(
            (
                baselines.optimal_shrinkage(noisy, one, scene.noise.correlation)
                for one in spreads
            ),
            key=error,
        ),
        "autoencoder": restored,
    }
    if seed == 0:
        results["volumetric"] = baselines.volumetric(noisy, scene.clean, spread)
        results["network"] = network(scene, noisy)
    peaks = record["history"]["rare"]["peaks"]
    return results, sum(len(peak["positions"]) for peak in peaks)


def measure(scene, n_seeds):
    """What the table says of a scene.

    Returns
    -------
    dict
        ``share`` (route to a list over seeds), ``found`` (spectra with rare peaks),
        and lists over seeds of ``kept`` and ``rare_error`` (relative to raw) by route
        where the scene has rare peaks, and of ``lines`` by route where it is the
        interface.
    """
    row = {"name": scene.name, "needed": scene.needed, "found": []}
    row |= {"share": {}, "kept": {}, "rare_error": {}, "lines": {}}
    for seed in range(n_seeds):
        results, found = run(scene, seed)
        errors = {name: mse(v, scene.clean) for name, v in results.items()}
        bar = min(errors["pca"], errors["shrinkage"])
        for name, error in errors.items():
            row["share"].setdefault(name, []).append(error / bar)
        row["found"].append(found)
        judged = {n: results[n] for n in ("raw", "pca", "shrinkage", "autoencoder")}
        for name, values in judged.items():
            if scene.rare is not None:
                kept, error = rare_peak(scene, values, results["raw"])
                row["kept"].setdefault(name, []).append(kept)
                row["rare_error"].setdefault(name, []).append(error)
            if scene.name == "shift at interface":
                row["lines"].setdefault(name, []).append(line_errors(values))
    return row


def rare_peak(scene, values, noisy):
    """Share of a rare peak that is kept, and its spectra's error relative to raw."""
    without = (scene.clean - scene.rare[..., None] * scene.peak)[scene.rare]
    mine, truth = values[scene.rare], scene.clean[scene.rare]
    kept = ((mine - without) @ scene.peak) / (scene.peak @ scene.peak)
    return float(kept.mean()), mse(mine, truth) / mse(noisy[scene.rare], truth)


def line_errors(values):
    """Bias and spread of position (meV) and of the height ratio (%) by fits."""
    onset, shape = interface_onset()
    position, ratio = fitted_lines(values, onset.min() - 1, onset.max() + 1)
    shift = 1000 * (position - onset)
    relative = 100 * (ratio / ((0.8 + 0.2 * shape) / (0.5 - 0.2 * shape)) - 1)
    return [shift.mean(), shift.std(), relative.mean(), relative.std()]


def share_table(rows):
    """Shares of the baseline in all scenes, as Markdown."""
    names = {n: t for n, t in ROUTES.items() if any(n in row["share"] for row in rows)}
    lines = [
        "| data | " + " | ".join(names.values()) + " | needed |",
        "|---|" + "---|" * (len(names) + 1),
    ]
    for row in rows:
        cells = []
        for name in names:
            shares = row["share"].get(name)
            cells.append("" if shares is None else f"{np.mean(shares):.3g}")
        cells[-1] = f"**{cells[-1]}** ± {np.std(row['share']['autoencoder']):.1g}"
        cells = [row["name"], *cells, f"{row['needed']:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def rare_table(rows):
    """What is left of rare peaks, as Markdown."""
    names = ("pca", "shrinkage", "autoencoder")
    head = [f"{what}, {ROUTES[n]}" for what in ("kept", "error / raw") for n in names]
    lines = ["| data | " + " | ".join(head) + " |", "|---|" + "---|" * len(head)]
    for row in rows:
        cells = [f"{np.mean(row['kept'][n]):.2f}" for n in names]
        cells += [f"{np.mean(row['rare_error'][n]):.2f}" for n in names]
        lines.append(f"| {row['name']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def lines_table(row):
    """Fitted lines, as Markdown."""
    lines = [
        "| route | position: bias (meV) | spread (meV) | height ratio: bias (%) | "
        "spread (%) |",
        "|---|---|---|---|---|",
    ]
    for name, errors in row["lines"].items():
        bias, spread, ratio, ratio_spread = np.mean(errors, axis=0)
        lines.append(
            f"| {ROUTES[name]} | {bias:+.2f} | {spread:.1f} | {ratio:+.3f} | "
            f"{ratio_spread:.2f} |"
        )
    return "\n".join(lines)


def short_table(rows):
    """The table of the README: the autoencoder's shares alone."""
    lines = ["| data | share of the baseline's error |", "|---|---|"]
    for row in rows:
        shares = row["share"]["autoencoder"]
        lines.append(f"| {row['name']} | {np.mean(shares):.2f} |")
    return "\n".join(lines)


def plot(rows, path):
    """Shares of the baseline of all routes."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(8, 1.2 + 0.3 * len(rows)), layout="constrained")
    styles = {
        "smoothed": ("0.7", "v", "Savitzky-Golay"),
        "volumetric": ("0.55", "s", "3-D non-local means"),
        "elbow": ("C0", "<", "PCA, HyperSpy's elbow"),
        "network": ("C1", "D", "plain network, trained with clean answers"),
        "autoencoder": ("C3", "o", "autoencoder, no clean data"),
    }
    for name, (color, marker, label) in styles.items():
        shares = [np.mean(row["share"].get(name, np.nan)) for row in rows]
        ax.plot(shares, range(len(rows)), marker, color=color, label=label, ms=5)
    ax.axvline(1, color="C0", lw=1)
    ax.set_xscale("log")
    ax.set_yticks(range(len(rows)), [row["name"] for row in rows], fontsize="small")
    ax.invert_yaxis()
    ax.set_xlabel(
        "Mean squared error / that of the best PCA or optimal shrinkage (blue line)"
    )
    ax.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.4, -0.12), ncol=3)
    figure.savefig(path, dpi=110)


def main():
    """Run the scenes, print their tables, and write them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="scenes whose name contains this")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    rows = []
    for scene in scenes():
        if options.only in scene.name:
            rows.append(measure(scene, options.seeds))
            print(share_table(rows[-1:]).splitlines()[-1], flush=True)
    rare = [row for row in rows if row["kept"]]
    shifted = [row for row in rows if row["lines"]]
    tables = {"shares": share_table(rows)}
    if rare:
        tables["rare peaks"] = rare_table(rare)
    if shifted:
        tables["lines"] = lines_table(shifted[0])
    for name, table in tables.items():
        print(f"\n{name}\n\n{table}")
    wrong = {row["name"]: row["found"] for row in rows if not row["kept"]}
    print("\npeaks found where there are none:", sum(map(sum, wrong.values())))
    if options.write:
        for name, table in tables.items():
            put(ROOT / "docs" / "benchmarks.md", name, table)
        put(ROOT / "README.md", "benchmarks", short_table(rows))
        plot(rows, ROOT / "docs" / "images" / "benchmarks.png")
    missed = [
        row["name"]
        for row in rows
        if np.mean(row["share"]["autoencoder"]) > row["needed"]
    ]
    missed += [name for name, found in wrong.items() if sum(found)]
    if missed:
        raise SystemExit(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()

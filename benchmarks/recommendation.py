"""Is the route that `compare_denoising()` recommends the best one?

    python benchmarks/recommendation.py [--seeds 2] [--only NAME ...] [--write]

Small and large cases of which the truth is known, among them those where little or
nothing is to be gained: few spectra, spectra that all differ, no structure at all, and
a noise model that is wrong by a fifth. A recommendation is right if no route's true
error is more than 3 % below that of the recommended one; where none is recommended the
raw data are what is left. Printed are the recommended
and the best route, and the ratio of their errors. `--write` puts the table into
docs/benchmarks.md. The exit code is 1 if more than one in twenty is wrong.
"""

import argparse
import os
import warnings
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.simplefilter("ignore")

import hyperspy.api as hs  # noqa: E402
import scenes  # noqa: E402
from baselines import mse  # noqa: E402
from scenes import DETECTOR, Scene, edge  # noqa: E402
from suite import signal_of  # noqa: E402
from tables import put  # noqa: E402

import hyperspy_aedenoise as aed  # noqa: E402

ROOT = Path(__file__).parents[1]
hs.set_log_level("ERROR")
hs.preferences.General.show_progressbar = False
#: Worst ratio to the best route's error that is right, and share that must be right.
ALIKE, NEEDED = 1.03, 0.95


def noisy_spectra(n):
    """Every spectrum of its own: nothing that several have in common."""
    return np.random.default_rng(3).normal(0, 1, (n, 200)).cumsum(axis=1)


def cases():
    """Scenes, each with the factor by which the assumed noise variance is wrong."""
    white = aed.NoiseModel.gaussian(0.05)
    loud, faint = aed.NoiseModel.gaussian(0.2), aed.NoiseModel.gaussian(0.0125)
    lattice, interface = scenes.lattice(32), scenes.interface()[::2, ::2]
    for n in (3, 4, 6, 10, 40):
        yield Scene(f"line of {n} spectra", scenes.line(n), white, 0), None
        yield Scene(f"line of {n} spectra, loud", scenes.line(n), loud, 0), None
    for n in (8, 16, 64):
        where = np.random.default_rng(n).uniform(5, 9, n)
        yield Scene(f"{n} unrelated edges", edge(where), white, 0), None
    flat = np.broadcast_to(edge(6.5), (16, 16, 200))
    yield Scene("one spectrum everywhere", flat, white, 0), None
    yield Scene("nothing but noise", 0 * flat, white, 0), None
    yield Scene("40 spectra of their own", noisy_spectra(40), white, 0), None
    yield Scene("40 of their own, loud", noisy_spectra(40), loud, 0), None
    for noise, words in ((white, ""), (loud, ", loud"), (faint, ", faint")):
        yield Scene(f"lattice{words}", lattice, noise, 0), None
        yield Scene(f"interface{words}", interface, noise, 0), None
    yield Scene("mixtures", scenes.random_mixtures()[:24, :24], white, 0), None
    yield Scene("shifts", scenes.random_shifts()[:24, :24], white, 0), None
    for counts in (20, 200):
        clean = scenes.core_loss(counts)[:28, :28]
        yield Scene(f"core loss, {counts} counts", clean, DETECTOR, 0), None
    for factor in (0.8, 1.2):
        words = f"variance assumed {factor} times"
        yield Scene(f"lattice, {words}", lattice, white, 0), factor
        yield Scene(f"line of 40, {words}", scenes.line(40), white, 0), factor
        yield Scene(f"one spectrum, {words}", flat, white, 0), factor


def judged(scene, factor, seed):
    """Recommended and best route, and the ratio of their true errors."""
    noisy = scene.noise.sample(scene.clean, np.random.default_rng(seed))
    signal = signal_of(noisy)
    signal.decompose_autoencoder(
        noise=None if factor is None else scene.noise.scaled(factor),
        random_state=seed,
        print_info=False,
    )
    comparison = signal.compare_denoising()
    errors = {
        route: mse(found.data, scene.clean)
        for route, found in comparison.signals.items()
    }
    best = min(errors, key=errors.get)
    chosen = comparison.recommended
    # without advice the data stay as they are
    return chosen, best, errors[chosen or "raw"] / errors[best]


def main():
    """Run the cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=[""], help="parts of names")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    lines = ["| data | recommended | best | error / best | right |", "|" + 5 * "---|"]
    right = []
    for scene, factor in cases():
        if not any(part in scene.name for part in options.only):
            continue
        for seed in range(options.seeds):
            chosen, best, ratio = judged(scene, factor, seed)
            right.append(ratio <= ALIKE)
            cells = (
                scene.name,
                chosen,
                best,
                f"{ratio:.2f}",
                "yes" if right[-1] else "**no**",
            )
            lines.append(f"| {' | '.join(map(str, cells))} |")
            print(lines[-1], flush=True)
    if not right:
        raise SystemExit("no case has that name")
    print(f"\nright: {sum(right)} of {len(right)}")
    if options.write:
        text = "\n".join([*lines, "", f"Right: {sum(right)} of {len(right)}."])
        put(ROOT / "docs" / "benchmarks.md", "recommendations", text)
    if np.mean(right) < NEEDED:
        raise SystemExit("missed: fewer recommendations are right than needed")


if __name__ == "__main__":
    main()

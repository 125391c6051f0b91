"""Time and memory of the default call.

    python benchmarks/cost.py [--epochs 750] [--repeats 3] [--write]

Maps of several sizes, each in a process of its own: seconds of the whole call (noise,
choice, filter, result) as the median of some repeats, beside those of HyperSpy's PCA,
and the peak memory beyond that of a process that has imported TensorFlow and holds
the data. Then, in one process, the abstract's way: a plain network in Keras for single
spectra, trained for 750 epochs with clean answers (batches of 32, Keras' default), its
time and its error beside those of the default call. `--write` puts the tables into
docs/benchmarks.md.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).parents[1]
#: Height, width, channels, and energy drift from the first to the last row in eV.
MAPS = (
    (64, 64, 256, 0),
    (64, 64, 512, 0),
    (64, 64, 1024, 0),
    (64, 64, 1024, 1),
    (256, 256, 512, 0),
)
GIGABYTE = 2**30


def map_of(height, width, n_channels, drift=0):
    """The standard set in single precision, and with noise of sigma 0.05."""
    import hyperspy_aedenoise as aed

    clean = aed.data.sto_o_k(
        (height, width),
        n_channels=n_channels,
        dispersion=25.6 / n_channels,
        energy_drift=float(drift),
    )
    clean.change_dtype("float32")
    return clean, aed.add_noise(clean, 0.05, random_state=0)


def default_call(noisy):
    """Denoised values, and seconds."""
    start = time.perf_counter()
    noisy.decompose_autoencoder(
        random_state=0, show_progressbar=False, print_info=False
    )
    restored = noisy.get_autoencoder_model().data
    return restored, time.perf_counter() - start


def pca(noisy):
    """Denoised values of HyperSpy's PCA to the elbow, and seconds."""
    copy = noisy.deepcopy()
    start = time.perf_counter()
    copy.decomposition(print_info=False)
    number = copy.learning_results.number_significant_components
    restored = copy.get_decomposition_model(number).data
    return restored, time.perf_counter() - start


def peak_memory():
    """Largest resident memory of this process so far, in GB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / GIGABYTE


def measure(*size):
    """Seconds of both and memory of the default call, in this process."""
    _, noisy = map_of(*size)
    import tensorflow  # noqa: F401

    before = peak_memory()
    _, seconds = default_call(noisy)
    memory = peak_memory() - before
    return {"seconds": seconds, "memory": memory, "pca": pca(noisy)[1]}


def in_own_process(size):
    """What `measure` returns, from a fresh interpreter."""
    command = [sys.executable, __file__, "--measure", *map(str, size)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def sizes_table(repeats):
    """Time and memory of maps of several sizes, as Markdown."""
    lines = [
        "| map | default call (s) | HyperSpy's PCA (s) | memory of the call (GB) |",
        "|---|---|---|---|",
    ]
    for size in MAPS:
        runs = [in_own_process(size) for _ in range(repeats)]
        seconds, linear = (np.median([r[n] for r in runs]) for n in ("seconds", "pca"))
        memory = max(run["memory"] for run in runs)
        name = " × ".join(map(str, size[:3])) + (", drift" if size[3] else "")
        lines.append(f"| {name} | {seconds:.1f} | {linear:.2f} | {memory:.2f} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def plain_table(epochs):
    """The abstract's plain network beside the default call, as Markdown."""
    sys.path.append(str(ROOT / "docs" / "tutorials"))
    from study import mse, plain_autoencoder

    clean, noisy = map_of(64, 64, 256)
    answers, rows = (s.data.reshape(-1, 256, 1) for s in (clean, noisy))
    model = plain_autoencoder(256)
    model.compile("adam", "mse")
    start = time.perf_counter()
    model.fit(rows, answers, epochs=epochs, verbose=0)
    plain = model.predict(rows, verbose=0).reshape(clean.data.shape)
    seconds = {"plain network, clean answers": time.perf_counter() - start}
    results = {"plain network, clean answers": plain}
    for name, route in (("default call", default_call), ("HyperSpy's PCA", pca)):
        results[name], seconds[name] = route(noisy)
    raw = mse(noisy.data, clean.data)
    lines = [
        f"| 64 × 64 × 256 | raw MSE / MSE | seconds (network: {epochs} epochs) |",
        "|---|---|---|",
    ]
    for name, values in results.items():
        factor = raw / mse(values, clean.data)
        lines.append(f"| {name} | {factor:.0f} | {seconds[name]:.1f} |")
    ratio = seconds["plain network, clean answers"] / seconds["default call"]
    return "\n".join(lines) + f"\n\nThe default call is {ratio:.0f} times faster."


def main():
    """Measure and print; write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=750)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--measure", type=int, nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    import hyperspy.api as hs

    hs.set_log_level("ERROR")
    if options.measure:
        print(json.dumps(measure(*options.measure)))
        return
    tables = sizes_table(options.repeats) + "\n\n" + plain_table(options.epochs)
    print(f"\n{tables}")
    if options.write:
        from tables import put

        put(ROOT / "docs" / "benchmarks.md", "cost", tables)


if __name__ == "__main__":
    main()

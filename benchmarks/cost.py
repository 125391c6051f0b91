"""Time and memory: of maps in memory, of larger ones on disk, and by size.

    python benchmarks/cost.py [--only eager lazy compare scaling plain] [--large]

Each map is simulated by one process, put on disk, and treated by another one, which
has imported TensorFlow and HyperSpy before the clock starts:

- eager: the whole call (noise, choice, filter, result) on maps in memory, as the median
  of some repeats, beside HyperSpy's PCA.
- lazy: the same on a lazy signal from an uncompressed .hspy file in chunks of
  48 x 48 x 256; the denoised signal goes into a second file. `--large` adds a map of
  2.1 GB.
- compare: `compare_denoising()` and `get_autoencoder_uncertainty()` after a fit.
- scaling: cost per position of square maps of 256 channels, lazy where they are large,
  also as a picture.
- plain: the abstract's way: a plain network in Keras for single spectra, trained for
  750 epochs with clean answers (batches of 32, Keras' default), its time and its error
  beside those of the default call.

Memory is the largest resident memory of the process while it runs the call, less what
it had after the imports: the data in memory, the result, and everything between count.
"times the data" is that number divided by the size of the data in single precision.

`--maps 16x16x64 ...` (with `:1` for an energy drift of 1 eV) takes other maps;
`--write` puts the tables of the parts that ran into docs/benchmarks.md.
"""

import argparse
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).parents[1]
#: Height, width, channels, and energy drift from the first to the last row in eV.
MAPS = {
    "eager": (
        *((64, 64, n, drift) for n in (256, 512, 1024) for drift in (0, 1)),
        (256, 256, 512, 0),
        (256, 256, 1024, 0),
    ),
    "lazy": ((384, 384, 1024, 0),),
    "compare": ((256, 256, 1024, 0),),
    "scaling": tuple((side, side, 256, 0) for side in (32, 64, 128, 256, 512)),
}
LARGE = (512, 512, 2048, 0)
CHUNKS = (48, 48, 256)
#: Positions above which a map of the scaling is lazy.
MOST_EAGER = 256**2
#: Values of a map above which it is measured but once, and of simulated ones at a time.
LARGE_ENOUGH, AT_ONCE = 2**24, 2**23
SIGMA = 0.05
GIGABYTE = 1e9


# The data -------------------------------------------------------------------------


def make(path, height, width, n_channels, drift):
    """Write the noisy standard set, a few channels at a time, as .npy or .hspy."""
    import hyperspy_aedenoise as aed

    dispersion = 25.6 / n_channels
    scale = {"dispersion": dispersion, "energy_drift": float(drift)}
    few = aed.data.sto_o_k((min(height, 32), 32), n_channels=n_channels, **scale)
    unit = few.metadata.Simulation.sto_o_k_unit  # the largest value is about 1
    shape = (height, width, n_channels)
    stored = np.lib.format.open_memmap(path.with_suffix(".npy"), "w+", "f4", shape)
    step = max(AT_ONCE // (height * width), 8)
    for first in range(0, n_channels, step):
        last = min(first + step, n_channels)
        energy = {"energy_start": 525 + first * dispersion, "n_channels": last - first}
        clean = aed.data.sto_o_k((height, width), **energy, **scale)
        clean.data *= unit / clean.metadata.Simulation.sto_o_k_unit
        noisy = aed.add_noise(clean, SIGMA, random_state=first)
        stored[..., first:last] = noisy.data
    stored.flush()
    if path.suffix == ".hspy":
        import dask.array as da

        lazy = signal_of(stored).as_lazy()
        lazy.data = da.from_array(stored, chunks=CHUNKS)
        save(lazy, path)
        path.with_suffix(".npy").unlink()


def signal_of(values):
    """An EELS signal of an array."""
    from exspy.signals import EELSSpectrum

    signal = EELSSpectrum(values)
    axis = signal.axes_manager.signal_axes[0]
    axis.name, axis.units = "Energy loss", "eV"
    axis.offset, axis.scale = 525.0, 25.6 / axis.size
    return signal


def save(signal, path):
    chunks = tuple(min(*one) for one in zip(CHUNKS, signal.data.shape, strict=True))
    signal.save(path, chunks=chunks, compression=None, overwrite=True)


# The calls ------------------------------------------------------------------------


def fit(signal):
    signal.decompose_autoencoder(
        random_state=0, show_progressbar=False, print_info=False
    )


def default_call(noisy):
    """Denoised values, and seconds."""
    start = time.perf_counter()
    fit(noisy)
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


# Measuring ------------------------------------------------------------------------


class Peak:
    """Largest resident memory of this process beyond what it has now, in bytes."""

    def __init__(self):
        self._start = self._read("VmRSS")
        self.again()

    def again(self):
        """Forget the largest until now, where the system can."""
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            pass

    def read(self):
        return max(self._read("VmHWM") - self._start, 0)

    @staticmethod
    def _read(name):
        try:
            text = Path("/proc/self/status").read_text()
        except OSError:  # not Linux: the largest of all times
            unit = 1 if sys.platform == "darwin" else 1024
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        return int(text.partition(f"{name}:")[2].split()[0]) * 1024


def measure(part, path):
    """Seconds and bytes of what a part is about, in this process."""
    import exspy.signals  # noqa: F401
    import hyperspy.api as hs
    import tensorflow  # noqa: F401

    peak = Peak()
    if path.suffix == ".hspy":
        return measure_lazy(hs.load(path, lazy=True), path, peak)
    noisy = signal_of(np.load(path))
    if part == "compare":
        return measure_comparison(noisy, peak)
    _, seconds = default_call(noisy)
    found = {"seconds": seconds, "memory": peak.read()}
    return found | ({"pca": pca(noisy)[1]} if part == "eager" else {})


def measure_lazy(noisy, path, peak):
    """Seconds until the fit, and until the denoised signal is on disk."""
    start = time.perf_counter()
    fit(noisy)
    fitted = time.perf_counter() - start
    save(noisy.get_autoencoder_model(), path.with_name("denoised.hspy"))
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "fit": fitted, "memory": peak.read()}


def measure_comparison(noisy, peak):
    """Seconds and memory of both calls, each for itself."""
    fit(noisy)
    found = {}
    for name in ("compare_denoising", "get_autoencoder_uncertainty"):
        peak.again()
        start = time.perf_counter()
        result = getattr(noisy, name)()
        found[name] = {
            "seconds": time.perf_counter() - start,
            "memory": peak.read(),
        }
        del result
        gc.collect()  # signals refer to each other in circles
    return found


def in_own_processes(part, size, repeats=1):
    """What `measure` returns, each from a fresh interpreter, on data made by another.

    Parameters
    ----------
    part : str
    size : tuple of int
        As in `MAPS`.
    repeats : int

    Returns
    -------
    list of dict
    """
    is_lazy = part == "lazy" or (part == "scaling" and size[0] * size[1] > MOST_EAGER)
    repeats = 1 if np.prod(size[:3]) > LARGE_ENOUGH else repeats
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("noisy.hspy" if is_lazy else "noisy.npy")
        _run("--make", path, *size)
        return [json.loads(_run("--measure", part, path)) for _ in range(repeats)]


def _run(*arguments):
    """The last line that this script prints in another process."""
    command = [sys.executable, __file__, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"failed: {' '.join(command)}")
    return (done.stdout.splitlines() or [""])[-1]


# Tables ---------------------------------------------------------------------------


def name_of(size):
    return " × ".join(map(str, size[:3])) + (", drift" if size[3] else "")


def memory_of(n_bytes, size):
    """Two cells: GB, and times the data."""
    data = np.prod(size[:3]) * 4
    return f"{n_bytes / GIGABYTE:.2f} | {n_bytes / data:.1f}"


def table(head, rows):
    """Markdown; prints each row as it comes."""
    lines = [f"| {head} |", "|" + "---|" * (head.count("|") + 1)]
    print("\n".join(lines), flush=True)
    for row in rows:
        lines.append(f"| {row} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def eager(maps, options):
    """Time and memory of maps in memory."""

    def rows():
        for size in maps:
            runs = in_own_processes("eager", size, options.repeats)
            seconds, linear = (
                np.median([run[name] for run in runs]) for name in ("seconds", "pca")
            )
            memory = memory_of(max(run["memory"] for run in runs), size)
            yield f"{name_of(size)} | {seconds:.1f} | {linear:.2f} | {memory}"

    head = "map in memory | default call (s) | HyperSpy's PCA (s)"
    return table(f"{head} | memory with the data (GB) | times the data", rows())


def lazy(maps, options):
    """Time and memory of maps on disk."""
    maps = [*maps, LARGE] if options.large else maps

    def rows():
        for size in maps:
            (run,) = in_own_processes("lazy", size)
            seconds = f"{run['seconds']:.0f} | {run['fit']:.0f}"
            yield f"{name_of(size)} | {seconds} | {memory_of(run['memory'], size)}"

    head = "map on disk | fit and result (s) | fit alone (s)"
    return table(f"{head} | memory (GB) | times the data", rows())


def compare(maps, options):
    """Time and memory of what is asked after a fit."""

    def rows():
        for size in maps:
            (run,) = in_own_processes("compare", size)
            for name, found in run.items():
                memory = memory_of(found["memory"], size)
                call = f"{name_of(size)}, `{name}()`"
                yield f"{call} | {found['seconds']:.0f} | {memory}"

    return table("call | seconds | memory with the data (GB) | times the data", rows())


def scaling(maps, options):
    """Cost per position over the size of a map, and its picture."""
    cost = []

    def rows():
        for size in maps:
            runs = in_own_processes("scaling", size, options.repeats)
            positions = size[0] * size[1]
            seconds = np.median([run["seconds"] for run in runs]) / positions * 1000
            memory = max(run["memory"] for run in runs) / positions / 1000
            cost.append((positions, seconds, memory))
            kind = "lazy" if "fit" in runs[0] else "in memory"
            yield f"{name_of(size)}, {kind} | {seconds:.2f} | {memory:.1f}"

    head = "map | seconds per 1000 positions | memory per position (kB)"
    text = table(head, rows())
    if options.write:
        draw(np.transpose(cost), ROOT / "docs" / "images" / "cost.png")
        text += "\n\n![Time and memory per position](images/cost.png)"
    return text


def draw(cost, path):
    """Seconds and memory per position over the number of positions."""
    import matplotlib.pyplot as plt

    positions, *values = cost
    words = "seconds per 1000 positions", "memory per position (kB)"
    figure, panels = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    for panel, one, label in zip(panels, values, words, strict=True):
        panel.loglog(positions, one, "o-")
        panel.set(xlabel="positions", ylabel=label)
        panel.set_ylim(min(one) / 3, max(one) * 3)
        panel.grid(alpha=0.3, which="both")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def plain(maps, options):
    """The abstract's plain network beside the default call."""
    import hyperspy_aedenoise as aed

    sys.path.append(str(ROOT / "docs" / "gallery" / "studies"))
    from study import mse, plain_autoencoder

    clean = aed.data.sto_o_k()
    noisy = aed.add_noise(clean, SIGMA, random_state=0)
    answers, rows = (s.data.reshape(-1, 256, 1) for s in (clean, noisy))
    model = plain_autoencoder(256)
    model.compile("adam", "mse")
    start = time.perf_counter()
    model.fit(rows, answers, epochs=options.epochs, verbose=0)
    restored = model.predict(rows, verbose=0).reshape(clean.data.shape)
    network = "plain network, clean answers"
    results = {network: (restored, time.perf_counter() - start)}
    results |= {"default call": default_call(noisy), "HyperSpy's PCA": pca(noisy)}
    raw = mse(noisy.data, clean.data)
    text = table(
        f"64 × 64 × 256 | raw MSE / MSE | seconds (network: {options.epochs} epochs)",
        (
            f"{name} | {raw / mse(values, clean.data):.0f} | {seconds:.1f}"
            for name, (values, seconds) in results.items()
        ),
    )
    ratio = results[network][1] / results["default call"][1]
    return f"{text}\n\nThe default call is {ratio:.0f} times faster."


PARTS = {part.__name__: part for part in (eager, lazy, compare, scaling, plain)}


def size_of(text):
    """`64x64x256` or `64x64x256:1` as in `MAPS`."""
    shape, _, drift = text.partition(":")
    return (*map(int, shape.split("x")), float(drift or 0))


def main():
    """Measure and print; write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--maps", nargs="+", type=size_of)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--epochs", type=int, default=750)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--make", nargs=5, help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    import hyperspy.api as hs

    hs.set_log_level("ERROR")
    hs.preferences.General.show_progressbar = False
    if options.make:
        path, height, width, n_channels, drift = options.make
        make(Path(path), int(height), int(width), int(n_channels), float(drift))
    elif options.measure:
        print(json.dumps(measure(options.measure[0], Path(options.measure[1]))))
    else:
        for part in options.only:
            text = PARTS[part](options.maps or MAPS.get(part, ()), options)
            print()
            if options.write:
                from tables import put

                put(ROOT / "docs" / "benchmarks.md", f"cost, {part}", text)


if __name__ == "__main__":
    main()

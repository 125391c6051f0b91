"""What half and double of a hand-set constant do to the error of the default call.

    python benchmarks/constants.py [--only NAME] [--seeds 2]

Each constant is changed in memory, by its package and name, and small scenes are
denoised again. Printed is the mean squared error against the truth, relative to that
with the constant as it stands: 1.00 is "not critical" at that scale, on these scenes.
The same noise is drawn each time, but what is random within a fit may come out
otherwise; `--seeds` tells how far that goes. Then the sizes of the groups of alike
patches are compared, by what a code filter leaves of the noise of the standard set.
"""

import argparse
import ast
import importlib
import os
import pkgutil
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.simplefilter("ignore")

import numpy as np  # noqa: E402
from scenes import DETECTOR, core_loss, drifting, lattice  # noqa: E402

import hyperspy_aedenoise as aed  # noqa: E402

#: Constants that may change a result, and two other values of each: half and double,
#: where that makes sense.
TRIED = {
    "_engine.RATIO": (0.15, 0.6),
    "_engine.MANY_SPECTRA": (500, 2000),
    "_engine._BEST_FILTERS": (1, 4),
    "_engine._LOST": (0.01, 0.04),
    "_filters._STEPS": (60, 240),
    "_filters._CODES": (4, 16),
    "_filters._AVERAGED": (15, 60),
    "_filters._ORDER": (0, 2),
    "_filters._STEP": (0.25, 1.0),
    "_filters._END": (5, 20),
    "_filters._LEAST_SHARE": (0.25, 0.75),
    "_filters._MOST_WEAK": (3, 12),
    "_noise._LONGEST_LAG": (4, 16),
    "_noise._LEAST_CORRELATION": (0.015, 0.06),
    "_filters._FEW": (5, 20),
    "_filters._ITERATIONS": (1, 6),
    "_linear._STEPS": (1, 6),
    "_noise._ROUNDS": (1, 12),
}


def scenes():
    """Name, clean spectra and noise of small scenes of different kinds."""
    usual = aed.NoiseModel.gaussian(0.05)
    yield "lattice", lattice(36), usual
    yield "core loss", core_loss(60)[:36, :36], DETECTOR
    yield "drift", drifting()[:36, :36], usual


def modules():
    """All modules of the package."""
    for found in pkgutil.walk_packages(aed.__path__, "hyperspy_aedenoise."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def homes(key):
    """Modules in which a constant of a package stands, or to which it is imported."""
    package, name = key.split(".")
    own = [
        module
        for module in modules()
        if module.__name__.split(".")[1] == package and _assigns(module, name)
    ]
    if not own:
        raise SystemExit(f"{key} is gone: change the list in this script.")
    values = [getattr(module, name) for module in own]
    guests = [
        module
        for module in modules()
        if getattr(module, name, None) in values and not _assigns(module, name)
    ]
    return name, own + guests


def _assigns(module, name):
    with open(module.__file__, encoding="utf-8") as file:
        body = ast.parse(file.read()).body
    targets = (target for node in body for target in getattr(node, "targets", ()))
    return any(
        isinstance(node, ast.Name) and node.id == name
        for target in targets
        for node in ast.walk(target)
    )


def error(clean, noise, seed):
    """Mean squared error of the default call."""
    noisy = noise.sample(clean, np.random.default_rng(seed))
    denoiser = aed.AutoencoderDenoiser(random_state=seed).fit(noisy)
    return np.square(denoiser.denoise(noisy) - clean).mean()


def groups():
    """Print what code filters leave of the noise, by side and number of patches."""
    from hyperspy_aedenoise._filters.nonlocal_bayes import MapFilter

    clean = aed.data.sto_o_k((48, 48), n_channels=96, dispersion=0.33).data
    rows = clean.reshape(-1, 96) / 0.1  # a noise of 0.1
    rows = rows - rows.mean(axis=0)
    codes = (rows @ np.linalg.svd(rows, full_matrices=False)[2][:2].T).reshape(
        48, 48, 2
    )
    noisy = codes + np.random.default_rng(0).normal(size=codes.shape)
    print("side", "error by patches in a group", sep=" | ")
    for side in (1, 3, 5, 7):
        print(side, end="")
        for n_alike in (20, 40, 60, 80, 120):
            found = MapFilter(side, n_alike)(noisy, np.ones((48, 48)))
            print(f" | {n_alike}: {np.square(found - codes).mean():.4f}", end="")
        print(flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="constants whose names hold this")
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    known = list(scenes())
    usual = {
        (label, seed): error(clean, noise, seed)
        for label, clean, noise in known
        for seed in range(arguments.seeds)
    }
    print("constant", "value", *(label for label, *_ in known), sep=" | ")
    for key, values in TRIED.items():
        if arguments.only not in key:
            continue
        name, places = homes(key)
        before = [getattr(module, name) for module in places]
        for value in values:
            for module in places:
                setattr(module, name, value)
            shares = []
            for label, clean, noise in known:
                each = [
                    error(clean, noise, seed) / usual[label, seed]
                    for seed in range(arguments.seeds)
                ]
                shares.append("/".join(f"{one:.2f}" for one in each))
            print(key, f"{before[0]:g} -> {value:g}", *shares, sep=" | ", flush=True)
        for module, old in zip(places, before, strict=True):
            setattr(module, name, old)
    groups()


if __name__ == "__main__":
    main()

"""The abstract's case: simulated O K of SrTiO3 with Gaussian noise of sigma 0.05.

Usage: python benchmarks/standard_set.py [--shape 64 64] [--channels 256] [--seeds 3]

Prints, for each route, by what factor its mean squared error is below that of the raw
data (mean and spread over the seeds), and the time of the call. PCA is given the best
number of components by the truth; the autoencoder gets no clean data unless it says so.
"""

import argparse
import os
import time
import warnings

import numpy as np
from baselines import optimal_shrinkage, oracle_pca

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.simplefilter("ignore")

import hyperspy.api as hs  # noqa: E402

import hyperspy_aedenoise as aed  # noqa: E402

hs.set_log_level("ERROR")
SIGMA = 0.05


def run(clean, seed):
    """Mean squared errors and times in seconds of all routes with one noise."""
    noisy = aed.add_noise(clean, SIGMA, random_state=seed)
    rows = noisy.data.reshape(-1, noisy.data.shape[-1]).astype(float)
    truth = clean.data.reshape(rows.shape).astype(float)
    errors, seconds = {"raw": np.square(rows - truth).mean()}, {}

    copy = noisy.deepcopy()
    start = time.perf_counter()
    copy.decomposition(print_info=False)
    components = copy.learning_results.number_significant_components
    model = copy.get_decomposition_model(components)
    seconds["PCA, HyperSpy's elbow"] = time.perf_counter() - start
    errors["PCA, HyperSpy's elbow"] = np.square(model.data - clean.data).mean()
    errors["PCA, best number by truth"], _ = oracle_pca(rows, truth)
    errors["optimal shrinkage, sigma known"] = optimal_shrinkage(rows, truth, SIGMA)

    for name, reference, architecture in (
        ("autoencoder, no clean data", None, "auto"),
        ("the same, each spectrum on its own", None, "spectral"),
        ("the same with a clean reference", clean, "spectral"),
    ):
        signal = noisy.deepcopy()
        start = time.perf_counter()
        signal.decompose_autoencoder(
            reference,
            architecture=architecture,
            random_state=seed,
            show_progressbar=False,
            print_info=False,
        )
        denoised = signal.get_autoencoder_model()
        seconds[name] = time.perf_counter() - start
        errors[name] = np.square(denoised.data - clean.data).mean()
    return errors, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=2, default=(64, 64))
    parser.add_argument("--channels", type=int, default=256)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    clean = aed.data.sto_o_k(tuple(options.shape), n_channels=options.channels)
    runs = [run(clean, seed) for seed in range(options.seeds)]
    size = " x ".join(map(str, (*options.shape, options.channels)))
    print(f"{size}, sigma {SIGMA}, {options.seeds} seeds\n")
    print("| route | raw MSE / MSE | share of the bar | seconds |")
    print("|---|---|---|---|")
    for name in runs[0][0]:
        factor = [errors["raw"] / errors[name] for errors, _ in runs]
        share = [errors[name] / bar(errors) for errors, _ in runs]
        took = [seconds[name] for _, seconds in runs if name in seconds]
        print(
            f"| {name} | {np.mean(factor):.1f} +- {np.std(factor):.1f} | "
            f"{np.mean(share):.2f} | {f'{np.median(took):.1f}' if took else ''} |"
        )
    print("\nThe bar is the smaller error of best PCA and optimal shrinkage.")


def bar(errors):
    return min(
        errors["PCA, best number by truth"], errors["optimal shrinkage, sigma known"]
    )


if __name__ == "__main__":
    main()

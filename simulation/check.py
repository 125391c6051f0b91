"""Check a factor file, and compare it with the one of an earlier calculation.

Usage: python check.py FACTORS.npz [REFERENCE.npz]

The exit status is 1 if any check fails. REFERENCE is a file made by `assemble.py`,
or one with weights resolved by site and orbital (arrays ``stick_energy``, ``par``,
``perp`` and ``Wt``; 300 kV, half core hole).
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from _factors import broaden, weights_at, weights_of_thickness
from assemble import normalised

ENERGY = 525.0 + 0.125 * np.arange(256)  # eV
ALLOWED_DEVIATION = 2.0  # % of the maximum

# Name, spectrum, window and expected position in eV, with half a core hole. The
# parallel and the perpendicular spectrum have one strong maximum each near 535 and
# near 543 eV; where they overlap, the isotropic spectrum shows one peak.
PEAKS = (
    ("t2g", "perpendicular", (529.5, 532.5), 531.0),
    ("main", "isotropic", (533.5, 538.0), 535.2),
    ("main", "parallel", (533.5, 538.0), 535.0),
    ("main", "perpendicular", (533.5, 538.0), 536.4),
    ("third", "isotropic", (538.0, 540.0), 538.7),
    ("fourth", "isotropic", (541.5, 546.0), 543.3),
    ("fifth", "isotropic", (548.0, 552.0), 549.9),
)
ALLOWED_PEAK_SHIFT = 0.1  # eV; positions are quoted with one decimal

# 64 x 64 pixels of 0.25 angstrom, turned so that pixels and lattice never agree.
SCAN_PIXELS = 64
SCAN_STEP = 0.25  # angstrom
SCAN_ROTATION = np.deg2rad(4)

# Orbital (0 x, 1 y, 2 z) along the Ti-O-Ti line of each site in a reference file that
# is resolved by site and orbital.
REFERENCE_BONDS = (2, 1, 0)


def standard_spectra(energy, strength):
    """Spectra (2, 256) with a mean continuum of 1, from sticks of any scale."""
    order = np.argsort(energy)
    energy, strength = energy[order].astype(float), strength[:, order]
    return broaden(ENERGY, energy, normalised(energy, strength))


def read_reference(path):
    """Spectra and weights of a reference file, whichever layout it has.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    spectra : ndarray of float, shape (2, 256)
        Parallel and perpendicular, half core hole.
    weights : ndarray of float, shape (n_thicknesses, 2, 16, 16)
        Per unit cell of thickness, at 300 kV, in any unit.
    """
    reference = np.load(path)
    if "half_energy" in reference:
        sticks = reference["half_energy"], reference["half_strength"]
        at_300_kV = int(np.flatnonzero(reference["voltage_kV"] == 300)[0])
        weights = reference["weights"][at_300_kV].astype(float)
    else:
        strength = np.stack([reference["par"], reference["perp"]])
        sticks = reference["stick_energy"], strength
        signal = reference["Wt"].astype(float)
        parallel = sum(
            signal[:, site, axis] for site, axis in enumerate(REFERENCE_BONDS)
        )
        perpendicular = signal[:, :, :3].sum(axis=(1, 2)) - parallel
        steps = np.arange(1, len(signal) + 1)
        weights = (
            np.stack([parallel, perpendicular], axis=1) / steps[:, None, None, None]
        )
    return standard_spectra(*sticks), weights


def deviation(values, reference):
    """Largest difference in % of the largest reference value."""
    return 100 * np.abs(values - reference).max() / np.abs(reference).max()


class Checks:
    """Print checks as they are made, and remember failures."""

    def __init__(self):
        self.failures = 0

    def add(self, passed, text):
        """Report one check."""
        self.failures += not passed
        print("ok  " if passed else "FAIL", text)


def check_peaks(checks, factors):
    """Peak positions with half a core hole; those with a full one are only told."""
    fine = np.arange(525, 557, 0.01)
    for core_hole in ("half", "full"):
        parallel, perpendicular = broaden(
            fine, factors[f"{core_hole}_energy"], factors[f"{core_hole}_strength"]
        )
        spectra = {
            "parallel": parallel,
            "perpendicular": perpendicular,
            "isotropic": (parallel + 2 * perpendicular) / 3,
        }
        for name, which, (low, high), expected in PEAKS:
            inside = (fine > low) & (fine < high)
            position = fine[inside][spectra[which][inside].argmax()]
            text = f"{core_hole} core hole, {name} {which} peak: {position:.2f} eV"
            if core_hole == "half":
                passed = abs(position - expected) < ALLOWED_PEAK_SHIFT
                checks.add(passed, f"{text} ({expected} +- {ALLOWED_PEAK_SHIFT})")
            else:
                print("    ", text)


def check_weights(checks, factors):
    """Order of the columns, rank of a scan, and error of interpolation."""
    columns = np.array([[0.5, 0.5], [0.5, 0], [0, 0]]).T  # Ti-O, O, Sr
    steps = SCAN_STEP / factors["lattice_parameter_A"] * np.arange(SCAN_PIXELS)
    row, column = np.meshgrid(steps, steps, indexing="ij")
    cosine, sine = np.cos(SCAN_ROTATION), np.sin(SCAN_ROTATION)
    x, y = cosine * row - sine * column, sine * row + cosine * column
    spectra = standard_spectra(factors["half_energy"], factors["half_strength"])
    cells = factors["thickness_cells"]

    for voltage, weights, monopole in zip(
        factors["voltage_kV"],
        factors["weights"],
        factors["monopole_weights"],
        strict=True,
    ):
        thickest = weights[-1].astype(float)
        at_columns = weights_at(thickest, *columns)
        monopole_at_columns = weights_at(monopole[-1].astype(float), *columns)
        total = at_columns.sum(axis=0) / thickest.sum(axis=0).mean()
        share = at_columns[0] / at_columns.sum(axis=0)
        checks.add(
            total[0] > total[1] > total[2],
            f"{voltage:.0f} kV, total at Ti-O > O > Sr: "
            + " / ".join(f"{value:.2f}" for value in total)
            + " of the mean; parallel shares "
            + " / ".join(f"{value:.3f}" for value in share),
        )

        everything = at_columns.sum(axis=0) + monopole_at_columns
        print(
            f"     {voltage:.0f} kV, monopole share there, left out: "
            + " / ".join(f"{value:.3f}" for value in monopole_at_columns / everything)
        )

        scan = weights_at(thickest, x.ravel(), y.ravel()).T @ spectra
        singular_values = np.linalg.svd(scan, compute_uv=False)
        rank = int((singular_values > 1e-6 * singular_values[0]).sum())
        checks.add(
            rank == 2,
            f"{voltage:.0f} kV, significant singular values of the scan: {rank} "
            f"(second {singular_values[1] / singular_values[0]:.4f} of the first)",
        )

        # Leaving out every other thickness doubles the step and so makes the error
        # about four times what a user will meet.
        skipped = [
            weights_of_thickness(weights[::2].astype(float), cells[::2], cell)
            for cell in cells[1:-1:2]
        ]
        error = deviation(np.array(skipped), weights[1:-1:2])
        print(f"     {voltage:.0f} kV, interpolation over 6 unit cells: {error:.2f} %")


def check_against(checks, factors, path):
    """Deviations from the reference file."""
    spectra, weights = read_reference(path)
    own = standard_spectra(factors["half_energy"], factors["half_strength"])
    for name, values, expected in zip(
        ("parallel", "perpendicular"), own, spectra, strict=True
    ):
        worst = deviation(values, expected)
        checks.add(
            worst < ALLOWED_DEVIATION, f"{name} spectrum: deviation {worst:.3f} %"
        )

    at_300_kV = int(np.flatnonzero(factors["voltage_kV"] == 300)[0])
    own = factors["weights"][at_300_kV].astype(float)
    # One factor for all thicknesses: the unit is free, the growth is not.
    weights = weights * own.sum() / weights.sum()
    for channel, name in enumerate(("parallel", "perpendicular")):
        by_thickness = [
            deviation(*pair)
            for pair in zip(own[:, channel], weights[:, channel], strict=True)
        ]
        checks.add(
            max(by_thickness) < ALLOWED_DEVIATION,
            f"{name} weights: deviation at most {max(by_thickness):.2f} %, "
            f"at full thickness {by_thickness[-1]:.2f} %",
        )


def main():
    """Run all checks."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("factors", type=Path)
    parser.add_argument("reference", type=Path, nargs="?")
    options = parser.parse_args()
    with np.load(options.factors) as file:
        factors = dict(file)

    checks = Checks()
    size = options.factors.stat().st_size
    checks.add(size <= 200_000, f"size of the factor file: {size / 1000:.0f} kB")
    check_peaks(checks, factors)
    check_weights(checks, factors)
    if options.reference:
        check_against(checks, factors, options.reference)
    sys.exit(checks.failures > 0)


if __name__ == "__main__":
    main()

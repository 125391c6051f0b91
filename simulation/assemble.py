"""Gather transitions and weights in one factor file.

Usage: python assemble.py WORK_FOLDER OUTPUT.npz

Arrays of the factor file, to be opened with ``numpy.load``:

half_energy, full_energy : float32, shape (n_sticks,)
    Energies (eV) of the transitions for half and for a full core hole, ascending.
    The first maximum (Ti t2g) of the broadened perpendicular spectrum is put at
    531.0 eV; the calculation says nothing about the absolute energy.
half_strength, full_strength : float32, shape (2, n_sticks)
    Strengths with the electric field parallel and perpendicular to Ti-O-Ti. The
    isotropic spectrum (parallel + 2 * perpendicular) / 3, broadened with the
    defaults of `_factors.broaden`, has a mean of 1 per eV between 545 and 557 eV.
weights : float32, shape (n_voltages, n_thicknesses, 2, 16, 16)
    Weights of the parallel and the perpendicular spectrum at 16 x 16 probe
    positions over one unit cell, x first, the Sr column at [0, 0]. Signal per unit
    cell of thickness, summed from the entrance surface down; the mean over the
    cell of parallel + perpendicular would be 1 under a uniform beam.
monopole_weights : float32, shape (n_voltages, n_thicknesses, 16, 16)
    Weights of 1s -> s transitions in the same unit. There is no spectrum for them;
    they tell how much signal the two dipole spectra leave out.
thickness_cells : int64, shape (n_thicknesses,)
    Thickness in unit cells.
voltage_kV, convergence_mrad, collection_mrad : float64, shape (n_voltages,)
    Microscope settings; angles are semi-angles.
lattice_parameter_A : float64
    Lattice parameter in angstrom.
metadata : str
    JSON: licence, origin, program versions, and all parameters.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from _factors import broaden

CORE_HOLES = ("half", "full")
VOLTAGES = ("300", "200", "100")

FIRST_MAXIMUM = 531.0  # eV
# The t2g peak, and no other, is this close above the lowest transition.
FIRST_MAXIMUM_WITHIN = 3.5  # eV
CONTINUUM = np.arange(545.0, 557.0, 0.125)  # eV; higher up the projectors fail


def aligned(sticks):
    """Put the first maximum of the perpendicular spectrum where it is measured.

    Parameters
    ----------
    sticks : mapping
        Arrays ``energy`` (eV, any zero) and ``perpendicular``.

    Returns
    -------
    ndarray of float, shape (n_sticks,)
        Energies in eV.
    """
    lowest = sticks["energy"][0]
    near_edge = np.arange(lowest - 2, lowest + FIRST_MAXIMUM_WITHIN, 0.01)
    spectrum = broaden(near_edge, sticks["energy"], sticks["perpendicular"][None])[0]
    return sticks["energy"] + FIRST_MAXIMUM - near_edge[spectrum.argmax()]


def normalised(energy, strength):
    """Scale strengths so that the isotropic continuum is 1 per eV.

    Parameters
    ----------
    energy : ndarray of float, shape (n_sticks,)
        Energies (eV) as `aligned` returns them.
    strength : ndarray of float, shape (2, n_sticks)
        Parallel and perpendicular; they keep their ratio.

    Returns
    -------
    ndarray of float, shape (2, n_sticks)
    """
    parallel, perpendicular = broaden(CONTINUUM, energy, strength)
    return strength / ((parallel + 2 * perpendicular) / 3).mean()


def main():
    """Read the results of all calculations and write the factor file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()

    metadata = {
        "title": "Factors of the O K-edge spectrum image of SrTiO3 [001]",
        "origin": "Simulation by the hyperspy_aedenoise project; see simulation/",
        "licence": "GPL-3.0-or-later",
        "numpy": np.__version__,
        "energy_alignment": f"first perpendicular maximum at {FIRST_MAXIMUM} eV",
        "electronic_structure": {},
        "scattering": {},
    }
    arrays = {}
    for core_hole in CORE_HOLES:
        sticks = np.load(options.work / f"sticks_{core_hole}.npz")
        metadata["electronic_structure"][core_hole] = json.loads(
            str(sticks["metadata"])
        )
        energy = aligned(sticks)
        strength = np.stack([sticks["parallel"], sticks["perpendicular"]])
        arrays[f"{core_hole}_energy"] = energy.astype(np.float32)
        arrays[f"{core_hole}_strength"] = normalised(energy, strength).astype(
            np.float32
        )

    weights = [np.load(options.work / f"weights_{voltage}.npz") for voltage in VOLTAGES]
    settings = [json.loads(str(entry["metadata"])) for entry in weights]
    metadata["scattering"] = dict(zip(VOLTAGES, settings, strict=True))
    signal = np.stack([entry["weights"] for entry in weights])
    arrays["weights"] = signal[:, :, :2].astype(np.float32)
    arrays["monopole_weights"] = signal[:, :, 2].astype(np.float32)
    arrays["thickness_cells"] = weights[0]["thickness_cells"]
    for name in ("voltage_kV", "convergence_mrad", "collection_mrad"):
        arrays[name] = np.array([setting[name] for setting in settings], dtype=float)
    arrays["lattice_parameter_A"] = np.array(settings[0]["lattice_parameter_A"])
    arrays["metadata"] = np.array(json.dumps(metadata))
    np.savez_compressed(options.output, **arrays)


if __name__ == "__main__":
    main()

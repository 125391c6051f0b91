"""O K-edge transitions of cubic SrTiO3 from core-hole density functional theory.

The three oxygen sites differ only by a rotation, so one calculation with one core
hole gives everything: transition strengths for the electric field along the
Ti-O-Ti line ("parallel") and across it ("perpendicular").

Usage: python electronic_structure.py {half,full} OUTPUT.npz

The core-hole atom data must have been made before with ``gpaw-setup`` (see
``run.sh``) in the folder ``setups`` beside OUTPUT.
"""

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import make_supercell
from gpaw import GPAW, PW, FermiDirac, get_libraries, setup_paths
from gpaw.xas import XAS

LATTICE_PARAMETER = 3.905  # angstrom
PLANE_WAVE_CUTOFF = 340.0  # eV
SMEARING = 0.05  # eV
KPOINTS_DENSITY = (3, 3, 3)  # Gamma centred
KPOINTS_SPECTRUM = (4, 4, 4)  # shifted off Gamma
BANDS_DENSITY = 92  # 80 of them occupied

# A full hole pulls more states below a given energy and needs more bands.
CORE_HOLES = {
    "half": {"setup": "hch1s", "bands": 250},
    "full": {"setup": "fch1s", "bands": 270},
}

# Of the empty bands, the topmost tenth is only there to speed up the others.
CONVERGED_SHARE = 0.9

# D4h: what is left of the cube around one oxygen on a Ti-O-Ti line along z.
N_SYMMETRY_OPERATIONS = 16


def supercell():
    """Build the 20-atom body-centred supercell around the core-hole atom.

    Returns
    -------
    atoms : ase.Atoms
        Four formula units; images of the core hole are sqrt(3) lattice parameters
        (6.76 angstrom) apart. The Ti-O-Ti line of the core-hole atom is along z.
    core_hole_index : int
        The oxygen atom at the origin. Elsewhere GPAW would recognise only 4 of the
        16 symmetry operations.
    """
    primitive = Atoms(
        "OTiO2Sr",
        scaled_positions=[
            (0, 0, 0),
            (0, 0, 0.5),
            (0.5, 0, 0.5),
            (0, 0.5, 0.5),
            (0.5, 0.5, 0),
        ],
        cell=[LATTICE_PARAMETER] * 3,
        pbc=True,
    )
    atoms = make_supercell(primitive, [[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    atoms.wrap()
    core_hole_index = int(np.argmin(np.linalg.norm(atoms.positions, axis=1)))
    return atoms, core_hole_index


def solve(atoms, core_hole_index, core_hole, log_stem):
    """Converge the density, then the empty states in that density.

    Parameters
    ----------
    atoms : ase.Atoms
    core_hole_index : int
        Atom that carries the core hole.
    core_hole : {"half", "full"}
        Occupation taken from the 1s shell: half an electron or one. A uniform
        background makes the cell neutral.
    log_stem : pathlib.Path
        Start of the names of GPAW's own log files.

    Returns
    -------
    gpaw.calculator.GPAW
        Calculator with the empty states on the irreducible k points.
    """
    choice = CORE_HOLES[core_hole]
    ground_state = GPAW(
        mode=PW(PLANE_WAVE_CUTOFF),
        xc="PBE",
        kpts={"size": KPOINTS_DENSITY, "gamma": True},
        setups={core_hole_index: choice["setup"]},
        nbands=BANDS_DENSITY,
        occupations=FermiDirac(SMEARING),
        convergence={"bands": "occupied", "density": 1e-4, "energy": 5e-4},
        eigensolver="dav",
        txt=f"{log_stem}_density.txt",
    )
    atoms.calc = ground_state
    atoms.get_potential_energy()
    return ground_state.fixed_density(
        kpts={"size": KPOINTS_SPECTRUM, "gamma": False},
        nbands=choice["bands"],
        convergence={
            "bands": int(CONVERGED_SHARE * choice["bands"]),
            "eigenstates": 1e-6,
        },
        eigensolver="dav",
        maxiter=60,
        txt=f"{log_stem}_spectrum.txt",
    )


def average_over_star(moments, operations, cell):
    """Average squared dipole moments over all k points of a star.

    Parameters
    ----------
    moments : ndarray of complex, shape (3, ...)
        Dipole moments along x, y, z at irreducible k points.
    operations : ndarray of int, shape (n_operations, 3, 3)
        Symmetry operations in units of the lattice vectors.
    cell : ndarray of float, shape (3, 3)
        Lattice vectors, one a row.

    Returns
    -------
    ndarray of float, shape (3, ...)
        Strengths along x, y, z.

    Notes
    -----
    GPAW stores one k point of each star, with the weight of the whole star. At
    that one point x and y are not equivalent even where the crystal makes them so,
    and taking its values as they stand gives wrong polarised spectra.
    """
    rotations = np.linalg.inv(cell) @ operations @ cell
    rotated = np.einsum("rij,j...->ri...", rotations, moments)
    return (np.abs(rotated) ** 2).mean(axis=0)


def polarised_sticks(calculator, core_hole_index):
    """Transition energies and strengths along and across the Ti-O-Ti line.

    Parameters
    ----------
    calculator : gpaw.calculator.GPAW
        As `solve` returns it.
    core_hole_index : int

    Returns
    -------
    dict of str to ndarray of float, shape (n_transitions,)
        ``energy`` of the final state (eV, GPAW's zero), and the strengths
        ``parallel`` and ``perpendicular`` (arbitrary, common unit) for one field
        direction each, sorted by energy.

    Raises
    ------
    RuntimeError
        If GPAW did not find the symmetry of the site, so that the average over
        equivalent k points would be wrong.
    """
    symmetry = calculator.wfs.kd.symmetry
    if len(symmetry.op_scc) != N_SYMMETRY_OPERATIONS:
        raise RuntimeError(
            f"The core-hole site has {N_SYMMETRY_OPERATIONS} symmetry operations; "
            f"GPAW found {len(symmetry.op_scc)}. Put the atom at the origin."
        )
    transitions = XAS(calculator, center=core_hole_index)
    moments = transitions.sigma_cmkn[:, 0]  # a 1s shell has one m only
    cell = np.asarray(calculator.atoms.cell)
    along_x, along_y, along_z = average_over_star(moments, symmetry.op_scc, cell)
    if not np.allclose(along_x, along_y, rtol=1e-6, atol=1e-9 * along_x.max()):
        raise RuntimeError(
            "Strengths along x and y must agree after the average over symmetry; "
            f"they differ by up to {np.abs(along_x - along_y).max():.3g} of "
            f"{along_x.max():.3g}. Is the Ti-O-Ti line along z?"
        )
    energy = transitions.eps_kn.ravel()
    order = np.argsort(energy)
    return {
        "energy": energy[order],
        "parallel": along_z.ravel()[order],
        "perpendicular": along_x.ravel()[order],
    }


def main():
    """Run one core-hole calculation and write its transitions."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("core_hole", choices=CORE_HOLES)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()

    setup_paths.insert(0, str(options.output.parent / "setups"))
    started = time.perf_counter()
    atoms, core_hole_index = supercell()
    calculator = solve(
        atoms, core_hole_index, options.core_hole, options.output.with_suffix("")
    )
    sticks = polarised_sticks(calculator, core_hole_index)
    metadata = {
        "core_hole": options.core_hole,
        "functional": "PBE",
        "plane_wave_cutoff_eV": PLANE_WAVE_CUTOFF,
        "kpoints_density": KPOINTS_DENSITY,
        "kpoints_spectrum": KPOINTS_SPECTRUM,
        "irreducible_kpoints": len(calculator.wfs.kd.ibzk_kc),
        "symmetry_operations": len(calculator.wfs.kd.symmetry.op_scc),
        "bands": CORE_HOLES[options.core_hole]["bands"],
        "occupied_bands": calculator.wfs.nvalence // 2,
        "smearing_eV": SMEARING,
        "lattice_parameter_A": LATTICE_PARAMETER,
        "atoms": len(atoms),
        "transitions": len(sticks["energy"]),
        "wall_s": round(time.perf_counter() - started),
        "cpu_s": round(time.process_time()),
        "versions": {name: version(name) for name in ("gpaw", "gpaw-data", "ase")}
        | {"libxc": get_libraries()["libxc"]},
    }
    np.savez(options.output, metadata=json.dumps(metadata), **sticks)
    print(json.dumps(metadata))


if __name__ == "__main__":
    main()

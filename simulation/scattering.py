"""Where the O K signal comes from: weights of the two spectra for each probe position.

A convergent probe channels through a SrTiO3 crystal along [001], with the atoms
shifted at random by their thermal vibration (frozen phonons, multislice). The
inelastic signal is taken in the local single-channelling approximation: electron
density times one local potential for each kind of transition.

Usage: python scattering.py {300,200,100} OUTPUT.npz
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import abtem
import numpy as np
import scipy.fft
from abtem.core.energy import energy2sigma, energy2wavelength
from abtem.inelastic.core_loss import SubshellTransitions
from specimen import (
    BOND_DIRECTIONS,
    CELLS_ACROSS,
    CELLS_DEEP,
    DEBYE_WALLER,
    LATTICE_PARAMETER,
    LAYERS,
    PIXELS_PER_CELL,
    Grid,
    atomic_potentials,
    lattice_positions,
    mean_square_displacement,
    transmission_functions,
)

THICKNESS_STEP = 3  # unit cells
N_POSITIONS = 16  # probe positions along each side of the unit cell
N_CONFIGURATIONS = 16
PROBES_AT_A_TIME = 32
SEED = 531

# Energy of the ejected electron. Between 1 and 20 eV the shares change by < 1 %.
ENERGY_ABOVE_THRESHOLD = 10.0  # eV

CHANNELS = ("parallel", "perpendicular", "monopole")


@dataclass(frozen=True)
class Microscope:
    """Settings of the simulated microscope.

    Parameters
    ----------
    voltage_kV : float
        Acceleration voltage.
    convergence_mrad, collection_mrad : float
        Semi-angles of the aberration-free probe and of the spectrometer entrance.
    """

    voltage_kV: float
    convergence_mrad: float
    collection_mrad: float

    @property
    def wavelength(self):
        """Wavelength in angstrom."""
        return energy2wavelength(1e3 * self.voltage_kV)

    @property
    def harmonics(self):
        """Highest spatial frequency of an image, in periods per unit cell."""
        aperture_radius = 1e-3 * self.convergence_mrad / self.wavelength
        return 2 * aperture_radius * LATTICE_PARAMETER


# Usual for probe-corrected instruments, with the spectrometer accepting 1.5 times
# the probe angle. Every probe stays below the 8 periods per cell that
# 16 x 16 samples can hold.
MICROSCOPES = {
    "300": Microscope(300, 20, 30),
    "200": Microscope(200, 24, 36),
    "100": Microscope(100, 30, 45),
}


def excitation_potentials(grid, microscope):
    """Local potentials of the three kinds of transition in the two layers.

    Parameters
    ----------
    grid : Grid
    microscope : Microscope

    Returns
    -------
    ndarray of float, shape (2, n * n, 3)
        Layer, pixel, and transition: to the p orbital along the Ti-O-Ti line, to
        the two p orbitals across it, and to the s orbital.

    Notes
    -----
    For each final orbital the potential is Re(H* H_c), where H is the transition
    potential and H_c the part of it that the spectrometer accepts. It is blurred
    by the thermal vibration of oxygen. Final d states (0.05 %) are left out.
    """
    transitions = SubshellTransitions(
        Z=8, n=1, l=0, order=1, epsilon=ENERGY_ABOVE_THRESHOLD, xc="PBE"
    ).get_transition_potentials(
        extent=grid.extent, gpts=grid.n, energy=1e3 * microscope.voltage_kV
    )
    arrays = np.asarray(transitions.build().array, dtype=complex)
    by_quantum_numbers = {
        final[1:]: array
        for (_, final), array in zip(
            transitions.transition_quantum_numbers, arrays, strict=True
        )
    }
    minus, zero, plus = (by_quantum_numbers[1, m] for m in (-1, 0, 1))
    transition_potentials = {
        "x": (minus - plus) / np.sqrt(2),
        "y": -1j * (minus + plus) / np.sqrt(2),
        "z": zero,
        "s": by_quantum_numbers[0, 0],
    }
    accepted = 1e3 * microscope.wavelength * grid.radius <= microscope.collection_mrad
    blur = np.exp(-2 * np.pi**2 * mean_square_displacement("O") * grid.radius**2)
    transforms = {}
    for orbital, potential in transition_potentials.items():
        local = np.fft.ifft2(potential).conj() * np.fft.ifft2(potential * accepted)
        transforms[orbital] = np.fft.fft2(local.real) * blur

    result = np.zeros((len(LAYERS), grid.n**2, len(CHANNELS)), dtype=np.float32)
    for layer, sites in enumerate(BOND_DIRECTIONS):
        for site, bond in sites.items():
            across = [orbital for orbital in "xyz" if orbital != bond]
            lattice = grid.structure_factor(lattice_positions(*site))
            for channel, orbitals in enumerate((bond, across, "s")):
                transform = sum(transforms[orbital] for orbital in orbitals)
                local = np.fft.ifft2(transform * lattice).real
                result[layer, :, channel] += local.ravel()
    return result


def probes(grid, microscope, positions):
    """Aberration-free probes, each with a total intensity of one.

    Parameters
    ----------
    grid : Grid
    microscope : Microscope
    positions : ndarray of float, shape (n_positions, 2)
        In angstrom.

    Returns
    -------
    ndarray of complex, shape (n_positions, n, n)
    """
    aperture = 1e3 * microscope.wavelength * grid.radius <= microscope.convergence_mrad
    along_x, along_y = grid.shifts(positions)
    waves = aperture * along_x[:, :, None] * along_y[:, None, :]
    waves *= grid.n / np.sqrt(aperture.sum())
    return scipy.fft.ifft2(waves).astype(np.complex64)


def probe_positions():
    """Positions (angstrom) that sample the middle cell, row by row."""
    steps = np.stack(np.indices((N_POSITIONS, N_POSITIONS)), axis=-1).reshape(-1, 2)
    return LATTICE_PARAMETER * (steps / N_POSITIONS + CELLS_ACROSS // 2)


def signal_of_configuration(grid, microscope, potentials, excitation, rng):
    """Signal summed over depth, for one set of thermal displacements.

    Parameters
    ----------
    grid : Grid
    microscope : Microscope
    potentials, excitation
        As `atomic_potentials` and `excitation_potentials` return them.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float, shape (n_thicknesses, 3, N_POSITIONS, N_POSITIONS)
        From the entrance surface to each thickness.
    """
    layer_distance = LATTICE_PARAMETER / 2
    propagator = grid.passband * np.exp(
        -1j * np.pi * microscope.wavelength * layer_distance * grid.radius**2
    ).astype(np.complex64)
    transmissions = transmission_functions(
        grid, potentials, energy2sigma(1e3 * microscope.voltage_kV), rng
    )

    positions = probe_positions()
    n_thicknesses = CELLS_DEEP // THICKNESS_STEP
    layers_per_step = len(LAYERS) * THICKNESS_STEP
    signal = np.zeros((n_thicknesses, len(positions), len(CHANNELS)))
    for first in range(0, len(positions), PROBES_AT_A_TIME):
        batch = slice(first, first + PROBES_AT_A_TIME)
        waves = probes(grid, microscope, positions[batch])
        for depth, transmission in enumerate(transmissions):
            # All atoms of a layer lie in the plane where the beam enters it, so they
            # are excited by the wave that they have not yet scattered.
            density = (waves.real**2 + waves.imag**2).reshape(len(waves), -1)
            signal[depth // layers_per_step, batch] += density @ excitation[depth % 2]
            waves *= transmission
            waves = scipy.fft.fft2(waves, overwrite_x=True)
            waves *= propagator
            waves = scipy.fft.ifft2(waves, overwrite_x=True)
    cumulative = signal.cumsum(axis=0).transpose(0, 2, 1)
    return cumulative.reshape(n_thicknesses, len(CHANNELS), N_POSITIONS, N_POSITIONS)


def symmetrise(images):
    """Average images of the unit cell over the eight operations of 4mm.

    Parameters
    ----------
    images : ndarray of float, shape (..., m, m)
        Samples over one period; the fourfold axis is at the first sample.

    Returns
    -------
    ndarray of float, shape (..., m, m)
    """
    for axis in (-1, -2):
        mirrored = np.roll(np.flip(images, axis), 1, axis)
        images = (images + mirrored) / 2
    return (images + images.swapaxes(-1, -2)) / 2


def main():
    """Run the frozen-phonon configurations of one microscope; write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("voltage", choices=MICROSCOPES, help="kV")
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    microscope = MICROSCOPES[options.voltage]
    if microscope.harmonics >= N_POSITIONS / 2:
        raise ValueError(
            f"`convergence_mrad` must leave fewer than {N_POSITIONS // 2} periods per "
            f"unit cell; {microscope.convergence_mrad} mrad gives "
            f"{microscope.harmonics:.2f}. Raise N_POSITIONS."
        )

    abtem.config.set({"device": "cpu"})
    started = time.perf_counter()
    grid = Grid()
    potentials = atomic_potentials(grid)
    excitation = excitation_potentials(grid, microscope)
    signals = []
    for configuration in range(N_CONFIGURATIONS):
        rng = np.random.default_rng([SEED, configuration])
        signal = signal_of_configuration(grid, microscope, potentials, excitation, rng)
        signals.append(symmetrise(signal))
        elapsed = time.perf_counter() - started
        print(f"configuration {configuration + 1}: {elapsed:.0f} s", flush=True)

    cells = np.arange(THICKNESS_STEP, CELLS_DEEP + 1, THICKNESS_STEP)
    # What the dipole channels would give per unit cell under a uniform beam.
    uniform = excitation[..., :2].mean(axis=1, dtype=float).sum()
    weights = np.array(signals) / (uniform * cells[:, None, None, None])
    mean_weights = weights.mean(axis=0)
    standard_error = weights.std(axis=0, ddof=1) / np.sqrt(N_CONFIGURATIONS)
    largest_angle = 1e3 * microscope.wavelength * grid.radius[grid.passband].max()
    metadata = asdict(microscope) | {
        "harmonics_per_cell": round(microscope.harmonics, 3),
        "largest_angle_mrad": round(float(largest_angle), 1),
        "lattice_parameter_A": LATTICE_PARAMETER,
        "debye_waller_A2": DEBYE_WALLER,
        "atomic_potentials": "Lobato",
        "cells_across": CELLS_ACROSS,
        "pixels_per_cell": PIXELS_PER_CELL,
        "frozen_phonon_configurations": N_CONFIGURATIONS,
        "seed": SEED,
        "energy_above_threshold_eV": ENERGY_ABOVE_THRESHOLD,
        "largest_standard_error": round(float(standard_error[:, :2].max()), 5),
        "wall_s": round(time.perf_counter() - started),
        "cpu_s": round(time.process_time()),
        "versions": {name: version(name) for name in ("abtem", "ase", "scipy")},
    }
    np.savez(
        options.output,
        metadata=json.dumps(metadata),
        thickness_cells=cells,
        channels=CHANNELS,
        weights=mean_weights,
    )
    print(json.dumps(metadata))


if __name__ == "__main__":
    main()

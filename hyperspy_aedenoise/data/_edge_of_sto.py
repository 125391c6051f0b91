"""The O K edge of SrTiO3 from its factors: spectra, probe positions, channels."""

import functools
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from hyperspy_aedenoise.data._factors import (
    GAUSSIAN_FWHM_PER_SIGMA,
    broaden,
    weights_at,
    weights_of_thickness,
)

#: Above this energy (eV) the projectors of the calculation fail.
LAST_ENERGY = 557.0
#: Widest resolution (eV) for which transitions above that are not missed.
WIDEST_RESOLUTION = 3.0
#: Plasmon of SrTiO3: energy and width (eV) of the loss function's main peak.
_PLASMON = (30.0, 12.0)
#: Higher losses than of three plasmons are beyond the energies of the set.
_MOST_PLASMONS = 6


@functools.cache
def factors():
    """What `simulation/assemble.py` put together, a dict of arrays."""
    path = Path(__file__).with_name("sto_o_k.npz")
    with np.load(path, allow_pickle=False) as content:
        return {name: content[name] for name in content.files}


def of_voltage(beam_energy):
    """The factors that depend on the beam energy in keV, each for that one alone."""
    index = list(factors()["voltage_kV"]).index(beam_energy)
    return {
        "weights": factors()["weights"][index].astype(float),
        "convergence_mrad": float(factors()["convergence_mrad"][index]),
        "collection_mrad": float(factors()["collection_mrad"][index]),
    }


@dataclass(frozen=True)
class Scan:
    """Where and through what the probe goes.

    Parameters
    ----------
    shape : tuple of int
        Probe positions along y and x.
    pixel_size : float
        Their distance in Å.
    rotation : float
        Angle between scan and lattice in degrees.
    source_size : float
        Full width at half maximum of the effective source in Å.
    thickness : float
        Of the specimen in nm.
    beam_energy : float
        In keV.
    """

    shape: tuple
    pixel_size: float
    rotation: float
    source_size: float
    thickness: float
    beam_energy: float

    def weights(self):
        """Weights of the two spectra, shape (2, n_positions)."""
        lattice = float(factors()["lattice_parameter_A"])
        cells = factors()["thickness_cells"]
        wanted = float(np.clip(self.thickness * 10 / lattice, cells[0], cells[-1]))
        all_weights = of_voltage(self.beam_energy)["weights"]
        samples = weights_of_thickness(all_weights, cells, wanted)
        if self.source_size:
            sigma = self.source_size / GAUSSIAN_FWHM_PER_SIGMA / lattice
            frequency = np.fft.fftfreq(samples.shape[-1], 1 / samples.shape[-1])
            blur = np.exp(-2 * (np.pi * sigma * frequency) ** 2)
            samples = np.fft.ifft2(np.fft.fft2(samples) * blur * blur[:, None]).real
        places = np.indices(self.shape).reshape(2, -1) * (self.pixel_size / lattice)
        row, column = places
        angle = np.deg2rad(self.rotation)
        x = np.cos(angle) * row - np.sin(angle) * column
        y = np.sin(angle) * row + np.cos(angle) * column
        return weights_at(samples, x, y)


@dataclass(frozen=True)
class Channels:
    """Channels of a detector.

    Parameters
    ----------
    start : float
        Centre of the first in eV.
    width : float
        In eV.
    n : int
    """

    start: float
    width: float
    n: int

    @property
    def energies(self):
        """Their centres in eV, shape (n,)."""
        return self.start + self.width * np.arange(self.n)

    def record(self, grid, spectra, weights, energy_drift):
        """Sum of weighted spectra; each channel holds the mean over its width.

        Parameters
        ----------
        grid : ndarray, shape (n_grid,)
            Uniform and fine, in eV.
        spectra : ndarray, shape (n_spectra, n_grid)
        weights : ndarray, shape (n_spectra, n_positions)
        energy_drift : float
            Shift in eV from the first to the last position.

        Returns
        -------
        ndarray, shape (n_positions, n)
        """
        energies, half = self.energies, self.width / 2
        limits = np.append(energies - half, energies[-1] + half)
        step = grid[1] - grid[0]
        integral = np.cumsum(spectra, axis=1) * step / self.width

        def shifted(shift):
            places = limits - shift
            return np.array(
                [np.diff(np.interp(places, grid + step / 2, sums)) for sums in integral]
            )

        if not energy_drift:
            return weights.T @ shifted(0.0)
        n_positions = weights.shape[1]
        shifts = energy_drift * (np.arange(n_positions) / max(n_positions - 1, 1) - 0.5)
        result = np.empty((n_positions, self.n))
        for index, shift in enumerate(shifts):
            result[index] = weights[:, index] @ shifted(shift)
        return result


def spectra_of_sites(grid, core_hole, resolution):
    """Spectra of the field along and across Ti-O-Ti, without plural scattering.

    Parameters
    ----------
    grid : ndarray, shape (n,)
        Uniform and fine, in eV.
    core_hole : {"half", "full"}
    resolution : float
        Full width at half maximum of the instrument's Gaussian in eV.

    Returns
    -------
    ndarray, shape (2, n)
        Strength per eV.
    """
    energy = factors()[f"{core_hole}_energy"].astype(float)
    strength = factors()[f"{core_hole}_strength"].astype(float)
    # transitions far above the valid range would only add their errors
    used = energy < LAST_ENERGY + 6
    return broaden(grid, energy[used], strength[:, used], resolution=resolution)


def with_plasmons(spectra, grid, paths):
    """Fold spectra with Poisson-distributed plasmon losses.

    Parameters
    ----------
    spectra : ndarray, shape (n_spectra, n)
    grid : ndarray, shape (n,)
        Uniform, in eV.
    paths : float
        Thickness in inelastic mean free paths.

    Returns
    -------
    ndarray, shape (n_spectra, n)

    Notes
    -----
    The loss function is that of free electrons (R. F. Egerton, Electron Energy-Loss
    Spectroscopy in the Electron Microscope, 3rd ed., 2011, section 3.3.1,
    doi:10.1007/978-1-4419-9583-4).
    """
    step = grid[1] - grid[0]
    peak, width = _PLASMON
    # Normalised over all losses, also those beyond the grid.
    every = step * np.arange(round(1000 / step))
    plasmon = every * width / ((every**2 - peak**2) ** 2 + (every * width) ** 2)
    plasmon = plasmon[: grid.size] / plasmon.sum()
    single = np.fft.rfft(plasmon, 2 * grid.size)

    def one_plasmon_more(curves):
        """Fold once; what is lost beyond the grid must not come back at its start."""
        folded = np.fft.irfft(np.fft.rfft(curves, 2 * grid.size) * single)
        return folded[:, : grid.size]

    result = term = np.exp(-paths) * spectra
    for number in range(1, _MOST_PLASMONS + 1):
        term = one_plasmon_more(term) * paths / number
        result = result + term
    return result


def unbroadened_edge(parameters):
    """What a set was made of, before instrument, background and drift.

    Parameters
    ----------
    parameters : dict
        Arguments of `sto_o_k`, all of them.

    Returns
    -------
    energies : ndarray, shape (n,)
        In eV; beyond `last` not valid, but good to fold with.
    spectra : ndarray, shape (2, n)
        Per channel of `energies`, times the ``Simulation.sto_o_k_unit`` of the set
        in its intensity; with its plural scattering.
    weights : ndarray, shape (n_positions, 2)
    resolution : float
        Full width at half maximum in eV of the Gaussian that is in the spectra.
    last : float
        Energy in eV up to which the spectra are valid.
    """
    resolution = 0.1
    grid = np.arange(500.0, LAST_ENERGY + 3, 0.04)
    spectra = spectra_of_sites(grid, parameters["core_hole"], resolution)
    if parameters["plural_scattering"]:
        spectra = with_plasmons(spectra, grid, parameters["plural_scattering"])
    scan = Scan(*(parameters[field.name] for field in fields(Scan)))
    per_channel = (grid[1] - grid[0]) / parameters["dispersion"]
    return grid, per_channel * spectra, scan.weights().T, resolution, LAST_ENERGY

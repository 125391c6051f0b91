"""The standard set: the O K edge of SrTiO3, atomic columns resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hyperspy_aedenoise._errors import (
    must_be,
    not_negative,
    one_of,
    positive_integer,
)
from hyperspy_aedenoise.data._edge_of_sto import (
    LAST_ENERGY,
    WIDEST_RESOLUTION,
    Channels,
    Scan,
    factors,
    of_voltage,
    spectra_of_sites,
    with_plasmons,
)

if TYPE_CHECKING:
    from exspy.signals import EELSSpectrum

#: What every refusal ends with.
_ADVICE = "See the documentation of `sto_o_k`."


def sto_o_k(
    shape: tuple[int, ...] = (64, 64),
    *,
    pixel_size: float = 0.25,
    rotation: float = 4.0,
    source_size: float = 0.0,
    thickness: float = 19.9,
    beam_energy: float = 300.0,
    energy_start: float = 525.0,
    dispersion: float = 0.125,
    n_channels: int = 256,
    resolution: float = 0.6,
    core_hole: str = "half",
    background: float = 0.0,
    background_exponent: float = 3.0,
    plural_scattering: float = 0.0,
    energy_drift: float = 0.0,
    maximum: float = 1.0,
) -> EELSSpectrum:
    """Simulated O K spectrum image of SrTiO3 along [001], without noise.

    Dynamical scattering (frozen-phonon multislice) gives the weights, density
    functional theory with a core hole the fine structure. The oxygen sites of the
    cubic crystal differ only by their orientation, so that each spectrum is a sum of
    two, for the field along and across Ti-O-Ti.

    Parameters
    ----------
    shape : tuple of int, default (64, 64)
        Probe positions along y and x.
    pixel_size : float, default 0.25
        Distance of probe positions in Å.
    rotation : float, default 4
        Angle between scan and lattice in degrees; not 0 by default, so that no two
        unit cells are sampled alike.
    source_size : float, default 0
        Full width at half maximum of the Gaussian effective source in Å.
    thickness : float, default 19.9
        In nm, 1.2 to 19.9.
    beam_energy : {300, 200, 100}, default 300
        In keV.
    energy_start : float, default 525
        Energy loss of the first channel in eV.
    dispersion : float, default 0.125
        Width of a channel in eV; each holds the mean of the spectrum over its width.
    n_channels : int, default 256
        The last channel must not be above 557 eV.
    resolution : float, default 0.6
        Full width at half maximum of the instrument's Gaussian in eV, at most 3.
    core_hole : {"half", "full"}, default "half"
        Occupation of the core hole. "full" gives peaks at other energies: a
        simulation that does not fit the default one.
    background : float, default 0
        Power-law background at 525 eV, relative to the largest value of the edge.
        It is proportional to the total edge intensity of each spectrum.
    background_exponent : float, default 3
        r of the background E**-r.
    plural_scattering : float, default 0
        Thickness in inelastic mean free paths, for plasmon losses.
    energy_drift : float, default 0
        Shift in eV from the first to the last probe position, row by row.
    maximum : float, default 1
        Largest value of the set, in signal units.

    Returns
    -------
    EELSSpectrum
        Shape (y, x | energy), float32, with calibrated axes and
        ``metadata.Acquisition_instrument``. ``metadata.Simulation`` has the parameters,
        from which `match_reference` computes the set again.

    Raises
    ------
    ValueError
        If something is asked for that was not computed.

    Notes
    -----
    This is a simulation by the authors of this package, made by the scripts in the
    folder ``simulation`` of its source. Peaks above the first lie 1-1.5 eV lower than
    measured ones (PBE functional); the absolute energy is an alignment of the first
    peak to 531 eV. Without plural scattering, background and drift the set has
    exactly two components, which flatters PCA.

    Examples
    --------
    >>> import hyperspy_aedenoise as aed
    >>> s = aed.data.sto_o_k((8, 8))
    >>> s.data.shape, float(s.data.max())
    ((8, 8, 256), 1.0)
    """
    from exspy.signals import EELSSpectrum

    parameters = {
        "shape": shape,
        "pixel_size": pixel_size,
        "rotation": rotation,
        "source_size": source_size,
        "thickness": thickness,
        "beam_energy": beam_energy,
        "energy_start": energy_start,
        "dispersion": dispersion,
        "n_channels": n_channels,
        "resolution": resolution,
        "core_hole": core_hole,
        "background": background,
        "background_exponent": background_exponent,
        "plural_scattering": plural_scattering,
        "energy_drift": energy_drift,
        "maximum": maximum,
    }
    _check(parameters)
    scan = Scan(shape, pixel_size, rotation, source_size, thickness, beam_energy)
    channels = Channels(energy_start, dispersion, n_channels)
    energies = channels.energies

    # The tail before the edge takes part in plural scattering.
    first = min(energies[0], 475.0) - 1 - abs(energy_drift)
    grid = np.arange(first, energies[-1] + dispersion + 1 + abs(energy_drift), 0.02)
    spectra = spectra_of_sites(grid, core_hole, resolution)
    if plural_scattering:
        spectra = with_plasmons(spectra, grid, plural_scattering)
    weights = scan.weights()
    edge = channels.record(grid, spectra, weights, energy_drift)
    if background:
        slope = (energies / 525.0) ** -background_exponent
        share = (
            background * edge.max() * weights.sum(axis=0) / weights.sum(axis=0).max()
        )
        edge = edge + share[:, None] * slope
    unit = maximum / edge.max()
    edge *= unit
    signal = EELSSpectrum(
        edge.reshape(*shape, n_channels).astype(np.float32),
        axes=[
            {"name": "y", "size": shape[0], "scale": pixel_size, "units": "Å"},
            {"name": "x", "size": shape[1], "scale": pixel_size, "units": "Å"},
            {
                "name": "Energy loss",
                "size": n_channels,
                "scale": dispersion,
                "offset": energy_start,
                "units": "eV",
            },
        ],
    )
    signal.metadata.General.title = "SrTiO3 O K (simulated)"
    optics = of_voltage(beam_energy)
    signal.set_microscope_parameters(
        beam_energy=float(beam_energy),
        convergence_angle=optics["convergence_mrad"],
        collection_angle=optics["collection_mrad"],
    )
    signal.add_elements(["O"])
    signal.metadata.set_item("Simulation.sto_o_k", parameters)
    signal.metadata.set_item("Simulation.sto_o_k_unit", float(unit))
    return signal


def _check(parameters):
    """Refuse what was not computed, or can't be."""
    units = {
        "pixel_size": "Å",
        "source_size": "Å",
        "background": "units of the edge's maximum",
        "plural_scattering": "mean free paths",
        "resolution": "eV",
        "dispersion": "eV",
        "maximum": "signal units",
    }
    for name, unit in units.items():
        not_negative(name, parameters[name], unit, _ADVICE)
        if parameters[name] == 0 and name in ("pixel_size", "dispersion", "maximum"):
            raise ValueError(must_be(name, f"a number > 0 in {unit}", "0", _ADVICE))
    shape = parameters["shape"]
    if not isinstance(shape, (tuple, list)) or len(shape) != 2:
        raise TypeError(must_be("shape", "two integers (y, x)", repr(shape), _ADVICE))
    for size in (*shape, parameters["n_channels"]):
        positive_integer("shape, n_channels", size, _ADVICE)
    _check_computed(parameters)
    one_of(
        "core_hole",
        parameters["core_hole"],
        ("half", "full"),
        "No others were computed.",
    )


def _check_computed(parameters):
    """Refuse numbers that the calculation doesn't cover."""
    names = ("energy_start", "dispersion", "n_channels")
    last = Channels(*(parameters[name] for name in names)).energies[-1]
    if last > LAST_ENERGY:
        raise ValueError(
            must_be(
                "energy_start, dispersion, n_channels",
                f"such that the last channel is at most at {LAST_ENERGY:g} eV",
                f"{last:.6g} eV",
                "Higher up the calculation is not valid.",
            )
        )
    resolution = parameters["resolution"]
    if not 0.05 <= resolution <= WIDEST_RESOLUTION:
        raise ValueError(
            must_be(
                "resolution",
                f"0.05 to {WIDEST_RESOLUTION:g} eV",
                repr(resolution),
                "It is a full width at half maximum.",
            )
        )
    cells, thickness = factors()["thickness_cells"], parameters["thickness"]
    step = float(factors()["lattice_parameter_A"]) / 10
    thinnest, thickest = cells[0] * step, cells[-1] * step
    if not thinnest - 0.05 <= thickness <= thickest + 0.05:
        raise ValueError(
            must_be(
                "thickness",
                f"{thinnest:.1f} to {thickest:.1f} nm",
                repr(thickness),
                "No others were computed.",
            )
        )
    voltages = [float(value) for value in factors()["voltage_kV"]]
    one_of(
        "beam_energy",
        parameters["beam_energy"],
        voltages,
        "In keV; no others were computed.",
    )

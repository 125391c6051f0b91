"""The standard set: the O K edge of SrTiO3, atomic columns resolved."""

import functools
from importlib.resources import files

import numpy as np

from hyperspy_aedenoise._errors import (
    must_be,
    not_negative,
    one_of,
    positive_integer,
)
from hyperspy_aedenoise.data._factors import (
    broaden,
    weights_at,
    weights_of_thickness,
)

#: Above this energy (eV) the projectors of the calculation fail.
_LAST_ENERGY = 557.0
#: Widest resolution (eV) for which transitions above that are not missed.
_WIDEST_RESOLUTION = 3.0
#: Plasmon of SrTiO3: energy and width (eV) of the loss function's main peak.
_PLASMON = (30.0, 12.0)
#: Higher losses than of three plasmons are beyond the energies of the set.
_MOST_PLASMONS = 6


def sto_o_k(
    shape=(64, 64),
    *,
    pixel_size=0.25,
    rotation=4.0,
    source_size=0.0,
    thickness=19.9,
    beam_energy=300.0,
    energy_start=525.0,
    dispersion=0.125,
    n_channels=256,
    resolution=0.6,
    core_hole="half",
    background=0.0,
    background_exponent=3.0,
    plural_scattering=0.0,
    energy_drift=0.0,
    maximum=1.0,
):
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

    numbers = {
        "pixel_size": (pixel_size, "Å"),
        "source_size": (source_size, "Å"),
        "background": (background, "units of the edge's maximum"),
        "plural_scattering": (plural_scattering, "mean free paths"),
        "resolution": (resolution, "eV"),
        "dispersion": (dispersion, "eV"),
        "maximum": (maximum, "signal units"),
    }
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
    advice = "See the documentation of `sto_o_k`."
    for name, (value, unit) in numbers.items():
        not_negative(name, value, unit, advice)
        if value == 0 and name in ("pixel_size", "dispersion", "maximum"):
            raise ValueError(must_be(name, f"a number > 0 in {unit}", "0", advice))
    if not isinstance(shape, (tuple, list)) or len(shape) != 2:
        raise TypeError(must_be("shape", "two integers (y, x)", repr(shape), advice))
    for size in (*shape, n_channels):
        positive_integer("shape, n_channels", size, advice)
    energies = energy_start + dispersion * np.arange(n_channels)
    _check_computed(energies, resolution, thickness, beam_energy)
    one_of("core_hole", core_hole, ("half", "full"), "No others were computed.")

    # The tail before the edge takes part in plural scattering.
    first = min(energies[0], 475.0) - 1 - abs(energy_drift)
    grid = np.arange(first, energies[-1] + dispersion + 1 + abs(energy_drift), 0.02)
    spectra = _spectra(grid, core_hole, resolution)
    if plural_scattering:
        spectra = _with_plasmons(spectra, grid, plural_scattering)
    weights = _weights(shape, pixel_size, rotation, source_size, thickness, beam_energy)
    edge = _evaluate(weights, spectra, grid, energies, dispersion, energy_drift)
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
    factors, index = _factors(), _voltage_index(beam_energy)
    signal.set_microscope_parameters(
        beam_energy=float(beam_energy),
        convergence_angle=float(factors["convergence_mrad"][index]),
        collection_angle=float(factors["collection_mrad"][index]),
    )
    signal.add_elements(["O"])
    signal.metadata.set_item("Simulation.sto_o_k", parameters)
    signal.metadata.set_item("Simulation.sto_o_k_unit", float(unit))
    return signal


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
    grid = np.arange(500.0, _LAST_ENERGY + 3, 0.04)
    spectra = _spectra(grid, parameters["core_hole"], resolution)
    if parameters["plural_scattering"]:
        spectra = _with_plasmons(spectra, grid, parameters["plural_scattering"])
    names = ("shape", "pixel_size", "rotation", "source_size", "thickness")
    weights = _weights(*(parameters[name] for name in names), parameters["beam_energy"])
    per_channel = (grid[1] - grid[0]) / parameters["dispersion"]
    return grid, per_channel * spectra, weights.T, resolution, _LAST_ENERGY


@functools.cache
def _factors():
    path = files("hyperspy_aedenoise.data") / "sto_o_k.npz"
    with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
        return {name: content[name] for name in content.files}


def _voltage_index(beam_energy):
    return list(_factors()["voltage_kV"]).index(beam_energy)


def _check_computed(energies, resolution, thickness, beam_energy):
    factors = _factors()
    if energies[-1] > _LAST_ENERGY:
        raise ValueError(
            must_be(
                "energy_start, dispersion, n_channels",
                f"such that the last channel is at most at {_LAST_ENERGY:g} eV",
                f"{energies[-1]:.6g} eV",
                "Higher up the calculation is not valid.",
            )
        )
    if not 0.05 <= resolution <= _WIDEST_RESOLUTION:
        raise ValueError(
            must_be(
                "resolution",
                f"0.05 to {_WIDEST_RESOLUTION:g} eV",
                repr(resolution),
                "It is a full width at half maximum.",
            )
        )
    cells = factors["thickness_cells"]
    step = float(factors["lattice_parameter_A"]) / 10
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
    voltages = [float(value) for value in factors["voltage_kV"]]
    one_of("beam_energy", beam_energy, voltages, "In keV; no others were computed.")


def _spectra(grid, core_hole, resolution):
    """Spectra along and across Ti-O-Ti on a fine energy grid, shape (2, n)."""
    factors = _factors()
    energy = factors[f"{core_hole}_energy"].astype(float)
    strength = factors[f"{core_hole}_strength"].astype(float)
    # transitions far above the valid range would only add their errors
    used = energy < _LAST_ENERGY + 6
    return broaden(grid, energy[used], strength[:, used], resolution=resolution)


def _with_plasmons(spectra, grid, paths):
    """Fold spectra with Poisson-distributed plasmon losses.

    The loss function is that of free electrons (R. F. Egerton, Electron Energy-Loss
    Spectroscopy in the Electron Microscope, 3rd ed., section 3.3.1).
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


def _weights(shape, pixel_size, rotation, source_size, thickness, beam_energy):
    """Weights of the two spectra, shape (2, n_positions)."""
    factors = _factors()
    lattice = float(factors["lattice_parameter_A"])
    cells = factors["thickness_cells"]
    wanted = float(np.clip(thickness * 10 / lattice, cells[0], cells[-1]))
    samples = weights_of_thickness(
        factors["weights"][_voltage_index(beam_energy)].astype(float), cells, wanted
    )
    if source_size:
        sigma = source_size / (2 * np.sqrt(2 * np.log(2))) / lattice
        frequency = np.fft.fftfreq(samples.shape[-1], 1 / samples.shape[-1])
        blur = np.exp(-2 * (np.pi * sigma * frequency) ** 2)
        samples = np.fft.ifft2(np.fft.fft2(samples) * blur * blur[:, None]).real
    row, column = np.indices(shape).reshape(2, -1) * (pixel_size / lattice)
    angle = np.deg2rad(rotation)
    x = np.cos(angle) * row - np.sin(angle) * column
    y = np.sin(angle) * row + np.cos(angle) * column
    return weights_at(samples, x, y)


def _evaluate(weights, spectra, grid, energies, dispersion, energy_drift):
    """Sum of the weighted spectra, shape (n_positions, n_channels).

    A channel holds the mean over its width.
    """
    limits = np.append(energies - dispersion / 2, energies[-1] + dispersion / 2)
    step = grid[1] - grid[0]
    integral = np.cumsum(spectra, axis=1) * step / dispersion

    def on_channels(shift):
        places = limits - shift
        return np.array(
            [np.diff(np.interp(places, grid + step / 2, sums)) for sums in integral]
        )

    if not energy_drift:
        return weights.T @ on_channels(0.0)
    n_positions = weights.shape[1]
    shifts = energy_drift * (np.arange(n_positions) / max(n_positions - 1, 1) - 0.5)
    result = np.empty((n_positions, energies.size))
    for index, shift in enumerate(shifts):
        result[index] = weights[:, index] @ on_channels(shift)
    return result

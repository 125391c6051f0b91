"""The SrTiO3 crystal along [001] and the grid on which it is simulated."""

import abtem
import numpy as np
from ase import Atoms

LATTICE_PARAMETER = 3.905  # angstrom

# Isotropic Debye-Waller factors at room temperature, B = 8 pi^2 <u_x^2>, after
# Abramov et al., Acta Cryst. B 51, 942 (1995), doi:10.1107/S0108768195003752.
DEBYE_WALLER = {"Sr": 0.62, "Ti": 0.44, "O": 0.73}  # angstrom^2

# Element, and position in fractions of the lattice parameter, of the atoms in the
# two layers that the beam meets in turn.
LAYERS = (
    (("Sr", 0.0, 0.0), ("O", 0.5, 0.5)),
    (("Ti", 0.5, 0.5), ("O", 0.5, 0.0), ("O", 0.0, 0.5)),
)

# Direction of the Ti-O-Ti line through each oxygen atom of the two layers.
BOND_DIRECTIONS = ({(0.5, 0.5): "z"}, {(0.5, 0.0): "y", (0.0, 0.5): "x"})

CELLS_ACROSS = 3  # side of the simulated area; the probe must fit in
PIXELS_PER_CELL = 80  # sets the largest scattering angle; README.md has its error
CELLS_DEEP = 51


class Grid:
    """Square periodic grid over the simulated area.

    Attributes
    ----------
    n : int
        Pixels along one side.
    extent : float
        Side length in angstrom.
    frequency : ndarray of float, shape (n,)
        Spatial frequencies along one side, in 1/angstrom.
    radius : ndarray of float, shape (n, n)
        Length of the spatial frequency, in 1/angstrom.
    """

    def __init__(self):
        self.n = PIXELS_PER_CELL * CELLS_ACROSS
        self.extent = LATTICE_PARAMETER * CELLS_ACROSS
        self.frequency = np.fft.fftfreq(self.n, self.extent / self.n)
        self.radius = np.hypot(self.frequency[:, None], self.frequency[None, :])

    @property
    def passband(self):
        """Frequencies kept in all waves: bool, shape (n, n).

        Products of two functions that end at two thirds of the highest frequency
        fold back only onto frequencies that are cut off.
        """
        return self.radius <= np.abs(self.frequency).max() * 2 / 3

    def shifts(self, positions):
        """Phase factors that move a function from the origin to a position.

        Parameters
        ----------
        positions : ndarray of float, shape (n_positions, 2)
            In angstrom.

        Returns
        -------
        two ndarrays of complex, shape (n_positions, n)
            Factors along the first and the second axis of Fourier space.
        """
        return tuple(
            np.exp(-2j * np.pi * np.multiply.outer(positions[:, axis], self.frequency))
            for axis in (0, 1)
        )

    def structure_factor(self, positions):
        """Fourier transform of unit peaks at `positions` (angstrom)."""
        along_x, along_y = self.shifts(positions)
        return along_x.T @ along_y


def mean_square_displacement(element):
    """Thermal mean square displacement along one direction, in angstrom^2."""
    return DEBYE_WALLER[element] / (8 * np.pi**2)


def lattice_positions(x, y):
    """Positions (angstrom) of one atom of the unit cell in all cells of the area."""
    cells = np.stack(np.indices((CELLS_ACROSS, CELLS_ACROSS)), axis=-1).reshape(-1, 2)
    return LATTICE_PARAMETER * (cells + (x, y))


def atomic_potentials(grid):
    """Fourier transforms of the projected potentials of single atoms.

    Parameters
    ----------
    grid : Grid

    Returns
    -------
    dict of str to ndarray of complex, shape (n, n)
        Lobato potentials in V angstrom, for an atom at the origin.
    """
    transforms = {}
    for element in DEBYE_WALLER:
        box_height = 4.0  # angstrom; the projection does not depend on it
        atom = Atoms(
            element,
            positions=[(0, 0, box_height / 2)],
            cell=[grid.extent, grid.extent, box_height],
            pbc=True,
        )
        potential = abtem.Potential(
            atom,
            gpts=(grid.n, grid.n),
            slice_thickness=box_height,
            parametrization="lobato",
            projection="infinite",
        )
        # abTEM 1.0.11 caches by the id() of arrays already freed; a potential that
        # is built at once keeps clear of that.
        projected = potential.build(lazy=False).array[0]
        transforms[element] = np.fft.fft2(np.asarray(projected, dtype=float))
    return transforms


def transmission_functions(grid, potentials, interaction, rng):
    """Transmission functions of all layers for one set of thermal displacements.

    Parameters
    ----------
    grid : Grid
    potentials : dict of str to ndarray
        As `atomic_potentials` returns them.
    interaction : float
        Phase per projected potential, in 1/(V angstrom).
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of complex, shape (2 * CELLS_DEEP, n, n)
    """
    passband = grid.passband
    functions = np.empty((2 * CELLS_DEEP, grid.n, grid.n), dtype=np.complex64)
    for depth in range(2 * CELLS_DEEP):
        transform = np.zeros((grid.n, grid.n), dtype=complex)
        for element, x, y in LAYERS[depth % 2]:
            positions = lattice_positions(x, y)
            amplitude = np.sqrt(mean_square_displacement(element))
            positions = positions + rng.normal(0, amplitude, positions.shape)
            transform += potentials[element] * grid.structure_factor(positions)
        phase = interaction * np.fft.ifft2(transform).real
        functions[depth] = np.fft.ifft2(np.fft.fft2(np.exp(1j * phase)) * passband)
    return functions

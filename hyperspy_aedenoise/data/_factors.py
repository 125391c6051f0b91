"""Evaluate the factor file with numpy alone: spectra, weights, thickness.

The O K spectrum at a probe position is

    weight_parallel * spectrum_parallel + weight_perpendicular * spectrum_perpendicular

so the file holds these four factors instead of a data cube.
"""

import numpy as np

GAUSSIAN_FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))


def broaden(
    energy,
    stick_energy,
    strengths,
    *,
    lifetime=0.15,
    lifetime_slope=0.06,
    resolution=0.6,
    step=0.01,
):
    """Turn sticks into spectra.

    Parameters
    ----------
    energy : ndarray of float, shape (n_channels,)
        Energy losses (eV) wanted, ascending.
    stick_energy : ndarray of float, shape (n_sticks,)
        Energies of the transitions (eV), ascending.
    strengths : ndarray of float, shape (n_spectra, n_sticks)
        Strengths of the transitions.
    lifetime : float
        Full width (eV) of the Lorentzian of the lowest transition. 0.15 eV is the
        natural width of the O 1s hole.
    lifetime_slope : float
        Growth of that width per eV above the lowest transition: the ejected
        electron lives shorter the faster it is. 0.06 makes the peaks 20 eV above
        the edge as broad as measured ones.
    resolution : float
        Full width at half maximum (eV) of the instrument's Gaussian.
    step : float
        Spacing (eV) of the grid on which the two widths are folded.

    Returns
    -------
    ndarray of float, shape (n_spectra, n_channels)
        Strength per eV.
    """
    reach = 3 * resolution + step  # 7 standard deviations
    grid = np.arange(energy[0] - reach, energy[-1] + reach, step)
    centre = np.asarray(stick_energy, dtype=float)
    half_width = (lifetime + lifetime_slope * (centre - centre[0])) / 2
    lorentzians = half_width / (np.subtract.outer(grid, centre) ** 2 + half_width**2)
    spectra = np.asarray(strengths, dtype=float) @ lorentzians.T / np.pi

    offset = step * np.arange(-int(reach / step), int(reach / step) + 1)
    gaussian = np.exp(-((offset / resolution * GAUSSIAN_FWHM_PER_SIGMA) ** 2) / 2)
    gaussian /= gaussian.sum()
    folded = (np.convolve(spectrum, gaussian, "same") for spectrum in spectra)
    return np.array([np.interp(energy, grid, spectrum) for spectrum in folded])


def weights_at(samples, x, y):
    """Evaluate weights at any probe position.

    Parameters
    ----------
    samples : ndarray of float, shape (..., m, m)
        Samples over one unit cell; m exceeds twice the highest spatial frequency,
        so that the Fourier series through them is exact.
    x, y : ndarray of float, shape (n_positions,)
        Probe positions in unit cells. The Sr column is at (0, 0), the Ti-O column
        at (1/2, 1/2), the O columns at (1/2, 0) and (0, 1/2).

    Returns
    -------
    ndarray of float, shape (..., n_positions)
    """
    m = samples.shape[-1]
    harmonic = np.fft.fftfreq(m, 1 / m)
    coefficients = np.fft.fft2(samples) / m**2
    wave_x = np.exp(2j * np.pi * np.multiply.outer(harmonic, x))
    wave_y = np.exp(2j * np.pi * np.multiply.outer(harmonic, y))
    return ((wave_x * (coefficients @ wave_y)).sum(axis=-2)).real


def weights_of_thickness(weights, thickness_cells, wanted):
    """Interpolate weights in thickness.

    Parameters
    ----------
    weights : ndarray of float, shape (n_thicknesses, ...)
        Signal per unit cell of thickness.
    thickness_cells : ndarray of int, shape (n_thicknesses,)
        Thicknesses of `weights`, ascending.
    wanted : float
        Thickness in unit cells, within `thickness_cells`.

    Returns
    -------
    ndarray of float, shape (...)

    Notes
    -----
    Linear in the signal from the entrance surface down, that is in weight times
    thickness, because signals of slabs add up and weights do not.
    """
    if not thickness_cells[0] <= wanted <= thickness_cells[-1]:
        raise ValueError(
            f"`wanted` must be between {thickness_cells[0]} and "
            f"{thickness_cells[-1]} unit cells; got {wanted!r}."
        )
    upper = max(1, int(np.searchsorted(thickness_cells, wanted)))
    thin, thick = (int(thickness_cells[index]) for index in (upper - 1, upper))
    signal_thin, signal_thick = thin * weights[upper - 1], thick * weights[upper]
    position = (wanted - thin) / (thick - thin)
    return (signal_thin + position * (signal_thick - signal_thin)) / wanted

"""Weak components: what rises above the noise only in means over alike positions."""

import numpy as np

from hyperspy_aedenoise._filters.alike_means import over_groups
from hyperspy_aedenoise._noise.eigen import leading_directions
from hyperspy_aedenoise._observation.spectra_by_blocks import slices

#: Alike positions that are averaged in the search for weak components.
AVERAGED = 30
#: Fewest spectra in which that is worth a look: four independent means.
FEWEST = 4 * AVERAGED
#: Draws of pure noise that a weak component must exceed, and by what factor.
_NULL_DRAWS, _MARGIN = 3, 1.1
#: Most weak components that are looked for.
_MOST_WEAK = 6


def weak_components(observation, linear, groups, rng):
    """Components that rise above the noise only in means over alike positions.

    A component that is lost in the noise of single spectra may be plain in means over
    alike positions: their noise is smaller, while the number of independent means is
    still large. Spectra are weighted to equal noise. What counts as plain is measured
    on pure noise that is averaged over the same positions (parallel analysis, J. L.
    Horn, Psychometrika 30 (1965) 179, doi:10.1007/BF02289447).

    Parameters
    ----------
    observation : Observation
    linear : PrincipalCodes
        Known components.
    groups : ndarray of int, shape (n_spectra, n_alike)
        Numbers of the spectra that are like each one.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (n_channels, n_found)
        Orthonormal components of whitened spectra, orthogonal to the known ones.
    """
    colour = observation.colour
    basis = np.linalg.qr(colour.whiten(linear.decoder).T)[0].astype(np.float32)

    n_spectra, n_alike = groups.shape
    average = over_groups(groups, 1 / n_alike, n_spectra)

    def means(white):
        """Means over alike positions, outside of the known codes."""
        white -= (white @ basis) @ basis.T
        return average @ white

    shape = n_spectra, observation.n_channels
    white = np.empty(shape, dtype=np.float32)
    for part in slices(*shape):
        white[part] = observation.white(part)
    values, vectors = leading_directions(means(white), _MOST_WEAK)
    # `white` is used again: it is most of the memory
    null = 0.0
    for _ in range(_NULL_DRAWS):
        rng.standard_normal(dtype=np.float32, out=white)
        null = max(null, leading_directions(means(white), 1)[0][0])
    return vectors[:, values > _MARGIN * null]

"""Errors of the routes without truth: what is told, and by how many pairs."""

from dataclasses import dataclass, field

import numpy as np

#: Values from which on one pair tells enough, and most pairs of fewer values.
_MANY_VALUES, _MOST_PAIRS = 2**19, 4
#: Share of an error that rehearsals don't tell, of the autoencoder and of others.
_UNTOLD, _UNTOLD_OF_OTHERS = 0.2, 0.05


@dataclass(frozen=True)
class Estimate:
    """Errors of the routes without truth.

    Parameters
    ----------
    mse : dict of str to float
        Estimated mean squared error by route, in signal units squared.
    difference : dict of tuple of str to PairedDifference
        By how much the first route's error is above the second's.
    n_judged : int
        Spectra on which that was found.
    error : dict of str to float
        Standard error of `mse`.
    paired : dict of str to float
        PCA's error with the difference to it: noise that is not as assumed shows in it.
    n_spiky : int
        Spectra beside them that have spikes, on which nothing was judged.
    taken : float
        Variance of the autoencoder's residual, in units of the noise.
    is_proven : bool
        Whether the autoencoder is anything else than shrunk principal components only
        because that was better in pairs of its own, beyond chance.
    """

    mse: dict
    difference: dict
    n_judged: int
    error: dict = field(default_factory=dict)
    paired: dict = field(default_factory=dict)
    n_spiky: int = 0
    taken: float = 1.0
    is_proven: bool = False


def n_pairs(observation, denoiser):
    """Number of pairs by which routes are judged; one for a network, slow to train.

    Parameters
    ----------
    observation : Observation
    denoiser : AutoencoderDenoiser

    Returns
    -------
    int
    """
    if not denoiser.is_spatial:
        return 1
    n_values = observation.n_spectra * observation.n_channels
    return int(np.clip(_MANY_VALUES // n_values, 1, _MOST_PAIRS))


def rivals_among(routes):
    """Which routes are compared with each other."""
    yield from ((route, "pca") for route in routes)
    for one, other in (
        ("autoencoder", "pca_shrinkage"),
        ("nonlocal", "pca_shrinkage"),
        ("nonlocal", "autoencoder"),
    ):
        if one in routes:
            yield one, other


def with_untold(route, found):
    """Mean of errors in rehearsals, and its standard error as that of the error."""
    mse, n = float(np.mean(found)), len(found)
    untold = _UNTOLD if route == "autoencoder" else _UNTOLD_OF_OTHERS
    scatter = np.std(found, ddof=1) * np.sqrt(1 + 1 / n)
    return mse, float(np.hypot(scatter, untold * mse))

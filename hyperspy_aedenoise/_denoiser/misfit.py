"""Whether what was taken away looks like the noise."""

import numpy as np

from hyperspy_aedenoise._denoiser.rows import by_parts

#: Least noise variance of a spectrum that is judged, relative to the mean one's.
_TELLING = 0.1
#: Standard deviations beyond which it is all the same by how much a value was changed:
#: it is a spike.
_MOST_TAKEN = 10.0
#: Electrons of which it can be told: of fewer expected ones there may be none at all.
_FEWEST_COUNTS = 30


def misfit(noise, spectra, restored, usual):
    """Variance of what was taken away, in units of that of the noise.

    Parameters
    ----------
    noise : NoiseModel
    spectra, restored : ndarray, shape (..., n_channels)
    usual : float
        Noise variance of a usual spectrum: those with much less are not judged.

    Returns
    -------
    float
    """
    taken = left = 0.0
    for noisy, calm in by_parts(spectra, restored):
        variance = np.maximum(noise.variance(calm), np.finfo(np.float32).tiny)
        power = np.square(np.subtract(noisy, calm, dtype=np.float64))
        finite = np.isfinite(power)
        power = np.minimum(power, _MOST_TAKEN**2 * variance)
        level = variance.sum(axis=1, where=finite)
        finite &= (level >= _TELLING * usual * finite.sum(axis=1))[:, None]
        taken += power[finite].sum()
        left += variance[finite].sum()
    is_told = left and left >= _FEWEST_COUNTS * noise.gain**2
    return float(taken / left) if is_told else 1.0

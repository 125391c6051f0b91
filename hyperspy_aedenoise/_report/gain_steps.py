"""Latent variables that are the mean spectrum on one side of an energy."""

import numpy as np

from hyperspy_aedenoise._report.weak_in_words import energy_in_words

#: Channels on both sides that a step needs, and degree of what may change smoothly.
_FEWEST, _DEGREE = 8, 2
#: Share of the mean spectrum's sum of squares that a step must be.
_LIGHT = 1e-4
#: Share of the latent variable's spectrum that mean, smooth change and step make up;
#: share of it that is the step's alone, and of what smooth changes leave.
_WHOLE, _OF_ALL, _OF_REST = 0.9, 0.05, 0.6


def gain_steps(denoiser):
    """Latent variables as of an edge, or of a detector's quadrant that changes in gain.

    Parameters
    ----------
    denoiser : AutoencoderDenoiser
        A trained spatial-spectral one.

    Returns
    -------
    list of dict
        With ``latent`` (number of the latent variable) and ``channel`` (the first one
        after the step).

    Notes
    -----
    Least squares of the latent variable's spectrum, in units of the noise, by the mean
    spectrum times a polynomial along energy, and times a step. *Don't believe* that it
    is a quadrant where an edge begins: on a background that falls like it, the amount
    of an edge looks the same.
    """
    fitted = denoiser.fitted_
    spread = fitted.spread.astype(float)
    mean = (fitted.mean - denoiser.noise_.pedestal) / spread
    n_channels = len(mean)
    places = np.arange(_FEWEST, n_channels - _FEWEST)
    along = np.vander(np.linspace(-1, 1, n_channels), _DEGREE + 1)
    smooth = np.linalg.qr(mean[:, None] * along)[0]
    # the mean above a channel, less what is smooth of it: squares and products add up
    of_step = _above(mean**2, places) - np.square(_above(mean * smooth.T, places)).sum(
        axis=0
    )
    # there must be light on both sides
    places, of_step = (
        values[of_step > _LIGHT * (mean @ mean)] for values in (places, of_step)
    )
    if not len(places):
        return []
    found = []
    for latent in range(fitted.n_codes):
        spectrum = fitted.decoder[latent] / spread
        rest = spectrum - smooth @ (smooth.T @ spectrum)
        gain = np.square(_above(mean * rest, places)) / of_step
        best, all_of_it, left = gain.max(), spectrum @ spectrum, rest @ rest
        whole = left - best < (1 - _WHOLE) * all_of_it
        if whole and best > max(_OF_ALL * all_of_it, _OF_REST * left):
            found.append({"latent": latent, "channel": int(places[gain.argmax()])})
    return found


def gain_step_in_words(found, energies, unit):
    """One of `gain_steps` in words."""
    return (
        f"latent variable {found['latent']} is the mean spectrum on one side of "
        f"{energy_in_words(found, energies, unit)}: an "
        "edge whose amount varies or, if none begins there, a quadrant of the detector "
        "whose gain changes from spectrum to spectrum, and should be corrected"
    )


def _above(values, places):
    """Sums over the channels from some places on, shape (..., n_places)."""
    return np.cumsum(values[..., ::-1], axis=-1)[..., ::-1][..., places]

"""Latent variables that describe one spectrum, or very few, and nothing else."""

import numpy as np

from hyperspy_aedenoise._report.weak_in_words import energy_in_words
from hyperspy_aedenoise._report.words import n_spectra_in_words

#: Share of the sum of squares that few spectra have, and how few, of all and at most.
_SHARE, _OF_ALL, _MOST = 0.8, 1 / 30, 4


def lone_spectra(denoiser):
    """Latent variables that vary in very few spectra only.

    Parameters
    ----------
    denoiser : AutoencoderDenoiser
        A trained spatial-spectral one.

    Returns
    -------
    list of dict
        With ``latent`` (number of the latent variable), ``positions`` (lists of
        indices into `s.data`) and ``channel`` (where it is largest beside the noise).
        None of a part of a map, where others may vary outside.
    """
    fitted = denoiser.fitted_
    if fitted.is_part:
        return []
    # in double precision, as squares may be large
    codes = fitted.bank.filtered[:, : fitted.n_codes].astype(float)
    n_few = min(_MOST, int(_OF_ALL * len(codes)))
    squares = np.square(codes - np.median(codes, axis=0))
    order = np.argsort(squares, axis=0)[::-1][:n_few]
    cumulated = np.cumsum(np.take_along_axis(squares, order, axis=0), axis=0)
    enough = cumulated > _SHARE * squares.sum(axis=0)
    places = np.argwhere(fitted.bank.used)
    found = []
    for latent in np.flatnonzero(enough.any(axis=0)):
        rows = order[: enough[:, latent].argmax() + 1, latent]
        channel = np.abs(fitted.decoder[latent] / fitted.spread).argmax()
        found.append(
            {
                "latent": int(latent),
                "positions": places[rows].tolist(),
                "channel": int(channel),
            }
        )
    return found


def lone_spectra_in_words(found, energies, unit):
    """One latent variable of `lone_spectra` in words."""
    where = ", ".join(f"s.inav{place[::-1]}" for place in found["positions"])
    return (
        f"latent variable {found['latent']} is that of "
        f"{n_spectra_in_words(len(found['positions']))} ({where}), at "
        f"{energy_in_words(found, energies, unit)}: a cosmic ray of many channels, or "
        "something that only these positions have? Mask them if they are not to count"
    )

"""Spectra that have a latent variable almost to themselves: one, or very few."""

import numpy as np

from hyperspy_aedenoise._linear.leverage import unit_scores
from hyperspy_aedenoise._report.weak_in_words import energy_in_words
from hyperspy_aedenoise._report.words import n_spectra_in_words

#: Leverage beyond what is usual that few spectra have together, and how few, of all and
#: at most.
_LEVERAGE, _OF_ALL, _MOST = 0.8, 1 / 30, 4
#: Share of that above which two of them are alike: with a quarter of the height.
_ALIKE = 0.05


def lone_spectra(denoiser):
    """Groups of very few spectra that share a direction of the codes with no other.

    Parameters
    ----------
    denoiser : AutoencoderDenoiser
        A trained spatial-spectral one.

    Returns
    -------
    list of dict
        With ``positions`` (lists of indices into `s.data`) and ``channel`` (where they
        are farthest from the others beside the noise). None of a part of a map, where
        others may vary outside.

    Notes
    -----
    They are told by their leverage, see `unit_scores`.
    """
    fitted = denoiser.fitted_
    n_spectra = len(fitted.bank.level)
    n_few = min(_MOST, int(_OF_ALL * n_spectra))
    if fitted.is_part or not n_few:
        return []
    codes = fitted.bank.noisy[:, : fitted.n_codes]
    scores = unit_scores(codes, fitted.bank.level)
    leverage = np.square(scores).sum(axis=1)
    excess = leverage - leverage.mean()
    apart = codes - np.median(codes, axis=0)
    places = np.argwhere(fitted.bank.used)
    found, left = [], set(np.flatnonzero(excess > _LEVERAGE / n_few))
    for one in sorted(left, key=lambda number: -leverage[number]):
        if one not in left:
            continue
        shared = np.square(scores @ scores[one])  # sums to the leverage
        group = np.flatnonzero(shared > _ALIKE * shared[one])
        left -= set(group)
        if len(group) <= n_few and excess[group].sum() > _LEVERAGE:
            part = apart[one] @ fitted.decoder[: fitted.n_codes]
            found.append(
                {
                    "positions": places[group].tolist(),
                    "channel": int(np.abs(part / fitted.spread).argmax()),
                }
            )
    return found


def lone_spectra_in_words(found, energies, unit):
    """One group of `lone_spectra` in words."""
    n_spectra = len(found["positions"])
    where = ", ".join(f"s.inav{place[::-1]}" for place in found["positions"])
    return (
        f"a latent variable is that of {n_spectra_in_words(n_spectra)} alone ({where}; "
        f"{energy_in_words(found, energies, unit)}): something that only "
        f"{'that position has' if n_spectra == 1 else 'these positions have'}? Mask "
        f"{'it' if n_spectra == 1 else 'them'} if it is not to count"
    )

"""How much of what components can follow is a spectrum's own."""

import numpy as np

#: Variance of codes, relative to the largest, below which it is rounding.
_ROUNDING = 1e-12


def unit_scores(codes, level):
    """Codes turned and scaled so that the sum of all products is the unit matrix.

    Parameters
    ----------
    codes : ndarray, shape (n_spectra, n_codes)
    level : ndarray, shape (n_spectra,)
        Noise variance of each spectrum.

    Returns
    -------
    ndarray, shape (n_spectra, n_codes or fewer)
        The sum of squares of a row is the leverage of a spectrum, the share that is its
        own of what components can follow: 1 of what no other has, 1 / n of what n
        spectra share. Products of two rows tell what these two share (D. C. Hoaglin and
        R. E. Welsch, Am. Stat. 32 (1978) 17,
        https://doi.org/10.1080/00031305.1978.10479237). It doesn't hang on how
        components are turned against each other.
    """
    codes = codes / np.sqrt(level, dtype=float)[:, None]
    power, turned = np.linalg.eigh(codes.T @ codes)
    known = power > _ROUNDING * power.max(initial=0)
    return codes @ (turned[:, known] / np.sqrt(power[known]))

"""Problems with a residual: variance and correlation that noise hasn't."""

import numpy as np
import scipy.special

from hyperspy_aedenoise._report.findings import finding
from hyperspy_aedenoise._report.words import n_spectra_in_words, with_error

#: Factor by which the variance of the residual may be off: all over, by intensity and
#: by energy; beside five standard errors.
_OFF, _OFF_BY_LEVEL, _OFF_BY_ENERGY = 1.1, 1.15, 1.3
_VERY_OFF = 1.5
#: Fewest spectra whose variance at single energies is looked at: of fewer the fit
#: follows the noise.
_FEWEST = 12
#: Correlation that is told, beside five standard errors.
_CORRELATED = 0.03
#: Standard errors beyond which something isn't chance.
_CLEAR = 5.0
#: Variance of the residual of one spectrum from which on it is told, beside chance.
_UNLIKE = 1.3


def by_chance(n_errors, n_values):
    """Mean squares of so many values of variance 1 at plus and minus standard errors.

    Lower and upper limit, with the chance that a normal distribution has beyond them.
    """
    chance, half = scipy.special.ndtr(-n_errors), n_values / 2
    inverses = scipy.special.gammaincinv, scipy.special.gammainccinv
    return tuple(inverse(half, chance) / half for inverse in inverses)


def on_residual(residual, places):
    """Findings on its variance and correlation, against the noise model.

    Parameters
    ----------
    residual : ResidualStatistics
    places : Places

    Yields
    ------
    dict
    """
    yield from _on_variance(residual)
    yield from _on_intensity(residual)
    yield from _on_energy(residual, places)
    yield from _on_correlations(residual)
    yield from _on_spectra(residual, places)
    mean = float(np.square(residual.mean).mean())
    if mean > 1 + _CLEAR * np.sqrt(2 / residual.n_channels):
        at = int(np.abs(residual.mean).argmax())
        yield finding(
            "pattern",
            "warning",
            "the residual has a mean that isn't zero, most at "
            f"{places.energy(at)} ({abs(residual.mean[at]):.1f} of its standard "
            "errors): sums over the map change by that.",
            energy=float(places.energies[at]),
            significance=float(abs(residual.mean[at])),
        )


def _on_variance(residual):
    variance = residual.variance
    error = np.sqrt(2 / residual.n_spectra / residual.n_channels)
    if abs(np.log(variance)) > np.log(_OFF) + _CLEAR * error:
        very = abs(np.log(variance)) > np.log(_VERY_OFF)
        more = (
            "more than noise was removed, or the noise is larger than it was taken for"
            if variance > 1
            else "part of the noise is still there, or it is smaller than it was taken "
            "for"
        )
        yield finding(
            "variance",
            "severe" if very else "warning",
            f"the residual has {variance:.3g} times the variance of the noise: {more}.",
            ratio=variance,
        )


def _on_intensity(residual):
    enough = residual.count > 100
    if enough.sum() < 2:
        return
    ratio = residual.by_intensity[enough] / residual.variance
    error = np.sqrt(2 / residual.count[enough])
    off = np.abs(np.log(ratio)) - np.log(_OFF_BY_LEVEL) - _CLEAR * error
    if off.max() > 0:
        at = int(off.argmax())
        level = residual.intensity[enough][at]
        yield finding(
            "variance by intensity",
            "warning",
            f"where {level:.3g} is expected, the residual has {ratio[at]:.2g} times "
            "the variance that it has elsewhere, in units of the noise: gain and "
            "read-out noise don't describe these data. Pass a measured `NoiseModel`.",
            intensity=float(level),
            ratio=float(ratio[at]),
        )


def _on_energy(residual, places):
    if residual.n_spectra < _FEWEST:
        return
    ratio = residual.by_energy / residual.variance
    least, most = by_chance(_CLEAR, residual.n_spectra)
    off = (ratio < least / _OFF_BY_ENERGY) | (ratio > most * _OFF_BY_ENERGY)
    if off.any():
        at = int(np.abs(np.log(np.maximum(ratio, 1e-3))).argmax())
        yield finding(
            "variance by energy",
            "warning",
            f"in {off.sum()} channels, most at {places.energy(at)}, the residual "
            f"has {ratio[at]:.2g} times the variance that it has elsewhere: something "
            "sharp moves or saturates there, or the channels are dead or bad. Look at "
            "`report.signals['residual']`, mask them with `signal_mask`.",
            energy=float(places.energies[at]),
            ratio=float(ratio[at]),
            n_channels=int(off.sum()),
        )


def _on_correlations(residual):
    for lag, found in enumerate(residual.along_energy, start=1):
        if abs(found.value) > _CORRELATED + _CLEAR * found.error:
            yield finding(
                "correlation along energy",
                "warning",
                f"the residual is correlated along energy, {found.value:.2g} at "
                f"a distance of {lag} beyond that of the noise model: the model lacks "
                "something (were the spectra resampled or smoothed?), or fine "
                "structure was removed with the noise.",
                lag=lag,
                correlation=found.value,
            )
            break
    near = {"in a row": residual.beside, "in a column": residual.below}
    for name, found in near.items():
        if found.value > _CORRELATED + _CLEAR * found.error:
            yield finding(
                "correlation between neighbours",
                "severe" if found.value > 0.15 else "warning",
                f"the residual of neighbouring spectra {name} is correlated "
                f"({with_error(found.value, found.error)}): the scan was resampled, "
                "smoothed or denoised, or structure was removed. Noise that "
                "neighbours share is taken for signal; denoise the data as measured.",
                correlation=found.value,
            )
    far = {"rows": residual.rows, "columns": residual.columns}
    for name, found in far.items():
        if found.value > 0.3 * _CORRELATED + _CLEAR * found.error:
            yield finding(
                "stripes",
                "warning",
                f"the residual has something in common all along the {name} "
                f"({with_error(found.value, found.error)} of its variance): stripes of "
                "the scan or of the detector's read-out.",
                share=found.value,
            )


def _on_spectra(residual, places):
    """Positions that don't fit."""
    chance = np.sqrt(2 * np.log(max(residual.n_spectra, 2)))
    limit = 1 + (chance + 2) * np.sqrt(2 / residual.n_channels)
    ratio = residual.by_spectrum / max(residual.variance, 1e-12)
    (off,) = np.nonzero(ratio > max(limit, _UNLIKE))
    if len(off):
        off = off[np.argsort(-ratio[off])]
        yield finding(
            "spectra that don't fit",
            "severe" if len(off) > 0.05 * residual.n_spectra else "warning",
            f"from {n_spectra_in_words(len(off))} much more than noise was removed, "
            f"up to {ratio[off[0]]:.2g} times its variance: {places.first(off)}. Look "
            "at the raw spectra there.",
            n_spectra=len(off),
            ratio=float(ratio[off[0]]),
        )

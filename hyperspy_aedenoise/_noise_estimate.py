"""Measuring the noise of spectra from the spectra themselves."""

import numpy as np
import scipy.ndimage
import scipy.optimize

from hyperspy_aedenoise._lowrank import Colour, rank_of_unknown_level
from hyperspy_aedenoise._noise import NoiseModel, spectral_density
from hyperspy_aedenoise._validation import must_be

#: Rounds in which the variance weighs the data and the data give the variance.
_ROUNDS = 4
#: Noise smaller than this share of the range of the data is rounding.
_NOTHING = 1e-6
#: Spectra of a larger set are drawn at random: the error is far below a percent.
_MOST_SPECTRA = 8192
#: Longest lag at which correlation along energy is looked for, in channels.
_LONGEST_LAG = 8


def estimate_noise(spectra):
    """Measure the noise of spectra from what varies between them at random.

    What the spectra have in common (their mean and the principal components that
    rise above the noise) is taken as signal; the variance of the rest against the
    expected value gives gain and offset, its autocorrelation along energy the
    correlation. Neighbouring channels alone would mislead: the noise of most
    detectors is correlated.

    Parameters
    ----------
    spectra : ndarray of float, shape (n_spectra, n_channels)
        In detector units, background included; at least 3 spectra.

    Returns
    -------
    NoiseModel

    Raises
    ------
    ValueError
        If there are fewer than 3 spectra, or if they don't differ at all.

    Notes
    -----
    A first estimate. It is too large where the signal has more structure than
    a few principal components (strong energy drift), and can't separate gain from
    offset where all intensities are alike; their sum is right even then. Patterns
    common to all spectra are not noise in this sense and are not seen.
    """
    n_spectra = len(spectra)
    if n_spectra > _MOST_SPECTRA:
        chosen = np.random.default_rng(0).permutation(n_spectra)[:_MOST_SPECTRA]
        spectra = spectra[np.sort(chosen)]
    spectra = np.asarray(spectra, dtype=np.float64)
    if n_spectra < 3:
        raise ValueError(
            must_be(
                "noise",
                "given for fewer than 3 spectra",
                f"None with {n_spectra}",
                "Noise can't be measured from them; pass a `NoiseModel`, for instance "
                "one measured on a spectrum image of the same detector.",
            )
        )
    mean = spectra.mean(axis=0)
    centred = spectra - mean
    if not centred.any():
        raise ValueError(
            must_be(
                "noise",
                "given where all spectra are identical",
                f"None with {n_spectra} identical spectra",
                "Pass a `NoiseModel`, or check that the data are a measurement.",
            )
        )
    colour = Colour.from_spread(_roughness(centred), (1.0,))
    rank = _coarse_rank(centred / colour.spread)
    for _ in range(_ROUNDS):
        residual, share_left = _beyond_lowrank_of_unknown_level(colour, centred, rank)
        gain, offset = _variance_line(spectra - residual, residual, share_left)
        level = Colour.of(NoiseModel(gain, offset), mean)
        noise = NoiseModel(gain, offset, _autocorrelation(residual / level.spread))
        colour = Colour.of(noise, mean)
        rank = rank_of_unknown_level(colour.whiten(centred))
    if level.spread.max() < _NOTHING * np.ptp(spectra):
        raise ValueError(
            must_be(
                "noise",
                "given for spectra without visible noise",
                f"None, and {level.spread.max():.1e} in intensities that span "
                f"{np.ptp(spectra):.1e}",
                "There is nothing to remove; were the data denoised already?",
            )
        )
    return noise


def _roughness(centred):
    """Standard deviation from channel to channel: the shape of the noise level.

    Its size is wrong where channels are correlated, its course along energy is not.
    """
    difference = np.diff(centred, axis=1, prepend=centred[:, 1:2])
    window = min(31, centred.shape[1])
    level = np.sqrt(scipy.ndimage.median_filter(difference.var(axis=0) / 2, window))
    return np.maximum(level, 1e-3 * centred.std())


def _coarse_rank(scaled):
    """Components above the noise in broad bins, which short correlations don't join."""
    n_spectra, n_channels = scaled.shape
    width = 8 if n_channels >= 64 else 1
    n_bins = n_channels // width
    binned = scaled[:, : n_bins * width].reshape(n_spectra, n_bins, width).mean(axis=2)
    return rank_of_unknown_level(binned)


def _beyond_lowrank_of_unknown_level(colour, centred, rank):
    """Take off the first principal components of the whitened spectra.

    Returns
    -------
    residual : ndarray, shape (n_spectra, n_channels)
    share_left : float
        Share of the noise variance that is left in the residual.
    """
    n_spectra, n_channels = centred.shape
    white = colour.whiten(centred)
    if n_spectra > n_channels:
        kept = np.linalg.eigh(white.T @ white)[1][:, n_channels - rank :]
        low_rank = (white @ kept) @ kept.T
    else:
        kept = np.linalg.eigh(white @ white.T)[1][:, n_spectra - rank :]
        low_rank = kept @ (kept.T @ white)
    share_left = (1 - (rank + 1) / n_spectra) * (1 - rank / n_channels)
    return colour.unwhiten(white - low_rank), share_left


def _variance_line(expected, residual, share_left):
    """Fit gain and offset (both >= 0) to the squared residual against the expected."""
    order = np.argsort(expected, axis=None)
    n_bins = int(np.clip(order.size // 50, 2, 64))
    level, variance = [], []
    for values in np.array_split(order, n_bins):
        level.append(np.maximum(expected.flat[values].mean(), 0))
        variance.append(np.square(residual.flat[values]).mean() / share_left)
    level, variance = np.array(level), np.array(variance)
    fitted = variance
    for _ in range(3):  # the error of a variance is proportional to it
        # A dead channel's bin has no variance; it must not rule the fit.
        weight = 1 / np.maximum(fitted, 0.01 * np.median(fitted) + 1e-300)
        design = np.stack([level, np.ones_like(level)], axis=1)
        scale = np.maximum(np.abs(design).max(axis=0), 1e-300)
        line, _ = scipy.optimize.nnls(
            design / scale * weight[:, None], variance * weight
        )
        fitted = design @ (line / scale)
    gain, offset = line / scale
    return float(gain), float(offset)


def _autocorrelation(standardised):
    """Autocorrelation along energy at lags 0, 1, ... until it is lost in its error."""
    n_channels = standardised.shape[1]
    longest = min(_LONGEST_LAG, n_channels // 4)
    power = np.square(standardised).mean()
    rho = [1.0]
    for lag in range(1, longest + 1):
        product = standardised[:, lag:] * standardised[:, :-lag]
        value = float(product.mean() / power)
        if abs(value) < max(0.03, 4 / np.sqrt(product.size)):
            break
        rho.append(value)
    return _nearest_autocorrelation(rho)


def _nearest_autocorrelation(rho):
    """Cut off what no noise can have: a negative spectral density."""
    n = 16 * len(rho)
    density = np.maximum(spectral_density(rho, n), 0)
    # Triangular weights keep a cut-off autocorrelation positive definite.
    if density.min() == 0 and len(rho) > 1:
        taper = 1 - np.arange(len(rho)) / len(rho)
        while spectral_density(rho, n).min() < 0:
            rho = [1.0, *(np.asarray(rho[1:]) * (0.98 + 0.02 * taper[1:]))]
    return tuple(float(value) for value in rho)

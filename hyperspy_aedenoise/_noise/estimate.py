"""Measuring the noise of spectra from the spectra themselves."""

from dataclasses import replace

import numpy as np
import scipy.fft

from hyperspy_aedenoise._errors import must_be
from hyperspy_aedenoise._noise.counts import unit_of_counts
from hyperspy_aedenoise._noise.doubts import (
    FEW_SPECTRA,
    doubts_of_line,
    doubts_of_numbers,
    doubts_of_sums,
    unlike_a_measurement,
)
from hyperspy_aedenoise._noise.eigen import components_above, leading_components
from hyperspy_aedenoise._noise.gain_and_offset import Residual, longest_lag
from hyperspy_aedenoise._noise.measured import MeasuredNoise
from hyperspy_aedenoise._noise.model import NoiseModel
from hyperspy_aedenoise._noise.neighbours import dark_pattern, fixed_pattern, roughness
from hyperspy_aedenoise._noise.outliers import dead_channels, without_spikes
from hyperspy_aedenoise._noise.random_matrices import rank_of_unknown_level
from hyperspy_aedenoise._noise.steps import step_of_all, step_of_some
from hyperspy_aedenoise._noise.whitening import Colour

#: Most rounds in which the variance weighs the data and the data give the variance.
_ROUNDS = 6
#: Noise smaller than this share of the range of the data is rounding.
_NOTHING = 1e-6
#: Fewest and most spectra, and values in them, that are enough, drawn at random: the
#: error is far below a percent.
_FEWEST_SPECTRA, _MOST_SPECTRA, _MOST_VALUES = 1024, 4096, 2**21
#: Component of the data, relative to the largest of noise, above which it is signal.
_ABOVE = 1.02
#: The same at first, where the noise is not yet known.
_COARSELY_ABOVE = 2.0
#: Length in channels down to which waves along energy are signal in few spectra; they
#: are slower than any correlation.
_SHORTEST_WAVE = 12
#: Components by which spectra are told apart that may differ by a step.
_TELLING_APART = 8


def enough_spectra(n_channels):
    """How many spectra are enough to measure the noise."""
    return int(np.clip(_MOST_VALUES // n_channels, _FEWEST_SPECTRA, _MOST_SPECTRA))


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
    MeasuredNoise

    Raises
    ------
    ValueError
        If there are fewer than 3 spectra, or if they don't differ at all.

    Notes
    -----
    The number of components is where the largest one of drawn noise lies (parallel
    analysis; J. L. Horn, Psychometrika 30 (1965) 179, doi:10.1007/BF02289447). Dead
    channels and spikes are left out, and channels whose variance is far from the line
    that most of them are on. Where that line ends below zero at level 0, or goes on
    below it, counts stand on a pedestal; of that and the offset only one combination
    shows in the data, so the pedestal is the lowest level seen, and the offset the
    variance there. *Don't believe* gain and offset singly where all intensities are
    alike: the warnings say so, and the sum is right even then. A pattern common to all
    spectra is not noise in this sense; its size is told. With read-out noise that is
    white and counting noise that isn't, the correlation is an average over the data.
    """
    n_spectra = len(spectra)
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
    dead = dead_channels(spectra)
    if dead.all():
        raise ValueError(
            must_be(
                "noise",
                "given where all spectra are identical",
                f"None with {n_spectra} identical spectra",
                "Pass a `NoiseModel`, or check that the data are a measurement.",
            )
        )
    if (~dead).sum() < 8:
        raise ValueError(
            must_be(
                "noise",
                "given for spectra without visible noise",
                f"{(~dead).sum()} channels that vary",
                "Were they simulated without noise, or denoised already?",
            )
        )
    spectra = spectra[:, ~dead]
    unlike = list(unlike_a_measurement(spectra))
    unit = unit_of_counts(spectra)
    known = None if unit is None else NoiseModel(unit)
    measured, pedestal = spectra, 0.0
    for _ in range(2):
        spectra, n_spikes = without_spikes(measured - pedestal, known)
        spectra += pedestal
        mean = spectra.mean(axis=0)
        noise, found, rank = _converged(spectra - mean, mean, known)
        if not noise.pedestal:
            break
        # what is a spike is judged by counts alone
        pedestal = noise.pedestal - noise.offset / noise.gain
    level = np.sqrt(noise.variance(mean).max())
    if level < _NOTHING * np.ptp(spectra):
        raise ValueError(
            must_be(
                "noise",
                "given for spectra without visible noise",
                f"noise of {level / np.ptp(spectra):.1e} of their range",
                "Were they simulated without noise, or denoised already?",
            )
        )
    numbers = np.flatnonzero(~dead)
    unlike = unlike or list(doubts_of_sums(measured, found.parts(noise), numbers))
    added = dark_pattern(spectra, noise)
    pattern = fixed_pattern(mean, noise, n_spectra, added)
    white = Colour.of(noise, mean).whiten(spectra - mean)
    scores, _ = _components(white, min(rank, _TELLING_APART))
    steps = (
        step_of_all(mean, noise, n_spectra, pattern),
        step_of_some(spectra, noise, scores),
    )
    evidence = {
        "n_spikes": n_spikes,
        "n_dead_channels": int(dead.sum()),
        "fixed_pattern": pattern,
        "dark_pattern": added,
        "steps": tuple(
            one and replace(one, channel=int(numbers[one.channel])) for one in steps
        ),
    }
    return _with_errors(noise, found, numbers, evidence, unlike)


def _converged(centred, mean, known):
    """Noise, the residual that it was found in, and the rank of the rest.

    The noise may be known already.
    """
    rng = np.random.default_rng(0)
    colour = Colour.from_spread(roughness(centred), (1.0,))
    rank = _coarse_rank(centred / colour.spread)
    ranks, least = [], 1 if len(centred) >= FEW_SPECTRA else _ROUNDS
    for _ in range(_ROUNDS):
        residual, lost = _beyond_lowrank(colour, centred, rank)
        found = Residual(residual, mean + centred - residual, lost)
        noise = known or found.noise()
        ranks.append(rank)
        colour = Colour.of(noise, mean)
        drawn = sum(
            part.fluctuation(found.expected, rng) for part in found.parts(noise)
        )
        rank = _rank_above_noise(colour, centred, drawn)
        if rank in ranks and len(ranks) >= least:
            break
    return noise, found, rank


# Signal and the rest ----------------------------------------------------------------


def _coarse_rank(scaled):
    """Components above the noise in broad bins, which short correlations don't join."""
    n_spectra, n_channels = scaled.shape
    width = 8 if n_channels >= 64 else 1
    n_bins = n_channels // width
    binned = scaled[:, : n_bins * width].reshape(n_spectra, n_bins, width).mean(axis=2)
    return rank_of_unknown_level(binned, _COARSELY_ABOVE)


def _rank_above_noise(colour, centred, drawn):
    """Components above the largest one of drawn noise.

    Formulas for that hold for white noise alone; a broad point spread leaves some
    frequencies almost without noise, and these can't be whitened.
    """
    of_noise = _gram(colour.whiten((drawn - drawn.mean(axis=0)).astype(float)))
    limit = _ABOVE * leading_components(of_noise, 1)[0][0]
    most = (min(centred.shape) - 2) // 2
    if not most:
        return 0
    variances, _ = components_above(_gram(colour.whiten(centred)), limit, most)
    return int((variances > limit).sum())


def _waves(n_channels):
    """Slow waves along energy, orthonormal, shape (n_channels, n_waves)."""
    n_waves = int(n_channels / _SHORTEST_WAVE * 2)
    return scipy.fft.idct(np.eye(n_channels, n_waves), axis=0, norm="ortho")


def _gram(white):
    """Products of channels or of spectra, whichever are fewer."""
    return white.T @ white if len(white) > white.shape[1] else white @ white.T


def _components(white, rank):
    """Scores, (n_spectra, rank), and components, (n_channels, rank), of spectra."""
    if not rank:
        return np.zeros((len(white), 0)), np.zeros((white.shape[1], 0))
    kept = leading_components(_gram(white), rank)[1]
    if len(white) <= white.shape[1]:
        kept = np.linalg.qr(white.T @ kept)[0]
    return white @ kept, kept


def _beyond_lowrank(colour, centred, rank):
    """Take off the first principal components of the whitened spectra.

    Of few spectra slow waves along energy, too: what they take of noise that is
    correlated is known in the colours of the data, and made up for there.

    Returns
    -------
    residual : ndarray, shape (n_spectra, n_channels)
        With the full variance of the noise: what spectra and channels that weigh much
        in the components lost of it is made up for.
    lost : ndarray, shape (n_lags,)
        Autocorrelation along energy that noise lost with them, as a share of its
        variance.
    """
    n_spectra, n_channels = centred.shape
    white = colour.whiten(centred)
    scores, taken = _components(white, rank)
    shares = np.square(scores / np.linalg.norm(scores, axis=0)).sum(axis=1)
    residual = white - scores @ taken.T
    if n_spectra < FEW_SPECTRA:
        taken = np.linalg.qr(np.column_stack([taken, _waves(n_channels)]))[0]
        residual = colour.unwhiten(residual - residual @ taken @ taken.T)
        taken = (colour.unwhiten(taken.T) / colour.spread).T
        shares *= n_spectra / (n_spectra - 1)  # of what the mean left
        residual = _whole(residual, shares, taken)
    else:
        residual = colour.unwhiten(_whole(residual, shares, taken))
    residual /= np.sqrt(1 - 1 / n_spectra)  # the mean took its share, too
    lost = np.array(
        [
            (taken[lag:] * taken[: n_channels - lag]).sum() / (n_channels - lag)
            for lag in range(longest_lag(n_channels) + 1)
        ]
    )
    return residual, lost


def _whole(residual, shares, taken):
    """A residual with the variance that spectra and channels lost made up for."""
    left = np.outer(1 - shares, 1 - np.square(taken).sum(axis=1))
    return residual / np.sqrt(np.maximum(left, 0.1))


# What is told ---------------------------------------------------------------------


def _with_errors(noise, found, channels, evidence, unlike):
    """The estimate with standard errors, evidence and warnings."""
    at_mean = float(found.expected.mean()) - noise.pedestal
    rows = []
    for group in range(found.n_groups):
        gain, offset, rho = found.numbers(without=group)
        rows.append([gain, offset, rho[1], gain * max(at_mean, 0) + offset])
    errors = np.sqrt((found.n_groups - 1) * np.var(rows, axis=0))
    total = noise.gain * max(at_mean, 0) + noise.offset
    # three groups know little
    errors[3] = max(errors[3], found.least_error * total)
    levels, means = found.binned()
    evidence |= {
        "gain_error": float(errors[0]),
        "offset_error": float(errors[1]),
        "lag_1_error": float(errors[2]),
        "levels": levels,
        "variances": means[0],
        "autocorrelation": found.numbers()[2],
        "n_off_line": int((~found.kept).sum()),
    }
    misfits = tuple(unlike or doubts_of_line(noise, found, channels))
    numbers = doubts_of_numbers(noise, at_mean, errors, evidence, found)
    return MeasuredNoise(
        noise.gain,
        noise.offset,
        noise.correlation,
        pedestal=noise.pedestal,
        **evidence,
        warnings=(*misfits, *numbers),
        misfits=misfits,
    )

"""Words for data whose noise isn't of the kind that is measured, or isn't known."""

import numpy as np
import scipy.ndimage

from hyperspy_aedenoise._noise.window_sums import window_of_a_fit

#: Pattern common to all spectra that is told, relative to the noise.
_PATTERN = 0.3
#: Factor by which variances may be off the line, besides four standard errors: by
#: intensity, and by energy.
_OFF_BY_LEVEL, _OFF_BY_ENERGY = 1.3, 1.5
#: Correlation along energy after so many channels that no detector has.
_FAR, _FAR_CORRELATED = 4, 0.15
#: Scatter of the variance from channel to channel about that of so many around, and
#: correlation of neighbours, that interpolation makes.
_CHANGING, _AROUND, _INTERPOLATED = 0.12, 11, 0.2
#: Correlation between consecutive spectra that independent measurements don't have.
_BESIDE = 0.1
#: Fewest values, and their share, that stand at one end of the range by no chance.
_FEWEST_AT_END, _SHARE_AT_END = 8, 1e-5
#: Factor by which a limit is more frequent than any value just below it.
_MORE_FREQUENT = 3
#: Share of the values that lie just above a limit at which others were clipped.
_NEAR_CLIPPED = 0.03
#: What is straight, relative to the median bend or slope from channel to channel, and
#: how much more frequent that must be at the ends than inside.
_STRAIGHT, _MORE_STRAIGHT = 1e-3, 10
#: Spectra below which components don't take off all that differs between them.
FEW_SPECTRA = 8
#: Fewest spectra in which variances are told from a line.
_FEWEST_SPECTRA = 30
#: Share of the noise that rounding to single precision may have.
_ROUNDED = 0.1


def unlike_a_measurement(spectra):
    """Words on values that a detector's noise doesn't give.

    Parameters
    ----------
    spectra : ndarray, shape (n_spectra, n_channels)

    Yields
    ------
    str
    """
    fewest = max(_FEWEST_AT_END, _SHARE_AT_END * spectra.size)
    steps = np.abs(np.diff(spectra, axis=1))
    spread = np.median(steps[steps > 0])  # about the noise, where values differ
    highest, lowest = spectra.max(), spectra.min()
    at_top = spectra == highest
    # by chance no value is far more frequent than those just below
    near = highest - 3 * max(spread, np.sqrt(max(highest - lowest, 0)))
    _, below = np.unique(spectra[(spectra >= near) & ~at_top], return_counts=True)
    if at_top.sum() > max(fewest, _MORE_FREQUENT * below.max(initial=0)):
        share = at_top.any(axis=1).mean()
        yield (
            f"{at_top.sum()} values, in {100 * share:.2g} % of the spectra, stand at "
            f"the largest value, {highest:.6g}: the detector was saturated, and what "
            "is above is lost. Leave those channels out (`signal_mask`, `s.isig`) or "
            "those spectra (`navigation_mask`)."
        )
    # of counts there are many zeros as well, but nothing between them and one count
    rounding = min(1e-6 * (highest - lowest), 0.01 * spread)
    is_above = spectra > lowest + rounding
    n_bottom = spectra.size - is_above.sum()
    beside = steps[np.diff(is_above, axis=1)]
    n_near = (beside < 0.15 * np.median(beside)).sum() if beside.size else 0
    if n_bottom > fewest and n_near > max(fewest, _NEAR_CLIPPED * beside.size):
        yield (
            f"{100 * n_bottom / spectra.size:.2g} % of the values are exactly "
            f"{lowest:.6g}, and none lower: they were clipped. Their mean is too "
            "large, and stays so; denoise data that were not clipped."
        )
    yield from _extrapolated_ends(spectra)


def _extrapolated_ends(spectra):
    """Words on ends that were never measured: straight, where the inside is not."""
    slope, bend = (np.abs(np.diff(spectra, order, axis=1)) for order in (1, 2))
    straight = bend <= _STRAIGHT * np.median(bend)
    straight &= slope[:, 1:] > _STRAIGHT * np.median(slope)
    runs = straight[:, 1:] & straight[:, :-1]
    at_ends = runs[:, 0] | runs[:, -1]
    inside = runs[:, len(runs[0]) // 4 : -len(runs[0]) // 4].mean()
    if at_ends.sum() > _FEWEST_AT_END and at_ends.mean() > _MORE_STRAIGHT * inside:
        yield (
            f"in {100 * at_ends.mean():.2g} % of the spectra the first or last "
            "channels lie on a straight line, as where spectra were moved along energy "
            "and not cropped (`s.shift1D` or `s.align1D` with `crop=False`): they hold "
            "no measurement. Leave those channels out (`s.isig`), or denoise first."
        )


def doubts_of_sums(spectra, parts, channels):
    """Words on a window in which something was fitted to each spectrum.

    Parameters
    ----------
    spectra : ndarray, shape (n_spectra, n_channels)
    parts : list of NoiseModel
        As `Residual.parts` has them.
    channels : ndarray of int, shape (n_channels,)
        Their numbers.

    Yields
    ------
    str
    """
    if len(spectra) < _FEWEST_SPECTRA:
        return
    window, ratio = window_of_a_fit(spectra, parts)
    if window is not None:
        inside = channels[window]
        share = max(100 * np.sqrt(ratio), 1)  # where nothing is left it is rounding
        yield (
            f"sums over {len(inside)} channels ({inside[0]} to {inside[-1]}) "
            f"scatter by no more than {share:.2g} % of what noise gives, as "
            "where a background was fitted to each spectrum and removed, or spectra "
            "were normalised. What the noise of the fit changed is taken for signal: "
            "denoise first, and subtract or normalise after."
        )


def doubts_of_line(noise, found, channels):
    """Words on where the variance isn't what the model says.

    Parameters
    ----------
    noise : NoiseModel
    found : Residual
    channels : ndarray of int, shape (n_channels,)
        Their numbers.

    Yields
    ------
    str
    """
    if len(found.expected) < _FEWEST_SPECTRA:
        return
    ratio, error = found.off_by_energy(noise)
    limit = _OFF_BY_ENERGY + 5 * error
    kept = ratio[found.kept]
    n_off = ((kept > limit) | (kept < 1 / limit)).sum()
    by_level, error_of_level = found.off_by_level(noise)
    limit = _OFF_BY_LEVEL + 5 * error_of_level
    n_off_level = ((by_level > limit) | (by_level < 1 / limit)).sum()
    if np.ptp(found.levels_by_energy) < np.sqrt(np.median(found.by_energy)):
        n_off_level = 0  # levels differ by what noise left in them
    apart = ratio - scipy.ndimage.uniform_filter1d(ratio, _AROUND)
    changing = np.sqrt(max(apart.var() - error**2, 0))
    if max(n_off, n_off_level) > 1:
        yield (
            "the variance doesn't follow the intensity: it is from "
            f"{min(ratio.min(), by_level.min()):.2g} to "
            f"{max(ratio.max(), by_level.max()):.2g} times what gain and read-out "
            f"noise give. {_why(found, ratio)}"
        )
    elif (~found.kept).sum() > 1:
        off = ~found.kept
        yield (
            f"in {off.sum()} channels ({_ranges(channels[off])}) the variance is "
            f"{ratio[off].min():.2g} to {ratio[off].max():.3g} times what their "
            "intensity lets expect: a sharp line that moves or saturates, or spikes. "
            "They were left out of the measurement of the noise, and what is restored "
            "there may be wrong: crop them with `s.isig`, mask them with "
            "`signal_mask`, or remove spikes."
        )
    elif [*noise.correlation, 0.0][
        1
    ] > _INTERPOLATED and changing > _CHANGING + error / 2:
        yield (
            f"the variance changes by {100 * changing:.0f} % from channel to channel, "
            "and neighbours are correlated, as where spectra were resampled along "
            "energy: denoise them as measured, and resample after."
        )
    if len(noise.correlation) > _FAR and noise.correlation[_FAR] > _FAR_CORRELATED:
        yield (
            f"the noise is correlated over many channels ({noise.correlation[1]:.2f} "
            f"between neighbours, {noise.correlation[_FAR]:.2f} at a distance of "
            f"{_FAR}): the spectra were smoothed or resampled. Denoise them as "
            "measured."
        )
    if found.beside > _BESIDE:
        yield (
            f"the noise of consecutive spectra is correlated ({found.beside:.2f}): "
            "they were resampled, smoothed or denoised, or share something. Noise that "
            "neighbours share is taken for signal; denoise the data as measured."
        )


def _why(found, ratio):
    """What makes variance that doesn't follow the intensity."""
    empty = np.abs(found.levels_by_energy) < np.sqrt(found.by_energy)
    if empty.sum() > _FEWEST_AT_END and ratio[empty].max() > _OFF_BY_ENERGY:
        return (
            f"{empty.sum()} channels have a mean near zero and noise of their own, as "
            "where a background was removed: denoise first, and subtract after."
        )
    return (
        "Was a background removed, or were spectra normalised, resampled or denoised? "
        "Denoise first. Else crop (`s.isig`) or mask (`signal_mask`) what is unlike."
    )


def doubts_of_numbers(noise, mean, errors, evidence, found):
    """Words for what the data can't tell, and for patterns.

    Parameters
    ----------
    noise : NoiseModel
    mean : float
        Mean intensity above the pedestal.
    errors : ndarray, shape (4,)
        Of gain, offset, correlation of neighbours, and variance at the mean.
    evidence : dict
        Of `MeasuredNoise`.
    found : Residual

    Yields
    ------
    str
    """
    total = noise.gain * max(mean, 0) + noise.offset
    levels = evidence["levels"]
    if len(found.expected) < FEW_SPECTRA:
        yield (
            f"of so few spectra ({len(found.expected)}) what is sharp along energy and "
            "differs between them counts as noise, and the variance may be too large; "
            f"by chance alone it is known to {100 * errors[3] / total:.0f} %. Pass a "
            "`NoiseModel` that was measured on more of them."
        )
    elif errors[3] > 0.1 * total:
        yield (
            f"the variance is known to {100 * errors[3] / total:.0f} % only: there are "
            "few spectra. Pass a `NoiseModel` that was measured on more of them."
        )
    elif min(errors[0] * abs(mean), errors[1]) > 0.2 * total:
        yield (
            "gain and read-out noise can't be told apart where intensities differ "
            f"little (here from {levels[0]:.3g} to {levels[-1]:.3g}); their sum at the "
            f"mean, {total:.3g} +- {errors[3]:.2g}, can."
        )
    if found.beside > _BESIDE:
        return  # noise that neighbours share looks like patterns
    dark, pattern = evidence["dark_pattern"], evidence["fixed_pattern"]
    lowest = np.sqrt(noise.variance(levels[0])) or np.sqrt(total)
    if dark > _PATTERN * lowest:
        yield (
            f"a pattern of {dark:.2g} signal units is added to all spectra, "
            f"{100 * dark / lowest:.0f} % of the noise where counts are low. It is "
            "taken for signal: subtract a dark reference."
        )
    relative = np.sqrt(total) / abs(mean) if mean else np.inf
    if pattern > _PATTERN * relative:
        yield (
            f"a pattern common to all spectra, {100 * pattern:.2g} % of the mean from "
            f"channel to channel, is as large as {100 * pattern / relative:.0f} % of "
            "the noise. It is taken for signal: correct the gain of the channels."
        )
    of_all, of_some = evidence["steps"]
    if of_all:
        yield (
            f"a step common to all spectra, {_step(of_all)}, as between the quadrants "
            "of a detector. It is taken for signal: correct the gain of the channels."
        )
    if of_some:
        yield (
            f"a step that some spectra have and others don't, {_step(of_some)}, as "
            "where the gain of a detector's quadrant changes in time. It is taken for "
            "signal: correct the gain of the channels, or leave those spectra out "
            "(`navigation_mask`)."
        )
    rounding = np.spacing(np.float32(np.abs(levels).max()))
    if rounding > _ROUNDED * lowest:
        yield (
            f"intensities near {np.abs(levels).max():.3g} are rounded to "
            f"{rounding:.2g} in single precision, {100 * rounding / lowest:.0f} % of "
            "the noise where counts are low: subtract a constant first."
        )


def _step(step):
    """Where a step is and how large, in words."""
    return (
        f"by {100 * step.size:.2g} +- {100 * step.error:.1g} % at channel "
        f"{step.channel}, sharper than a channel"
    )


def _ranges(numbers):
    """Runs of channels in words, the longest three."""
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    runs = sorted(runs, key=len)[::-1]
    words = [
        f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs[:3]
    ]
    return ", ".join(words) + (", ..." if len(runs) > 3 else "")

"""The picture of measured noise."""

import numpy as np

#: Distance of half of the points, relative to the line, that is no chance.
_FAR = 0.2


def plot_noise(noise):
    """Variance against expected value with the fitted line, and autocorrelation.

    Parameters
    ----------
    noise : MeasuredNoise

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 3.9), width_ratios=(3, 2), layout="constrained"
    )
    left.plot(noise.levels, noise.variances, "o", color="C0", ms=4, label="measured")
    lowest = min(noise.pedestal, noise.levels.min())
    course = np.linspace(lowest, noise.levels.max(), 200)
    line = noise.summary().partition(",")[0].replace(" x ", " × ")
    left.plot(course, noise.variance(course), color="C3", lw=1, label=line)
    if noise.levels.max() > 30 * max(np.median(noise.levels), 1e-300):
        left.set_xscale("symlog", linthresh=max(np.median(noise.levels), 1e-300))
        left.set_yscale("log")
    left.set_title(_misfit_in_words(noise), fontsize="small")
    left.set_xlabel("Expected value (signal units)")
    left.set_ylabel("Variance (signal units²)")
    left.legend()
    lags = np.arange(len(noise.autocorrelation))
    right.axhline(0, color="0.5", lw=0.5)
    right.bar(lags, noise.autocorrelation, width=0.5, color="C0", label="measured")
    right.plot(
        np.arange(len(noise.correlation)), noise.correlation, "C3o", ms=4, label="model"
    )
    right.set_xlabel("Lag along energy (channels)")
    right.set_ylabel("Autocorrelation of the noise")
    right.legend()
    return figure


def _misfit_in_words(noise):
    """How far the measured variances are from the line."""
    line = np.maximum(noise.variance(noise.levels), np.finfo(float).tiny)
    off = noise.variances / line - 1
    half, farthest = np.median(np.abs(off)), int(np.abs(off).argmax())
    more, by = "more" if off[farthest] > 0 else "less", 100 * abs(off[farthest])
    words = (
        f"Half of the points lie within {100 * half:.2g} % of the line;\n"
        f"the farthest, at {noise.levels[farthest]:.3g}, has {by:.2g} % {more} variance"
    )
    if half > _FAR:
        words += ":\ngain and offset alone don't describe this noise"
    return words

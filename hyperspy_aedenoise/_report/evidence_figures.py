"""The pictures of evidence: what was measured, matched and tried."""

import numpy as np

#: Forms of an autoencoder that are shown, the best ones.
_MOST_FORMS = 16


def plot_match(report):
    """Mean spectra of experiment and adjusted reference, and what is between them.

    Parameters
    ----------
    report : MatchReport

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    figure, (whole, edge, rest) = plt.subplots(
        3,
        1,
        sharex=True,
        figsize=(6.4, 7),
        height_ratios=(2, 3, 2),
        layout="constrained",
    )
    energies, background = report.energies, report.background
    for ax, less in ((whole, 0), (edge, background)):
        ax.plot(energies, report.experiment - less, color="0.4", lw=1.5)
        ax.plot(energies, report.adjusted - less, color="C3", lw=1)
    whole.plot(energies, background, color="C0", ls="--", lw=1)
    whole.legend(["experiment", "matched reference", "background"], fontsize="small")
    whole.set_ylabel("Mean intensity")
    edge.set_ylabel("Less background")
    for factor, shade in ((2, "0.9"), (1, "0.8")):
        band = factor * report.noise_level
        rest.fill_between(energies, -band, band, color=shade)
    rest.axhline(0, color="0.5", lw=0.5)
    rest.plot(energies, report.residual, color="C3", lw=1)
    rest.set_ylabel("Residual (grey: noise)")
    rest.set_xlabel("Energy loss (eV)")
    for number, (name, region) in enumerate(report.regions.items()):
        rest.axvline(region.first, color="0.5", ls=":", lw=0.8)
        rest.annotate(
            f"{name}: χ² {region.chi_square:.3g}",
            ((region.first + region.last) / 2, 0.97 - 0.1 * (number % 2)),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="top",
            fontsize="small",
        )
    return figure


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
        1, 2, figsize=(8.5, 3.6), width_ratios=(3, 2), layout="constrained"
    )
    left.plot(noise.levels, noise.variances, "o", color="C0", ms=4, label="measured")
    course = np.linspace(0, noise.levels.max(), 200)
    line = f"{noise.gain:.3g} × expected + {noise.offset:.3g}"
    left.plot(course, noise.variance(course), color="C3", lw=1, label=line)
    if noise.levels.max() > 30 * max(np.median(noise.levels), 1e-300):
        left.set_xscale("symlog", linthresh=max(np.median(noise.levels), 1e-300))
        left.set_yscale("log")
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


def plot_forms(tried, chosen, title):
    """Errors of the best forms of a spatial-spectral autoencoder, estimated by a pair.

    Parameters
    ----------
    tried : list of dict
        As `_engine.selection.Evidence.as_dict` gives them.
    chosen : dict
        The form that was taken.
    title : str

    Returns
    -------
    matplotlib.axes.Axes
    """
    import matplotlib.pyplot as plt

    if not tried:
        raise RuntimeError(
            "There is nothing to plot: the fit was interrupted before any form was "
            "judged; call `s.decompose_autoencoder()` again."
        )
    shown = sorted(tried, key=lambda one: one["difference_to_shrinkage"])
    best, rest = shown[:_MOST_FORMS], shown[_MOST_FORMS:]
    shown = best + [one for one in rest if one.items() >= chosen.items()]
    size = (8, 1.7 + 0.28 * len(shown))
    figure, ax = plt.subplots(figsize=size, layout="constrained")
    names = []
    for number, one in enumerate(shown):
        taken = one.items() >= chosen.items()
        ax.errorbar(
            one["difference_to_shrinkage"],
            number,
            xerr=2 * one["difference_error"],
            color="C3" if taken else "C0",
            marker="o",
            capsize=2,
            label="taken" if taken else None,
        )
        weak = " + weak components" if one["weak_components"] else ""
        kind = "refined network" if one["refined"] else "network"
        network = f" + {one['network']:.0%} {kind}" if one["network"] else ""
        aligned = "aligned, " if one["aligned"] else ""
        names.append(f"{aligned}{one['code_filter']}{network}{weak}, {one['decoder']}")
    start = "optimally shrunk principal components"
    ax.axvline(0, color="0.5", ls=":", lw=1, label=start)
    ax.locator_params(axis="x", nbins=5)
    ax.set_yticks(range(len(shown)), names, fontsize="small")
    ax.invert_yaxis()
    # long names leave little room for the axes: what is written is wider
    ax.set_xlabel(
        "Squared error minus that of optimal shrinkage / noise variance "
        "(bars: two standard errors)",
        loc="right",
    )
    what = f"Code filters and decoders on {title}" if title else "Forms"
    of_all = f" (best of {len(tried)})" if rest else ""
    figure.suptitle(what + of_all, wrap=True)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, fontsize="small")
    return ax

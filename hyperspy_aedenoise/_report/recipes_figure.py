"""The picture of the forms that were tried."""

#: Forms of an autoencoder that are shown, the best ones.
_MOST_FORMS = 16


def plot_forms(tried, chosen, title):
    """Errors of the best forms of a spatial-spectral autoencoder, estimated by a pair.

    Parameters
    ----------
    tried : list of dict
        For each form what it is (`code_filter`, `decoder`, `network`, `refined`,
        `weak_components`, `aligned`), and its `difference_to_shrinkage` with the
        `difference_error`, both in units of the noise variance.
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

"""The picture of a match."""


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

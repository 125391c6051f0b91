"""The picture of denoising routes: maps, spectra, and their residuals."""

import numpy as np

from hyperspy_aedenoise._report.axes import (
    intensity_label,
    label_of,
    limits_of,
    scale_bar,
    show_no_data,
    unit_of,
)
from hyperspy_aedenoise._report.shown import Shown
from hyperspy_aedenoise._report.window import background
from hyperspy_aedenoise._report.words import caption

#: Residuals are shown up to so many standard deviations of the noise.
_FARTHEST = 4.0

_NAMES = {
    "raw": "Raw",
    "pca": "PCA",
    "pca_shrinkage": "PCA, optimal shrinkage",
    "pca_oracle": "PCA, best rank by truth",
    "autoencoder": "Autoencoder",
    "nonlocal": "Non-local Bayes",
    "truth": "Truth",
}
_STYLES = {
    "raw": {"color": "0.78", "lw": 0.7, "zorder": 1},
    "pca": {"color": "#4aa3df", "lw": 2.6},
    "pca_shrinkage": {"color": "#e69f00", "lw": 1.6},
    "autoencoder": {"color": "#c1121f", "lw": 1.0},
    "nonlocal": {"color": "#2a7f3f", "lw": 1.0},
    "truth": {"color": "k", "lw": 1, "ls": ":"},
}


def plot_routes(comparison, routes, window=None):
    """Denoising routes side by side: maps, spectra, and their residuals.

    Parameters
    ----------
    comparison : DenoisingComparison
    routes : list of str
        What is shown of it; "raw" first.
    window : tuple of float, optional
        Energies between which the maps are summed. Default: where the contrast of the
        autoencoder's result is largest.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    shown = Shown.of(comparison, routes, window)
    n_routes = len(routes)
    height, width = shown.shape
    is_map = shown.n_axes == 2
    slimness = np.clip(height / width, 0.45, 1.6) if is_map else 0.55
    each = max(2.1 * slimness + 0.3, 1.5)
    heights = (2 * each + 0.9, 4.9)  # inches, titles and labels included
    figure = plt.figure(
        figsize=(3.0 * max(n_routes, 4), sum(heights)), layout="constrained"
    )
    upper, lower = figure.subfigures(2, 1, height_ratios=heights)
    maps = upper.subplots(2, n_routes, squeeze=False)
    _draw_maps(upper, maps, shown, comparison.table)
    spectra = lower.subplots(
        2, 1 + len(shown.positions), squeeze=False, sharex="col", height_ratios=(2, 1)
    )
    _draw_spectra(spectra, shown)
    handles, labels = spectra[0, 0].get_legend_handles_labels()
    lower.legend(handles, labels, loc="outside upper center", ncols=n_routes)
    figure.draw_without_rendering()  # the layout settles in two rounds
    return figure


def _draw_maps(figure, panels, shown, table):
    """Above the sums over the window, below their residuals."""
    rows = {row["route"]: row for row in table}
    low, high = limits_of(
        shown.image("autoencoder"), 2 * np.nanmedian(shown.image_spread())
    )
    first_and_last = sorted(shown.energy.axis[shown.window[[0, -1]]])
    where = " to ".join(f"{value:.6g}" for value in first_and_last)
    for column, route in enumerate(shown.cubes):
        above, below = panels[:, column]
        name = f"{_NAMES.get(route, route)}\n{caption(rows.get(route), rows['raw'])}"
        above.set_title(name, fontsize="medium")
        image = _draw_sum(above, shown, shown.image(route), (low, high), "gray")
        for number, position in enumerate(shown.positions, start=1):
            _mark(above, shown, shown.image(route), position, number)
        if route == "raw":
            below.set_axis_off()
            continue
        rest = (shown.image("raw") - shown.image(route)) / shown.image_spread()
        limits = (-_FARTHEST, _FARTHEST)
        residual = _draw_sum(below, shown, rest, limits, "RdBu_r")
        below.set_title(f"residual: {_scatter(rest):.2g} × noise", fontsize="small")
    unit = f" {unit_of(shown.energy)}" if unit_of(shown.energy) else ""
    panels[1, 0].text(
        0.5,
        0.5,
        f"Maps: sum of\n{where}{unit}.\n\nBelow: raw minus denoised,\nin units of the "
        "noise.\nWhat looks like the map\nhas been lost; noise alone\nhas no shape.",
        ha="center",
        va="center",
        fontsize="medium",
        transform=panels[1, 0].transAxes,
    )
    if shown.n_axes == 2:
        label = f"{intensity_label(shown.signal)}, sum"
        figure.colorbar(image, ax=panels[0], label=label, shrink=0.9, pad=0.01)
        label = "(raw - denoised) / noise"
        figure.colorbar(residual, ax=panels[1], label=label, shrink=0.9, pad=0.01)
    else:
        panels[0, 0].set_ylabel(f"{intensity_label(shown.signal)}, sum")
        for ax in panels[0, 1:]:
            ax.sharey(panels[0, 0])


def _draw_spectra(panels, shown):
    """Above spectra, below their residuals."""
    energies, close = shown.energy.axis, shown.close
    places = [("Mean spectrum", None)]
    places += [(f"Position {n}", at) for n, at in enumerate(shown.positions, start=1)]
    window = np.sort(energies[shown.window[[0, -1]]])
    step = abs(energies[1] - energies[0]) / 2
    for (above, below), (title, position) in zip(panels.T, places, strict=True):
        is_close = close is not None and position is not None
        drawn = close if is_close else np.arange(len(energies))
        line = 0.0
        if is_close:
            calm = shown.spectrum("autoencoder", position)[drawn]
            line, name = background(energies[drawn], calm)
            title += f", less {name}"
        values = {r: shown.spectrum(r, position)[drawn] - line for r in shown.cubes}
        for route, spectrum in values.items():
            style = _STYLES.get(route, {"lw": 1})
            above.plot(
                energies[drawn], spectrum, label=_NAMES.get(route, route), **style
            )
            if route not in ("raw", "truth"):
                below.plot(*shown.residual(route, position, drawn), **style)
        _limit(above, values)
        for ax in (above, below):
            ax.axvspan(window[0] - step, window[1] + step, color="0.9", zorder=0)
            ax.margins(x=0)
        below.axhspan(-1, 1, color="#dfe8d8", zorder=0)
        below.set_ylim(-_FARTHEST, _FARTHEST)
        below.set_xlabel(label_of(shown.energy, "Energy loss"))
        above.set_title(title, fontsize="medium")
    panels[0, 0].set_ylabel(intensity_label(shown.signal))
    panels[1, 0].set_ylabel("(Raw - denoised)\n/ noise")


def _limit(ax, values):
    """Let a spike of the raw spectrum not squeeze all else."""
    calm = np.concatenate([v for route, v in values.items() if route != "raw"])
    low, high = np.nanmin(calm), np.nanmax(calm)
    rest = values["raw"] - values["autoencoder"]
    scatter = 1.5 * np.nanpercentile(np.abs(rest), 98)
    beside = 0.05 * (high - low)
    ax.set_ylim(low - scatter - beside, high + scatter + beside)


def _scatter(rest):
    """Standard deviation of residuals about 0, whatever single ones do."""
    return float(np.nanmedian(np.abs(rest)) / 0.6745)


def _draw_sum(ax, shown, image, limits, cmap):
    """Image of summed channels, or a profile where there is only a line."""
    axes = shown.signal.axes_manager.navigation_axes[:2]
    show_no_data(ax)
    if len(axes) == 2:
        drawn = ax.imshow(image, cmap=cmap, vmin=limits[0], vmax=limits[1])
        if cmap == "gray":
            scale_bar(ax, axes[0], image.shape[1])
        ax.set_xticks([])
        ax.set_yticks([])
        return drawn
    positions = axes[0].axis if axes else np.zeros(1)
    ax.set_facecolor("w")
    ax.patch.set_hatch("")
    if cmap == "gray":
        raw = shown.image("raw")[0]
        ax.plot(positions, raw, color="0.78", lw=0.7)
        together = np.stack([limits_of(raw), limits])
        limits = together[:, 0].min(), together[:, 1].max()
    ax.plot(positions, image[0], color="k", lw=1)
    ax.set_ylim(limits)
    ax.set_xlabel(label_of(axes[0]) if axes else "")
    return None


def _mark(ax, shown, image, position, number):
    """Mark a position in an image or profile with its number."""
    from matplotlib.patheffects import withStroke

    (y, x), axes = position, shown.signal.axes_manager.navigation_axes[:2]
    where = (x, y)
    if len(axes) < 2:
        where = (axes[0].axis[x] if axes else 0, image[0, x])
    outline = [withStroke(linewidth=2.5, foreground="k")]
    on_top = {"path_effects": outline, "zorder": 6}  # also of the scale bar
    ax.plot(*where, "s", mfc="none", mec="#ffe119", mew=1.5, ms=7, **on_top)
    # inside of the axes, also at their border
    left = x > 0.8 * image.shape[1]
    below = len(axes) == 2 and y < 0.1 * image.shape[0]
    beside = (-11 if left else 5, -13 if below else 5)
    ax.annotate(
        str(number),
        where,
        color="#ffe119",
        weight="bold",
        xytext=beside,
        textcoords="offset points",
        **on_top,
    )

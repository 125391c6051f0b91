"""The picture of a check: residual by position, energy and size, and what is kept."""

import numpy as np

from hyperspy_aedenoise._report.axes import (
    intensity_label,
    label_of,
    scale_bar,
    show_no_data,
    unit_of,
)
from hyperspy_aedenoise._report.residual_findings import by_chance
from hyperspy_aedenoise._report.words import FWHM

#: Limits of a mean square that should be 1, and of means in units of their error.
_LIMITS = (0.5, 1.5)
#: Positions for which what is detectable is shown, and energies at which.
_POSITIONS, _N_ENERGIES = 9, 60
#: Width of those peaks, in channels.
_WIDTH = 5 / FWHM
#: Findings that are marked, and standard errors that the bands of noise show.
_MARKED, _ERRORS = 3, 3
_COLOURS = ("#c1121f", "#e69f00", "#2a7f3f")


def plot_check(report):
    """Draw a `DenoisingReport`.

    Parameters
    ----------
    report : DenoisingReport

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(2, 3, figsize=(14, 7.5), layout="constrained")
    checked, found = report.checked, report.checked.structures[:_MARKED]
    _draw_map(panels[0, 0], report, found)
    _draw_energies(panels[0, 1], report)
    _draw_sizes(panels[0, 2], checked.residual)
    _draw_spectrum(panels[1, 0], report, found)
    _draw_mean(panels[1, 1], report)
    _draw_detectable(panels[1, 2], report)
    worst = [one for one in report.findings if one["severity"] == "severe"]
    title = str(report).splitlines()[0]
    if worst:
        title += f" the worst: {worst[0]['kind']}"
    figure.suptitle(title, fontsize="large")
    return figure


def _draw_map(ax, report, found):
    """Mean square of the residual at each position, and where something was found."""
    values = report.signals["residual_map"].data
    ax.set_title("Residual / noise, mean square\nnoise alone: no shape", fontsize=11)
    axes = report.signals["raw"].axes_manager.navigation_axes
    if values.ndim < 2:
        places = axes[0].axis if axes else np.zeros(1)
        ax.plot(places, values, ".-", color="0.3", lw=0.8, ms=3)
        ax.axhline(1, color="k", lw=0.7)
        ax.set_xlabel(label_of(axes[0]) if axes else "")
        ax.set_ylim(0, max(2, 1.1 * np.nanmax(values)))
        return
    image = values.reshape(-1, *values.shape[-2:]).mean(axis=0)
    show_no_data(ax)
    drawn = ax.imshow(image, cmap="RdBu_r", vmin=_LIMITS[0], vmax=_LIMITS[1])
    ax.figure.colorbar(drawn, ax=ax, shrink=0.8)
    for colour, one in zip(_COLOURS, found, strict=False):
        inside = np.isfinite(values).astype(float)
        inside[np.isfinite(values)] = one.inside
        inside = inside.reshape(-1, *inside.shape[-2:]).max(axis=0)
        if 0 < inside.mean() < 1:
            ax.contour(inside, [0.5], colors=[colour], linewidths=1.5)
    scale_bar(ax, axes[0], image.shape[1])
    ax.set(xticks=[], yticks=[])


def _draw_energies(ax, report):
    """Mean square of the residual at each energy."""
    checked = report.checked
    by_energy = checked.residual.by_energy
    low, high = by_chance(_ERRORS, checked.residual.n_spectra)
    ax.axhspan(low, high, color="#dfe8d8", label=f"noise, {_ERRORS} errors")
    ax.plot(checked.energies, by_energy, color="0.3", lw=0.8)
    ax.axhline(1, color="k", lw=0.7)
    lowest, highest = by_chance(2 * _ERRORS, checked.residual.n_spectra)
    lowest = min(lowest, 0.95 * by_energy.min())
    ax.set_ylim(lowest, max(highest, 1.05 * by_energy.max()))
    ax.set_title("... at each energy", fontsize=11)
    _energies(ax, report)
    ax.legend(fontsize=9)


def _draw_sizes(ax, residual):
    """Means over more and more positions, in units of their noise."""
    band = 3 * residual.by_area_error
    ax.fill_between(residual.area, 1 - band, 1 + band, color="#dfe8d8", label="noise")
    ax.plot(residual.area, residual.by_area, "o-", color="0.3", label="residual")
    ax.set(xscale="log", xlabel="Positions in a mean")
    ax.set_ylim(0, max(2, 1.1 * residual.by_area.max()))
    ax.set_title(
        "Means over squares / their noise, mean square\nabove the band: structure was "
        "removed",
        fontsize=11,
    )
    ax.legend(fontsize=9)


def _draw_spectrum(ax, report, found):
    """The mean spectrum, and where along energy something was found."""
    checked = report.checked
    ax.plot(checked.energies, checked.mean, color="k", lw=1)
    for colour, one in zip(_COLOURS, found, strict=False):
        at = checked.energies[round(one.channel)]
        half = max(FWHM / 2 * one.width, 1) * checked.step
        label = f"significance {one.significance:.1f}"
        ax.axvspan(at - half, at + half, color=colour, alpha=0.3, label=label)
    ax.set_title("Mean spectrum, denoised, and what was found", fontsize=11)
    ax.set_ylabel(intensity_label(report.signals["raw"]))
    _energies(ax, report)
    if found:
        ax.legend(fontsize=9)


def _draw_mean(ax, report):
    """The mean residual over all positions in units of its error."""
    checked = report.checked
    ax.axhspan(-_ERRORS, _ERRORS, color="#dfe8d8", label=f"noise, {_ERRORS} errors")
    ax.plot(checked.energies, checked.residual.mean, color="0.3", lw=0.8)
    highest = max(5, 1.1 * np.abs(checked.residual.mean).max())
    ax.set_ylim(-highest, highest)
    ax.set_title("Mean residual / its standard error", fontsize=11)
    _energies(ax, report)
    ax.legend(fontsize=9)


def _draw_detectable(ax, report):
    """Height that a peak must have to be kept."""
    checked = report.checked
    energies = np.linspace(checked.energies[0], checked.energies[-1], _N_ENERGIES)
    positions = min(_POSITIONS, int(checked.used.sum()))
    heights = checked.detectable(energies, _WIDTH, positions)
    drawn = np.isfinite(heights).any()
    if drawn:
        name = f"in {positions} positions" if positions > 1 else "in one position"
        ax.plot(energies, heights, color="#c1121f", label=name)
    spread = np.sqrt(checked.noise.variance(checked.mean))
    ax.plot(checked.energies, spread, color="0.6", ls=":", label="noise of a channel")
    ax.set_ylim(bottom=0)
    unit = unit_of(report.signals["raw"].axes_manager.signal_axes[0])
    width = f"{5 * checked.step:.2g} {unit}" if unit else "5 channels"
    ax.set_title(
        f"Height of a peak {width} wide\nthat is kept with 95 % chance"
        if drawn
        else "What is kept can't be said",
        fontsize=11,
    )
    ax.set_ylabel(intensity_label(report.signals["raw"]))
    _energies(ax, report)
    ax.legend(fontsize=9)


def _energies(ax, report):
    axis = report.signals["raw"].axes_manager.signal_axes[0]
    ax.set_xlabel(label_of(axis, "Energy loss"))
    ax.margins(x=0)

"""Pictures of a fitted autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hyperspy_aedenoise._errors import must_be
from hyperspy_aedenoise._report.axes import unit_of
from hyperspy_aedenoise._signals.results import get_autoencoder_loadings
from hyperspy_aedenoise._signals.storage import trained

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Latent variables that are plotted: more are hardly looked at.
_MOST_MAPS = 12


def plot_autoencoder_training(self: BaseSignal) -> Axes:
    """Plot what the training went by.

    Losses against the iteration; of a spatial-spectral autoencoder, the error of each
    form that was tried, minus that of optimal shrinkage.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    RuntimeError
        If there is no trained autoencoder.
    """
    from hyperspy_aedenoise._report.figures import plot_training
    from hyperspy_aedenoise._report.recipes_figure import plot_forms

    denoiser, title = trained(self).denoiser, self.metadata.General.title
    if denoiser.form_ is not None:
        return plot_forms(denoiser.history_["forms"], denoiser.form_, title)
    return plot_training(denoiser.history_, title)


def plot_autoencoder_loadings(
    self: BaseSignal, per_row: int = 3, cmap: str = "gray"
) -> Figure:
    """Plot the maps of the latent variables, each beside its spectrum.

    The first twelve, and the peaks that few positions have, with their energy loss. The
    spectrum is what is added where the latent variable rises by its own standard
    deviation; above it stands its share in all such changes, squared.

    Parameters
    ----------
    per_row : int, default 3
        Maps in each row, as in ``plot_decomposition_loadings``.
    cmap : str or matplotlib.colors.Colormap, default "gray"
        For maps; line scans are drawn as lines.

    Returns
    -------
    list of matplotlib.axes.Axes

    Raises
    ------
    RuntimeError
        If there is no trained autoencoder.
    NotImplementedError
        If there are neither one nor two navigation axes.
    """
    from hyperspy.signals import BaseSignal

    from hyperspy_aedenoise._denoiser.effects import effects as effects_of
    from hyperspy_aedenoise._report.figures import plot_loadings
    from hyperspy_aedenoise._report.summary import latent_names

    dimension = self.axes_manager.navigation_dimension
    if dimension not in (1, 2):
        raise NotImplementedError(
            must_be(
                "signal",
                "a line scan or a map (1 or 2 navigation axes) to plot its loadings",
                f"{dimension} navigation axes",
                "Use `s.get_autoencoder_loadings().plot()` or slice with `s.inav`.",
            )
        )
    fitted, loadings = trained(self), get_autoencoder_loadings(self)
    axis = self.axes_manager.signal_axes[0]
    names = latent_names(fitted.denoiser, _MOST_MAPS, unit_of(axis))
    latent = np.moveaxis(np.asarray(loadings.data), 0, -1)
    effects = np.full((latent.shape[-1], axis.size), np.nan)
    effects[:, fitted.kept] = effects_of(fitted.denoiser, latent)
    first = {"size": len(effects), "name": "Latent variable", "navigate": True}
    axes = [first, axis.get_axis_dictionary()]
    effects = BaseSignal(effects, axes=axes)
    return plot_loadings(loadings, names, effects, per_row, cmap)

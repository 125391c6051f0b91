"""The pictures of a fit: training, and latent maps with their spectra."""

import numpy as np

from hyperspy_aedenoise._report.axes import (
    extent_of,
    label_of,
    limits_of,
    show_no_data,
)
from hyperspy_aedenoise._report.words import VARIABLE


def plot_training(history, title):
    """Losses against iteration, with the state that was kept.

    Parameters
    ----------
    history : dict
        As of `_networks.training.History.as_dict`.
    title : str

    Returns
    -------
    matplotlib.axes.Axes
    """
    import matplotlib.pyplot as plt

    if not history["iteration"]:
        raise RuntimeError(
            "There is nothing to plot: with too few spectra to judge it, the network "
            "was not trained and stays at its linear start."
        )
    _, ax = plt.subplots(layout="constrained")
    # single batches scatter much more than the training changes
    window = min(max(len(history["iteration"]) // 25, 1), 50)
    smooth = np.convolve(history["training_loss"], np.ones(window) / window, "valid")
    ax.plot(
        history["iteration"][window - 1 :],
        smooth,
        color="0.7",
        lw=1,
        label=f"training, mean of {window} iterations",
    )
    if history["held_out_loss"]:
        ax.errorbar(
            history["checked_iteration"],
            history["held_out_loss"],
            history["held_out_error"],
            color="C0",
            marker="o",
            ms=4,
            capsize=2,
            label="held-out spectra (bar: error of the change since the start)",
        )
        ax.axhline(history["held_out_loss"][0], color="C0", ls=":", lw=1)
        # what matters differs less than the training loss scatters
        values = np.array(history["held_out_loss"])
        reach = max(np.ptp(values), max(history["held_out_error"]), 1e-3 * values[0])
        ax.set_ylim(values.min() - 2 * reach, values.max() + 2 * reach)
    kept = history["kept_iteration"]
    ax.axvline(kept, color="C3", ls="--", label=f"kept: iteration {kept}")
    ax.set_xlabel("Iteration")
    ax.set_ylabel("Squared error / noise variance")
    ax.set_title(f"Training on {title}" if title else "Training")
    ax.legend(loc="upper right", fontsize="small")
    return ax


def plot_loadings(loadings, names, effects, per_row, cmap):
    """Latent maps, or lines for a line scan, each beside its spectrum.

    Parameters
    ----------
    loadings : BaseSignal
        Latent index as navigation axis.
    names : dict of int to str
        Of the latent variables that are plotted, by index.
    effects : BaseSignal
        What each latent variable adds to a spectrum, with the same navigation axis.
    per_row : int
    cmap : str or matplotlib.colors.Colormap

    Returns
    -------
    list of matplotlib.axes.Axes
        Those of the maps.
    """
    import matplotlib.pyplot as plt

    n_maps = len(names)
    axes = loadings.axes_manager.signal_axes
    n_rows = -(-n_maps // per_row)
    n_columns = min(n_maps, per_row)
    figure, panels = plt.subplots(
        n_rows,
        2 * n_columns,
        figsize=(5.4 * n_columns, 2.8 * n_rows),
        width_ratios=(3, 2) * n_columns,
        squeeze=False,
        layout="constrained",
    )
    n_all = loadings.axes_manager.navigation_size
    some = f" ({n_maps} of {n_all})" if n_maps < n_all else ""
    figure.suptitle(loadings.metadata.General.title + some)
    shape = (n_all, *loadings.data.shape[-len(axes) :])
    values = np.asarray(loadings.data).reshape(shape)
    spectra = np.asarray(effects.data).reshape(n_all, -1)
    share = np.square(np.nan_to_num(spectra)).sum(axis=1)
    share = share / max(share.sum(), np.finfo(float).tiny)
    maps, beside = panels[:, ::2].ravel(), panels[:, 1::2].ravel()
    for ax in (*maps[n_maps:], *beside[n_maps:]):
        ax.set_axis_off()
    for ax, spectrum, (index, name) in zip(maps, beside, names.items(), strict=False):
        ax.set_title(name, fontsize="medium")
        limits = limits_of(values[index])
        if len(axes) == 1:
            ax.plot(axes[0].axis, values[index])
            ax.set_xlabel(label_of(axes[0]))
        else:
            extent = extent_of(axes)
            vmin, vmax = limits if name.startswith(VARIABLE) else (None, None)
            show_no_data(ax)
            image = ax.imshow(
                values[index], cmap=cmap, extent=extent, vmin=vmin, vmax=vmax
            )
            figure.colorbar(image, ax=ax, shrink=0.8)
            uneven = "" if extent else ", by index: not uniform"
            ax.set_xlabel(label_of(axes[0]) + uneven)
            ax.set_ylabel(label_of(axes[1]) + uneven)
        energy = effects.axes_manager.signal_axes[0]
        spectrum.axhline(0, color="0.7", lw=0.5)
        spectrum.plot(energy.axis, spectra[index], color="C3", lw=1)
        spectrum.margins(x=0)
        spectrum.set_title(f"{share[index]:.2g} of all changes", fontsize="small")
        spectrum.set_xlabel(label_of(energy, "Energy loss"), fontsize="small")
        spectrum.tick_params(labelsize="small")
    return list(maps[:n_maps])

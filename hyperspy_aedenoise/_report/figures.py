"""The pictures: training, latent maps, and denoising routes side by side."""

import numpy as np


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


def plot_loadings(loadings, names, per_row, cmap):
    """Latent maps, or lines for a line scan.

    Parameters
    ----------
    loadings : BaseSignal
        Latent index as navigation axis.
    names : dict of int to str
        Of the latent variables that are plotted, by index.
    per_row : int
    cmap : str or matplotlib.colors.Colormap

    Returns
    -------
    list of matplotlib.axes.Axes
    """
    import matplotlib.pyplot as plt

    n_maps = len(names)
    axes = loadings.axes_manager.signal_axes
    n_rows = -(-n_maps // per_row)
    n_columns = min(n_maps, per_row)
    figure, panels = plt.subplots(
        n_rows,
        n_columns,
        figsize=(3.2 * n_columns, 2.8 * n_rows),
        squeeze=False,
        layout="constrained",
    )
    n_all = loadings.axes_manager.navigation_size
    some = f" ({n_maps} of {n_all})" if n_maps < n_all else ""
    figure.suptitle(loadings.metadata.General.title + some)
    values = loadings.data.reshape(n_all, *loadings.data.shape[-len(axes) :])
    for ax in panels.flat[n_maps:]:
        ax.set_axis_off()
    for ax, (index, name) in zip(panels.flat, names.items(), strict=False):
        ax.set_title(name, fontsize="medium")
        if len(axes) == 1:
            ax.plot(axes[0].axis, values[index])
            ax.set_xlabel(_label(axes[0]))
        else:
            image = ax.imshow(values[index], cmap=cmap, extent=_extent(axes))
            figure.colorbar(image, ax=ax, shrink=0.8)
            ax.set_xlabel(_label(axes[0]))
            ax.set_ylabel(_label(axes[1]))
    return list(panels.flat[:n_maps])


def plot_routes(signals, table):
    """Denoising routes side by side: map of the largest contrast, and spectra.

    The map is a sum over few channels, where the noise is not averaged away: those
    around the channel in which the autoencoder's result varies most.

    Parameters
    ----------
    signals : dict of str to EELSSpectrum
        By route, the first of them raw.
    table : list of dict
        One row for each route.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    cubes = {route: _as_map(signal) for route, signal in signals.items()}
    first = next(iter(signals.values()))
    energy = first.axes_manager.signal_axes[0]
    # sums are alike only over channels that all routes have
    common = np.flatnonzero(
        np.all([np.isfinite(cube).any(axis=(0, 1)) for cube in cubes.values()], axis=0)
    )
    varied = np.nanvar(cubes["autoencoder"][..., common], axis=(0, 1))
    few = _around(common, int(varied.argmax()))
    images = {route: cube[..., few].sum(axis=-1) for route, cube in cubes.items()}
    rows = {row["route"]: row for row in table}
    calm = images["autoencoder"]
    positions = marked_positions(calm)
    n_routes = len(cubes)
    height, width = calm.shape
    slimness = np.clip(height / width, 0.4, 1.5) if height > 1 else 0.7
    heights = (3.0 * slimness + 1.0, 3.6)  # inches, titles and labels included
    figure = plt.figure(
        figsize=(3.1 * max(n_routes, 3), sum(heights)), layout="constrained"
    )
    upper, lower = figure.subfigures(2, 1, height_ratios=heights)
    limits = np.nanpercentile(images["raw"], (1, 99))
    panels = upper.subplots(1, n_routes, squeeze=False, sharey=height == 1)[0]
    first_and_last = sorted(energy.axis[few[[0, -1]]])
    limits_of_energy = " to ".join(f"{value:.6g}" for value in first_and_last)
    panels[0].set_ylabel(f"Sum of {limits_of_energy} {_unit(energy)}".strip())
    for ax, (route, image) in zip(panels, images.items(), strict=True):
        _draw_sum(ax, image, limits, first)
        ax.set_title(f"{_NAMES.get(route, route)}\n{_caption(rows.get(route))}")
        for number, position in enumerate(positions):
            _mark(ax, image, first, position, number)
    panels = lower.subplots(1, 4)
    spectra = [("Mean spectrum", None, "k")]
    spectra += [(f"Position {n + 1}", p, f"C{n + 1}") for n, p in enumerate(positions)]
    for ax, (title, position, color) in zip(panels, spectra, strict=False):
        for route, cube in cubes.items():
            if position is None:
                values = cube[np.isfinite(calm)].mean(axis=0)  # alike in all
            else:
                values = cube[position]
            style = _STYLES.get(route, {"lw": 1})
            ax.plot(energy.axis, values, label=_NAMES.get(route, route), **style)
        ax.set_title(title, color=color)
        ax.set_xlabel(_label(energy, "Energy loss"))
        ax.margins(x=0)
    panels[0].set_ylabel("Intensity")
    panels[0].legend(loc="upper right", fontsize="x-small")
    for ax in panels[len(spectra) :]:
        ax.set_axis_off()
    figure.draw_without_rendering()  # the layout settles in two rounds
    return figure


def _around(channels, middle):
    """A fiftieth of some channels, one at least, around one of them."""
    half = len(channels) // 100
    return channels[max(middle - half, 0) : middle + half + 1]


def marked_positions(image):
    """Up to three positions of low, middle and high intensity.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        NaN where there is nothing to show.

    Returns
    -------
    list of tuple of int
        Without repetition.
    """
    order = np.argsort(image, axis=None, kind="stable")  # NaN last
    order = order[: int(np.isfinite(image).sum())]
    chosen = [order[round(share * (order.size - 1))] for share in (0.98, 0.5, 0.02)]
    indices = dict.fromkeys(int(index) for index in chosen)
    return [tuple(int(i) for i in np.unravel_index(k, image.shape)) for k in indices]


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
    "raw": {"color": "0.8", "lw": 0.7, "zorder": 1},
    "pca": {"color": "C0", "lw": 2.5, "alpha": 0.5},
    "autoencoder": {"color": "C3", "lw": 0.9},
    "nonlocal": {"color": "C2", "lw": 0.9},
    "truth": {"color": "k", "lw": 1, "ls": ":"},
}


def _as_map(signal):
    """Values as (y, x, channel): a line has height 1, further axes are averaged."""
    index = signal.axes_manager.signal_axes[0].index_in_array
    cube = np.moveaxis(np.asarray(signal.data, dtype=float), index, -1)
    while cube.ndim > 3:
        cube = cube.mean(axis=0)
    return cube.reshape((1,) * (3 - cube.ndim) + cube.shape)


def _draw_sum(ax, image, limits, signal):
    """Image of summed channels, or a profile where there is only a line."""
    axes = signal.axes_manager.navigation_axes[:2]
    if len(axes) == 2:
        ax.imshow(image, cmap="gray", vmin=limits[0], vmax=limits[1])
        _scale_bar(ax, axes[0], image.shape[1])
        ax.set_xticks([])
        ax.set_yticks([])
    else:
        positions = axes[0].axis if axes else np.zeros(1)
        ax.plot(positions, image[0], color="k", lw=1)
        ax.set_xlabel(_label(axes[0]) if axes else "")


def _mark(ax, image, signal, position, number):
    """Mark a position in an image or profile with its number, in its colour."""
    (y, x), color = position, f"C{number + 1}"
    axes = signal.axes_manager.navigation_axes[:2]
    if len(axes) == 2:
        ax.plot(x, y, "s", mfc="none", mec=color, mew=1.5, ms=7)
        where = (x, y)
    else:
        where = (axes[0].axis[x] if axes else 0, image[0, x])
        ax.plot(*where, "s", mfc="none", mec=color, mew=1.5, ms=7)
    # inside of the axes, also at their border
    left = x > 0.8 * image.shape[1]
    below = len(axes) == 2 and y < 0.1 * image.shape[0]
    beside = (-11 if left else 5, -13 if below else 5)
    ax.annotate(
        str(number + 1), where, color=color, xytext=beside, textcoords="offset points"
    )


def _scale_bar(ax, axis, n_pixels):
    """A bar of 1, 2 or 5 times a power of ten, about a fifth of the width."""
    from matplotlib.offsetbox import (
        AnchoredOffsetbox,
        AuxTransformBox,
        TextArea,
        VPacker,
    )
    from matplotlib.patches import Rectangle

    target = 0.2 * n_pixels * abs(axis.scale)
    if n_pixels < 10 or not np.isfinite(target) or target <= 0:
        return  # no room for a bar, or no scale
    power = 10.0 ** np.floor(np.log10(target))
    length = power * max(step for step in (1, 2, 5) if step * power <= target * 1.001)
    units = _unit(axis) or "px"
    bar = AuxTransformBox(ax.transData)
    size = (length / abs(axis.scale), max(0.015 * n_pixels, 0.1))
    bar.add_artist(Rectangle((0, 0), *size, fc="w", ec="k", lw=0.5))
    text = TextArea(f"{length:g} {units}", textprops={"size": "small"})
    packed = VPacker(children=[bar, text], align="center", pad=0, sep=2)
    box = AnchoredOffsetbox("lower left", child=packed, frameon=True, pad=0.2)
    box.patch.set_alpha(0.6)
    ax.add_artist(box)


def estimate_in_words(row):
    """Estimated error of a route, or an upper limit where little of it is sure.

    Parameters
    ----------
    row : dict
        Of `DenoisingComparison.table`.

    Returns
    -------
    str
        The limit is two standard errors above the estimate, or above 0.
    """
    estimate, doubt = row["estimated_mse"], 2 * row["difference_error"]
    if estimate > doubt:
        return f"{estimate:.3g}"
    return f"< {max(estimate, 0) + doubt:.1g}"


def _caption(row):
    """Error of a route in a few characters."""
    if row is None:
        return ""
    if row.get("mse") is not None:
        return f"MSE {row['mse']:.3g}"
    return f"est. MSE {estimate_in_words(row)}"


def _label(axis, unnamed="Position"):
    name = axis.name if isinstance(axis.name, str) else unnamed
    return f"{name} ({_unit(axis)})" if _unit(axis) else name


def _unit(axis):
    return axis.units if isinstance(axis.units, str) else ""


def _extent(axes):
    (left, right), (top, bottom) = (
        (a.axis[0] - a.scale / 2, a.axis[-1] + a.scale / 2) for a in axes
    )
    return left, right, bottom, top

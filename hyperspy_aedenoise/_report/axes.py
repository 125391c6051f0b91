"""What pictures have in common: labels in the axes' own units, limits, a scale bar."""

import numpy as np

#: Percentiles of what is shown that limit a picture: one spike must not fade all else.
SHOWN = (1, 99)
#: Share of its range that is shown beyond these limits, on either side.
_BESIDE = 0.1


def unit_of(axis):
    """Unit of an axis; "" where it has none."""
    return axis.units if isinstance(axis.units, str) else ""


def label_of(axis, unnamed="Position"):
    """Name and unit of an axis, as far as it has them."""
    name = axis.name if isinstance(axis.name, str) else unnamed
    return f"{name} ({unit_of(axis)})" if unit_of(axis) else name


def intensity_label(signal):
    """What the values of a signal are, with their unit where HyperSpy knows it."""
    quantity = signal.metadata.get_item("Signal.quantity")
    return quantity if isinstance(quantity, str) and quantity else "Intensity"


def extent_of(axes):
    """Extent of an image on two axes, or None where one of them is not uniform."""
    if not all(axis.is_uniform for axis in axes):
        return None
    (left, right), (top, bottom) = (
        (a.axis[0] - a.scale / 2, a.axis[-1] + a.scale / 2) for a in axes
    )
    return left, right, bottom, top


def limits_of(values, least=0.0):
    """Limits within which values are seen, whatever single ones do.

    Parameters
    ----------
    values : ndarray
        NaN where there is nothing.
    least : float, default 0
        Distance of the limits, at least.

    Returns
    -------
    low, high : float
    """
    values = values[np.isfinite(values)]
    low, high = np.percentile(values, SHOWN) if values.size else (0.0, 1.0)
    beside = max(_BESIDE * (high - low), (least - (high - low)) / 2)
    return float(low - beside), float(high + beside)


def show_no_data(ax):
    """Let what is not drawn look like no data, and not like a value."""
    ax.set_facecolor("0.93")
    ax.patch.set(hatch="////", edgecolor="0.75", linewidth=0)


def scale_bar(ax, axis, n_pixels):
    """A bar of 1, 2 or 5 times a power of ten, about a fifth of the width."""
    from matplotlib.offsetbox import (
        AnchoredOffsetbox,
        AuxTransformBox,
        TextArea,
        VPacker,
    )
    from matplotlib.patches import Rectangle

    target = 0.2 * n_pixels * abs(axis.scale) if axis.is_uniform else np.nan
    if n_pixels < 10 or not np.isfinite(target) or target <= 0:
        return  # no room for a bar, or no scale
    power = 10.0 ** np.floor(np.log10(target))
    length = power * max(step for step in (1, 2, 5) if step * power <= target * 1.001)
    units = unit_of(axis) or "px"
    bar = AuxTransformBox(ax.transData)
    size = (length / abs(axis.scale), max(0.015 * n_pixels, 0.1))
    bar.add_artist(Rectangle((0, 0), *size, fc="w", ec="k", lw=0.5))
    text = TextArea(f"{length:g} {units}", textprops={"size": "small"})
    packed = VPacker(children=[bar, text], align="center", pad=0, sep=2)
    box = AnchoredOffsetbox("lower left", child=packed, frameon=True, pad=0.2)
    box.patch.set_alpha(0.6)
    ax.add_artist(box)

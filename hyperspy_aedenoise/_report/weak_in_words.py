"""Weak features, in words."""

from hyperspy_aedenoise._report.words import FWHM, in_digits


def lines_on_weak(denoiser, unit):
    """What was kept of what shows only in means over places.

    Parameters
    ----------
    denoiser : AutoencoderDenoiser
        A trained spatial-spectral one.
    unit : str
        Of its energies; "" where they have none.

    Returns
    -------
    list of str
    """
    weak = denoiser.history_["weak"]
    features = weak["features"] if weak else []
    return [
        f"  weak feature kept: {_in_words(one, denoiser, unit)}" for one in features
    ]


def warning_of_missed(denoiser, unit):
    """What is significant in means over places, but isn't in the result; or ""."""
    weak = denoiser.history_["weak"]
    if not weak or not weak["missed"]:
        return ""
    told = "; ".join(_in_words(one, denoiser, unit) for one in weak["missed"])
    return (
        "means of the raw data over places hold something that the denoised ones "
        f"don't: {told}. Take means of the raw data there."
    )


def energy_in_words(feature, energies, unit):
    """Where a peak lies, in energy loss if that is known."""
    if energies is None:
        return f"channel {feature['channel']:.0f}"
    return f"{energies[round(feature['channel'])]:.6g} {unit or 'on the energy axis'}"


def _in_words(one, denoiser, unit):
    """Energy, width, significance; place and height, unless there is no map."""
    axes, energies = denoiser.fitted_.bank.used.shape, denoiser.energies_
    width, of = FWHM * one["width"], "channels"
    if energies is not None and unit:
        width, of = width * abs(energies[1] - energies[0]), unit
    words = f"{energy_in_words(one, energies, unit)}, {in_digits(width)} {of} wide, "
    if one["height"]:
        number = one["n_positions"]
        words += (
            f"in {number} position{'s' * (number > 1)} {_where(one, axes)}, "
            f"{one['height']:.2g} times the noise, "
        )
    return words + f"significance {one['significance']:.0f}"


def _where(one, axes):
    """Rows and columns, as the axes of the data count them."""
    (first_map, *first), (last_map, *last) = one["first"], one["last"]
    sides = (*(1, *axes)[-2:],)
    parts = [
        f"{name} {low} to {high}" if high > low else f"{name[:-1]} {low}"
        for name, low, high, side in zip(
            ("rows", "columns"), first, last, sides, strict=True
        )
        if side > 1 and high - low < side - 1
    ]
    if len(axes) > 2 and last_map == first_map:
        parts.insert(0, f"map {first_map}")
    return f"in {', '.join(parts)}" if parts else "all over the map"

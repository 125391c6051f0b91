"""What a training did, in words."""

import numpy as np

from hyperspy_aedenoise._engine.recipe import Recipe
from hyperspy_aedenoise._filters.rare_peaks import MOST_SPECTRA
from hyperspy_aedenoise._report.lone_spectra import lone_spectra, lone_spectra_in_words
from hyperspy_aedenoise._report.weak_in_words import energy_in_words, lines_on_weak
from hyperspy_aedenoise._report.words import (
    VARIABLE,
    n_spectra_in_words,
    with_energies,
    with_error,
)

#: Positions of a rare peak, spikes, and latent variables of few spectra that are named.
_SHOWN = 4
#: Latent variables, and their number relative to that of the spectra, from which on
#: nothing was separated.
_MANY, _MANY_OF = 8, 0.2


def summary(denoiser, unit=""):
    """What was done, in the manner of ``decomposition()``.

    Parameters
    ----------
    denoiser : AutoencoderDenoiser
        A trained one.
    unit : str
        Of its energies; "" where they have none.

    Returns
    -------
    str
    """
    history = denoiser.history_
    kept = history["kept_iteration"]
    if denoiser.form_ is not None:
        return _summary_of_form(denoiser, unit)
    lines = [
        "Autoencoder info:",
        f"  architecture={denoiser.record()['architecture']}",
        f"  output_dimension={denoiser.record()['output_dimension']}",
        f"  noise: {denoiser.noise_.summary()}",
        f"  learned from: {denoiser.learned_from_}",
        f"  iterations={len(history['iteration'])}, kept: {kept}",
    ]
    lines += _lines_on_noise(denoiser, unit)
    if not history["iteration"]:
        lines.append("  not trained: the linear start (shrunk principal components)")
    elif kept == 0:
        lines.append(
            "  the linear start (optimally shrunk principal components) was kept: "
            f"training gained nothing that {history['judged_on']} could confirm"
        )
    elif history["held_out_loss"]:
        at = history["checked_iteration"].index(kept)
        gain = history["held_out_loss"][0] - history["held_out_loss"][at]
        lines.append(
            f"  gain over the linear start on {history['judged_on']}: {gain:.3g} +- "
            f"{history['held_out_error'][at]:.1g} of the noise variance"
        )
    return "\n".join(lines)


def _summary_of_form(denoiser, unit):
    """What the parts of a spatial-spectral autoencoder are, and why."""
    record, form = denoiser.record(), denoiser.form_
    weak = ", some of which show only in means over alike positions"
    lines = [
        "Autoencoder info:",
        "  architecture=spatial-spectral",
        f"  output_dimension={record['output_dimension']}"
        + (weak if form["weak_components"] else ""),
        f"  noise: {denoiser.noise_.summary()}",
        f"  learned from: {denoiser.learned_from_}",
        f"  code filter: {form['code_filter']}"
        + (
            f", corrected by {form['network']:.0%} of what the network would"
            + (", refined on this signal" if form["refined"] else "")
            if form["network"]
            else ""
        ),
        f"  spectra of the decoder: {form['decoder']}",
    ]
    if denoiser.history_["energy_shift"]:
        lines.append(
            f"  energy shift followed: {_spread_of_shift(denoiser, unit)} (standard "
            "deviation; a drift, or the same chemical shift of all edges)"
        )
    lines += _lines_on_choice(denoiser, form)
    lines += _lines_on_shift(denoiser.history_["forms"], form)
    lines += _lines_on_separation(denoiser)
    lines += _lines_on_noise(denoiser, unit)
    lines += [
        f"  {lone_spectra_in_words(found, denoiser.energies_, unit)}"
        for found in lone_spectra(denoiser)[:_SHOWN]
    ]
    lines += _lines_on_spikes(denoiser.history_["spikes"], denoiser.energies_, unit)
    lines += lines_on_weak(denoiser, unit)
    if denoiser.history_["rare"] is not None:
        lines += _lines_on_rare(denoiser.history_["rare"], denoiser.energies_, unit)
    lines += _lines_on_doubt(denoiser)
    return "\n".join(lines)


def _lines_on_noise(denoiser, unit):
    """What the measurement of the noise can't tell; once, where it was measured."""
    if denoiser.noise is not None:
        return []
    return [
        f"  noise: {with_energies(text, denoiser.energies_, unit)}"
        for text in dict.fromkeys(denoiser.noise_.warnings)
    ]


def _lines_on_doubt(denoiser):
    """That features may be none where the noise isn't what was measured."""
    weak, rare = denoiser.history_["weak"], denoiser.history_["rare"]
    has_features = (weak and weak["features"]) or (rare and rare["peaks"])
    if not has_features or not getattr(denoiser.noise_, "misfits", ()):
        return []
    return [
        "  these data don't follow the noise model, as told above: weak features and "
        "rare peaks may be noise"
    ]


def separates_nothing(denoiser):
    """Whether the spectra differ by more than components and noise.

    Parameters
    ----------
    denoiser : AutoencoderDenoiser
        A trained spatial-spectral one.
    """
    if denoiser.record()["requested_dimension"] is not None:
        return False
    n_codes, n_spectra = _separated(denoiser.fitted_)
    return n_codes >= max(_MANY, _MANY_OF * n_spectra)


def _separated(fitted):
    """Latent variables that are neither weak nor rare features, and spectra."""
    return fitted.n_codes, int(fitted.bank.used.sum())


def _lines_on_separation(denoiser):
    """That nothing was separated, if so."""
    if not separates_nothing(denoiser):
        return []
    n_codes, n_spectra = _separated(denoiser.fitted_)
    return [
        f"  nothing was separated: {n_codes} latent variables for "
        f"{n_spectra_in_words(n_spectra)}. Each one differs from the others by more "
        "than the noise that is assumed. Either the noise is larger or less regular "
        "than that (a background subtracted before, resampled or clipped data, spikes, "
        "see `s.estimate_noise().plot()`), or lines move by more than their width "
        "(align with `s.align1D()`), or the spectra have nothing in common."
    ]


def _lines_on_choice(denoiser, form):
    """Why a form was taken."""
    history = denoiser.history_
    tried = history["forms"]
    if Recipe(**form) == Recipe():
        why = f"none of {len(tried)} forms is better by more than chance allows"
        if history["interrupted"]:
            why = "interrupted before anything better was found"
        return [f"  that is, optimally shrunk principal components: {why}"]
    if form["aligned"] and not history["energy_shift"]:
        return ["  an energy shift was found on pairs of the spectra, but not in them"]
    return [
        _gain_in_words(one, denoiser.fitted_.error_of_shrinkage(), history["judged_on"])
        for one in tried
        if one.items() >= form.items()
    ]


def _lines_on_shift(tried, form):
    """That the spectra move along energy, where that isn't followed."""
    if form["aligned"] or not any(one["aligned"] for one in tried):
        return []
    return [
        "  spectra differ as if they were moved along energy (a drift, a chemical "
        "shift, or another composition). It isn't followed, as that is not better by "
        "more than chance allows; `s.estimate_shift1D()` measures it"
    ]


def _gain_in_words(one, of_shrinkage, judged_on):
    """By how much the chosen form is better than PCA at its best.

    Parameters
    ----------
    one : dict
        Of the forms that were tried.
    of_shrinkage : float or None
        Squared error of optimal shrinkage that theory gives, in units of the noise
        variance; too small where components are lost in the noise.
    judged_on : str
    """
    gain, error = -one["difference_to_shrinkage"], one["difference_error"]
    if not np.isfinite(gain + error):
        return "  better than optimally shrunk PCA; by how much is no longer known"
    numbers = (
        f"squared error smaller by {with_error(gain, error)} of the noise variance, on "
        f"{judged_on}"
    )
    if of_shrinkage is None:
        return f"  better than optimally shrunk PCA: {numbers}"
    # no error is negative
    before = max(of_shrinkage, gain + 2 * error)
    share = np.sqrt(1 - gain / before)
    return (
        f"  its error (rms) is about {share:.1g} times that of optimally shrunk PCA, "
        f"as far as pairs can tell: {numbers}, where that of PCA is about {before:.2g}"
    )


def latent_names(denoiser, most, unit=""):
    """Names of the first latent variables and of all weak and rare features.

    Parameters
    ----------
    denoiser : AutoencoderDenoiser
        A trained one.
    most : int
        Of the latent variables that are neither.
    unit : str
        Of the energies; "" where they have none.

    Returns
    -------
    dict of int to str
        By index.
    """
    rare = denoiser.history_["rare"]
    peaks = rare["peaks"] if rare else []
    weak = denoiser.history_["weak"]
    features = weak["features"] if weak else []
    n_codes = denoiser.decode_dimension() - len(features) - len(peaks)
    names = {number: f"{VARIABLE} {number}" for number in range(n_codes)[:most]}
    for number, feature in enumerate(features, n_codes):
        names[number] = (
            f"Weak feature, {energy_in_words(feature, denoiser.energies_, unit)}"
        )
    for number, peak in enumerate(peaks, n_codes + len(features)):
        names[number] = f"Rare peak, {energy_in_words(peak, denoiser.energies_, unit)}"
    return names


def _spread_of_shift(denoiser, unit):
    """Spread of the energy shifts, in the unit of the energies if they have one."""
    spread, energies = np.std(denoiser.history_["energy_shift"]), denoiser.energies_
    if energies is None or not unit:
        return f"{spread:.2g} channels"
    return f"{spread * abs(energies[1] - energies[0]):.2g} {unit}"


def _lines_on_spikes(spikes, energies, unit):
    """What was kept out of the fit."""
    if not spikes or not spikes["n_spikes"]:
        return []
    places = zip(spikes["positions"], spikes["channels"], strict=True)
    first = [
        f"s.inav{place[::-1]} at "
        + energy_in_words({"channel": channel}, energies, unit)
        for place, channel in list(places)[:_SHOWN]
    ]
    more = ", ..." if spikes["n_spikes"] > len(first) else ""
    n_spikes = spikes["n_spikes"]
    n_spikes = "1 spike" if n_spikes == 1 else f"{n_spikes} spikes"
    n_spectra = n_spectra_in_words(spikes["n_spectra"])
    return [
        f"  {n_spikes} in {n_spectra} ({', '.join(first)}{more}): left out of the "
        "fit, not put back. `s.spikes_removal_tool()` or `s.remove_spikes()` take "
        "them out of the data, too"
    ]


def _lines_on_rare(rare, energies, unit):
    """What few spectra have beyond the codes."""
    lines = []
    several = [peak for peak in rare["peaks"] if len(peak["positions"]) > 1]
    single = [peak for peak in rare["peaks"] if len(peak["positions"]) == 1]
    for peak in several + single[:_SHOWN]:
        n_spectra = len(peak["positions"])
        where = "".join(f" inav{place[::-1]}" for place in peak["positions"][:_SHOWN])
        more = "" if n_spectra <= _SHOWN else ", ..."
        lines.append(
            f"  rare peak put back: {energy_in_words(peak, energies, unit)} in "
            f"{n_spectra_in_words(n_spectra)} ({where.strip()}{more}), up to "
            f"{peak['strength']:.0f} times the noise"
        )
    if single:
        more = len(single) - _SHOWN
        if more > 0:
            lines.append(f"  and {more} more that one spectrum has")
        lines.append(
            "  what only one spectrum has may be a cosmic ray of many channels: mask "
            "that position if it is not to count"
        )
    if rare["spectra_with_spikes"]:
        lines.append(
            "  faint spikes of one to three channels in "
            f"{n_spectra_in_words(rare['spectra_with_spikes'])}: not put back"
        )
    if rare["share"] > MOST_SPECTRA:
        lines.append(
            f"  {100 * rare['share']:.0f} % of the spectra have something that was "
            "not restored, too many to be rare: does the noise model fit?"
        )
    return lines

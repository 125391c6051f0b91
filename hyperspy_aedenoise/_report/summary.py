"""What a training did, in words."""

import numpy as np

from hyperspy_aedenoise._engine.recipe import Recipe

#: Positions of a rare peak, and spikes, that are named.
_SHOWN = 4
#: What is counted, and one of it.
_COUNTED = {"spikes": "spike", "spectra": "spectrum"}


def summary(denoiser):
    """What was done, in the manner of ``decomposition()``.

    Parameters
    ----------
    denoiser : AutoencoderDenoiser
        A trained one.

    Returns
    -------
    str
    """
    history = denoiser.history_
    kept = history["kept_iteration"]
    if denoiser.form_ is not None:
        return _summary_of_form(denoiser)
    lines = [
        "Autoencoder info:",
        f"  architecture={denoiser.record()['architecture']}",
        f"  output_dimension={denoiser.record()['output_dimension']}",
        f"  noise: {denoiser.noise_.summary()}",
        f"  learned from: {denoiser.learned_from_}",
        f"  iterations={len(history['iteration'])}, kept: {kept}",
    ]
    lines += _lines_on_noise(denoiser)
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


def _summary_of_form(denoiser):
    """What the parts of a spatial-spectral autoencoder are, and why."""
    record, form = denoiser.record(), denoiser.form_
    lines = [
        "Autoencoder info:",
        "  architecture=spatial-spectral",
        f"  output_dimension={record['output_dimension']}"
        + (", weak components included" if form["weak_components"] else ""),
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
            f"  energy shift followed: {_spread_of_shift(denoiser)} (standard "
            "deviation; a drift, or the same chemical shift of all edges)"
        )
    lines += _lines_on_choice(denoiser.history_, form)
    lines += _lines_on_noise(denoiser)
    lines += _lines_on_spikes(denoiser.history_["spikes"], denoiser.energies_)
    if denoiser.history_["rare"] is not None:
        lines += _lines_on_rare(denoiser.history_["rare"], denoiser.energies_)
    return "\n".join(lines)


def _lines_on_noise(denoiser):
    """What the measurement of the noise can't tell."""
    return [f"  noise: {text}" for text in denoiser.noise_.warnings]


def _lines_on_choice(history, form):
    """Why a form was taken."""
    tried = history["forms"]
    if Recipe(**form) == Recipe():
        why = f"none of {len(tried)} forms is better by more than chance allows"
        if history["interrupted"]:
            why = "interrupted before anything better was found"
        return [f"  that is, optimally shrunk principal components: {why}"]
    if form["aligned"] and not history["energy_shift"]:
        return ["  an energy shift was found on pairs of the spectra, but not in them"]
    return [
        f"  gain over optimally shrunk principal components on {history['judged_on']}: "
        f"{-one['difference_to_shrinkage']:.3g} +- {one['difference_error']:.1g} of "
        "the noise variance"
        for one in tried
        if one.items() >= form.items()
    ]


def latent_names(denoiser, most):
    """Names of the first latent variables and of all rare peaks.

    Parameters
    ----------
    denoiser : AutoencoderDenoiser
        A trained one.
    most : int
        Of the latent variables that are no rare peaks.

    Returns
    -------
    dict of int to str
        By index.
    """
    rare = denoiser.history_["rare"]
    peaks = rare["peaks"] if rare else []
    n_codes = denoiser.decode_dimension() - len(peaks)
    names = {number: f"Latent variable {number}" for number in range(n_codes)[:most]}
    for number, peak in enumerate(peaks, n_codes):
        names[number] = f"Rare peak, {_place(peak, denoiser.energies_)}"
    return names


def _spread_of_shift(denoiser):
    """Spread of the energy shifts, in eV if the energies are known."""
    spread, energies = np.std(denoiser.history_["energy_shift"]), denoiser.energies_
    if energies is None:
        return f"{spread:.2g} channels"
    return f"{spread * abs(energies[1] - energies[0]):.2g} eV"


def _place(peak, energies):
    """Where a rare peak lies, in energy loss if that is known."""
    if energies is None:
        return f"channel {peak['channel']:.0f}"
    return f"{energies[round(peak['channel'])]:.6g} eV"


def _lines_on_spikes(spikes, energies):
    """What was kept out of the fit."""
    if not spikes or not spikes["n_spikes"]:
        return []
    places = zip(spikes["positions"], spikes["channels"], strict=True)
    first = [
        f"s.inav{place[::-1]} at {_place({'channel': channel}, energies)}"
        for place, channel in list(places)[:_SHOWN]
    ]
    more = ", ..." if spikes["n_spikes"] > len(first) else ""
    n_spikes, n_spectra = (_counted(spikes[f"n_{what}"], what) for what in _COUNTED)
    return [
        f"  {n_spikes} in {n_spectra} ({', '.join(first)}{more}): left out of the "
        "fit, not put back. `s.spikes_removal_tool()` or `s.remove_spikes()` take "
        "them out of the data, too"
    ]


def _counted(number, what):
    """A number of things in words."""
    return f"{number} {_COUNTED[what]}" if number == 1 else f"{number} {what}"


def _lines_on_rare(rare, energies):
    """What few spectra have beyond the codes."""
    lines = []
    for peak in rare["peaks"]:
        n_spectra = len(peak["positions"])
        where = "".join(f" inav{place[::-1]}" for place in peak["positions"][:_SHOWN])
        more = "" if n_spectra <= _SHOWN else ", ..."
        lines.append(
            f"  rare peak put back: {_place(peak, energies)} in {n_spectra} "
            f"spectr{'um' if n_spectra == 1 else 'a'} ({where.strip()}{more}), up to "
            f"{peak['strength']:.0f} times the noise"
        )
    if rare["spectra_with_spikes"]:
        lines.append(
            "  faint spikes of one to three channels in "
            f"{_counted(rare['spectra_with_spikes'], 'spectra')}: not put back"
        )
    if rare["share"] and not rare["peaks"]:
        lines.append(
            f"  {100 * rare['share']:.0f} % of the spectra have something that was "
            "not restored, too many to be rare: does the noise model fit?"
        )
    return lines

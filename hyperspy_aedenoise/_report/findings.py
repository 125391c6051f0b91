"""Problems with a denoising, in plain words, the worst first."""

from dataclasses import dataclass

import numpy as np

from hyperspy_aedenoise._filters.rare_peaks import MOST_SPECTRA
from hyperspy_aedenoise._report.gain_steps import gain_step_in_words, gain_steps
from hyperspy_aedenoise._report.lone_spectra import lone_spectra, lone_spectra_in_words
from hyperspy_aedenoise._report.summary import separates_nothing
from hyperspy_aedenoise._report.weak_in_words import energy_in_words, warning_of_missed
from hyperspy_aedenoise._report.words import (
    FWHM,
    in_digits,
    n_spectra_in_words,
    with_energies,
    with_error,
)

#: How much a finding matters, the worst first: the result is wrong there; it may be;
#: good to know.
SEVERITIES = ("severe", "warning", "note")
#: Positions that are named.
_SHOWN = 5
#: Structure left in the residual that is severe, relative to the noise of a spectrum.
_TALL = 0.5


@dataclass(frozen=True)
class Places:
    """Words for energies and positions.

    Parameters
    ----------
    energies : ndarray, shape (n_channels,)
    unit : str
        Of the energies; "" where they have none.
    positions : ndarray of int, shape (n_spectra, n_axes)
        Of the spectra that were looked at, in the order of the data.
    shape : tuple of int
        Of all positions.
    step : float
        Distance of two channels in energy.
    """

    energies: np.ndarray
    unit: str
    positions: np.ndarray
    shape: tuple
    step: float

    def energy(self, channel):
        """Energy of a channel with its unit."""
        value = self.energies[round(channel)]
        return f"{value:.6g} {self.unit}".strip()

    def full_width(self, channels):
        """Full width at half maximum, from a standard deviation in channels.

        In the unit of the energies, or in channels where they have none.
        """
        return float(FWHM * channels * (self.step if self.unit else 1))

    def width(self, channels):
        """Full width at half maximum with its unit."""
        return f"{in_digits(self.full_width(channels))} {self.unit or 'channels'}"

    def where(self, inside):
        """A part of the signal that holds most of some spectra, as `s.inav` has it."""
        if inside.all():
            return "all over the map"
        places = self.positions[inside]
        parts = []
        for axis, size in enumerate(self.shape):
            low, high = np.quantile(
                places[:, axis], (0.02, 0.98), method="closest_observation"
            )
            whole = low == 0 and high == size - 1
            one = f"{low}" if low == high else f"{low}:{high + 1}"
            parts.append(":" if whole else one)
        return f"in {n_spectra_in_words(len(places))}, s.inav[{', '.join(parts[::-1])}]"

    def first(self, numbers):
        """The first of some spectra, by their numbers."""
        places = self.positions[numbers[:_SHOWN]]
        named = ", ".join(
            f"s.inav[{', '.join(map(str, place[::-1]))}]" for place in places
        )
        return named + (", ..." if len(numbers) > _SHOWN else "")


def finding(kind, severity, text, **numbers):
    """A finding as a dictionary."""
    return {"kind": kind, "severity": severity, "text": text, **numbers}


def in_order(findings):
    """Those that would hurt most first."""
    return sorted(findings, key=lambda one: SEVERITIES.index(one["severity"]))


def on_structures(structures, noise, mean, places):
    """Findings on means of the residual that are no noise.

    Parameters
    ----------
    structures : list of Structure
    noise : NoiseModel
    mean : ndarray, shape (n_channels,)
        Mean spectrum.
    places : Places

    Yields
    ------
    dict
    """
    spread = np.sqrt(noise.variance(mean))
    for one in structures:
        at = round(one.channel)
        relative = abs(one.height) / spread[at]
        where = places.where(one.inside)
        advice, numbers = "take means of the raw data there", {}
        if one.is_scattered:
            height = "higher in some places and lower in others"
            advice = "map the residual (`signals` of this report) at that energy"
        else:
            numbers = {"height": one.height, "error": one.error}
            sign = "peak" if one.height > 0 else "dip"
            height = (
                f"a {sign} of {with_error(one.height, one.error)} ({relative:.2g} "
                f"times the noise of one spectrum) {where}"
            )
        yield finding(
            "structure",
            "severe" if relative > _TALL and not one.is_scattered else "warning",
            f"the residual isn't noise at {places.energy(one.channel)}, "
            f"{places.width(one.width)} wide: {height}, significance "
            f"{one.significance:.1f}. The denoised data lack it: {advice}.",
            energy=float(places.energies[at]),
            width=places.full_width(one.width),
            **numbers,
            significance=one.significance,
            n_positions=int(one.inside.sum()),
        )


def on_scan(uneven):
    """Finding on rows or columns whose intensity changes at random, if there are."""
    if uneven is not None:
        yield finding(
            "uneven lines",
            "warning",
            f"the intensity of {uneven.along} scatters by about "
            f"{in_digits(100 * uneven.spread)} % (standard deviation) at random, alike "
            "at all energies, as where the beam current or a gain changed during the "
            "scan. It is taken for signal: if intensities are to be compared between "
            "positions, divide each of them by a current that was measured with it.",
            along=uneven.along,
            spread=uneven.spread,
        )


def on_noise(noise, places):
    """Findings on the data's noise, as its measurement tells them.

    Parameters
    ----------
    noise : MeasuredNoise
    places : Places
    """
    for text in dict.fromkeys((*noise.misfits, *noise.warnings)):
        severity = "severe" if text in noise.misfits else "warning"
        text = with_energies(text, places.energies, places.unit)
        yield finding("noise", severity, text)


def on_fit(denoiser, places):
    """Findings on what the fit itself saw.

    An interrupt, a drift that isn't followed, latent variables that separate nothing,
    or are a step or of few spectra; weak features that could not be kept, too many rare
    ones, peaks of one spectrum, and spikes.

    Parameters
    ----------
    denoiser : AutoencoderDenoiser
    places : Places

    Yields
    ------
    dict
    """
    history = denoiser.history_
    if history["interrupted"]:
        text = "the fit was interrupted: what it had by then is the result. Fit again."
        yield finding("interrupted", "warning", text)
    if not denoiser.is_spatial:
        return
    if denoiser.form_["aligned"] < any(one["aligned"] for one in history["forms"]):
        yield finding(
            "drift",
            "note",
            "spectra differ as if they were moved along energy, by a drift, a chemical "
            "shift or another composition, and that isn't followed: it would not be "
            "better by more than chance allows. `s.estimate_shift1D()` measures it.",
        )
    if separates_nothing(denoiser):
        yield finding(
            "nothing separated",
            "warning",
            f"{denoiser.n_latent_} latent variables: all spectra differ, or something "
            "in each of them isn't noise as it is modelled.",
            n_latent=denoiser.n_latent_,
        )
    for found in gain_steps(denoiser):
        text = gain_step_in_words(found, denoiser.energies_, places.unit)
        yield finding("step along energy", "note", f"{text}.", **found)
    for found in lone_spectra(denoiser)[:_SHOWN]:
        text = lone_spectra_in_words(found, denoiser.energies_, places.unit)
        yield finding("lone spectra", "note", f"{text}.", **found)
    missed = warning_of_missed(denoiser, places.unit)
    if missed:
        yield finding("weak feature", "severe", missed)
    rare = history["rare"]
    if rare and rare["share"] > MOST_SPECTRA:
        share = rare["share"]
        yield finding(
            "not restored",
            "severe",
            f"{100 * share:.0f} % of the spectra have something that was not restored, "
            "too many to be rare: does the noise model fit?",
            share=share,
        )
    peaks = rare["peaks"] if rare else []
    single = [peak for peak in peaks if len(peak["positions"]) == 1]
    if single and not denoiser.fitted_.is_part:
        told = ", ".join(
            f"s.inav{peak['positions'][0][::-1]} at "
            + energy_in_words(peak, denoiser.energies_, places.unit)
            for peak in single[:_SHOWN]
        )
        more = ", ..." if len(single) > _SHOWN else ""
        yield finding(
            "peaks of one spectrum",
            "note",
            f"what only one spectrum has: {told}{more}. A cosmic ray of many channels, "
            "or something of that position? Mask it if it is not to count.",
            positions=[peak["positions"][0] for peak in single],
            channels=[peak["channel"] for peak in single],
        )
    spikes = history["spikes"]
    if spikes and spikes["n_spikes"]:
        yield finding(
            "spikes",
            "note",
            f"{spikes['n_spikes']} spikes in "
            f"{n_spectra_in_words(spikes['n_spectra'])}, which are not in the result. "
            "`s.spikes_removal_tool()` takes them out of the raw data, too.",
            n_spikes=spikes["n_spikes"],
            n_spectra=spikes["n_spectra"],
        )


def on_new_spectra(n_new, n_spectra):
    """Finding on spectra that the fit doesn't know."""
    if n_new:
        yield finding(
            "extrapolation",
            "warning",
            f"{n_new} of {n_spectra} spectra are new to the fit or were changed since: "
            "they are estimated by what was learned from others. Fit again with "
            "`s.decompose_autoencoder()`.",
            n_new=n_new,
        )


def on_truth(error, noise):
    """What the truth says, where that is known.

    Parameters
    ----------
    error, noise : float
        Root mean squares of denoised minus true, and of raw minus true.
    """
    yield finding(
        "truth",
        "severe" if error > noise else "note",
        f"against the truth the error (rms) is {error:.3g}; that of the raw data is "
        f"{noise:.3g}.",
        error=error,
        noise=noise,
    )

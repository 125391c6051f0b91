"""What speaks against a denoising: findings, the signals behind them, a picture."""

import html
from dataclasses import dataclass, field

import numpy as np

from hyperspy_aedenoise._errors import must_be, positive_integer
from hyperspy_aedenoise._report.check_figure import plot_check
from hyperspy_aedenoise._report.words import FWHM


@dataclass
class DenoisingReport:
    """What a look at the residual and at the fit says of a denoising.

    Parameters
    ----------
    findings : list of dict
        Each with ``kind``; ``severity``, which is "severe" (the result is wrong there),
        "warning" (it may be) or "note"; ``text``, in plain words; and numbers, which
        depend on the kind. Ordered by severity.
    signals : dict of str to BaseSignal
        "raw", "denoised", "residual" (raw minus denoised in units of the noise of each
        value), "residual_map" (its mean square at each position) and
        "residual_spectrum" (at each energy): about 1 where nothing but noise was taken
        off. Of a large lazy signal the last two are of pieces of it.
    n_judged, n_spectra : int
        Spectra that were looked at, and all.
    checked : Checked
        What it rests on, as arrays.
    means_of : callable
        What `region` calls.
    """

    findings: list
    signals: dict
    n_judged: int
    n_spectra: int
    checked: object = field(repr=False)
    means_of: object = field(repr=False)

    def detectable(self, energy, width=None, positions=1):
        """Height that a peak must have to survive the denoising with 95 % chance.

        Parameters
        ----------
        energy : float or array_like
            Of the peak, in the unit of the energy axis.
        width : float, optional
            Full width at half maximum, in the unit of the energy axis. Default: of
            five channels.
        positions : int, default 1
            Probe positions that have it, beside each other.

        Returns
        -------
        float or ndarray, shape of `energy`
            In signal units. NaN where that can't be said: with a network, which takes
            each spectrum by itself; where not even the largest peaks are kept; and
            outside of the energies of the fit.

        Raises
        ------
        ValueError, TypeError
            If `width` or `positions` don't fit.

        Notes
        -----
        Peaks of this width in so many positions are put into the denoised spectra at
        random places and energies, and denoised again in fresh noise, eight times: that
        takes up to as long as `decompose_autoencoder`. A peak counts as kept if half of
        it comes out. What is found is the significance that it takes, which is kept
        for further energies. *Don't believe* it for peaks of other shapes than those of
        a Gaussian, or within something that changes as sharply in energy.
        """
        checked = self.checked
        energy = np.asarray(energy, float)
        step = checked.step
        width = 5 * step if width is None else _positive("width", width)
        most = int(checked.used.sum())
        advice = "It is the number of probe positions that have the peak."
        positions = positive_integer("positions", positions, advice)
        if positions > most:
            raise ValueError(
                must_be("positions", f"at most {most}", str(positions), advice)
            )
        width = width / step / FWHM
        heights = checked.detectable(energy.ravel(), width, positions)
        return heights.reshape(energy.shape)[()]

    def region(self, region):
        """Mean raw and denoised spectra of a region, and whether they disagree.

        Parameters
        ----------
        region : ndarray of bool, BaseSignal or HyperSpy ROI
            A mask is True at the positions that are meant, in the shape of
            ``axes_manager.navigation_shape``.

        Returns
        -------
        RegionReport
            With the two mean spectra as `signals`, the `table` of their difference by
            windows along energy, and `plot()`.
        """
        return self.means_of(region)

    def plot(self):
        """Show the residual by position and energy, the findings, and the limit.

        Returns
        -------
        matplotlib.figure.Figure
            The mean square of the residual at each position and at each energy, in
            units of the noise; how means of it over more and more positions fall,
            beside what noise does; the mean spectrum with what was found; and the
            height that a peak must have to be kept, over energy.
        """
        return plot_check(self)

    def __str__(self):
        return "\n".join([self._title(), *map(_line, self.findings)])

    __repr__ = __str__

    def _repr_html_(self):
        items = "".join(
            f"<li><b>{one['severity']}</b>: {html.escape(one['text'])}</li>"
            for one in self.findings
        )
        return f"<p>{html.escape(self._title())}</p><ul>{items}</ul>"

    def _title(self):
        seen = f"{self.n_judged} of {self.n_spectra} spectra"
        if self.n_judged == self.n_spectra:
            seen = f"{self.n_spectra} spectra"
        worst = [one for one in self.findings if one["severity"] != "note"]
        if not worst:
            return f"Nothing speaks against this denoising (looked at {seen})."
        return f"{len(worst)} findings on this denoising (looked at {seen}):".replace(
            "1 findings", "1 finding"
        )


def _line(one):
    return f"  {one['severity']}: {one['text']}"


def _positive(argument, value):
    """A number above 0, or a refusal."""
    advice = "It is a full width at half maximum."
    try:
        value = float(value)
    except (TypeError, ValueError):
        allowed = "a number"
        raise TypeError(must_be(argument, allowed, repr(value), advice)) from None
    if not 0 < value < np.inf:
        raise ValueError(must_be(argument, "above 0", f"{value:g}", advice))
    return value

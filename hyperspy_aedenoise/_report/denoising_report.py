"""Problems with a denoising: findings, the signals behind them, a picture."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hyperspy_aedenoise._errors import finite_number, must_be, positive_integer
from hyperspy_aedenoise._report.check_figure import plot_check
from hyperspy_aedenoise._report.words import FWHM

if TYPE_CHECKING:
    from collections.abc import Callable

    from hyperspy.roi import BaseROI
    from hyperspy.signals import BaseSignal
    from matplotlib.figure import Figure

    from hyperspy_aedenoise._check.checked import Checked
    from hyperspy_aedenoise._report.region_report import RegionReport

#: Full width at half maximum of a peak, in channels, if none is asked for.
_DEFAULT_WIDTH = 5


@dataclass
class DenoisingReport:
    """What a look at the residual and at the fit says of a denoising.

    Parameters
    ----------
    findings : list of dict
        Each with ``kind``; ``severity``, which is "severe" (the result is wrong there),
        "warning" (it may be) or "note"; ``text``, in plain words; and numbers, which
        depend on the kind. Ordered by severity. A "width" is a full width at half
        maximum in the unit of the energy axis (channels, where it has none); structure
        of either sign has neither "height" nor "error".
    signals : dict of str to BaseSignal
        "raw", "denoised", "residual" (raw minus denoised in units of the noise of each
        value, NaN where that is 0), "residual_map" and "residual_spectrum": its mean
        square at each position and energy, without correlation along energy and spikes,
        about 1 where nothing but noise was removed. Of a large lazy signal the last
        two are of pieces of it, and the map is NaN elsewhere.
    n_judged, n_spectra : int
        Spectra that were looked at, and all.
    checked : Checked
        What it rests on, as arrays.
    means_of : callable
        What `region` calls.
    """

    findings: list[dict]
    signals: dict[str, BaseSignal]
    n_judged: int
    n_spectra: int
    checked: Checked = field(repr=False)
    means_of: Callable = field(repr=False)

    def detectable(
        self, energy: float | np.ndarray, width: float | None = None, positions: int = 1
    ) -> float | np.ndarray:
        """Height that a peak must have to survive the denoising with 95 % chance.

        Parameters
        ----------
        energy : float or array_like
            Of the peak, in the unit of the energy axis.
        width : float, optional
            Full width at half maximum, in the unit of the energy axis, at least one
            channel. Default: five channels.
        positions : int, default 1
            Probe positions that have it, beside each other.

        Returns
        -------
        float or ndarray, shape of `energy`
            In signal units. NaN where that can't be said: with a network, which takes
            each spectrum by itself; of a part of a map that was saved alone; where not
            even the largest peaks are kept; outside of the energies of the fit; and
            with more positions than the part of the map has that is tried, of at most
            32 x 32 positions or 1024 of a line.

        Raises
        ------
        ValueError, TypeError
            If `width` or `positions` don't fit.

        Notes
        -----
        Peaks of this width in so many positions are put into the denoised spectra at
        random places and energies, and denoised again in fresh noise, eight times: of
        many channels and few positions that takes several times as long as
        `decompose_autoencoder`. A peak counts as kept if half of
        it comes out. What is found is the significance that it takes, which is kept
        for further energies. *Don't believe* it for peaks of other shapes than those of
        a Gaussian, or within something that changes as sharply in energy.
        """
        checked = self.checked
        energy = np.asarray(energy, float)
        step = checked.step
        width = _DEFAULT_WIDTH * step if width is None else _width(width, step)
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

    def region(
        self,
        region: np.ndarray | BaseSignal | BaseROI,
        windows: list[tuple[float, float]] | None = None,
    ) -> RegionReport:
        """Mean raw and denoised spectra of a region, and whether they disagree.

        Parameters
        ----------
        region : ndarray of bool, BaseSignal or HyperSpy ROI
            A mask is True at the positions that are meant, in the shape of
            ``axes_manager.navigation_shape``. Of a ROI the axes are those of the
            signal.
        windows : list of tuple of float, optional
            Ranges of energies, (low, high), both ends included, in the unit of the
            energy axis. Channels that the fit leaves out don't count. Default: the
            whole axis in up to 24 equal parts.

        Returns
        -------
        RegionReport
            With the two mean spectra as `signals`, the `table` of their difference by
            windows, and `plot()`.

        Raises
        ------
        TypeError, ValueError
            If the region is none, or has no spectrum that was denoised; or if a window
            is no range of energies of the signal.
        """
        return self.means_of(region, windows)

    def plot(self) -> Figure:
        """Show the residual by position and energy, the findings, and the limit.

        Returns
        -------
        matplotlib.figure.Figure
            The mean square of the residual at each position and at each energy, in
            units of the noise; how means of it over more and more positions fall,
            beside what noise does; the mean spectrum with what was found; and the
            height that a peak must have to be kept, over energy. To find that height
            takes up to some times the time of the fit, see `detectable`.
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
            return f"No problem was found in this denoising (looked at {seen})."
        number = "1 finding" if len(worst) == 1 else f"{len(worst)} findings"
        return f"{number} on this denoising (looked at {seen}):"


def _line(one):
    return f"  {one['severity']}: {one['text']}"


def _width(value, step):
    """A full width at half maximum of a channel at least, or a refusal."""
    unit = "the unit of the energy axis"
    advice = f"It is a full width at half maximum; a channel has {step:.3g}."
    value = finite_number("width", value, unit, advice)
    if value < step:
        raise ValueError(
            must_be("width", "at least a channel wide", f"{value:g}", advice)
        )
    return value

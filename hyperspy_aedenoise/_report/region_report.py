"""Mean spectra of a region, raw and denoised: a table and a picture."""

from dataclasses import dataclass, field

import numpy as np

from hyperspy_aedenoise._report.axes import intensity_label, label_of, unit_of

#: Standard errors from which on a difference is marked.
_CLEAR = 3.0


@dataclass
class RegionReport:
    """Raw and denoised means of the same positions, and whether they disagree.

    Parameters
    ----------
    n_positions : int
    signals : dict of str to EELSSpectrum
        "raw" and "denoised", the mean spectra. The variance of the raw one's noise is
        where HyperSpy has it, in ``metadata.Signal.Noise_properties.variance``.
    table : list of dict
        For each window along energy: ``low`` and ``high``, energies; ``raw`` and
        ``denoised``, means there; ``difference`` of the two; ``error``, the standard
        error of ``raw`` due to the noise, and so of the difference; and
        ``significance``, difference over error.
    means : RegionMeans
    """

    n_positions: int
    signals: dict
    table: list
    means: object = field(repr=False)

    def plot(self):
        """Draw both mean spectra, and their difference beside its error.

        Returns
        -------
        matplotlib.figure.Figure
        """
        import matplotlib.pyplot as plt

        figure, (above, below) = plt.subplots(
            2,
            1,
            sharex=True,
            height_ratios=(2, 1),
            figsize=(7, 5.5),
            layout="constrained",
        )
        raw, denoised = self.signals["raw"], self.signals["denoised"]
        axis, means = raw.axes_manager.signal_axes[0], self.means
        error = np.sqrt(raw.metadata.Signal.Noise_properties.variance.data)
        energies = axis.axis
        above.fill_between(
            energies,
            raw.data - error,
            raw.data + error,
            color="0.85",
            label="Raw +- its standard error",
        )
        above.plot(energies, raw.data, color="0.6", lw=0.7)
        above.plot(energies, denoised.data, color="#c1121f", lw=1.2, label="Denoised")
        above.set_ylabel(intensity_label(raw))
        above.set_title(f"Mean of {self.n_positions} positions")
        above.legend()
        middle = [(row["low"] + row["high"]) / 2 for row in self.table]
        below.axhline(0, color="k", lw=0.7)
        below.errorbar(
            middle, means.difference, means.difference_error, fmt=".", color="0.3"
        )
        clear = np.abs(means.significance) > _CLEAR
        below.plot(
            np.array(middle)[clear], means.difference[clear], "o", color="#c1121f"
        )
        below.set_ylabel("Raw - denoised")
        below.set_xlabel(label_of(axis, "Energy loss"))
        below.margins(x=0)
        return figure

    def __str__(self):
        worst = max(self.table, key=lambda row: abs(row["significance"]))
        n_windows = len(self.table)
        unit = unit_of(self.signals["raw"].axes_manager.signal_axes[0])
        window = f"{worst['low']:.6g} to {worst['high']:.6g} {unit}".rstrip()
        told = (
            f"{worst['difference']:.3g} +- {worst['error']:.2g}, "
            f"{abs(worst['significance']):.1f} standard errors"
        )
        of = f"Mean of {self.n_positions} positions"
        if n_windows == 1:
            return f"{of}, {window}: raw minus denoised is {told}."
        return (
            f"{of}: raw and denoised differ most at {window}, by {told}; by chance "
            f"alone the largest of {n_windows} windows reaches about "
            f"{np.sqrt(2 * np.log(n_windows)):.1f}."
        )

    __repr__ = __str__

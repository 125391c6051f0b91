"""The autoencoder beside PCA: a table, a picture, and a recommendation."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hyperspy_aedenoise._errors import must_be
from hyperspy_aedenoise._report.comparison_figure import plot_routes
from hyperspy_aedenoise._report.words import estimate_in_words, with_error

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal
    from matplotlib.figure import Figure

    from hyperspy_aedenoise._noise.model import NoiseModel

#: All routes, in the order of the table.
ROUTES = ("raw", "pca", "pca_shrinkage", "autoencoder", "nonlocal", "pca_oracle")


@dataclass
class DenoisingComparison:
    """Denoising routes beside each other.

    Parameters
    ----------
    table : list of dict
        A row for each route: ``route``; ``components`` (principal components or
        latent variables); ``estimated_mse`` and ``estimated_error``, the mean squared
        error estimated without truth, with its standard error; ``difference_to_pca``
        and ``difference_error``, by how much it is above that of PCA, with its standard
        error; ``mse`` against the truth, None without truth. Errors are in signal units
        squared.
    signals : dict of str to EELSSpectrum
        The signal as each route restores it; "nonlocal" only where the autoencoder
        is anything else than the filtered codes. "raw" shares its data with the signal.
    recommended : str or None
        A route; without truth the simplest one that no other beats by more than chance
        allows. None where the errors rest on a noise model that doesn't hold:
        `reason` says why, and what helps.
    reason : str
        Why, in plain words.
    truth : EELSSpectrum or None
    noise : NoiseModel
        Of the spectra, as the errors are judged by it.
    """

    table: list[dict]
    signals: dict[str, BaseSignal]
    recommended: str | None
    reason: str
    truth: BaseSignal | None = None
    noise: NoiseModel | None = None

    def plot(
        self, window: tuple[float, float] | None = None, interactive: bool = False
    ) -> Figure | None:
        """Plot raw, PCA, autoencoder and what is recommended.

        Parameters
        ----------
        window : tuple of float, optional
            Energies ``(low, high)``, in the unit of the axis, between which the maps
            are summed. Default: where the positions differ most beyond thickness and
            background, in units of the noise.
        interactive : bool, default False
            Show the signals and the autoencoder's residual as HyperSpy does, with
            one navigator for all of them: move its cursor to see other positions. The
            truth isn't among them.

        Returns
        -------
        matplotlib.figure.Figure or None
            None if it is interactive. Else maps, and below them their residuals, in
            units of the noise; the mean spectrum, and spectra at three marked positions
            of high, middle and low intensity, where a steep background would hide them
            less a straight line; and below these their residuals, averaged over some
            channels, beside the band of one standard deviation. Positions without
            result are hatched.

        Raises
        ------
        ValueError, TypeError
            If `window` is no range of energies of the signal, or is given for an
            interactive plot, which shows all energies.
        """
        if interactive and window is not None:
            raise ValueError(
                must_be(
                    "window",
                    "None if `interactive` is True",
                    repr(window),
                    "HyperSpy's navigator shows all energies.",
                )
            )
        routes = ["raw", "pca", "autoencoder"]
        if self.recommended is not None and self.recommended not in routes:
            routes.insert(2, self.recommended)
        if interactive:
            return self._plot_linked(routes)
        if self.truth is not None:
            routes.append("truth")
        return plot_routes(self, routes, window)

    def _plot_linked(self, routes):
        """Signals that share a navigator."""
        from hyperspy.api import plot

        # slices share the data, and have titles of their own
        shown = [self.signals[route].isig[:] for route in routes]
        shown.append(self.signals["raw"] - self.signals["autoencoder"])
        for signal, name in zip(shown, [*routes, "raw - autoencoder"], strict=True):
            signal.metadata.General.title = name
        without = [None] * len(routes)
        plot.plot_signals(shown, navigator_list=["auto", *without])

    def __str__(self):
        return f"{self._pretty().get_string()}\n{self.reason}"

    __repr__ = __str__

    def _repr_html_(self):
        return f"{self._pretty().get_html_string()}<p>{html.escape(self.reason)}</p>"

    def _pretty(self):
        from prettytable import PrettyTable

        table = PrettyTable()
        known = self.table[0]["mse"] is not None
        table.field_names = [
            "route",
            "components",
            "estimated MSE",
            "minus that of PCA",
            *(["MSE against truth", "raw / MSE"] if known else []),
        ]
        raw = self.table[0]["mse"]
        for row in self.table:
            cells = [
                row["route"] + (" *" if row["route"] == self.recommended else ""),
                "" if row["components"] is None else row["components"],
                estimate_in_words(row),
                with_error(row["difference_to_pca"], row["difference_error"]),
            ]
            if known:
                # "" where there is no error at all
                times = f"{raw / row['mse']:.1f}" if row["mse"] else ""
                cells += [f"{row['mse']:.3g}", times]
            table.add_row(cells)
        table.align = "r"
        table.align["route"] = "l"
        return table

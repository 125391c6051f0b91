"""Noise that was measured: its model, how sure it is, and what it rests on."""

from dataclasses import dataclass, field

import numpy as np

from hyperspy_aedenoise._noise.model import NoiseModel


@dataclass(frozen=True)
class MeasuredNoise(NoiseModel):
    """A noise model with standard errors and the figures it was fitted to.

    Attributes
    ----------
    gain, offset, correlation, pedestal
        As of `NoiseModel`.
    gain_error, offset_error, lag_1_error : float
        Standard errors of gain, offset and of the correlation of neighbours, from
        leaving out an eighth of the spectra at a time.
    levels, variances : ndarray, shape (n_bins,)
        Expected value (signal units) and variance (signal units squared) to which the
        line of gain and offset was fitted.
    autocorrelation : ndarray, shape (n_lags,)
        As measured, at lags 0, 1, 2, ... along energy.
    fixed_pattern : float
        Standard deviation from channel to channel of a pattern common to all spectra,
        relative to the mean spectrum.
    dark_pattern : float
        Standard deviation from channel to channel of a pattern that is added to all
        spectra, whatever their intensity, in signal units.
    steps : tuple
        A `Step` of all spectra, and one by which some of them differ, or None.
    n_spikes, n_dead_channels, n_off_line : int
        Values, and channels, that were left out; the last ones because something other
        than noise varies in them.
    warnings : tuple of str
        What the data can't tell, and where they don't follow the model.
    misfits : tuple of str
        Those of the warnings that say where the data don't follow the model: errors
        that rest on it mean nothing then.
    """

    gain_error: float = 0.0
    offset_error: float = 0.0
    lag_1_error: float = 0.0
    levels: np.ndarray | tuple = field(default=(), repr=False, compare=False)
    variances: np.ndarray | tuple = field(default=(), repr=False, compare=False)
    autocorrelation: np.ndarray | tuple = field(
        default=(1.0,), repr=False, compare=False
    )
    fixed_pattern: float = 0.0
    dark_pattern: float = 0.0
    steps: tuple = field(default=(None, None), repr=False, compare=False)
    n_spikes: int = 0
    n_dead_channels: int = 0
    n_off_line: int = 0
    warnings: tuple = field(default=(), repr=False)
    misfits: tuple = field(default=(), repr=False)

    def plot(self):
        """Draw variance against expected value, and the autocorrelation along energy.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from hyperspy_aedenoise._noise.figure import plot_noise

        return plot_noise(self)

    def __str__(self):
        rho = [*self.correlation, 0.0][1]
        lines = [
            self.summary(),
            f"  gain {self.gain:.4g} +- {self.gain_error:.2g} signal units",
            f"  offset {self.offset:.4g} +- {self.offset_error:.2g} signal units²",
            f"  correlation of neighbours {rho:.3f} +- {self.lag_1_error:.2g}",
            f"  pattern common to all spectra {100 * self.fixed_pattern:.2g} %",
        ]
        if self.pedestal:
            lines.insert(3, f"  pedestal {self.pedestal:.6g} signal units")
        if self.dark_pattern:
            lines.append(
                f"  pattern added to all spectra {self.dark_pattern:.2g} signal units"
            )
        if self.n_spikes or self.n_dead_channels or self.n_off_line:
            lines.append(
                f"  left out: {self.n_spikes} values of spikes, "
                f"{self.n_dead_channels} dead channels, {self.n_off_line} with more "
                "than noise"
            )
        return "\n".join(lines + [f"  Warning: {text}" for text in self.warnings])

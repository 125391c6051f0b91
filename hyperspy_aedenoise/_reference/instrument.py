"""What an instrument makes of an edge: plural scattering, resolution, channels."""

import functools
from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.interpolate

#: Full width at half maximum of a Gaussian of standard deviation 1.
FWHM = 2 * np.sqrt(2 * np.log(2))
#: The minimum between zero-loss peak and first loss lies here (eV).
_END_OF_ZERO_LOSS = (1.0, 10.0)


@dataclass(frozen=True)
class Edge:
    """Simulated spectra of one edge, without background.

    Parameters
    ----------
    energies : ndarray, shape (n,)
        Centres of uniform channels in eV, ascending.
    spectra : ndarray, shape (n_spectra, n)
        Counts per channel; taken as 0 below the first channel.
    weights : ndarray, shape (n_positions, n_spectra), optional
        Shares of the spectra at each position. Default: each spectrum is a position.
    resolution : float, default 0
        Instrument's full width at half maximum in eV that is already in them.
    losses : Losses, optional
        Plural scattering that is not yet in them.
    last : float, optional
        Energy in eV beyond which they serve to fold only. Default: all are valid.
    """

    energies: np.ndarray
    spectra: np.ndarray
    weights: np.ndarray | None = None
    resolution: float = 0.0
    losses: "Losses | None" = None
    last: float | None = None

    @property
    def n_positions(self):
        """Number of positions."""
        return len(self.spectra if self.weights is None else self.weights)

    @functools.cached_property
    def mean(self):
        """Mean spectrum over the positions, shape (n,)."""
        if self.weights is None:
            return self.spectra.mean(axis=0)
        return self.weights.mean(axis=0) @ self.spectra

    @functools.cached_property
    def onset(self):
        """Energy in eV where the mean first reaches a fifth of its maximum."""
        return float(self.energies[np.argmax(self.mean > 0.2 * self.mean.max())])

    @property
    def end(self):
        """Energy in eV up to which the spectra are valid."""
        if self.last is not None:
            return self.last
        return float(self.energies[-1] + (self.energies[1] - self.energies[0]) / 2)

    def mean_on(self, channels):
        """The mean on an instrument's `channels`, an `EdgeOnChannels`."""
        return self._on(channels, self.mean[None])

    def parts_on(self, channels, positions):
        """What some positions are made of, and their shares of it.

        Parameters
        ----------
        channels : ndarray, shape (n_channels,)
        positions : ndarray of int, shape (n_positions,)

        Returns
        -------
        parts : EdgeOnChannels
        weights : ndarray, shape (n_positions, n_parts)
        """
        if self.weights is None:
            parts = self._on(channels, self.spectra[positions])
            return parts, np.eye(len(positions))
        return self._on(channels, self.spectra), self.weights[positions]

    def _on(self, channels, spectra):
        return EdgeOnChannels(self.energies, spectra, channels, self.losses)


@dataclass(frozen=True)
class Losses:
    """Plural scattering: the losses that go with a core loss.

    Parameters
    ----------
    loss : ndarray, shape (n,)
        Energy in eV beyond the zero-loss peak.
    density : ndarray, shape (n,)
        Probability per eV of that loss, relative to no loss.
    paths : float
        Thickness in inelastic mean free paths, as far as the losses were recorded.
    error : float
        Uncertainty of that by where the zero-loss peak is taken to end.
    """

    loss: np.ndarray
    density: np.ndarray
    paths: float
    error: float

    @classmethod
    def measured(cls, energies, counts):
        """Losses of a low-loss spectrum that holds the zero-loss peak.

        Parameters
        ----------
        energies : ndarray, shape (n,)
            Energy loss in eV, uniform and ascending.
        counts : ndarray, shape (n,)

        Returns
        -------
        Losses

        Notes
        -----
        The spectrum up to the minimum between zero-loss peak and first loss counts
        as without loss. The rest divided by it is what plural scattering adds to the
        single-scattering core loss (R. F. Egerton, Electron Energy-Loss Spectroscopy
        in the Electron Microscope, 3rd ed., 2011, section 4.3,
        doi:10.1007/978-1-4419-9583-4).
        """
        loss = energies - energies[np.argmax(counts)]
        between = np.flatnonzero(
            (loss > _END_OF_ZERO_LOSS[0]) & (loss < _END_OF_ZERO_LOSS[1])
        )
        cut = between[np.argmin(counts[between])]
        zero_loss = counts[:cut].sum()
        # what lies between the peak and as far beyond the minimum may be either
        doubtful = np.abs(counts[(loss > loss[cut] / 2) & (loss < 1.5 * loss[cut])])
        return cls(
            loss[cut:],
            np.maximum(counts[cut:], 0) / zero_loss / (energies[1] - energies[0]),
            float(np.log(counts.sum() / zero_loss)),
            float(doubtful.sum() / 2 / zero_loss),
        )


class EdgeOnChannels:
    """Spectra of an edge as an instrument would record them.

    Parameters
    ----------
    energies : ndarray, shape (n,)
        Centres of the edge's uniform channels in eV.
    spectra : ndarray, shape (n_spectra, n)
        Counts per channel; taken as 0 below the first and constant above the last.
    channels : ndarray, shape (n_channels,)
        Centres of the instrument's uniform channels in eV.
    losses : Losses, optional
        Plural scattering to fold with.
    """

    def __init__(self, energies, spectra, channels, losses=None):
        step = energies[1] - energies[0]
        width = channels[1] - channels[0]
        self.limits = np.append(channels - width / 2, channels[-1] + width / 2)
        reach = 12.0  # shifts and widths of some eV stay inside
        before = int(max(energies[0] - self.limits[0], 0) / step + reach / step)
        after = int(max(self.limits[-1] - energies[-1], 0) / step + reach / step)
        padded = np.pad(spectra, [(0, 0), (before, 0)])
        padded = np.pad(padded, [(0, 0), (0, after)], mode="edge")
        self.step = step
        self.size = padded.shape[-1]
        self.first = energies[0] - step * (before + 0.5)
        # So long that losses beyond the end don't come back at the start.
        n_fast = scipy.fft.next_fast_len(2 * self.size, real=True)
        self.n_fast = n_fast
        self.transform = scipy.fft.rfft(padded, n_fast)
        if losses is not None:
            grid = step * np.arange(self.size)
            kernel = step * np.interp(grid, losses.loss, losses.density, 0, 0)
            kernel[0] += 1
            self.transform = self.transform * scipy.fft.rfft(kernel, n_fast)
        frequency = scipy.fft.rfftfreq(n_fast, step)
        self.damping = 2 * (np.pi * frequency) ** 2

    def __call__(self, shift, variance):
        """Counts per channel.

        Parameters
        ----------
        shift : float
            In eV, towards higher losses.
        variance : float
            Of the Gaussian to fold with, in eV squared. Below 0 the spectra are
            sharpened, to first order.

        Returns
        -------
        ndarray, shape (n_spectra, n_channels)
            The sum over any range of energy is conserved: the cumulated counts are
            interpolated by a cubic spline.
        """
        cumulated = self._cumulated(variance)
        return np.diff(cumulated(self.limits - shift), axis=-1)

    def each_shifted(self, shifts, variance, weights):
        """Counts per channel of positions that have a shift each.

        Parameters
        ----------
        shifts : ndarray, shape (n_positions,)
            In eV.
        variance : float
            As above.
        weights : ndarray, shape (n_positions, n_spectra)

        Returns
        -------
        ndarray, shape (n_positions, n_channels)
        """
        cumulated = self._cumulated(variance)
        return np.array(
            [
                share @ np.diff(cumulated(self.limits - shift), axis=-1)
                for shift, share in zip(shifts, weights, strict=True)
            ]
        )

    def _cumulated(self, variance):
        """Spline through the cumulated counts of the folded spectra."""
        limits = self.first + self.step * np.arange(self.size + 1)
        exponent = self.damping * variance
        transfer = np.exp(-exponent) if variance >= 0 else 1 - exponent
        folded = scipy.fft.irfft(self.transform * transfer, self.n_fast)
        sums = np.cumsum(folded[:, : self.size], axis=-1)
        return scipy.interpolate.CubicSpline(
            limits, np.pad(sums, [(0, 0), (1, 0)]), axis=-1
        )

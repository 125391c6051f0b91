"""Noise of an energy-loss detector: drawing it, and its variance."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.fft

from hyperspy_aedenoise._errors import finite_number, must_be, not_negative


@dataclass(frozen=True)
class NoiseModel:
    """Counting noise and read-out noise, alike from channel to channel or correlated.

    One object draws the noise, weighs the residual and states the variance, so
    that the three cannot drift apart.

    Parameters
    ----------
    gain : float
        Variance per expected value as it stands in the data, in signal units:
        variance = ``gain * max(expected - pedestal, 0) + offset``. 0 means no
        counting noise.
    offset : float, default 0
        Variance that does not depend on the signal (read-out noise), in signal
        units squared.
    correlation : sequence of float, default (1.0,)
        Autocorrelation of the noise along energy at lags of 0, 1, 2, ... channels;
        the first is 1. A scintillator's point spread gives 0.35-0.55 at lag 1, a
        direct detector 0.
    pedestal : float, default 0
        Level at which the counting noise begins, in signal units, of either sign: a
        constant that a camera adds, or a dark level that was subtracted.

    Raises
    ------
    ValueError, TypeError
        If `gain` or `offset` is negative, a number not finite, or if `correlation` is
        not the autocorrelation of any noise.

    Notes
    -----
    Only ``offset - gain * pedestal`` shows in spectra that are everywhere above the
    pedestal. HyperSpy's model is ``(gain_factor * expected + gain_offset) *
    correlation_factor``, where the point spread lowers the variance of a channel.
    `hyperspy_factors` gives those three numbers.

    Examples
    --------
    >>> NoiseModel(gain=2.0, offset=9.0).variance([50.0, 0.0])
    array([109.,   9.])
    """

    gain: float
    offset: float = 0.0
    correlation: tuple[float, ...] = (1.0,)
    pedestal: float = field(default=0.0, kw_only=True)
    #: What a measurement can't tell; nothing of a model that is given.
    warnings = ()

    def __post_init__(self):
        advice = "Measure the noise with `s.estimate_noise()`."
        gain = not_negative("gain", self.gain, "signal units", advice)
        offset = not_negative("offset", self.offset, "signal units squared", advice)
        pedestal = finite_number("pedestal", self.pedestal, "signal units", advice)
        correlation = tuple(float(rho) for rho in np.ravel(self.correlation))
        if not correlation or correlation[0] != 1 or not np.isfinite(correlation).all():
            raise ValueError(
                must_be(
                    "correlation",
                    "numbers that begin with 1 (lag 0)",
                    _shown(self.correlation),
                    advice,
                )
            )
        if _lowest_density(correlation) < -1e-6:
            raise ValueError(
                must_be(
                    "correlation",
                    "an autocorrelation (its Fourier transform is nowhere negative)",
                    _shown(correlation),
                    advice,
                )
            )
        # The dataclass is frozen: this is its only way to store what it checked.
        for name, value in (
            ("gain", gain),
            ("offset", offset),
            ("correlation", correlation),
            ("pedestal", pedestal),
        ):
            object.__setattr__(self, name, value)

    @classmethod
    def gaussian(cls, sigma: float) -> NoiseModel:
        """White noise of the same size everywhere.

        Parameters
        ----------
        sigma : float
            Standard deviation in signal units.

        Returns
        -------
        NoiseModel

        Examples
        --------
        >>> round(float(NoiseModel.gaussian(0.05).offset), 6)
        0.0025
        """
        advice = "It is a standard deviation; `s.estimate_noise()` measures it."
        return cls(
            gain=0.0, offset=not_negative("sigma", sigma, "signal units", advice) ** 2
        )

    def variance(self, expected: np.ndarray) -> np.ndarray:
        """Variance of each channel where `expected` is the mean.

        Parameters
        ----------
        expected : array_like, shape (..., n_channels)
            Expected value in signal units; what is below the pedestal counts as it.

        Returns
        -------
        ndarray, shape (..., n_channels)
            In signal units squared.
        """
        return self.gain * self.above_pedestal(expected) + self.offset

    def above_pedestal(self, expected: np.ndarray) -> np.ndarray:
        """What of an expected value was counted, in signal units, at least 0."""
        if self.pedestal:
            expected = np.subtract(expected, self.pedestal)
        return np.maximum(expected, 0)

    def scaled(self, factor: float) -> NoiseModel:
        """The same noise with `factor` times the variance.

        Parameters
        ----------
        factor : float

        Returns
        -------
        NoiseModel
        """
        return NoiseModel(
            self.gain * factor,
            self.offset * factor,
            self.correlation,
            pedestal=self.pedestal,
        )

    def fluctuation(self, expected: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw zero-mean Gaussian noise with the covariance of this model.

        Parameters
        ----------
        expected : ndarray, shape (..., n_channels)
            Expected value in signal units.
        rng : numpy.random.Generator

        Returns
        -------
        ndarray of float32, shape (..., n_channels)
        """
        *positions, n_channels = np.shape(expected)
        white = rng.standard_normal(
            (*positions, n_channels + self._margin), dtype=np.float32
        )
        spread = np.sqrt(self.variance(expected), dtype=np.float32)
        return spread * self._correlated(white)[..., :n_channels]

    def sample(self, clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw a noisy copy of `clean`: counted electrons plus read-out noise.

        Parameters
        ----------
        clean : array_like, shape (..., n_channels)
            Expected value in signal units; below the pedestal there is no counting
            noise.
        rng : numpy.random.Generator

        Returns
        -------
        ndarray, shape (..., n_channels)
            float32 where `clean` is float32, else float64.

        Notes
        -----
        The counts are Poisson distributed. The point spread acts on the
        standardised fluctuation of each channel, so that variance and correlation
        are exactly those of the model also where `clean` is steep.
        """
        clean = np.asarray(clean)
        dtype = np.float32 if clean.dtype == np.float32 else np.float64
        clean = clean.astype(dtype, copy=False)
        pad = [(0, 0)] * (clean.ndim - 1) + [(0, self._margin)]
        padded = np.pad(clean, pad, mode="edge")
        spread = np.sqrt(self.variance(padded))
        deviation = rng.normal(0.0, np.sqrt(self.offset), padded.shape)
        if self.gain > 0:
            electrons = self.above_pedestal(padded) / self.gain
            deviation += self.gain * (rng.poisson(electrons) - electrons)
        # where nothing fluctuates, 0 / 0 stands for 0
        standardised = np.divide(
            deviation, spread, out=np.zeros_like(deviation), where=spread > 0
        )
        n_channels = clean.shape[-1]
        noise = (spread * self._correlated(standardised))[..., :n_channels]
        return clean + noise.astype(dtype)

    def hyperspy_factors(self) -> dict[str, float]:
        """Return the three factors of HyperSpy's linear variance model.

        Returns
        -------
        dict
            ``gain_factor``, ``gain_offset`` and ``correlation_factor``, such that
            ``(gain_factor * expected + gain_offset) * correlation_factor`` is the
            variance of a channel. ``correlation_factor`` is 1 for white noise.

        Raises
        ------
        ValueError
            If the variance ends at a positive level: HyperSpy's ``gain_offset`` can't
            be negative.
        """
        at_zero = self.offset - self.gain * self.pedestal
        if at_zero < 0:
            raise ValueError(
                must_be(
                    "pedestal",
                    f"at most offset / gain, {self.offset / self.gain:.4g}, for "
                    "HyperSpy's model of the variance",
                    f"{self.pedestal:.4g}",
                    f"Subtract it from the signal, `s - {self.pedestal:.4g}`.",
                )
            )
        # Below zero the noise would be smoother than any point spread makes it.
        factor = 1 / max(2 * sum(self.correlation) - 1, 0.1)
        return {
            "gain_factor": self.gain / factor,
            "gain_offset": at_zero / factor,
            "correlation_factor": factor,
        }

    @property
    def _margin(self):
        """Channels to draw in excess, so that the ends are not neighbours."""
        return len(self.correlation) - 1

    def _correlated(self, white):
        """Give white unit noise this model's correlation along the last axis."""
        if len(self.correlation) == 1:
            return white
        n = white.shape[-1]
        density = np.maximum(spectral_density(self.correlation, n), 0)
        # A circle shorter than twice the longest lag would meet itself.
        amplitude = np.sqrt(density / density.mean()).astype(white.dtype)
        transform = scipy.fft.fft(white, axis=-1) * amplitude
        return scipy.fft.ifft(transform, axis=-1).real

    def __str__(self):
        return self.summary()

    def summary(self) -> str:
        """The model in one line."""
        rho = ", ".join(f"{value:.2f}" for value in self.correlation[1:4])
        white = "white" if len(self.correlation) == 1 else f"correlation {rho}"
        counted = "expected"
        if self.pedestal:
            sign = "-" if self.pedestal > 0 else "+"
            counted = f"(expected {sign} {abs(self.pedestal):.4g})"
        return f"variance {self.gain:.4g} x {counted} + {self.offset:.4g}, {white}"


def _shown(values, most=80):
    """What a refusal shows of what came."""
    text = repr(values)
    return text if len(text) <= most else f"{text[:most]}..."


def _lowest_density(correlation):
    """Lowest value of the Fourier transform of a two-sided autocorrelation."""
    n = scipy.fft.next_fast_len(8 * len(correlation), real=True)
    return float((2 * scipy.fft.rfft(correlation, n).real - 1).min())


def spectral_density(correlation, n_channels):
    """Fourier transform of a two-sided autocorrelation on a circle of channels."""
    lag = np.arange(1, len(correlation))
    phase = 2 * np.pi * np.outer(np.arange(n_channels), lag) / n_channels
    return 1 + 2 * np.cos(phase) @ np.asarray(correlation[1:])

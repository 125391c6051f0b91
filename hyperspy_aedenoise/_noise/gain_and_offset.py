"""From what is left of spectra beyond their signal to the numbers of their noise."""

from functools import cached_property

import numpy as np
import scipy.optimize

from hyperspy_aedenoise._noise.model import NoiseModel

#: Longest lag at which correlation along energy is looked for, in channels.
_LONGEST_LAG = 8
#: Correlation below this is not told from none.
_LEAST_CORRELATION = 0.03
#: Factor by which the variance of a channel may be off the line, besides chance; the
#: shares of the channels, darkest first, from which a line is begun where some are;
#: rounds of refits; and fewest spectra that tell the variance of a channel.
_OFF_LINE, _DARKEST, _REFITS, _FEWEST_SPECTRA = 2.0, (1.0, 0.75, 0.5, 0.25), 4, 30
#: Squared errors of a variance by which a line must fit better with a pedestal.
_CLEARLY = 25.0
#: Groups of spectra that are left out in turn to find standard errors.
_GROUPS = 8


def longest_lag(n_channels):
    """Longest lag in channels at which correlation is looked for."""
    return min(_LONGEST_LAG, n_channels // 4)


class Residual:
    """Products of neighbouring residuals, by expected value and by group of spectra.

    Parameters
    ----------
    residual, expected : ndarray, shape (n_spectra, n_channels)
    lost : ndarray, shape (n_lags,)
        Autocorrelation along energy that is not in the residual.

    Attributes
    ----------
    levels_by_energy, by_energy : ndarray, shape (n_channels,)
        Mean expected value and variance of each channel.
    kept : ndarray of bool, shape (n_channels,)
        Channels that the numbers of the noise come from, see `on_a_line`.
    beside : float
        Correlation between consecutive spectra.
    """

    def __init__(self, residual, expected, lost):
        self.lost = lost
        self.expected = expected
        n_spectra, n_channels = residual.shape
        self.n_groups = min(_GROUPS, n_spectra)
        self.levels_by_energy = expected.mean(axis=0)
        self.by_energy = np.square(residual).mean(axis=0)
        self.kept = on_a_line(self.levels_by_energy, self.by_energy, n_spectra)
        n_kept = int(self.kept.sum())
        self.n_bins = int(np.clip(n_spectra * n_kept // 50, 2, 64))
        some = expected[:: max(n_spectra // 200, 1)][:, self.kept]
        some = np.sort(some, axis=None)
        limits = some[np.linspace(0, some.size - 1, self.n_bins + 1).astype(int)]
        bins = np.searchsorted(limits[1:-1], expected)
        group = np.arange(n_spectra) * self.n_groups // n_spectra
        self.cells = bins + self.n_bins * group[:, None]
        self.levels = self._sums(expected * self.kept, 0)
        products = (residual[1:] * residual[:-1])[:, self.kept]
        power = np.square(residual)[:, self.kept].mean()
        self.beside = float(products.mean() / power) if power else 0.0
        self.products, self.sizes = [], []
        for lag in range(longest_lag(n_channels) + 1):
            one, other = slice(lag, None), slice(n_channels - lag)
            both = np.broadcast_to(
                self.kept[one] & self.kept[other], (n_spectra, n_channels - lag)
            ).astype(float)
            product = residual[:, one] * residual[:, other] * both
            self.products.append(self._sums(product, lag))
            self.sizes.append(self._sums(both, lag))

    def _sums(self, values, lag):
        """Sums over groups and bins, shape (n_groups, n_bins)."""
        cells = self.cells[:, : self.cells.shape[1] - lag]
        count = self.n_groups * self.n_bins
        sums = np.bincount(cells.ravel(), values.ravel(), count)
        return sums.reshape(self.n_groups, self.n_bins)

    def binned(self, without=None):
        """Levels, and mean products at each lag, shape (n_lags, n_bins)."""
        kept = np.arange(self.n_groups) != (-1 if without is None else without)
        size = np.maximum(self.sizes[0][kept].sum(axis=0), 1)
        levels = self.levels[kept].sum(axis=0) / size
        means = [
            products[kept].sum(axis=0) / np.maximum(sizes[kept].sum(axis=0), 1)
            for products, sizes in zip(self.products, self.sizes, strict=True)
        ]
        filled = size > 0.1 * size.mean()
        return levels[filled], np.array(means)[:, filled]

    @cached_property
    def pedestal(self):
        """Level at which the counting noise begins, in signal units.

        0 as long as variances at 0 and above it are on a line with an intercept that
        isn't negative. Else the lowest level that was seen: below it nothing is known.
        """
        levels, means = self.binned()
        lowest = float(levels[0])
        misfits = [_misfit(levels, means[0], zero) for zero in (0.0, lowest)]
        # relative variances scatter by what they would on a line through all points
        doubt = max(misfits[1] / max(len(levels) - 2, 1), self._doubt)
        return lowest if misfits[0] - misfits[1] > _CLEARLY * doubt else 0.0

    @property
    def _doubt(self):
        """Square of the relative error of the variance in a bin."""
        correlated = 1 + 2 * np.square(self.numbers_at(0.0)[2][1:]).sum()
        return 2 * correlated / (self.sizes[0].sum() / self.n_bins)

    @property
    def least_error(self):
        """Relative error that the variance of all values has by their number alone.

        By that of the free ones: the mean, and components or waves along energy, took
        the others.
        """
        n_spectra = len(self.expected)
        free = (1 - 1 / n_spectra) * (1 - self.lost[0])
        return np.sqrt(self._doubt / self.n_bins / max(free, 0.1))

    def numbers(self, without=None):
        """Gain, offset and autocorrelation, of all groups or of all but one."""
        return self.numbers_at(self.pedestal, without)

    def numbers_at(self, pedestal, without=None):
        """As `numbers`, where the counting noise begins at a known level."""
        levels, means = self.binned(without)
        levels = np.maximum(levels - pedestal, 0)
        gain, offset = _variance_line(levels, means[0])
        variance = gain * levels + offset
        variance = np.maximum(variance, 1e-3 * np.median(variance))
        rho = (means / variance).mean(axis=1)
        return gain, offset, rho / rho[0] * (1 - self.lost[0]) + self.lost

    def off_by_level(self, noise):
        """Variance over that of a model in each bin, and the error of a bin."""
        levels, means = self.binned()
        size = self.sizes[0].sum() / self.n_bins
        correlated = 1 + 2 * np.square(noise.correlation[1:]).sum()
        return _relative(means[0], noise.variance(levels)), np.sqrt(
            2 * correlated / size
        )

    def off_by_energy(self, noise):
        """Variance over that of a model in each channel, and the error of a channel."""
        expected = noise.variance(self.levels_by_energy)
        return _relative(self.by_energy, expected), np.sqrt(2 / len(self.expected))

    def noise(self):
        """The noise of all groups."""
        gain, offset, rho = self.numbers()
        return NoiseModel(gain, offset, _possible(rho), pedestal=self.pedestal)

    def parts(self, noise):
        """Counting and read-out noise, each with a correlation of its own."""
        if not noise.gain or not noise.offset:
            return [noise]
        levels, means = self.binned()
        weight = 1 / np.maximum(noise.variance(levels), 1e-300)
        levels = noise.above_pedestal(levels)
        design = np.stack([levels, np.ones_like(levels)], axis=1) * weight[:, None]
        lines, *_ = np.linalg.lstsq(design, (means * weight).T, rcond=None)
        shares = noise.gain * levels.mean(), noise.offset
        parts = []
        numbers = (noise.gain, 0.0), (0.0, noise.offset)
        for (gain, offset), line, share in zip(numbers, lines, shares, strict=True):
            rho = noise.correlation
            if line[0] > 0 and share > 0.1 * sum(shares):
                rho = _possible(np.clip(line / line[0], -0.99, 0.99))
            parts.append(NoiseModel(gain, offset, rho, pedestal=noise.pedestal))
        return parts


def _variance_line(level, variance):
    """Fit gain and offset (both >= 0)."""
    fitted = variance
    for _ in range(3):  # the error of a variance is proportional to it
        # Vacuum or a dead channel has hardly any variance; it must not rule the fit.
        weight = 1 / np.maximum(fitted, 0.1 * np.mean(fitted) + 1e-300)
        design = np.stack([level, np.ones_like(level)], axis=1)
        scale = np.maximum(np.abs(design).max(axis=0), 1e-300)
        line, _ = scipy.optimize.nnls(
            design / scale * weight[:, None], variance * weight
        )
        fitted = design @ (line / scale)
    gain, offset = line / scale
    return float(gain), float(offset)


def _relative(measured, expected):
    """Ratio of variances, 1 where next to none are expected: vacuum tells nothing."""
    telling = expected > 0.1 * np.mean(expected)
    return np.where(telling, measured / np.where(telling, expected, 1), 1.0)


def on_a_line(levels, variances, n_spectra):
    """Which channels have the variance that the intensity of most of them lets expect.

    Where a sharp line moves or saturates, something other than noise varies.

    Parameters
    ----------
    levels, variances : ndarray, shape (n_channels,)
        Mean expected value and variance of each channel.
    n_spectra : int
        That a variance was measured in.

    Returns
    -------
    ndarray of bool, shape (n_channels,)
        All, if a line fits all of them, or none fits most of them.
    """
    everything = np.ones(len(levels), bool)
    order = np.argsort(levels)
    best = everything
    within = _OFF_LINE + 4 * np.sqrt(2 / n_spectra)

    def fitting(kept):
        zero = levels[kept].min()  # so that a pedestal doesn't matter
        gain, offset = _variance_line(levels[kept] - zero, variances[kept])
        fitted = gain * np.maximum(levels - zero, 0) + offset
        # vacuum and dead channels have next to none, and rule nothing
        fitted = np.maximum(fitted, 0.1 * np.median(fitted))
        known = np.maximum(variances, 0.1 * np.median(variances))
        return (variances < within * fitted) & (fitted < within * known)

    if n_spectra < _FEWEST_SPECTRA or fitting(everything).all():
        return everything
    most = 0
    for share in _DARKEST:
        kept = np.zeros_like(everything)
        kept[order[: max(int(share * len(order)), 4)]] = True
        for _ in range(_REFITS):
            kept = fitting(kept)
            if kept.sum() < 4:
                break
        if kept.sum() > most:
            best, most = kept, kept.sum()
    return best if most > len(levels) / 2 else everything


def _misfit(levels, variances, pedestal):
    """Sum of squares of what a line leaves, relative to the variances."""
    levels = np.maximum(levels - pedestal, 0)
    gain, offset = _variance_line(levels, variances)
    fitted = gain * levels + offset
    weight = 1 / np.maximum(fitted, 0.1 * np.mean(fitted) + 1e-300)
    return float(np.square((variances - fitted) * weight).sum())


def _possible(rho):
    """The autocorrelation nearest to a measured one that noise can have.

    Up to the first lag without correlation; that of a moving average, whose spectral
    density can't be negative.
    """
    rho = np.asarray(rho, dtype=float)
    small = np.flatnonzero(np.abs(rho) < _LEAST_CORRELATION)
    known = rho[: small[0]] if len(small) else rho
    if len(known) == 1:
        return (1.0,)
    known = np.concatenate([[1.0], known[1:]])

    def of_average(weights):
        products = np.correlate(weights, weights, "full")[len(weights) - 1 :]
        return products / products[0]

    start = np.cos(np.linspace(0, np.pi / 2, len(known), endpoint=False)) ** 2
    start[1:] *= np.sign(known[1:])
    fit = scipy.optimize.least_squares(lambda w: of_average(w) - known, start)
    return (1.0, *(float(value) for value in of_average(fit.x)[1:]))

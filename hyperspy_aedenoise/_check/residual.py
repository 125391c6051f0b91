"""Raw minus denoised spectra in units of the noise, in numbers."""

from dataclasses import dataclass

import numpy as np

from hyperspy_aedenoise._filters.windows import around, integral

#: Largest whitened residual that counts: what is more is no noise of a single value.
LARGEST = 5.0
#: Bins of expected intensity, and spectra that tell their limits.
_N_BINS, _SAMPLE = 10, 4096
#: Lags along energy whose correlation is measured.
_LAGS = 4
#: Sides of the square windows whose means are looked at.
_SIDES = (1, 2, 3, 5, 8, 12, 18, 27, 40)
#: Distances of spectra that have a row or a column in common, and nothing else.
_APART = range(3, 9)
#: Directions in which spectra are kept, to be compared with their neighbours.
_N_DIRECTIONS = 64


@dataclass(frozen=True)
class Correlation:
    """A correlation and its standard error, where there is none.

    Parameters
    ----------
    value, error : float
        NaN and infinity where nothing can be compared.
    """

    value: float
    error: float

    @classmethod
    def of(cls, one, other, power):
        """Of pairs of vectors with independent noise, shape (n, n_values)."""
        if not len(one):
            return cls(np.nan, np.inf)
        value = np.einsum("ij,ij->", one, other, dtype=float) / one.size / power
        return cls(float(value), float(1 / np.sqrt(one.size)))


@dataclass(frozen=True)
class ResidualStatistics:
    """What a residual is like that should be white noise of variance 1.

    Parameters
    ----------
    n_spectra, n_channels : int
    by_energy : ndarray, shape (n_channels,)
        Mean square of the whitened residual of each channel.
    mean : ndarray, shape (n_channels,)
        Mean of it, in units of the error of such a mean.
    by_spectrum : ndarray, shape (n_spectra,)
        Mean square of each spectrum.
    intensity, by_intensity, count : ndarray, shape (n_bins,)
        Mean expected intensity in signal units, mean square there, and values.
    along_energy : list of Correlation
        Of channels at a distance of 1, 2, ...
    beside, below : Correlation
        Of spectra that are neighbours in a row, and in a column.
    rows, columns : Correlation
        Of spectra in the same row or column, which are no neighbours.
    area, by_area, by_area_error : ndarray, shape (n_sizes,)
        Positions in square windows of some sizes, mean square of the means over them
        in units of their noise, and its standard error.
    """

    n_spectra: int
    n_channels: int
    by_energy: np.ndarray
    mean: np.ndarray
    by_spectrum: np.ndarray
    intensity: np.ndarray
    by_intensity: np.ndarray
    count: np.ndarray
    along_energy: list
    beside: Correlation
    below: Correlation
    rows: Correlation
    columns: Correlation
    area: np.ndarray
    by_area: np.ndarray
    by_area_error: np.ndarray

    @classmethod
    def of(cls, observation, restored, whitening):
        """Statistics of what was taken off an observation.

        Parameters
        ----------
        observation : Observation
        restored : Computed
            The denoised spectra.
        whitening : OwnWhitening
        """
        n_spectra, n_channels = observation.n_spectra, observation.n_channels
        directions = _directions(n_channels)
        limits = _limits(restored)
        part = _Part(restored.function, whitening, directions, limits)
        by_spectrum = np.empty(n_spectra)
        seen = np.empty((n_spectra, directions.shape[1]), np.float32)
        totals = None
        for where, found in observation.spectra.each(part, *restored.along):
            by_spectrum[where], seen[where], *sums = found
            if totals is None:
                totals = sums
            else:
                totals = [one + other for one, other in zip(totals, sums, strict=True)]
        squares, sums, lagged, level, power, count = totals
        maps = np.zeros((*observation.layout.used.shape, seen.shape[1]), np.float32)
        maps[observation.layout.used] = seen
        some = np.maximum(count, 1)
        variance = squares.sum() / n_spectra / n_channels
        return cls(
            n_spectra,
            n_channels,
            by_energy=squares / n_spectra,
            mean=sums / np.sqrt(n_spectra),
            by_spectrum=by_spectrum,
            intensity=level / some,
            by_intensity=power / some,
            count=count,
            along_energy=[
                Correlation(
                    float(total / n_spectra / max(n_channels - lag, 1) / variance),
                    float(1 / np.sqrt(n_spectra * max(n_channels - lag, 1))),
                )
                for lag, total in enumerate(lagged, start=1)
            ],
            **_between_spectra(observation.layout.used, maps, variance),
            **_by_area(observation.layout.used, maps),
        )

    @property
    def variance(self):
        """Mean square of all values."""
        return float(self.by_spectrum.mean())


class _Part:
    """Statistics of a block of spectra; a class, so that it travels to processes."""

    def __init__(self, decode, whitening, directions, limits):
        self.decode, self.whitening = decode, whitening
        self.directions, self.limits = directions, limits

    def __call__(self, rows, *along):
        expected = self.decode(*along)
        white = self.whitening(rows, expected)
        # one value that is no noise, a spike, says nothing of its channel
        white = np.clip(white, -LARGEST, LARGEST)
        square = np.square(white)
        lags = range(1, min(_LAGS + 1, white.shape[1]))
        number = np.searchsorted(self.limits, expected.ravel())
        n_bins = len(self.limits) + 1

        def binned(weight=None):
            weight = None if weight is None else weight.ravel()
            return np.bincount(number, weight, n_bins)

        return (
            square.mean(axis=1),
            white @ self.directions,
            square.sum(axis=0, dtype=float),
            white.sum(axis=0, dtype=float),
            np.array([_product(white[:, k:], white[:, :-k]) for k in lags]),
            binned(expected),
            binned(square),
            binned(),
        )


def _product(one, other):
    return np.einsum("ij,ij->", one, other, dtype=float)


def _directions(n_channels):
    """Random directions: products along them are those of whole spectra on average."""
    if n_channels <= _N_DIRECTIONS:
        return np.eye(n_channels, dtype=np.float32)
    rng = np.random.default_rng(0)
    return np.linalg.qr(rng.standard_normal((n_channels, _N_DIRECTIONS)))[0].astype(
        "f4"
    )


def _limits(restored):
    """Intensities between which there are as many values each."""
    values = restored.sample(_SAMPLE)
    shares = np.linspace(0, 1, _N_BINS + 1)[1:-1]
    return np.unique(np.quantile(values, shares))


def _between_spectra(used, maps, variance):
    """Correlations of spectra with those around them."""

    def between(axis, distance):
        one, both = np.moveaxis(maps, axis, 1), np.moveaxis(used, axis, 1)
        pairs = both[:, distance:] & both[:, :-distance]
        first, second = one[:, distance:][pairs], one[:, :-distance][pairs]
        return Correlation.of(first, second, variance)

    def far(axis):
        found = [between(axis, d) for d in _APART if d < used.shape[axis]]
        if not found:
            return Correlation(np.nan, np.inf)
        error = np.sqrt(np.mean([one.error**2 for one in found]) / len(found))
        return Correlation(float(np.mean([one.value for one in found])), float(error))

    return {
        "beside": between(2, 1),
        "below": between(1, 1),
        "rows": far(2),
        "columns": far(1),
    }


def _by_area(used, maps):
    """Mean square of means over square windows, by their size."""
    sums, count = integral(maps), integral(used.astype("f4"))
    found = []
    for side in _SIDES:
        if found and side > max(used.shape[1:]) / 2:
            break
        window = [min(side, 2 * n - 1) for n in used.shape[1:]]
        inside = around(count, *window)
        mean = around(sums, *window) / np.sqrt(np.maximum(inside, 1))[..., None]
        n_apart = max(used.sum() / inside[used].mean(), 1) * maps.shape[-1]
        power = np.square(mean[used]).mean()
        found.append((inside[used].mean(), power, np.sqrt(2 / n_apart)))
    area, power, error = np.array(found).T
    return {"area": area, "by_area": power, "by_area_error": error}

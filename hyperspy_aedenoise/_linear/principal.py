"""Whitening, principal codes, rank and optimal shrinkage of spectra."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from hyperspy_aedenoise._errors import must_be

#: More components than this are never told from noise by their number alone.
_MOST_CODES = 64
#: A singular value must be above that of noise by 1 %, so a variance by this factor.
_ABOVE = 1.01**2
#: Spectra that are treated at a time.
_ROWS = 4096
#: Steps towards noise that is 1 on average in each spectrum and in each channel.
_STEPS = 3
#: Least noise variance of a spectrum relative to the mean of all: empty ones have none,
#: and this stands for what the model doesn't know.
_LEAST_LEVEL = 0.1


@dataclass(frozen=True)
class Colour:
    """What tells noise as it stands in spectra from white noise of unit variance.

    Parameters
    ----------
    spread : ndarray, shape (n_channels,)
        Standard deviation of the noise at one spectrum, in signal units.
    factor : ndarray, shape (n_lags, n_channels)
        Lower Cholesky factor of the correlation matrix, in banded storage.
    """

    spread: np.ndarray
    factor: np.ndarray

    #: Share of white noise added to the correlation: what the model calls almost
    #: noise-free must not be divided by almost nothing.
    FLOOR = 0.05

    @classmethod
    def of(cls, noise, mean):
        """Colour of `noise` at the `mean` spectrum, shape (n_channels,)."""
        spread = np.sqrt(noise.variance(np.asarray(mean, dtype=np.float64)))
        if not spread.any():
            raise ValueError(
                must_be(
                    "noise",
                    "larger than zero at the mean spectrum",
                    f"{noise} with a mean spectrum that is nowhere above 0",
                    "Counts below zero have read-out noise only: give it an `offset`.",
                )
            )
        return cls.from_spread(spread, noise.correlation)

    @classmethod
    def from_spread(cls, spread, correlation):
        """Colour of noise with a known `spread`, shape (n_channels,)."""
        # A dead channel has no noise; its neighbours tell what scale is sensible.
        spread = np.maximum(spread, 0.05 * np.median(spread))
        spread = np.maximum(spread, 1e-6 * spread.max())
        lags = np.array(correlation[: len(spread)])
        band = np.repeat(lags[:, None] * (1 - cls.FLOOR), len(spread), axis=1)
        band[0] = 1
        return cls(spread, scipy.linalg.cholesky_banded(band, lower=True))

    def whiten(self, centred):
        """Bring fluctuations, shape (n, n_channels), to white noise of variance 1."""
        scaled = (centred / self.spread).T
        lower = (len(self.factor) - 1, 0)
        return scipy.linalg.solve_banded(lower, self.factor, scaled).T

    def unwhiten(self, white):
        """Undo `whiten`."""
        scaled = self.factor[0] * white
        for lag in range(1, len(self.factor)):
            scaled[:, lag:] += self.factor[lag, :-lag] * white[:, :-lag]
        return scaled * self.spread


@dataclass(frozen=True)
class PrincipalCodes:
    """A linear autoencoder of spectra: the principal components of whitened spectra.

    ``decode(shrinkage * encode(spectra))`` is the best estimate of its kind.

    Parameters
    ----------
    mean : ndarray, shape (n_channels,)
        Mean spectrum, weighted by the noise, in signal units.
    encoder : ndarray, shape (n_channels, n_codes)
        Signal units to codes; of spectra with the noise of the mean one the noise of
        each code has variance 1.
    decoder : ndarray, shape (n_codes, n_channels)
        Codes to signal units.
    shrinkage : ndarray, shape (n_codes,)
        Factors of 0 to 1 for the codes: 0 where a component is lost in the noise.
    """

    mean: np.ndarray
    encoder: np.ndarray
    decoder: np.ndarray
    shrinkage: np.ndarray

    def first(self, n):
        """The first `n` codes alone."""
        return PrincipalCodes(
            self.mean, self.encoder[:, :n], self.decoder[:n], self.shrinkage[:n]
        )

    def encode(self, spectra):
        """Spectra, shape (..., n_channels), to codes, shape (..., n_codes)."""
        return (spectra - self.mean) @ self.encoder

    def decode(self, codes):
        """Codes, shape (..., n_codes), to spectra, shape (..., n_channels)."""
        return codes @ self.decoder + self.mean

    def denoise(self, spectra):
        """Shrink the codes of noisy spectra, shape (..., n_channels); same type."""
        rows = spectra.reshape(-1, spectra.shape[-1])
        restored = np.empty_like(rows)
        for part in parts_of(len(rows)):
            restored[part] = self.decode(self.shrinkage * self.encode(rows[part]))
        return restored.reshape(spectra.shape)


def principal_codes(spectra, noise, n_codes=None):
    """Principal codes of noisy spectra with optimally shrunk singular values.

    Parameters
    ----------
    spectra : ndarray, shape (n_spectra, n_channels)
        In signal units.
    noise : NoiseModel
    n_codes : int, optional
        Codes to keep. Default: those above the noise, at least one.

    Returns
    -------
    PrincipalCodes

    Notes
    -----
    Spectra are weighted so that the noise is the same in all of them, and 1 on average
    in each channel: then the noise of bright positions doesn't pass for components
    (B. Landa, T. Zhang and Y. Kluger, SIAM J. Math. Data Sci. 4 (2022) 1420,
    https://doi.org/10.1137/21M1456807). A component counts as signal if its singular
    value is above the Marchenko-Pastur edge by 1 %. For the shrinkage see
    `optimal_gain`.
    """
    mean, colour, eigenvalues, vectors, n_noisy = _components(spectra, noise, n_codes)
    ratio = spectra.shape[1] / n_noisy
    above = eigenvalues > _ABOVE * _largest_of_noise(ratio)
    shrinkage = np.where(above, optimal_gain(eigenvalues, ratio), 0.0)
    if n_codes is None:
        n_codes = max(int(above.sum()), 1)
    return _codes(mean, colour, vectors, shrinkage, n_codes)


def optimal_gain(variance, ratio):
    """Factor for a principal component that leaves the least squared error.

    Parameters
    ----------
    variance : ndarray, shape (...)
        As it was seen in noisy samples, in units of the noise.
    ratio : float
        Values per sample.

    Returns
    -------
    ndarray, shape (...)
        0 to 1; 0 where noise alone reaches as much.

    Notes
    -----
    For the samples themselves and the Frobenius loss: equation (7) of M. Gavish and
    D. L. Donoho, IEEE Trans. Inf. Theory 63 (2017) 2137,
    https://doi.org/10.1109/TIT.2017.2653801, with their ``y**2`` the variance if
    `ratio` is at most 1; for a larger one both are divided by it, and it drops out.
    """
    root = np.sqrt(np.maximum((variance - 1 - ratio) ** 2 - 4 * ratio, 0))
    above = variance > _largest_of_noise(ratio)
    return np.where(above, root / np.maximum(variance, 1), 0.0)


def _largest_of_noise(ratio):
    """Largest variance of a principal component of noise, of many values: the edge."""
    return (1 + np.sqrt(ratio)) ** 2


def clean_codes(reference, noise, n_codes=None):
    """Principal codes of noise-free spectra that are to be found in noise.

    Parameters
    ----------
    reference : ndarray, shape (n_spectra, n_channels)
        Clean spectra in signal units.
    noise : NoiseModel
        The noise in which they will be met.
    n_codes : int, optional
        Codes to keep. Default: those whose variance is at least a tenth of the
        noise, at least one and at most 32; the others are hardly visible.

    Returns
    -------
    PrincipalCodes
        `shrinkage` is Wiener's, variance / (variance + noise).
    """
    mean, colour, eigenvalues, vectors, _ = _components(reference, noise, n_codes)
    variance = np.maximum(eigenvalues, 0)
    if n_codes is None:
        n_codes = int(np.clip((variance > 0.1).sum(), 1, 32))
    return _codes(mean, colour, vectors, variance / (variance + 1), n_codes)


def extended(codes, colour, vectors):
    """Principal codes with more components, which linear shrinkage can't see.

    Parameters
    ----------
    codes : PrincipalCodes
    colour : Colour
        Of the noise at their mean.
    vectors : ndarray, shape (n_channels, n_more)
        Orthonormal components of whitened spectra, orthogonal to those of `codes`.

    Returns
    -------
    PrincipalCodes
        With a shrinkage of 0 for the new codes.
    """
    more = _codes(
        codes.mean, colour, vectors, np.zeros(vectors.shape[1]), vectors.shape[1]
    )
    return PrincipalCodes(
        codes.mean,
        np.concatenate([codes.encoder, more.encoder], axis=1),
        np.concatenate([codes.decoder, more.decoder]),
        np.concatenate([codes.shrinkage, more.shrinkage]),
    )


def _components(spectra, noise, n_codes):
    """Principal components of weighted spectra.

    Mean, colour, the first eigenvalues and -vectors (columns), largest first, and the
    number of spectra that have noise: those with less than their weight allows for
    count in part.
    """
    mean, colour, level = balanced(spectra, noise)
    n_noisy = (_own_level(spectra, noise, colour.spread) / level).sum()
    n_channels = len(mean)
    covariance = np.zeros((n_channels, n_channels))
    for part in parts_of(len(spectra)):
        white = colour.whiten((spectra[part] - mean) / np.sqrt(level[part, None]))
        covariance += white.T @ white / n_noisy
    first = max(n_channels - max(n_codes or 0, _MOST_CODES), 0)
    eigenvalues, vectors = scipy.linalg.eigh(
        covariance, subset_by_index=[first, n_channels - 1]
    )
    return mean, colour, eigenvalues[::-1], vectors[:, ::-1], n_noisy


def balanced(spectra, noise):
    """Weights that make the noise equal in all spectra and, on average, all channels.

    Parameters
    ----------
    spectra : ndarray, shape (n_spectra, n_channels)
        In signal units, with or without noise.
    noise : NoiseModel

    Returns
    -------
    mean : ndarray, shape (n_channels,)
        Mean spectrum, weighted by 1 / level.
    colour : Colour
        Of the noise at that spectrum: that of the weighted spectra.
    level : ndarray, shape (n_spectra,)
        Noise variance of each spectrum relative to `colour`.
    """
    level = np.ones(len(spectra))
    for _ in range(_STEPS):
        weight = 1 / level / (1 / level).sum()
        mean = sum(weight[part] @ spectra[part] for part in parts_of(len(spectra)))
        colour = Colour.of(noise, mean)
        before, level = level, noise_level(spectra, noise, colour.spread)
        if np.ptp(level / before) < 1e-3:  # the weights stay as they are
            break
    return mean, colour, level


def noise_level(spectra, noise, spread):
    """Noise variance of spectra relative to noise with a known spread.

    Parameters
    ----------
    spectra : ndarray, shape (n_spectra, n_channels)
        All of them, with or without noise: that cancels in the mean over the channels.
    noise : NoiseModel
    spread : ndarray, shape (n_channels,)
        Standard deviation of the noise that is 1.

    Returns
    -------
    ndarray, shape (n_spectra,)
        Mean over the channels.
    """
    level = _own_level(spectra, noise, spread)
    return np.maximum(level, _LEAST_LEVEL * level.mean())


def _own_level(spectra, noise, spread):
    """Noise variance of spectra, however small, see `noise_level`."""
    weight = 1 / spread**2 / len(spread)
    counted = [spectra[part] @ weight for part in parts_of(len(spectra))]
    counted = np.maximum(np.concatenate(counted), 0)
    return noise.gain * counted + noise.offset * weight.sum()


def parts_of(n):
    """Slices of `n` rows, so that copies in double precision stay small."""
    return [slice(start, start + _ROWS) for start in range(0, n, _ROWS)]


def _codes(mean, colour, vectors, shrinkage, n_codes):
    basis = vectors[:, :n_codes]
    # The sign of a component is arbitrary: let more of it mean more intensity.
    basis = basis * np.where(colour.unwhiten(basis.T).sum(axis=1) < 0, -1, 1)
    return PrincipalCodes(
        mean=mean,
        # whiten(x) @ basis, as one matrix acting on x
        encoder=colour.whiten(np.eye(len(mean))) @ basis,
        decoder=colour.unwhiten(basis.T),
        shrinkage=shrinkage[:n_codes],
    )


def rank_of_unknown_level(white, margin):
    """Principal components whose variance is `margin` times what noise has at most.

    The noise is white but of unknown level.
    """
    n_spectra, n_channels = white.shape
    gram = white.T @ white if n_spectra > n_channels else white @ white.T
    smaller, larger = sorted((n_spectra - 1, n_channels))
    eigenvalues = np.linalg.eigvalsh(gram)[-smaller:]
    # Relative to the median eigenvalue the edge needs no noise level.
    ratio = smaller / larger
    edge = (1 + np.sqrt(ratio)) ** 2 / _marchenko_pastur_median(ratio)
    rank = int((eigenvalues > margin * edge * np.median(eigenvalues)).sum())
    return min(rank, (smaller - 1) // 2)


def _marchenko_pastur_median(ratio):
    """Median eigenvalue of unit noise, of the shorter to the longer side `ratio`."""
    low, high = (1 - np.sqrt(ratio)) ** 2, (1 + np.sqrt(ratio)) ** 2
    edges = np.linspace(low, high, 2001)
    x = (edges[1:] + edges[:-1]) / 2
    density = np.sqrt(np.maximum((high - x) * (x - low), 0)) / x
    cumulated = np.cumsum(density)
    return float(np.interp(0.5, cumulated / cumulated[-1], x))

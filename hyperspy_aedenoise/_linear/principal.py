"""Principal codes of spectra: how many there are, and how far to shrink them."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from hyperspy_aedenoise._noise.random_matrices import largest_of_noise, optimal_gain
from hyperspy_aedenoise._noise.whitening import Colour

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
    above = eigenvalues > _ABOVE * largest_of_noise(ratio)
    shrinkage = np.where(above, optimal_gain(eigenvalues, ratio), 0.0)
    if n_codes is None:
        n_codes = max(int(above.sum()), 1)
    return _codes(mean, colour, vectors, shrinkage, n_codes)


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

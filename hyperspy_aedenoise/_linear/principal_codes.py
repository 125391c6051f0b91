"""Principal codes of spectra: how many there are, and how far to shrink them."""

from dataclasses import dataclass

import numpy as np

from hyperspy_aedenoise._noise.eigen import components_above, leading_components
from hyperspy_aedenoise._noise.random_matrices import largest_of_noise, optimal_gain

#: More components than this are never told from noise by their number alone.
_MOST_CODES = 64
#: A singular value must be above that of noise by 1 %, so a variance by this factor.
_ABOVE = 1.01**2
#: Variance of a clean component, relative to the noise, that can be seen, and most of
#: them.
_VISIBLE, _MOST_CLEAN = 0.1, 32
#: Standard errors by which the variance of intensities must be above noise.
_CLEAR = 3.0
#: Variance of a component, relative to the largest, below which it is rounding.
_ROUNDING = 1e-12


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

    def codes_of(self, spectra):
        """As `encode`, in single precision: codes are noisy."""
        return self.encode(spectra).astype(np.float32)

    def decode(self, codes):
        """Codes, shape (..., n_codes), to spectra, shape (..., n_channels)."""
        return codes @ self.decoder + self.mean

    def denoise(self, spectra):
        """Shrink the codes of noisy spectra, shape (..., n_channels); same type."""
        return self.decode(self.shrinkage * self.encode(spectra)).astype(spectra.dtype)


def principal_codes(observation, n_codes=None):
    """Principal codes of noisy spectra with optimally shrunk singular values.

    Parameters
    ----------
    observation : Observation
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

    Of few counts the intensity of a spectrum is a code, too, where it is lost among
    components: in a known direction a variance is seen with fewer counts than the
    largest one of all directions. Its shrinkage is Wiener's.
    """
    ratio = observation.n_channels / observation.n_noisy
    least = _ABOVE * largest_of_noise(ratio)
    variances, vectors = _components(observation, n_codes, least)
    above = variances > least
    shrinkage = np.where(above, optimal_gain(variances, ratio), 0.0)
    if n_codes is None:
        n_codes = max(int(above.sum()), 1)
        if observation.is_counted:
            vectors, shrinkage = vectors[:, above], shrinkage[above]
            intensity, variance = _intensity(observation, vectors)
            chance = _CLEAR * np.sqrt(2 / observation.n_spectra)
            if variance > 1 + chance or not above.any():
                vectors = np.column_stack([intensity, vectors])
                shrinkage = np.append(max(1 - 1 / variance, 0.0), shrinkage)
            n_codes = len(shrinkage)
    return _codes(observation, vectors[:, :n_codes], shrinkage[:n_codes])


def clean_codes(observation, n_codes=None):
    """Principal codes of noise-free spectra that are to be found in noise.

    Parameters
    ----------
    observation : Observation
        Clean spectra, and the noise in which they will be met.
    n_codes : int, optional
        Codes to keep. Default: those whose variance is at least a tenth of the
        noise, at least one and at most 32; the others are hardly visible.

    Returns
    -------
    PrincipalCodes
        `shrinkage` is Wiener's, variance / (variance + noise).
    """
    variances, vectors = _components(observation, n_codes, _VISIBLE)
    variances = np.maximum(variances, 0)
    if n_codes is None:
        n_codes = int(np.clip((variances > _VISIBLE).sum(), 1, _MOST_CLEAN))
    shrinkage = variances / (variances + 1)
    return _codes(observation, vectors[:, :n_codes], shrinkage[:n_codes])


def extended(codes, observation, vectors):
    """Principal codes with more components, which linear shrinkage can't see.

    Parameters
    ----------
    codes : PrincipalCodes
    observation : Observation
        That they are codes of.
    vectors : ndarray, shape (n_channels, n_more)
        Orthonormal components of whitened spectra, orthogonal to those of `codes`.

    Returns
    -------
    PrincipalCodes
        With a shrinkage of 0 for the new codes.
    """
    more = _codes(observation, vectors, np.zeros(vectors.shape[1]))
    return PrincipalCodes(
        codes.mean,
        np.concatenate([codes.encoder, more.encoder], axis=1),
        np.concatenate([codes.decoder, more.decoder]),
        np.concatenate([codes.shrinkage, more.shrinkage]),
    )


def _components(observation, n_wanted, least):
    """Variances and vectors (columns) of the first principal components.

    Of weighted, whitened spectra, largest first: so many, or all those with a variance
    above `least`, and maybe more. The smaller one of two matrices with the same
    eigenvalues is decomposed: of channels, or of spectra.
    """

    def found(matrix):
        if n_wanted is None:
            return components_above(matrix, least, _MOST_CODES)
        return leading_components(matrix, n_wanted)

    few = observation.n_spectra < observation.n_channels
    if few and (n_wanted or 1) < observation.n_spectra:
        white = observation.white() / np.sqrt(observation.n_noisy)
        variances, vectors = found(white @ white.T)
        known = variances > _ROUNDING * max(variances[0], 0)
        if known.all() or (n_wanted is None and known.any()):
            variances, vectors = variances[known], vectors[:, known]
            return variances, white.T @ (vectors / np.sqrt(variances))
    return found(observation.covariance)


def _intensity(observation, known):
    """What components lack of the direction of the mean spectrum, and its variance.

    Parameters
    ----------
    observation : Observation
    known : ndarray, shape (n_channels, n_known)
        Orthonormal components of whitened spectra.

    Returns
    -------
    vector : ndarray, shape (n_channels,)
        Orthonormal to them.
    variance : float
        In units of the noise.
    """
    vector = observation.colour.whiten(observation.mean[None])[0]
    vector -= known @ (known.T @ vector)
    vector /= np.linalg.norm(vector)
    return vector, float(vector @ observation.covariance @ vector)


def _codes(observation, basis, shrinkage):
    """Codes of orthonormal components of whitened spectra, shape (n_channels, n)."""
    colour = observation.colour
    # The sign of a component is arbitrary: let more of it mean more intensity.
    basis = basis * np.where(colour.unwhiten(basis.T).sum(axis=1) < 0, -1, 1)
    return PrincipalCodes(
        mean=observation.mean,
        encoder=colour.analysis(basis),
        decoder=colour.unwhiten(basis.T),
        shrinkage=shrinkage,
    )

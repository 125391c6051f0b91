"""PCA as HyperSpy's `decomposition` does it, by blocks."""

from dataclasses import dataclass

import numpy as np

from hyperspy_aedenoise._noise.eigen import leading_components, leading_directions

#: Components that are calculated.
MOST_COMPONENTS = 30
#: Points of the scree plot among which HyperSpy looks for the elbow.
_SCREE = 20


@dataclass(frozen=True)
class PCA:
    """Principal components of spectra that are not centred.

    Parameters
    ----------
    variances : ndarray, shape (n,)
        Largest first, in any unit.
    vectors : ndarray, shape (n_channels, n)
        Orthonormal, of scaled spectra.
    scale : ndarray, shape (n_channels,)
        By which channels were divided.
    """

    variances: np.ndarray
    vectors: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, spectra, poissonian=False, n_wanted=MOST_COMPONENTS):
        """Decompose spectra.

        Parameters
        ----------
        spectra : Spectra
        poissonian : bool, default False
            Whether they are scaled to equal noise as counts: by the roots of the sums
            of spectra and of channels (M. R. Keenan and P. G. Kotula, Surf. Interface
            Anal. 36 (2004) 203, doi:10.1002/sia.1657, equation 8). Near zero counts
            negative values are taken for 0.
        n_wanted : int, optional
            Components.

        Returns
        -------
        PCA
        """
        n_channels = spectra.n_channels
        scale, own = np.ones(n_channels), np.ones(spectra.n_spectra)
        if poissonian:
            sums = spectra.gather(_sums)
            own = np.sqrt(np.where(sums > 0, sums, 1))
            totals = spectra.total(_totals)
            scale = np.sqrt(np.where(totals > 0, totals, 1))
        products = _Products(scale, poissonian)
        if spectra.n_spectra < n_channels:
            scaled = products.scaled(spectra.all(), own)
            return cls(*leading_directions(scaled, n_wanted), scale)
        matrix = spectra.total(products, own)
        return cls(*leading_components(matrix, n_wanted), scale)

    @property
    def elbow(self):
        """Number of components where HyperSpy sees the elbow of the scree plot.

        The point farthest from the straight line between the first and the last one
        of the logarithms (V. Satopaa et al., 31st Int. Conf. on Distributed Computing
        Systems Workshops (2011) 166, doi:10.1109/ICDCSW.2011.20).
        """
        last = min(_SCREE, len(self.variances) - 1)
        if last < 1:
            return 1
        height = np.log(np.clip(self.variances[: last + 1], 1e-30, None))
        number = np.arange(last)
        apart = np.abs(
            last * (height[0] - height[:-1]) + number * (height[-1] - height[0])
        )
        return int(np.argmax(apart)) + 1

    def model(self, n):
        """A function that keeps the first `n` components of spectra, (..., channel)."""
        return Projection(
            self.vectors[:, :n] / self.scale[:, None],
            self.vectors[:, :n].T * self.scale,
        )


@dataclass(frozen=True)
class Projection:
    """Spectra to scores and back.

    Parameters
    ----------
    encoder : ndarray, shape (n_channels, n)
    decoder : ndarray, shape (n, n_channels)
    """

    encoder: np.ndarray
    decoder: np.ndarray

    def __call__(self, spectra):
        return (spectra @ self.encoder) @ self.decoder


def _sums(rows):
    return np.maximum(rows, 0).sum(axis=1, dtype=float)


def _totals(rows):
    return np.maximum(rows, 0).sum(axis=0, dtype=float)


class _Products:
    """Products of the channels of scaled spectra."""

    def __init__(self, scale, poissonian):
        self.scale, self.poissonian = scale, poissonian

    def scaled(self, rows, own):
        """Spectra of equal noise."""
        if self.poissonian:
            rows = np.maximum(rows, 0)
        return rows / self.scale / own[:, None]

    def __call__(self, rows, own):
        scaled = self.scaled(rows, own)
        return scaled.T @ scaled

"""Draws of denoised spectra and of their error, by a trained denoiser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyperspy_aedenoise._denoiser.errors_of_draws import DrawnError
from hyperspy_aedenoise._denoiser.rows import of_length
from hyperspy_aedenoise._denoiser.uncertainty import N_DRAWS, Uncertainty
from hyperspy_aedenoise._engine.rehearsal import Rehearsal
from hyperspy_aedenoise._errors import generator, positive_integer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np


class ErrorBars:
    """The methods of `TrainedDenoiser` that say how far off spectra are."""

    def draws(
        self,
        n: int,
        spectra: np.ndarray,
        random_state: int | np.random.Generator | None = None,
        progress: Callable | None = None,
    ) -> Iterator[np.ndarray]:
        """Denoised spectra, each time with another realisation of their error.

        Parameters
        ----------
        n : int
            How many; 16 tell a standard deviation to 18 %.
        spectra : array_like, shape (..., n_channels)
        random_state : int, numpy.random.Generator or None, optional
            The same integer gives the same draws.
        progress : callable, optional
            Wraps the repetitions of a fit, like `tqdm.tqdm`. Default: no progress bar.

        Returns
        -------
        iterator of ndarray of float32, shape (..., n_channels)
            In signal units.

        Notes
        -----
        A draw is what was restored less the error of a rehearsal, see `Rehearsal`. If
        errors are as in the rehearsals, the truth is distributed like the draws: it is
        what was restored less the error, so that a method that always comes out 2 too
        high has draws 2 lower on average (the basic bootstrap; A. C. Davison and D. V.
        Hinkley, Bootstrap Methods and their Application, 1997, equation 5.6). Their
        mean square distance from what was restored is that of the error with either
        sign.
        """
        spectra = of_length(spectra, self.n_channels_)
        errors = self.drawn_errors(n, random_state, progress)
        return (self.denoise(spectra) - error.of(self, spectra) for error in errors)

    def uncertainty(
        self, spectra: np.ndarray, progress: Callable | None = None
    ) -> np.ndarray:
        """Standard deviation of the error of restored spectra.

        Parameters
        ----------
        spectra : array_like, shape (..., n_channels)
        progress : callable, optional
            Wraps the repetitions of a fit, like `tqdm.tqdm`. Default: no progress bar.

        Returns
        -------
        ndarray of float32, shape (..., n_channels)
            In signal units; root of the mean square of 16 realisations of the error,
            smoothed, see `Uncertainty`.

        Notes
        -----
        For the spectra that a spatial-spectral autoencoder was fitted to, the whole
        fit is repeated on the restored spectra in fresh noise, see `Rehearsal`. Through
        a network, and for other spectra, fresh noise is only passed: the noise that
        went into the weights is not counted. Nor are features that were lost.
        """
        spectra = of_length(spectra, self.n_channels_)
        return self.error_size(progress).of(self, spectra)

    def error_size(self, progress=None):
        """The size of the error, as `Uncertainty`; the same each time."""
        return Uncertainty(self, list(self.drawn_errors(N_DRAWS, 0, progress)))

    def drawn_errors(self, n, random_state=None, progress=None):
        """Realisations of the error of denoised spectra, one after the other.

        Parameters
        ----------
        n, random_state, progress
            As of `draws`.

        Returns
        -------
        iterator of DrawnError
        """
        n = positive_integer("n", n, "It is the number of draws; the default is 16.")
        # each has its own generator: how many numbers one takes hangs on rounding
        generators = generator(random_state).spawn(n)
        rehearsal = None
        if self.is_spatial and self.fitted_.is_part:
            raise RuntimeError(
                "Error bars come from fits to all of the map, and this is a part of it "
                "that was saved alone; ask the whole signal for "
                "`get_autoencoder_uncertainty()` or draws, and slice that."
            )
        if self.is_spatial:
            rehearsal = self.rehearsal()

        def drawn(rng):
            seed = int(rng.integers(2**32))
            return DrawnError(seed, rehearsal and rehearsal.error(rng))

        return map(drawn, progress(generators) if progress else generators)

    def rehearsal(self):
        """The fit of a spatial-spectral autoencoder, to be repeated."""
        return Rehearsal(self.fitted_, self.noise_, self.output_dimension)

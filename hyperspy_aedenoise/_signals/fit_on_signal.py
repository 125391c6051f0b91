"""Functions of a fitted autoencoder, applied to a signal block by block."""

import logging

import numpy as np

from hyperspy_aedenoise._signals.apply_to_signal import blockwise
from hyperspy_aedenoise._signals.known_spectra import (
    MANY_NEW,
    check_fit,
    check_spectra,
    marks_in,
    marks_of,
    new_among,
)
from hyperspy_aedenoise._signals.spectra import output_type
from hyperspy_aedenoise._signals.storage import left_out_by_place

_logger = logging.getLogger(__name__)

#: Outside of this range of residual variance over noise variance the user is told.
#: Of three spectra a mean and a component leave a third of the noise.
_PLAUSIBLE = (0.25, 2.0)


def by_block(signal, function, fitted, left_out=None, n_out=None):
    """Apply a function of a fitted autoencoder to a signal's data, see `Blocks`."""
    return Blocks(signal, fitted, left_out)(function, n_out)


class Blocks:
    """A signal's data, checked, for functions of its fitted autoencoder.

    Parameters
    ----------
    signal : EELSSpectrum
    fitted : Fitted
    left_out : ndarray of bool, shape (...), optional
        True at probe positions that are NaN in the results. Default: those that took no
        part in the fit.
    """

    def __init__(self, signal, fitted, left_out=None):
        self.signal, self.fitted = signal, fitted
        masked, marks, place = left_out, None, None
        if masked is None:
            masked = left_out_by_place(signal)
        if fitted.marks is not None:
            # which of identical spectra is where shows in the whole map, not in a block
            if not signal._lazy or fitted.has_twins:
                marks = marks_in(signal, fitted.kept)
                place = fitted.place(marks)
            most = MANY_NEW if fitted.sees_all else 1.0
            check_spectra(signal, fitted, masked, most, marks)
            if masked is None and marks is not None:
                masked = fitted.left_out(marks)
        self.is_masked = masked is not None
        self.along = [one for one in (masked, marks, place) if one is not None]

    def __call__(self, function, n_out=None):
        """What a function returns for all of the data.

        Parameters
        ----------
        function : callable
            Takes a denoiser, spectra, shape (..., n_channels), on the channels that it
            uses, and their fingerprints or None. Returns shape (..., n_out), (...) for
            1.
        n_out : int, optional
            Default: spectra come out, NaN in the channels that are not used.

        Returns
        -------
        ndarray or dask array, shape (..., n_out)
        """
        applied = _Applied(function, self.fitted, self.is_masked, n_out)
        return blockwise(self.signal, applied, n_out, self.along)


class _Applied:
    """A function of a fitted autoencoder on a block of a signal's data."""

    def __init__(self, function, fitted, is_masked, n_out):
        self.function, self.fitted = function, fitted
        self.is_masked, self.n_out = is_masked, n_out

    def __call__(self, spectra, dtype, *along):
        fitted, left_out = self.fitted, None
        kept, denoiser = fitted.kept, fitted.denoiser
        used = np.ascontiguousarray(spectra if kept.all() else spectra[..., kept])
        if self.is_masked:
            left_out, *along = along
        marks, place = (*along, None, None)[:2]
        if marks is None and fitted.marks is not None:
            marks = marks_of(used)
            place = fitted.place(marks)
            left_out = fitted.left_out(marks) if left_out is None else left_out
        if left_out is not None and left_out.any():
            used = np.where(
                left_out[..., None], output_type(used.dtype).type(np.nan), used
            )
        if place is not None:
            rows = used.reshape(-1, used.shape[-1])
            denoiser = denoiser.with_found(rows, place.ravel())
        result = self.function(denoiser, used, marks)
        if self.n_out is None and kept.all():
            return result.astype(dtype, copy=False)
        values = np.full((*spectra.shape[:-1], self.n_out or kept.size), np.nan, dtype)
        if self.n_out is None:
            values[..., kept] = result
        else:
            values[...] = result.reshape(values.shape)
        return values


class Restored:
    """Denoised spectra; says, once, if they are no longer what was fitted.

    Parameters
    ----------
    known : ndarray of uint64 or None
        Fingerprints that the fit knows.
    """

    def __init__(self, known):
        self.known = known
        self.has_told = False

    def __call__(self, denoiser, spectra, marks):
        restored = denoiser.denoise(spectra)
        if self.known is not None:
            new = new_among(spectra, self.known, marks)
            if new.any():
                misfit = denoiser.misfit(spectra[new], restored[new])
                check_fit(misfit, int(new.sum()), spectra.shape[-1])
        misfit = denoiser.misfit(spectra, restored)
        if not self.has_told and not _PLAUSIBLE[0] < misfit < _PLAUSIBLE[1]:
            self.has_told = True
            _logger.warning(
                "the residual has %.2g times the variance of the noise that was "
                "assumed: the noise model is wrong, or the reference doesn't fit the "
                "data, or these were changed since the training.",
                misfit,
            )
        return restored


def latent(denoiser, spectra, marks):
    """Latent variables, shape (..., n_latent)."""
    return denoiser.encode(spectra)


def shift(denoiser, spectra, marks):
    """Energy shift in channels, shape (...)."""
    return denoiser.energy_shift(spectra)


class Drawn:
    """Denoised spectra less one realisation of their error.

    Parameters
    ----------
    error : DrawnError
    """

    def __init__(self, error):
        self.error = error

    def __call__(self, denoiser, spectra, marks):
        return denoiser.denoise(spectra) - self.error.of(denoiser, spectra)


class Sized:
    """Standard deviation of the error of denoised spectra, same shape.

    Parameters
    ----------
    size : Uncertainty
    """

    def __init__(self, size):
        self.size = size

    def __call__(self, denoiser, spectra, marks):
        return self.size.of(denoiser, spectra)

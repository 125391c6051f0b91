"""Which spectra a fit knows, wherever they went since, and what to do with others."""

import logging

import numpy as np

from hyperspy_aedenoise._engine.fingerprints import Places, fingerprints
from hyperspy_aedenoise._errors import must_be
from hyperspy_aedenoise._observation.spectra_by_blocks import in_whole_spectra
from hyperspy_aedenoise._signals.spectra import energy_last

_logger = logging.getLogger(__name__)

#: Share of the spectra above which those that a fit doesn't know are too many.
MANY_NEW = 0.49
#: Residual over noise variance that is right for those that are few.
_FITTING = (0.67, 1.5)
_ADVICE = (
    "Fit again with `s.decompose_autoencoder()`; or denoise first, and scale, sum, "
    "rebin, align or stack what `s.get_autoencoder_model()` returns."
)


class KnownSpectra:
    """Which spectra a fit knew, and which of them took no part in it.

    They are known wherever they went since.

    Parameters
    ----------
    left_out : ndarray of bool, shape (...)
        The positions at the time.
    marks : ndarray of uint64, shape (...)
        Fingerprints of all spectra there, on the channels that were used.
    """

    def __init__(self, left_out, marks):
        self.left_out, self.marks = left_out, marks
        self._places = Places(marks.ravel(), np.ones(marks.shape, bool))

    @property
    def has_twins(self):
        """Whether some of the spectra are identical."""
        return self._places.has_twins

    def part(self, marks):
        """What is known of a part with some fingerprints, shape (...)."""
        # HDF5 compresses no single number
        return KnownSpectra(np.atleast_1d(self.among(marks)), np.atleast_1d(marks))

    def among(self, marks):
        """True where spectra with fingerprints, shape (...), took no part."""
        if not self.left_out.any():
            return np.zeros(marks.shape, bool)
        place = self._places.find(marks.ravel(), marks.shape)
        share = self._places.mean(self.left_out.reshape(-1, 1).astype(float), place)
        return ((place != -1) & (share[:, 0] > 0.5)).reshape(marks.shape)


def marks_of(spectra):
    """Fingerprints of spectra, shape (..., n_channels)."""
    rows = spectra.reshape(-1, spectra.shape[-1])
    return fingerprints(rows).reshape(spectra.shape[:-1])


def marks_in(signal, kept):
    """Fingerprints of a signal's spectra on some channels; block by block if lazy."""
    return _by_block(marks_of, _used(signal, kept), np.uint64)


def new_among(spectra, known, marks=None):
    """True for finite spectra, shape (..., n_channels), that aren't known.

    Parameters
    ----------
    spectra : ndarray, shape (..., n_channels)
    known : ndarray of uint64
        Fingerprints.
    marks : ndarray of uint64, shape (...), optional
        Fingerprints of the spectra. Default: they are computed.
    """
    marks = marks_of(spectra) if marks is None else marks
    with np.errstate(invalid="ignore", over="ignore"):
        finite = np.isfinite(spectra.sum(axis=-1, dtype=float))
    return finite & ~np.isin(marks, known)


def check_spectra(signal, fitted, excused, most, marks=None):
    """Refuse a signal of other spectra than those of its fit; tell if it has some.

    Parameters
    ----------
    signal : EELSSpectrum
        Of a lazy one but a block is looked at, unless none may be new.
    fitted : Fitted
        With the channels and fingerprints that it knows.
    excused : ndarray of bool, shape (...), or None
        True at positions that don't matter.
    most : float
        Largest share of the spectra that may be new.
    marks : ndarray of uint64, shape (...), optional
        Fingerprints of the spectra. Default: they are computed.

    Raises
    ------
    ValueError
    """
    spectra, where = _used(signal, fitted.kept), ()
    if signal._lazy and most:
        where = tuple(_middle(sizes) for sizes in in_whole_spectra(spectra).chunks[:-1])
        spectra = np.asarray(spectra[where])
    here = () if marks is None else (marks[where],)
    new = _by_block(new_among, spectra, bool, fitted.marks, *here)
    if excused is not None:
        new &= ~excused[where]
    n_new, n_spectra = int(new.sum()), new.size
    if n_new > most * n_spectra:
        raise ValueError(
            must_be(
                "signal",
                "made of the spectra that its autoencoder was fitted to",
                f"{n_new} of {n_spectra} that are new or were changed since",
                _ADVICE,
            )
        )
    if n_new:
        _logger.warning(
            "%d of %d spectra are new to the autoencoder or were changed since the "
            "fit, and are estimated by what was learned from others. %s",
            n_new,
            n_spectra,
            _ADVICE,
        )


def check_fit(misfit, n_new, n_channels):
    """Refuse new spectra that hold what a fit doesn't know.

    Parameters
    ----------
    misfit : float
        Variance of their residual over that of the noise.
    n_new, n_channels : int

    Raises
    ------
    ValueError
    """
    chance = 5 * np.sqrt(2 / (n_new * n_channels))
    if not _FITTING[0] - chance < misfit < _FITTING[1] + chance:
        raise ValueError(
            must_be(
                "signal",
                "made of spectra like those of the fit, where they are not the same",
                f"{n_new} from which {misfit:.2g} times the noise would be removed",
                _ADVICE,
            )
        )


def _used(signal, kept):
    spectra = energy_last(signal, signal.data)
    return spectra if kept.all() else spectra[..., kept]


def _by_block(function, spectra, dtype, *others):
    """A function of spectra, (..., n_channels), with one value for each."""
    if isinstance(spectra, np.ndarray):
        return function(spectra, *others)
    blocks = in_whole_spectra(spectra)
    return np.asarray(blocks.map_blocks(function, *others, dtype=dtype, drop_axis=-1))


def _middle(sizes):
    """Where the middle one of some chunks is."""
    ends = np.cumsum([0, *sizes])
    middle = len(sizes) // 2
    return slice(ends[middle], ends[middle + 1])

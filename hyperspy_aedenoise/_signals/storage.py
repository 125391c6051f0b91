"""The trained autoencoder of a signal: stored, found again, and applied to it."""

import logging
import threading
from dataclasses import dataclass

import numpy as np

from hyperspy_aedenoise._denoiser.denoised import DenoisedSpectra
from hyperspy_aedenoise._errors import must_be
from hyperspy_aedenoise._signals.carried_fit import (
    Carried,
    carried_by,
    parts_to_carry,
    why_not,
)
from hyperspy_aedenoise._signals.known_spectra import (
    marks_in,
)
from hyperspy_aedenoise._signals.metadata_entry import (
    PLACE,
    channels_left_out,
    masked_positions,
    put_entry,
)
from hyperspy_aedenoise._signals.spectra import (
    check_axes,
    like,
    positions_shape,
)

_logger = logging.getLogger(__name__)

#: Parts of the entry that mean nothing without the spectra that were fitted.
_INNER = (
    "format",
    "autoencoder",
    "channels_left_out",
    "positions_left_out",
    "fingerprints",
)
#: Threads must not all read the same file.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Fitted:
    """What there is to apply to a signal.

    Parameters
    ----------
    carried : Carried
    kept : ndarray of bool, shape (n_all_channels,)
        Channels that the autoencoder uses.
    """

    carried: Carried
    kept: np.ndarray

    @property
    def denoiser(self):
        """The denoiser; read but once."""
        with _one_at_a_time:
            return self.carried.denoiser

    def __dask_tokenize__(self):
        # by what it is, not by the sentence that is its array
        return type(self).__name__, self.carried.token(), self.kept

    @property
    def sees_all(self):
        """Whether spectra were restored together: a network takes each by itself."""
        denoiser = self.denoiser
        return isinstance(denoiser, DenoisedSpectra) or denoiser.is_spatial

    @property
    def leaves_out(self):
        """Whether it is known of some spectra that they took no part."""
        known = self.carried.known
        return known is not None and known.left_out.any()

    @property
    def has_twins(self):
        """Whether some of the spectra are identical."""
        known, places = self.carried.known, self._places
        return (places is not None and places.has_twins) or (
            self.leaves_out and known.has_twins
        )

    @property
    def _places(self):
        """Where the spectra lie; None where that makes no difference."""
        denoiser = self.denoiser
        if isinstance(denoiser, DenoisedSpectra) or not denoiser.is_spatial:
            return None
        return denoiser.fitted_.bank.places

    @property
    def marks(self):
        """Fingerprints of all spectra that it knows; None where there are none."""
        known, places = self.carried.known, self._places
        if known is not None:
            return known.marks
        return None if places is None else places.fingerprints

    def place(self, marks):
        """Where fingerprints, shape (...), are among the known ones, or None."""
        if self._places is None:
            return None
        return self._places.find(marks.ravel(), marks.shape).reshape(marks.shape)

    def left_out(self, marks):
        """True for fingerprints of spectra that took no part, shape (...), or None."""
        return self.carried.known.among(marks) if self.leaves_out else None


def store(signal, denoiser, left_out, unused):
    """Put a trained denoiser into the metadata of its signal.

    Parameters
    ----------
    signal : EELSSpectrum
    denoiser : AutoencoderDenoiser
    left_out : ndarray of bool, shape (...)
        Probe positions that took no part.
    unused : ndarray of bool, shape (n_all_channels,)
        Channels that took no part.
    """
    parts = parts_to_carry(signal, denoiser, left_out, ~unused)
    # in one step: Ctrl-C while the parts are made leaves an earlier fit whole
    put_entry(signal, denoiser, unused, parts)


def has_whole_fit(signal):
    """Whether a signal carries a fit to its spectra that wasn't interrupted."""
    try:
        fitted = trained(signal)
        denoiser = fitted.denoiser
    except (RuntimeError, ValueError):  # none, or one that doesn't apply
        return False
    if isinstance(denoiser, DenoisedSpectra):
        marks = denoiser.fingerprints
    elif denoiser.history_["interrupted"]:
        return False
    else:
        marks = fitted.marks
    # a network by 0.1.0 doesn't tell
    return marks is None or bool(np.isin(marks_in(signal, fitted.kept), marks).any())


def left_out_by_place(signal):
    """Probe positions left out in a fit by version 0.1.0, or None.

    It kept a mask alone, which holds for the whole map as it was.
    """
    if not signal.metadata.has_item(PLACE):
        return None
    left_out = masked_positions(signal.metadata.get_item(PLACE))
    if left_out is None:
        return None
    return left_out if left_out.shape == positions_shape(signal) else None


def left_out_in_training(signal, fitted):
    """Probe positions that took no part, or None if there were none."""
    known = fitted.carried.known
    if known is None:
        return left_out_by_place(signal)
    return known.among(marks_in(signal, fitted.kept)) if known.left_out.any() else None


def trained(signal):
    """A signal's autoencoder and the channels that it uses, checked, as `Fitted`."""
    carried = carried_by(signal)
    if carried is None:
        raise RuntimeError(f"{why_not(signal)} Call `s.decompose_autoencoder()` first.")
    check_axes(signal)
    entry = signal.metadata.get_item(PLACE)
    fitted = Fitted(carried, ~channels_left_out(entry.as_dictionary()))
    axis, kept = signal.axes_manager.signal_axes[0], fitted.kept
    if kept.size != axis.size:
        raise ValueError(
            must_be(
                "signal",
                f"on the {kept.size} channels of the training",
                f"{axis.size} channels",
                "Train again on this signal, with `s.decompose_autoencoder()`.",
            )
        )
    energies = fitted.denoiser.energies_
    if energies is None or energies.size != kept.sum():
        n_channels = "unknown" if energies is None else energies.size
        raise ValueError(
            must_be(
                "signal",
                f"on the channels of the training, {n_channels}",
                f"{kept.sum()} that aren't masked",
                "Train again on this signal, with `s.decompose_autoencoder()`.",
            )
        )
    apart = np.abs(axis.axis[kept] - energies).max()
    if apart > 0.5 * abs(axis.scale):
        _logger.warning(
            "the energy axis was changed since the training, by up to %.3g %s; the "
            "autoencoder goes by channels. Train again if the data were changed, too.",
            apart,
            axis.units if isinstance(axis.units, str) else "(no unit)",
        )
    return fitted


def restored_like(signal, values):
    """Wrap restored values; how they came about stays, the autoencoder doesn't."""
    restored = like(signal, values)
    entry = restored.metadata.get_item(PLACE)
    for name in filter(entry.has_item, _INNER):
        delattr(entry, name)
    return restored

"""How a trained autoencoder goes along with a signal, and into its file.

HyperSpy copies the metadata into whatever is derived from a signal: slices, sums,
results of `map`. All of them share one object here, which doesn't let itself be
copied. What of it goes into a file is decided where the signal is known that is
written: `EELSSpectrum` gets a `_to_dictionary` of its own for that. Whatever else is
written, by whatever else, holds a sentence in its place.
"""

import functools
import logging

import numpy as np

from hyperspy_aedenoise._archive.refusal import one_line
from hyperspy_aedenoise._denoiser.denoised import DenoisedSpectra
from hyperspy_aedenoise._signals.known_spectra import KnownSpectra, marks_in
from hyperspy_aedenoise._signals.metadata_entry import (
    FORMAT,
    PLACE,
    array_of,
    broken,
    channels_left_out,
    format_of,
)
from hyperspy_aedenoise._signals.spectra import energy_last, positions_shape

_logger = logging.getLogger(__name__)

#: Bytes of denoised spectra that are few: an autoencoder takes some 20 to 200 kB.
_FEW = 2**14
#: How the archives of autoencoders begin.
_ARCHIVE = b"PK"
#: What is in files instead of an autoencoder that wouldn't fit what is in them.
_SENTENCE = (
    "The trained autoencoder was not kept with this signal: its spectra were not among "
    "those that were fitted, have other channels, were not saved as EELSSpectrum, or "
    "are too many."
)


class Carried(np.ndarray):
    """A trained autoencoder in the metadata: one object for all derived signals.

    As an array it is only the sentence that a file holds where nobody knows better.

    Parameters
    ----------
    content : bytes or None
        The archive of the autoencoder. None: there can be none, and no file of it.
    known : KnownSpectra or None
        None: the archive knows its spectra, and none was left out.
    denoiser : AutoencoderDenoiser, optional
        What is in the archive. Default: it is read where it is needed.
    """

    def __new__(cls, content, known=None, denoiser=None):
        carried = sentence().view(cls)
        carried.content, carried.known = content, known
        carried._denoiser = denoiser
        carried.flags.writeable = False
        return carried

    def __deepcopy__(self, memo):
        return self

    def __reduce_ex__(self, protocol):
        denoiser = self._denoiser if self.content is None else None
        return Carried, (self.content, self.known, denoiser)

    @property
    def denoiser(self):
        """The denoiser; read but once."""
        return self._denoiser or denoiser_of(self.content)

    def tobytes(self, order="C"):
        """The content of the archive, what `AutoencoderDenoiser.from_bytes` takes."""
        return self.content or self.denoiser.to_bytes()

    def token(self):
        """What tells it from others, for dask."""
        known, content = self.known, self.content
        if content is None:
            content = id(self._denoiser)
        return content, None if known is None else (known.left_out, known.marks)

    def __repr__(self):
        return (
            f"<trained autoencoder, {len(getattr(self, 'content', None) or '')} bytes>"
        )

    __str__ = __repr__


def sentence():
    """What says that no autoencoder was kept, as an array."""
    return np.frombuffer(_SENTENCE.encode(), np.uint8).copy()


@functools.lru_cache(maxsize=4)
def denoiser_of(content):
    """The denoiser in the bytes of an archive; kept, as reading takes a while."""
    from hyperspy_aedenoise._denoiser.denoiser import AutoencoderDenoiser

    kind = DenoisedSpectra if DenoisedSpectra.are_in(content) else AutoencoderDenoiser
    return kind.from_bytes(content)


def parts_to_carry(signal, denoiser, left_out, kept):
    """What lets a signal carry an autoencoder.

    There is such also if there can be no file of it, which is said.

    Parameters
    ----------
    signal : EELSSpectrum
    denoiser : AutoencoderDenoiser
    left_out : ndarray of bool, shape (...)
        Positions that took no part.
    kept : ndarray of bool, shape (n_all_channels,)
        Channels that it uses.

    Returns
    -------
    dict
        Parts of the entry at `PLACE`.
    """
    entry, known = {}, None
    try:
        content = denoiser.to_bytes()
    except ValueError as error:  # the fit must not be lost for that
        _logger.warning(
            "the trained autoencoder is kept in memory, but can't be stored in a "
            "file: %s",
            error,
        )
        content = None
    if not denoiser.is_spatial or left_out.any():
        marks = marks_in(signal, kept)
        known = KnownSpectra(np.atleast_1d(left_out), np.atleast_1d(marks))
    if getattr(type(signal)._to_dictionary, "packs_autoencoder", False):
        entry["autoencoder"] = Carried(content, known, denoiser)
    elif content is not None:
        _put(entry, content, known)
    return entry


def carried_by(signal):
    """What a signal carries, shared from now on with what is derived from it, or None.

    Parameters
    ----------
    signal : BaseSignal

    Returns
    -------
    Carried or None
    """
    if not signal.metadata.has_item(f"{PLACE}.autoencoder"):
        return None
    entry = signal.metadata.get_item(PLACE)
    stored = entry.autoencoder
    if isinstance(stored, Carried):
        return stored if format_of(entry) <= FORMAT else None
    if format_of(entry) > FORMAT:
        return None
    content = array_of("autoencoder", stored, np.uint8, 1).tobytes()
    # what says why there is none is no archive
    if not content.startswith(_ARCHIVE):
        return None
    known = None
    if entry.has_item("fingerprints") and entry.has_item("positions_left_out"):
        known = KnownSpectra(
            array_of("positions_left_out", entry.positions_left_out, bool),
            array_of("fingerprints", entry.fingerprints, np.uint64),
        )
        if known.left_out.shape != known.marks.shape or not known.marks.size:
            raise broken("fingerprints", f"the shape {known.marks.shape}")
    carried = Carried(content, known)
    if getattr(type(signal)._to_dictionary, "packs_autoencoder", False):
        entry.autoencoder = carried
        if known is not None:
            del entry.positions_left_out, entry.fingerprints
    return carried


def why_not(signal):
    """A sentence on why a signal carries no autoencoder."""
    stored = signal.metadata.get_item(f"{PLACE}.autoencoder")
    if stored is None:
        return "This signal has no trained autoencoder."
    number = format_of(signal.metadata.get_item(PLACE))
    if number > FORMAT:
        return (
            f"The trained autoencoder of this signal is of format {number}, and this "
            f"version of hyperspy_aedenoise reads up to {FORMAT}: install a later one."
        )
    text = np.asarray(stored, dtype=np.uint8).tobytes().decode(errors="replace")
    return one_line(text, 240)


def packing(eels_spectrum):
    """A `_to_dictionary` for a class, which packs the autoencoder for a file."""
    original = vars(eels_spectrum).get("_to_dictionary")
    if getattr(original, "packs_autoencoder", False):
        return original

    def _to_dictionary(self, add_learning_results=True, add_models=False, **others):
        carried = None
        try:
            stored = self.metadata.get_item(f"{PLACE}.autoencoder")
            is_shared = stored is None or isinstance(stored, Carried)
            if add_models or not is_shared:  # slices, which may be many, need no more
                carried = carried_by(self)
        except Exception:
            _logger.exception("the trained autoencoder can't be read")
        function = original or super(eels_spectrum, self)._to_dictionary.__func__
        result = function(self, add_learning_results, add_models, **others)
        if add_models and carried is not None:  # it is going to be saved
            _pack(self, carried, result["metadata"]["Signal"]["Denoising"])
        return result

    _to_dictionary.packs_autoencoder = True
    return functools.wraps(eels_spectrum._to_dictionary)(_to_dictionary)


def _pack(signal, carried, entry):
    """Put into a dictionary what a file needs of an autoencoder."""
    try:
        content, known = _needed(signal, carried, ~channels_left_out(entry))
    except Exception:
        _logger.exception("the trained autoencoder is saved whole")
        content, known = carried.content, carried.known
    entry["format"] = FORMAT
    if content is not None:
        _put(entry, content, known)


def _put(entry, content, known):
    """Write into the dictionary of an entry what a file holds."""
    values = {"autoencoder": np.frombuffer(content, np.uint8)}
    if known is not None:
        values |= {"positions_left_out": known.left_out, "fingerprints": known.marks}
    entry.update(values)


def _needed(signal, carried, kept):
    """What a signal's file needs of what it carries; None where that is of no use."""
    from hyperspy_aedenoise._archive.part_of_map import bank_in, part_of

    axes = signal.axes_manager
    if axes.signal_dimension != 1 or axes.signal_axes[0].size != kept.size:
        return None, None
    content, known = carried.content, carried.known
    if content is None:  # no file of it could be read
        return None, None
    shape, is_denoised = positions_shape(signal), DenoisedSpectra.are_in(content)
    bank = None if is_denoised else bank_in(content)
    if bank is None and known is None and not is_denoised:  # a network, by 0.1.0
        return content, None
    if signal._lazy and not is_denoised:
        n_fitted = known.marks.size if bank is None else bank.used.size
        if np.prod(shape) == n_fitted:  # all, as far as can be told without reading it
            return content, known
    marks = marks_in(signal, kept)
    known_here = None if known is None else known.part(marks)
    if is_denoised:
        return denoiser_of(content).part(marks.ravel()), known_here
    fitted = known.marks if bank is None else bank.fingerprints
    here = np.isin(marks, fitted)
    if not here.any():
        return None, None
    if np.isin(fitted, marks).all():
        return content, known
    part = content
    if bank is not None:
        place = bank.places.find(marks.ravel(), shape)
        part = part_of(content, place, shape)
    left_out = np.zeros(shape, bool) if known is None else known_here.left_out
    size = here.sum() * kept.sum() * np.float32().itemsize
    if size < min(_FEW, len(part)) and (here | left_out.reshape(shape)).all():
        part = _denoised(signal, content, kept, marks)
        known_here = known_here if left_out.any() else None
    return part, known_here


def _denoised(signal, content, kept, marks):
    """Bytes of the denoised spectra of a small part, in place of the denoiser's."""
    denoiser = denoiser_of(content)
    spectra = np.asarray(energy_last(signal, signal.data))[..., kept]
    values = denoiser.denoise(spectra)
    misfit = denoiser.misfit(spectra, values)
    rows = values.reshape(-1, values.shape[-1])
    parts = marks.ravel(), rows, denoiser.energies_, misfit
    return DenoisedSpectra(*parts).to_bytes()

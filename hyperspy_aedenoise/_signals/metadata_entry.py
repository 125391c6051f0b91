"""The entry in a signal's metadata that holds an autoencoder, written and read."""

import numpy as np

from hyperspy_aedenoise._archive.refusal import one_line
from hyperspy_aedenoise._errors import must_be

#: Where the trained autoencoder lives: metadata survive saving, copying, slicing.
PLACE = "Signal.Denoising"
#: Of what is written there; 0.1.0 had no number.
FORMAT = 1


def put_entry(signal, denoiser, unused, carried):
    """Put a fit, and what is told of it, into the metadata of its signal.

    Parameters
    ----------
    signal : EELSSpectrum
    denoiser : AutoencoderDenoiser
    unused : ndarray of bool, shape (n_all_channels,)
        Channels that took no part.
    carried : dict
        From `parts_to_carry`.
    """
    record = denoiser.record()
    entry = {"format": FORMAT}
    for key in ("package_version", "architecture", "learned_from"):
        entry[key] = record[key]
    if denoiser.form_ is None:  # a trained network
        entry["iterations"] = record["iterations"]
        entry["kept_iteration"] = record["history"]["kept_iteration"]
    entry["noise"] = record["noise"]
    if record["output_dimension"] is not None:
        entry["output_dimension"] = record["output_dimension"]
    entry["channels_left_out"] = unused
    entry |= carried
    if signal.metadata.has_item(PLACE):
        del signal.metadata.Signal.Denoising
    signal.metadata.set_item(PLACE, entry)


def channels_left_out(entry):
    """True for channels that took no part, of an entry in metadata or a dictionary."""
    if "channels_left_out" not in entry:
        raise broken("channels_left_out", "none")
    left_out = array_of("channels_left_out", entry["channels_left_out"], bool, 1)
    if left_out.all():
        raise broken("channels_left_out", "nothing but masked channels")
    return left_out


def masked_positions(entry):
    """True for positions that took no part, by 0.1.0 and by their place; or None."""
    if entry.has_item("fingerprints") or not entry.has_item("positions_left_out"):
        return None
    return array_of("positions_left_out", entry.positions_left_out, bool)


def format_of(entry):
    """Number of the format of an entry."""
    number = entry.get_item("format", FORMAT)
    is_number = isinstance(number, (int, np.integer))
    if not is_number or isinstance(number, (bool, np.bool_)) or number < 1:
        raise broken("format", repr(number))
    return int(number)


def array_of(name, value, dtype, ndim=None):
    """A part of an entry as the array that it must be, of at most 8 axes."""
    try:
        found = np.asarray(value)
    except Exception as error:  # ragged lists, groups, lazy arrays of whatever
        raise broken(name, f"{type(value).__name__}: {error}") from None
    wanted = found.ndim == ndim if ndim else 1 <= found.ndim <= 8
    if found.dtype != np.dtype(dtype) or not wanted:
        raise broken(name, f"an array of {found.dtype} with {found.ndim} axes")
    return found


def broken(name, got):
    """What refuses an entry, in one line."""
    text = must_be(
        f"metadata.{PLACE}.{name}",
        "what `s.decompose_autoencoder()` has stored",
        one_line(got, 80),
        "Train again, or delete the entry.",
    )
    return ValueError(one_line(text))

"""How long what repeats a fit will take, by the time that the fit took."""

import hashlib

#: Seconds that fits took, by what they gave; as long as Python runs, and no longer.
_TAKEN: dict[str, float] = {}
#: Fits that are remembered.
_MOST = 64
#: Seconds below which nobody asks.
_SHORT = 10
#: Most time that methods took on real maps, in units of that of the fit.
TIMES_OF_COMPARISON, TIMES_OF_UNCERTAINTY = 1.5, 8.0


def remember(content, seconds):
    """Keep in memory how long the fit with some archive took."""
    if content is None:  # what can't be kept isn't asked again
        return
    if len(_TAKEN) >= _MOST:
        _TAKEN.pop(next(iter(_TAKEN)))
    _TAKEN[_mark(content)] = seconds


def with_duration(words, content, times):
    """Words for a progress bar: with how long it will take, where that is known.

    Parameters
    ----------
    words : str
    content : bytes
        The archive of the fit.
    times : float
        How long it takes in units of the fit.

    Returns
    -------
    str
    """
    seconds = 0 if content is None else times * _TAKEN.get(_mark(content), 0)
    if seconds < _SHORT:
        return words
    long = seconds >= 120
    number = float(f"{seconds / 60 if long else seconds:.1g}")
    return f"{words} (up to {number:g} {'min' if long else 's'} in all)"


def _mark(content):
    return hashlib.blake2b(content, digest_size=16).digest()

"""Checks of single values of a record, each of which returns the value."""

import math
from numbers import Integral, Real

from hyperspy_aedenoise._archive.refusal import Refused


def dictionary(name, value, keys):
    """A dictionary with exactly these keys."""
    if not isinstance(value, dict):
        raise Refused(f"{name} that is no dictionary")
    if set(value) != set(keys):
        raise Refused(f"{name} without proper {sorted(set(keys) ^ set(value))}")
    return value


def sequence(name, value, most):
    """A list that isn't too long."""
    if not isinstance(value, list) or len(value) > most:
        raise Refused(f"{name} that is no list of at most {most}")
    return value


def number(name, value, least=-math.inf, most=math.inf):
    """A finite number in a range."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise Refused(f"{name} that is no number")
    if not math.isfinite(value) or not least <= value <= most:
        raise Refused(f"{name} of {value!r}")
    return float(value)


def integer(name, value, least, most):
    """A whole number in a range."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise Refused(f"{name} that is no whole number")
    if not least <= value <= most:
        raise Refused(f"{name} out of range")
    return int(value)


def boolean(name, value):
    """True or false."""
    if not isinstance(value, bool):
        raise Refused(f"{name} that is neither true nor false")
    return value


def text(name, value, most=100):
    """A short line of text."""
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        raise Refused(f"{name} that is no short text")
    return value


def one_of(name, value, options):
    """One of some words."""
    if not isinstance(value, str) or value not in options:
        raise Refused(f"{name} of {value!r}")
    return value

"""Results lazy or not, as asked for, and their titles."""


def lazily(signal, lazy_output):
    """The signal, or a lazy one of the same data where that is asked for."""
    return signal.as_lazy() if lazy_output and not signal._lazy else signal


def delivered(result, lazy_output):
    """A result, computed where that is asked for."""
    if result._lazy and lazy_output is not None and not lazy_output:
        result.compute()
    return result


def titled(what, title):
    """A title that says of what, if that has one."""
    return f"{what} of {title}" if title else what

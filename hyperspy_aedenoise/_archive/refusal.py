"""How a file that can't be read is refused: in one line, whatever is wrong with it."""

import contextlib

from hyperspy_aedenoise._errors import must_be

#: Most characters of a refusal, and of what it quotes.
MOST, _MOST_QUOTED = 300, 110


class Refused(ValueError):
    """A file, or a part of one, that isn't what this package writes."""

    def __init__(self, got):
        text = must_be(
            "autoencoder file",
            "one that `AutoencoderDenoiser.save` has written",
            one_line(got, _MOST_QUOTED),
            "Ask its author for the file as it was saved.",
        )
        super().__init__(text)
        self.got = got

    def __reduce__(self):
        return _again, (str(self),)


def _again(text):
    refused = Refused("")
    refused.args = (text,)
    return refused


def one_line(text, most=MOST):
    """A text without line breaks and what doesn't print, cut to so many characters."""
    text = str(text)[: 8 * most]
    text = "".join(one if one.isprintable() else " " for one in text)
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 3] + "..."


@contextlib.contextmanager
def all_refused():
    """Context in which whatever goes wrong is `Refused`."""
    try:
        yield
    except Refused:
        raise
    except Exception as error:  # zip, zlib, JSON, NumPy and Keras have many
        # what it came from may be a configuration of megabytes: it isn't shown
        raise Refused(f"a broken one ({type(error).__name__}: {error})") from None

"""Loading Keras, without what TensorFlow says of itself while it starts."""

import contextlib
import os
import re
import sys
import tempfile

#: Remarks on processors and drivers, which are not the user's concern.
_REMARK = re.compile(
    rb"I\d{4} \d\d:|WARNING: All log messages before absl::|To enable the following ins"
)


def load_keras():
    """Return the module `keras`; what TensorFlow remarks on itself stays unsaid.

    Unless the user has set ``TF_CPP_MIN_LOG_LEVEL`` to 0, or loaded Keras before.
    """
    if "keras" not in sys.modules:
        if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "0":
            import keras
        else:
            with _without_remarks():
                import keras  # noqa: F401
    return sys.modules["keras"]


@contextlib.contextmanager
def _without_remarks():
    """Leave lines that are remarks out of what is written to file descriptor 2.

    TensorFlow writes them before anything that is set could keep it from that.
    """
    try:
        kept = os.dup(2)
    except OSError:  # there is no such file
        yield
        return
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            lines = [line for line in caught if not _REMARK.match(line)]
            os.write(2, b"".join(lines))

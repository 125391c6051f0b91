"""Keras: loaded without what TensorFlow says of itself, and run where it can be."""

import contextlib
import os
import random
import re
import sys
import tempfile
import threading

#: Remarks on processors and drivers, which are not the user's concern.
_REMARK = re.compile(
    rb"I\d{4} \d\d:|WARNING: All log messages before absl::|To enable the following ins"
)

#: Held while Keras is loaded.
_loading = threading.Lock()

#: Whether this process was forked from one in which TensorFlow had begun to compute.
_is_stuck = False


def check_process():
    """Refuse to run a network where it would wait for ever.

    The threads that TensorFlow computes in don't come along into a fork.

    Raises
    ------
    RuntimeError
    """
    if _is_stuck:
        raise RuntimeError(
            "A network has run in the process that this one was forked from, and would "
            "hang in this one. Start processes by "
            '`multiprocessing.get_context("spawn")`.'
        )


def _look_after_fork():
    """Note whether TensorFlow has its threads already: their number is fixed then."""
    global _is_stuck, _loading
    if _loading.locked():
        _is_stuck, _loading = True, threading.Lock()
        return
    if "tensorflow" not in sys.modules:
        return
    threads = sys.modules["tensorflow"].config.threading
    number = threads.get_inter_op_parallelism_threads()
    try:
        threads.set_inter_op_parallelism_threads(number + 1)
    except RuntimeError:
        _is_stuck = True
    else:
        threads.set_inter_op_parallelism_threads(number)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_look_after_fork)


def load_keras():
    """Return the module `keras`; what TensorFlow remarks on itself stays unsaid.

    Unless the user has set ``TF_CPP_MIN_LOG_LEVEL`` to 0, or loaded Keras before. What
    another thread is just loading is waited for.
    """
    with _loading, contextlib.ExitStack() as during:
        if "keras" not in sys.modules:
            if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") != "0":
                during.enter_context(_without_remarks())
            during.enter_context(own_random_numbers())
        import keras
    return keras


@contextlib.contextmanager
def own_random_numbers():
    """Context that takes none of the user's numbers from Python's `random`.

    Keras seeds layers by them, also those whose weights are set afterwards.
    """
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


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

"""Importing is free, harmless, and enough."""

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import hyperspy_aedenoise

HEAVY = ("keras", "tensorflow", "exspy", "matplotlib")


def python(code):
    """Run code in a fresh interpreter and return the last line that it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]  # HyperSpy logs before that


def test_both_entry_points_are_declared():
    """The plain name leads to the components, the dotted one to the methods."""
    names = {entry.name for entry in entry_points(group="hyperspy.extensions")}
    assert {"hyperspy_aedenoise", "hyperspy_aedenoise._autoload"} <= names


def test_the_yaml_lies_beside_the_package():
    """HyperSpy looks there; the one at the top of the repository points to it."""
    package = Path(hyperspy_aedenoise.__file__).parent
    assert (package / "hyperspy_extension.yaml").is_file()
    top = package.parent / "hyperspy_extension.yaml"
    if top.exists():  # not in an installed copy
        assert top.resolve() == (package / "hyperspy_extension.yaml").resolve()


@pytest.mark.parametrize("module", ["hyperspy.api", "hyperspy_aedenoise"])
def test_importing_loads_nothing_heavy(module):
    """Neither HyperSpy's start nor our own import pays for what isn't used yet."""
    code = f"import sys, {module}; print([m for m in {HEAVY} if m in sys.modules])"
    assert python(code) == "[]"


def test_hyperspy_alone_brings_the_methods():
    """A user who imports HyperSpy only finds them on a signal that it makes."""
    code = (
        "import hyperspy.api as hs, numpy as np\n"
        "s = hs.signals.Signal1D(np.ones((2, 9)))\n"
        "s.set_signal_type('EELS')\n"
        "print(hasattr(s, 'decompose_autoencoder'),"
        " hasattr(s.as_lazy(), 'compare_denoising'))"
    )
    assert python(code) == "True True"


@pytest.mark.parametrize(
    "order",
    [
        "import hyperspy_aedenoise, exspy.signals as signals",
        "import exspy.signals as signals, hyperspy_aedenoise",
        "import hyperspy.api, exspy.signals as signals, hyperspy_aedenoise",
    ],
)
def test_import_order_does_not_matter(order):
    """All methods are on the class and its lazy twin, whoever comes first."""
    code = (
        f"{order}\n"
        "from hyperspy_aedenoise._signals.methods import SIGNAL_METHODS\n"
        "print(all(hasattr(c, n) for n in SIGNAL_METHODS"
        " for c in (signals.EELSSpectrum, signals.LazyEELSSpectrum)))"
    )
    assert python(code) == "True"


@pytest.mark.parametrize("missing", ["wrapt", "lazy_loader"])
def test_a_broken_import_of_ours_does_not_break_hyperspy(missing):
    """Without a dependency the plugin is missing, with an error in the log."""
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "import hyperspy_aedenoise, hyperspy.api; print('fine')"
    )
    assert python(code) == "fine"


def test_broken_methods_do_not_break_exspy():
    """What fails while the methods are attached is logged, and no more."""
    code = (
        "import sys; sys.modules['hyperspy_aedenoise._signals.methods'] = None\n"
        "import hyperspy.api, exspy.signals; print('fine')"
    )
    assert python(code) == "fine"


def test_public_names_are_all_there():
    """What the stub lists can be got, and nothing else is promised."""
    import hyperspy_aedenoise as aed
    from hyperspy_aedenoise._signals.methods import SIGNAL_METHODS

    names = {
        "AutoencoderDenoiser",
        "NoiseModel",
        "add_noise",
        "citation",
        "components",
        "data",
        "match_reference",
    }
    names |= set(SIGNAL_METHODS)  # as functions, for signals that aren't EELS
    assert set(aed.__all__) == names
    assert all(getattr(aed, name) is not None for name in names)


@pytest.mark.parametrize("level", [None, "0"])
def test_keras_starts_quietly(level):
    """TensorFlow's remarks on the processor are heard by those who want them.

    Whatever else is written while it starts is passed on.
    """
    code = (
        "import os, sys\n"
        "class Loud:\n"
        "    def find_spec(self, name, *others):\n"
        "        if name == 'keras':\n"
        "            os.write(2, b'I0000 00:00:1.2 port.cc:1] remark\\nwords\\n')\n"
        "sys.meta_path.insert(0, Loud())\n"
        "from hyperspy_aedenoise._backend import load_keras\n"
        "load_keras()\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    if level is not None:
        environment["TF_CPP_MIN_LOG_LEVEL"] = level
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "words" in done.stderr
    assert ("I0000" in done.stderr) == (level == "0")


def test_loadings_are_called_scores_as_well():
    import hyperspy_aedenoise as aed

    assert aed.get_autoencoder_scores is aed.get_autoencoder_loadings
    assert aed.plot_autoencoder_scores is aed.plot_autoencoder_loadings

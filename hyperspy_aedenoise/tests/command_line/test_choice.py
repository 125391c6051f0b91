"""Which signal of a file the command takes."""

from pathlib import Path

import h5py
import hyperspy.api as hs
import pytest

from hyperspy_aedenoise import __main__
from hyperspy_aedenoise._signals.files import eels_signal
from hyperspy_aedenoise.tests.command_line.conftest import one_line
from hyperspy_aedenoise.tests.conftest import real_file


def saved_together(signals, path):
    """Write signals of different titles to one file."""
    with h5py.File(path, "w") as file:
        for signal in signals:
            signal.save("one.hspy", overwrite=True)
            with h5py.File("one.hspy") as one:
                file.attrs.update(one.attrs)
                experiments = file.require_group("Experiments")
                for name in one["Experiments"]:
                    one.copy(f"Experiments/{name}", experiments)
    return path


@pytest.fixture
def of_several(noisy_signal):
    """Write signals of equal size, from an energy on each, to one file."""

    def write(*starts):
        signals = [noisy_signal.deepcopy() for _ in starts]
        for signal, start in zip(signals, starts, strict=True):
            signal.axes_manager.signal_axes[0].offset = start
            signal.metadata.General.title = f"from {start}"
            signal.data[0, 0, 0] = start
        return saved_together(signals, Path("dual.hspy"))

    return write


def test_the_core_loss_of_dual_eels_is_taken(of_several):
    """A signal whose energies reach over 0 eV isn't, if there is another."""
    signal, which = eels_signal(of_several(-10, 527))
    assert signal.data[0, 0, 0] == 527
    assert "holds 2 EELS signals; number" in which
    assert "from 527 (6 x 9 x 60, 527 to 556.5 eV), is taken" in which
    low, which = eels_signal(of_several(-10))
    assert low.data[0, 0, 0] == -10 and which is None


def test_among_equals_the_user_chooses(of_several, capsys, no_fit):
    """The message lists them, and `--signal` takes one."""
    of_several(-10, 527, 300)
    assert __main__.main(["dual.hspy"]) == 1
    told = one_line(capsys)
    assert "3 EELS signals; choose one with --signal N: 1 is" in told
    for words in ("from -10 (6 x 9 x 60, -10 to 19.5 eV)", "from 300 (", "from 527 ("):
        assert words in told
    starts = {eels_signal(Path("dual.hspy"), n)[0].data[0, 0, 0] for n in (1, 2, 3)}
    assert starts == {-10, 527, 300}
    for number in ("0", "4"):
        assert __main__.main(["dual.hspy", "--signal", number]) == 1
        assert "from 1 to 3" in one_line(capsys)
    assert __main__.main(["--signal", "1"]) == 1
    assert "name one" in one_line(capsys)


def test_two_real_signals_in_a_file():
    """Low and core loss of one camera have the same number of channels."""
    names = (f"S03_STO_D3r1_100x_{name}.dm3" for name in ("LL", "HL"))
    signals = [hs.load(real_file(name)) for name in names]
    signal, which = eels_signal(saved_together(signals, Path("dual.hspy")))
    assert signal.axes_manager[-1].offset == pytest.approx(370)
    assert "SI_HL (100 x 1024, 370 to 676.9 eV), is taken" in which

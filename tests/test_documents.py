"""What the README and the guide show runs as it stands."""

import re
from pathlib import Path

import hyperspy.api as hs
import pytest
from conftest import SIGMA

import hyperspy_aedenoise as aed

TOP = Path(__file__).parents[1]


def blocks_of(path, language):
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def run(code, names):
    exec(compile(code, "document", "exec"), names)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_readme(monkeypatch):
    """The short path, on a small signal in place of the user's file."""
    clean = aed.data.sto_o_k((5, 6))
    signal = aed.add_noise(clean, SIGMA, random_state=0)
    monkeypatch.setattr(hs, "load", lambda name: signal)
    (code,) = blocks_of(TOP / "README.md", "python")
    names = {}
    run(code, names)
    assert names["d"].data.shape == signal.data.shape
    assert Path("scan.hspy").exists()


def test_readme_has_two_commands():
    """One that runs the main job, one that runs the tests; CI takes the second."""
    one, other = blocks_of(TOP / "README.md", "bash")
    assert "python -m hyperspy_aedenoise" in one
    assert "pytest" in other


def test_guide(capsys):
    names = {}
    for code in blocks_of(TOP / "docs" / "guide.md", "python"):
        run(code, names)
    assert names["restored"].shape == (24, 24, 256)
    assert "Recommended" in capsys.readouterr().out


def test_versions_agree():
    """Of the package, the citation file and the changelog."""
    assert f"version: {aed.__version__}" in (TOP / "CITATION.cff").read_text()
    assert f"## {aed.__version__}" in (TOP / "CHANGELOG.md").read_text()
    assert aed.__version__ in aed.citation()

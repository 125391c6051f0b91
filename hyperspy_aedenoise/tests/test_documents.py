"""What the README and the pages of the documentation show runs as it stands."""

import importlib.metadata
import re
from pathlib import Path

import hyperspy.api as hs
import pytest
import yaml

import hyperspy_aedenoise as aed
from hyperspy_aedenoise.tests.conftest import SIGMA, TOP, of_the_source

of_the_source("docs", "README.md")
DOCS = TOP / "docs"
#: Pages whose examples continue one another, and begin with a signal of their own.
PAGES = [DOCS / "quick_start.md", *sorted((DOCS / "how_to").glob("*.md"))]
#: Pages that load the user's file.
OF_A_FILE = [TOP / "README.md", DOCS / "index.md"]


def blocks_of(path, language):
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def run(code, names):
    exec(compile(code, "document", "exec"), names)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("path", OF_A_FILE, ids=lambda path: path.stem)
def test_short_path(path, monkeypatch):
    """From a file to the result, on a small signal in place of the user's file."""
    clean = aed.data.sto_o_k((5, 6))
    signal = aed.add_noise(clean, SIGMA, random_state=0)
    monkeypatch.setattr(hs, "load", lambda name: signal)
    names = {}
    for code in blocks_of(path, "python"):
        run(code, names)
    assert names["d"].data.shape == signal.data.shape
    if path.stem == "README":
        assert Path("scan.hspy").exists()


@pytest.mark.parametrize("path", OF_A_FILE, ids=lambda path: path.stem)
def test_two_commands(path):
    """One that runs the main job, one that runs the tests; CI takes the second."""
    one, other = blocks_of(path, "bash")
    assert "python -m hyperspy_aedenoise" in one
    assert "pytest" in other


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_page(path, smaller_sets):
    """All examples of a page, one after the other."""
    names = {}
    for code in blocks_of(path, "python"):
        run(code, names)


def test_pages_link_to_what_is_there():
    """Also where they are read without having been built."""
    pages = [*TOP.glob("*.md"), *DOCS.rglob("*.md")]
    missing = []
    for path in (p for p in pages if "_build" not in p.parts):
        text = path.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
            if not (path.parent / target).exists():
                missing.append(f"{path.relative_to(TOP)}: {target}")
    assert not missing


def test_every_method_has_a_page():
    """In the list from which the reference is made."""
    from hyperspy_aedenoise._signals.methods import SIGNAL_METHODS

    text = (DOCS / "api" / "index.rst").read_text(encoding="utf-8")
    names = {f"exspy.signals.EELSSpectrum.{name}" for name in SIGNAL_METHODS}
    own = set(aed.__all__) - set(SIGNAL_METHODS)
    inside = {"components": "components.AutoencoderEdge", "data": "data.sto_o_k"}
    names |= {f"hyperspy_aedenoise.{inside.get(n, n)}" for n in own}
    assert not {name for name in names if f"~{name}\n" not in text}


def test_the_conda_recipe_is_that_of_the_package():
    """The same version, and the same requirements by conda's names."""
    recipe = yaml.safe_load((TOP / "conda-recipe" / "recipe.yaml").read_text())
    assert recipe["context"]["version"] == aed.__version__
    _, *needed = recipe["requirements"]["run"]
    needed = {one.replace("-base", "").replace(" ", "") for one in needed}
    ours = importlib.metadata.requires("hyperspy_aedenoise")
    assert needed == {one for one in ours if ";" not in one}


def test_versions_agree():
    """Of the package, the citation file and the changelog."""
    assert f"version: {aed.__version__}" in (TOP / "CITATION.cff").read_text()
    assert f"## {aed.__version__}" in (TOP / "CHANGELOG.md").read_text()
    assert aed.__version__ in aed.citation()

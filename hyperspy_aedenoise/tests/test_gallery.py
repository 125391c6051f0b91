"""The examples of the documentation run, in a reduced form."""

import ast
import runpy
import sys

import matplotlib.pyplot as plt
import pytest

from hyperspy_aedenoise.tests.conftest import REAL, SIDE, TOP, of_the_source, real_file

of_the_source("docs")
DOCS = TOP / "docs"
RECIPES = sorted(path.stem for path in (DOCS / "gallery").glob("*.py"))
STUDIES = DOCS / "gallery" / "studies"
NAMES = sorted(path.stem for path in STUDIES.glob("*.py") if path.stem != "study")


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow  # building the site runs them, too
@pytest.mark.parametrize("name", RECIPES)
def test_recipe(name, smaller_sets):
    """It runs, and draws something."""
    runpy.run_path(str(DOCS / "gallery" / f"{name}.py"))
    assert plt.get_fignums()


def test_pictures_of_how_it_works(tmp_path):
    """They can be drawn again; the pages show these and no others."""
    names = runpy.run_path(str(DOCS / "explanation" / "pictures.py"))
    names["main"](tmp_path, (SIDE, SIDE))
    text = (DOCS / "explanation" / "how_it_works.md").read_text(encoding="utf-8")
    drawn = {path.name for path in tmp_path.iterdir()}
    assert drawn == {path.name for path in (DOCS / "images").glob("how_*.png")}
    assert all(f"(../images/{name})" in text for name in drawn)


@pytest.mark.parametrize(
    "path", sorted((DOCS / "gallery").rglob("*.py")), ids=lambda path: path.stem
)
def test_begins_with_a_title(path):
    """From which its page and its notebook are made."""
    if path.stem == "study":
        pytest.skip("no example")
    title, line = ast.get_docstring(ast.parse(path.read_text("utf-8"))).split("\n")[:2]
    assert line == "=" * len(title)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run a study on a small field, with few iterations."""
    monkeypatch.setenv("TUTORIALS_SHORT", "1")
    monkeypatch.setenv("TUTORIALS_FIGURES", str(tmp_path))
    monkeypatch.setenv("TUTORIALS_DATA", str(REAL))
    monkeypatch.syspath_prepend(STUDIES)

    def run(name):
        names = runpy.run_path(str(STUDIES / f"{name}.py"))
        return names, {path.name for path in tmp_path.iterdir()}

    yield run
    sys.modules.pop("study", None)


@pytest.mark.slow  # building the site runs it, too
def test_networks_beside_pca(run):
    names, files = run("networks_beside_pca")
    assert files == {
        "networks_beside_pca_images.png",
        "networks_beside_pca_spectra.png",
    }
    raw = names["mse"](names["noisy"], names["clean"])
    for route in ("autoencoder, clean answers", "PCA, best rank"):
        assert names["mse"](names["results"][route], names["clean"]) < raw / 20


@pytest.mark.slow  # building the site runs it, too
def test_other_noise_levels(run):
    names, files = run("other_noise_levels")
    assert files == {"other_noise_levels.png"}
    error = {(row["sigma"], row["route"]): row["MSE"] for row in names["table"]}
    for level in names["LEVELS"]:
        right, raw = error[level, "autoencoder, this level"], error[level, "raw"]
        assert right < error[level, "autoencoder, at 0.05"] < raw


@pytest.mark.slow  # building the site runs it, too
def test_poor_training_sets(run):
    names, files = run("poor_training_sets")
    assert files == {"poor_training_sets.png"}
    by_name = {row["trained on"]: row for row in names["table"]}
    shift = by_name["onset 0.5 eV too high"]
    assert shift["mean residual (std. errors)"] > 10
    assert shift["recommended"] != "autoencoder"
    right = by_name["the right set"]
    assert right["mean residual (std. errors)"] < 5
    assert abs(names["share"]) < 0.2


@pytest.mark.filterwarnings("ignore")  # of old file formats
def test_real_strontium_titanate(run):
    real_file("S03_STO_D3r1_100x_HL.dm3")
    names, files = run("real_strontium_titanate")
    assert "real_match.png" in files
    error = names["errors"]
    assert error["matched reference, O K alone"] < 0.5 * error["raw"]
    alone = min(
        error[name] for name in error if name.startswith("PCA") and "O K" in name
    )
    assert error["matched reference, O K alone"] < alone
    assert error["no clean data, O K alone"] < alone
    assert error["no clean data, all channels"] < 0.7 * alone


def test_every_study_is_run_here():
    tested = {name.removeprefix("test_") for name in globals()}
    assert set(NAMES) <= tested

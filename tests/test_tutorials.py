"""The tutorials run, in a reduced form, and can be had as notebooks."""

import runpy
import sys
from pathlib import Path

import jupytext
import pytest
from conftest import REAL, real_file

TUTORIALS = Path(__file__).parents[1] / "docs" / "tutorials"
NAMES = sorted(path.stem for path in TUTORIALS.glob("*.py") if path.stem != "study")


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run a tutorial on a small field, with few iterations."""
    monkeypatch.setenv("TUTORIALS_SHORT", "1")
    monkeypatch.setenv("TUTORIALS_FIGURES", str(tmp_path))
    monkeypatch.setenv("TUTORIALS_DATA", str(REAL))
    monkeypatch.syspath_prepend(TUTORIALS)

    def run(name):
        names = runpy.run_path(str(TUTORIALS / f"{name}.py"))
        return names, {path.name for path in tmp_path.iterdir()}

    yield run
    sys.modules.pop("study", None)


def test_figures_of_the_abstract(run):
    names, files = run("figures_of_the_abstract")
    assert files == {"abstract_figure_1.png", "abstract_figure_2.png"}
    raw = names["mse"](names["noisy"], names["clean"])
    for route in ("autoencoder, clean answers", "PCA, best rank"):
        assert names["mse"](names["results"][route], names["clean"]) < raw / 20


def test_other_noise_levels(run):
    names, files = run("other_noise_levels")
    assert files == {"other_noise_levels.png"}
    error = {(row["sigma"], row["route"]): row["MSE"] for row in names["table"]}
    for level in names["LEVELS"]:
        right, raw = error[level, "autoencoder, this level"], error[level, "raw"]
        assert right < error[level, "autoencoder, at 0.05"] < raw


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


@pytest.mark.parametrize("name", NAMES)
def test_as_notebook(name):
    """Text and code cells, in turn."""
    notebook = jupytext.read(TUTORIALS / f"{name}.py")
    kinds = [cell.cell_type for cell in notebook.cells]
    assert kinds[0] == "markdown"
    assert "code" in kinds
    assert jupytext.writes(notebook, fmt="ipynb")


def test_every_tutorial_is_run_here():
    tested = {name.removeprefix("test_") for name in globals()}
    assert set(NAMES) <= tested

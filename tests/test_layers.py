"""The modules import in one direction only."""

import ast
from pathlib import Path

import pytest

import hyperspy_aedenoise

PACKAGE = Path(hyperspy_aedenoise.__file__).parent

#: Reading order, from what needs nothing to what needs everything.
ORDER = [
    "_validation",
    "_spectra",
    "_evidence_figures",
    "_noise",
    "_measured_noise",
    "_lowrank",
    "_outliers",
    "_residual",
    "_noise_estimate",
    "_risk",
    "_nonlocal",
    "_code_network",
    "_code_map",
    "_component_spectra",
    "_drift",
    "_rare",
    "_spatial_spectral",
    "_trial",
    "_choice",
    "_code_bank",
    "_instrument",
    "_simulation",
    "_match_report",
    "_positions",
    "_matching",
    "_material",
    "_network",
    "_training",
    "_archive",
    "_fitting",
    "_arguments",
    "_denoiser",
    "_figures",
    "_routes",
    "_comparison",
    "_carried",
    "_summary",
    "_methods",
    "_reference",
    "_attach",
]
#: Third-party packages that a module may load when it is itself loaded.
MAY_LOAD = {
    "_validation": {"numpy"},
    "_spectra": {"numpy"},
    "_noise": {"numpy", "scipy"},
    "_lowrank": {"numpy", "scipy"},
    "_measured_noise": {"numpy"},
    "_outliers": {"numpy", "scipy"},
    "_residual": {"numpy", "scipy"},
    "_noise_estimate": {"numpy", "scipy"},
    "_risk": {"numpy"},
    "_nonlocal": {"numpy", "threadpoolctl"},
    "_code_network": {"numpy", "scipy"},
    "_code_map": {"numpy", "scipy"},
    "_component_spectra": {"numpy"},
    "_drift": {"numpy"},
    "_rare": {"numpy", "scipy"},
    "_spatial_spectral": {"numpy", "scipy"},
    "_trial": {"numpy"},
    "_choice": {"numpy", "scipy"},
    "_code_bank": {"numpy"},
    "_instrument": {"numpy", "scipy"},
    "_simulation": {"numpy", "scipy"},
    "_match_report": {"numpy"},
    "_positions": {"numpy", "scipy"},
    "_evidence_figures": {"numpy"},
    "_matching": {"numpy", "scipy"},
    "_material": {"numpy"},
    "_carried": {"numpy"},
    "_summary": {"numpy"},
    "_network": {"numpy", "keras"},
    "_training": {"numpy", "scipy", "keras"},
    "_archive": {"numpy"},
    "_fitting": {"numpy", "keras"},
    "_arguments": {"numpy"},
    "_denoiser": {"numpy"},
    "_figures": {"numpy"},
    "_comparison": {"numpy"},
    "_routes": {"numpy"},
    "_methods": {"numpy"},
    "_reference": {"numpy"},
    "_attach": {"wrapt"},
}
STANDARD = {
    "concurrent",
    "dataclasses",
    "functools",
    "hashlib",
    "io",
    "itertools",
    "json",
    "logging",
    "numbers",
    "os",
    "pathlib",
    "tempfile",
    "threading",
    "warnings",
    "zlib",
    "zipfile",
}


def imports_of(module, at_load):
    """Names that a module imports, at load or anywhere in it."""
    tree = ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))
    nodes = tree.body if at_load else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            if node.module == "hyperspy_aedenoise":
                yield from (f"hyperspy_aedenoise.{alias.name}" for alias in node.names)
            else:
                yield node.module


@pytest.mark.parametrize("module", ORDER)
def test_a_module_imports_only_from_those_above(module):
    """Nothing below is needed, not even inside of a function.

    `_attach` names `_methods`, which stands above it; the package's own version
    may be asked for everywhere. The side rooms are entered by `_reference` alone,
    which computes a set of `data` again.
    """
    above = ORDER[: ORDER.index(module)]
    own = {
        name.split(".")[1]
        for name in imports_of(module, at_load=False)
        if name.startswith("hyperspy_aedenoise.")
    }
    side_rooms = {"data"} if module == "_reference" else set()
    assert own - {"__version__"} - side_rooms <= set(above)


@pytest.mark.parametrize("module", ORDER)
def test_a_module_loads_nothing_heavy(module):
    """Keras, TensorFlow, exspy, HyperSpy and matplotlib wait until they are used."""
    loaded = {name.split(".")[0] for name in imports_of(module, at_load=True)}
    assert loaded - STANDARD - {"hyperspy_aedenoise"} <= MAY_LOAD[module]


def test_every_module_has_its_place():
    """A new module must be put into the order."""
    special = {"__init__", "__main__", "_autoload", "_citation"}
    assert {path.stem for path in PACKAGE.glob("*.py")} - special == set(ORDER)

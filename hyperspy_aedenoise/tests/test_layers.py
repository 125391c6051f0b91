"""The packages import in one direction only."""

import ast
from pathlib import Path

import pytest

import hyperspy_aedenoise

PACKAGE = Path(hyperspy_aedenoise.__file__).parent

#: Reading order: packages and single modules, from what needs nothing to what needs
#: everything, with the third-party packages that each may load when it is loaded.
MAY_LOAD = {
    "_errors": {"numpy"},
    "_backend": set(),
    "_noise": {"numpy", "scipy", "threadpoolctl"},
    "_observation": {"numpy", "scipy"},
    "_linear": {"numpy", "scipy"},
    "_filters": {"numpy", "scipy", "threadpoolctl"},
    "_engine": {"numpy", "scipy"},
    "_networks": {"numpy", "scipy", "keras"},
    "_archive": {"numpy"},
    "_denoiser": {"numpy"},
    "_reference": {"numpy", "scipy"},
    "_check": {"numpy"},
    "_report": {"numpy", "scipy"},
    "data": {"numpy", "lazy_loader"},
    "_signals": {"numpy"},
    "_widgets": {"numpy", "matplotlib", "ipywidgets", "IPython"},
    "components": {"numpy", "hyperspy", "lazy_loader"},
    "_attach": {"wrapt"},
    "__main__": set(),
}
ORDER = list(MAY_LOAD)
#: What stands beside the order: the door, what any module may ask for, and tests.
BESIDE = {"__init__", "_autoload", "_citation", "tests"}
STANDARD = {
    "__future__",
    "abc",
    "argparse",
    "base64",
    "collections",
    "concurrent",
    "contextlib",
    "copy",
    "dataclasses",
    "functools",
    "glob",
    "hashlib",
    "html",
    "inspect",
    "io",
    "itertools",
    "json",
    "logging",
    "math",
    "numbers",
    "os",
    "pathlib",
    "random",
    "re",
    "stat",
    "sys",
    "tempfile",
    "threading",
    "time",
    "traceback",
    "types",
    "typing",
    "warnings",
    "zipfile",
    "zlib",
}
#: Positional arguments that a function outside of `_signals` may have.
MOST_ARGUMENTS = 5
#: Lines of a module, and of one of `_denoiser`.
MOST_LINES, MOST_LINES_OF_DENOISER = 350, 300


def place_of(path):
    """Package (or single module) that a file belongs to."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if place_of(path) not in BESIDE)
NAMES = [str(path.relative_to(PACKAGE)) for path in MODULES]


def imports_of(path, at_load):
    """Names that a module imports, at load or anywhere in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if at_load else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            if node.module == "hyperspy_aedenoise":
                yield from (f"hyperspy_aedenoise.{alias.name}" for alias in node.names)
            else:
                yield node.module


def within(path):
    """Modules of the same package that a module imports."""
    package = ".".join(("hyperspy_aedenoise", place_of(path), ""))
    for name in imports_of(path, at_load=False):
        if name.startswith(package):
            yield name.removeprefix(package).split(".")[0]


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_a_module_imports_only_from_packages_above(path):
    """Nothing below is needed, not even inside of a function.

    Every module may ask for the package's own version.
    """
    place = place_of(path)
    own = {
        name.split(".")[1]
        for name in imports_of(path, at_load=False)
        if name.startswith("hyperspy_aedenoise.")
    }
    above = set(ORDER[: ORDER.index(place) + 1])
    assert own - {"__version__"} <= above


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_a_module_loads_nothing_heavy(path):
    """Keras, TensorFlow, exspy, HyperSpy and matplotlib wait until they are used."""
    loaded = {name.split(".")[0] for name in imports_of(path, at_load=True)}
    assert loaded - STANDARD - {"hyperspy_aedenoise"} <= MAY_LOAD[place_of(path)]


@pytest.mark.parametrize("package", [p for p in ORDER if (PACKAGE / p).is_dir()])
def test_modules_of_a_package_import_in_one_direction(package):
    """Within a package, too, no two modules need each other."""
    needs = {
        path.stem: set(within(path)) for path in MODULES if place_of(path) == package
    }
    while needs:
        free = [name for name, others in needs.items() if not others & set(needs)]
        assert free, f"{package}: a circle of {sorted(needs)}"
        for name in free:
            del needs[name]


def test_every_package_has_its_place():
    """A new package or module must be put into the order."""
    assert {place_of(path) for path in PACKAGE.rglob("*.py")} - BESIDE == set(ORDER)


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_a_module_is_short(path):
    """What doesn't fit is two modules."""
    most = MOST_LINES_OF_DENOISER if place_of(path) == "_denoiser" else MOST_LINES
    assert len(path.read_text(encoding="utf-8").splitlines()) <= most


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_no_function_takes_a_train_of_arguments(path):
    """What belongs together travels together.

    The signal methods have HyperSpy's arguments, and are no part of this.
    """
    if place_of(path) == "_signals":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            arguments = [one.arg for one in node.args.posonlyargs + node.args.args]
            if arguments[:1] in (["self"], ["cls"]):
                del arguments[0]
            assert len(arguments) <= MOST_ARGUMENTS, f"{node.name}: {arguments}"

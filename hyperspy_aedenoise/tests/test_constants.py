"""The table of hand-set constants is that of the code."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

import hyperspy_aedenoise
from hyperspy_aedenoise.tests.conftest import TOP, of_the_source

of_the_source("docs")

PACKAGE = Path(hyperspy_aedenoise.__file__).parent
TABLE = TOP / "docs" / "explanation" / "constants.md"
ROW = re.compile(r"\| `(\w+)` \| `(.+?)` \| (.+?) \| (.+?) \| (.+?) \|")


def has_a_number(value):
    """Whether there is a number in an expression; True and False are none.

    Names of files, lists of names and dictionaries of words have none, nor has what
    is computed from other constants alone.
    """
    return any(
        isinstance(node, ast.Constant) and type(node.value) in (int, float)
        for node in ast.walk(value)
    )


def assigned(node):
    """Names and values that a statement assigns, one by one."""
    if isinstance(node, (ast.AnnAssign, ast.AugAssign)) and node.value:
        yield node.target, node.value
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                yield from zip(target.elts, node.value.elts, strict=True)
            else:
                yield target, node.value


def constants():
    """Package, name and value of each hand-set constant.

    A constant has a name in capitals, stands at the top level of a module, and has a
    number in it. Of a dictionary the value is left out: it may be long.
    """
    for path in PACKAGE.rglob("*.py"):
        package = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if package == "tests":
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for target, value in assigned(node):
                is_constant = isinstance(target, ast.Name) and target.id.isupper()
                if is_constant and has_a_number(value):
                    is_dict = isinstance(value, ast.Dict)
                    yield package, target.id, "{...}" if is_dict else written(value)


def written(value):
    """An expression in one way of writing, whatever the layout of its code."""
    return ast.unparse(ast.parse(value) if isinstance(value, str) else value)


def rows():
    """Package, name, value, meaning, reason and evidence of each row of the table."""
    package = None
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            package = line.removeprefix("## ").strip("` ")
        elif found := ROW.fullmatch(line):
            name, value, *words = found.groups()
            if value != "{...}":
                value = written(value)
            yield package, name, value, *words


def test_names_and_values_are_those_of_the_code():
    """Of each package, as often as they occur there."""
    known = Counter(row[:3] for row in rows())
    true = Counter(constants())
    missing, stale = sorted(true - known), sorted(known - true)
    assert not missing, f"put these into {TABLE.name}: {missing}"
    assert not stale, f"{TABLE.name} has these still: {stale}"


def test_every_line_of_the_table_is_read():
    """A row of another form would not be compared."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("| `") for line in lines) == len(list(rows()))


@pytest.mark.parametrize("package", sorted({row[0] for row in rows()}))
def test_evidence_is_there(package):
    """The tests and scripts that a row names exist."""
    tests = "\n".join(
        path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("*.py")
    )
    for place, name, *_, evidence in rows():
        for word in re.findall(r"`([^`]+)`", evidence if place == package else ""):
            known = (TOP / word).is_file() or f"def {word}(" in tests
            assert known, f"{place}.{name}: no {word}"

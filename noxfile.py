"""Sessions that check the package: ``python -m nox -s NAME``; without a name, all."""

from pathlib import Path

import nox

nox.options.reuse_existing_virtualenvs = True
SUITE = ("python", "-m", "pytest", "-n", "2", "--dist", "loadfile")


@nox.session(python=["3.10", "3.11", "3.12", "3.13"])
def tests(session):
    """The suite with the newest versions."""
    session.install(".[tests]")
    session.run(*SUITE)


@nox.session
def slow(session):
    """The tests that take minutes: whole studies, hostile files, real maps."""
    session.install(".[tests]")
    session.run(*SUITE, "-m", "slow")


@nox.session(venv_backend="uv")
def oldest(session):
    """The suite with the oldest versions that are allowed."""
    session.install("--resolution", "lowest-direct", ".[tests]")
    session.run(*SUITE)


@nox.session
def hyperspy_development(session):
    """The suite with what HyperSpy and exspy will be."""
    session.install(".[tests]")
    for name in ("hyperspy", "exspy"):
        session.install("--upgrade", f"git+https://github.com/hyperspy/{name}")
    session.run(*SUITE)


@nox.session
def wheel(session):
    """The tests that are in the wheel, away from the checkout."""
    session.install("build")
    folder = session.create_tmp()
    session.run("python", "-m", "build", "--wheel", "--outdir", folder)
    (built,) = Path(folder).glob("*.whl")
    session.install(f"{built}[tests]")
    session.chdir(folder)
    session.run(*SUITE, "--pyargs", "hyperspy_aedenoise")


@nox.session
def docs(session):
    """The site, warnings as errors."""
    session.install(".[docs]")
    session.run("python", "-m", "sphinx", "-W", "-b", "html", "docs", "docs/_build")


@nox.session
def lint(session):
    """Layout, lint and types."""
    session.install(".[tests]")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("mypy")

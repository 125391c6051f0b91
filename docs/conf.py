"""Sphinx configuration; build with ``sphinx-build docs docs/_build``."""

import hyperspy_aedenoise

project = "hyperspy_aedenoise"
author = "The hyperspy_aedenoise developers"
version = release = hyperspy_aedenoise.__version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_parser"]
numpydoc_show_class_members = False
html_theme = "alabaster"
exclude_patterns = ["_build"]

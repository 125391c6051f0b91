"""Sphinx configuration; build with ``python -m sphinx -W -b html docs docs/_build``."""

import os

# The long examples run here with a reduced size, see gallery/studies/study.py.
os.environ.setdefault("TUTORIALS_SITE", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import exspy.signals  # noqa: F401  # the class that gets the methods, for autosummary
import hyperspy.api as hs

import hyperspy_aedenoise as aed

project = "hyperspy_aedenoise"
author = "The hyperspy_aedenoise developers"
copyright = author
version = release = aed.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "sphinx_design",  # the cards of the start page
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "_templates", "gallery"]
templates_path = ["_templates"]

# Names in single backticks of docstrings are those of this package.
default_role = "py:obj"
add_module_names = False
toc_object_entries = False
autosummary_generate = True
autodoc_typehints = "none"  # the sections of parameters say it in words
numpydoc_show_class_members = False
myst_enable_extensions = ["colon_fence", "substitution"]
myst_heading_anchors = 3
myst_substitutions = {"bibtex": f"```bibtex\n{aed.citation()}```"}

# Links to other projects need their inventories. Without network fetching them fails,
# which is a warning, and warnings are errors: then there are no such links.
intersphinx_mapping = {
    "exspy": ("https://hyperspy.org/exspy/", None),
    "hyperspy": ("https://hyperspy.org/hyperspy-doc/current/", None),
    "matplotlib": ("https://matplotlib.org/stable/", None),
    "numpy": ("https://numpy.org/doc/stable/", None),
    "python": ("https://docs.python.org/3/", None),
    "scipy": ("https://docs.scipy.org/doc/scipy/", None),
}
if os.environ.get("DOCS_OFFLINE"):
    intersphinx_mapping = {}

# Progress bars would fill the pages.
hs.preferences.General.show_progressbar = False
# What needs files of measurements is listed, and runs where they are.
_EXECUTED = r"\.py$" if os.environ.get("TUTORIALS_DATA") else r"/(?!real_)[^/]*\.py$"
sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": _EXECUTED,
    "ignore_pattern": r"study\.py$",
    "capture_repr": (),  # only what is printed and drawn
    "show_signature": False,
    "remove_config_comments": True,
    "min_reported_time": 1,
}

html_theme = "pydata_sphinx_theme"
html_title = "hyperspy_aedenoise"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}
html_sidebars = {
    name: [] for name in ("index", "quick_start", "benchmarks", "changelog", "citation")
}

"""Run them wherever it is installed: `python -m pytest --pyargs hyperspy_aedenoise`."""

"""Keras models and their training."""

from hyperspy_aedenoise._backend import load_keras

load_keras()

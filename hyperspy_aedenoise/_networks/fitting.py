"""Training a network for single spectra."""

import logging
from dataclasses import dataclass

import keras
import numpy as np

from hyperspy_aedenoise._networks.models import (
    build_spectral,
    check_own,
    plain,
    wrap_own,
)
from hyperspy_aedenoise._networks.training import BATCH, History, train
from hyperspy_aedenoise._networks.training_pairs import FEWEST_TO_TRAIN
from hyperspy_aedenoise._noise.whitening import Colour

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainedNetwork:
    """A network that was trained for single spectra.

    Parameters
    ----------
    model : keras.Model
        From spectra to spectra, shape (n_channels,), in signal units.
    history : History
    start : list of ndarray or None
        Of a model of the user's own: the weights it began with.
    """

    model: keras.Model
    history: History
    start: list | None = None


def fit_network(material, architecture, iterations, rng, progress):
    """Train a network for single spectra.

    Parameters
    ----------
    material : NoisyMaterial or CleanMaterial
        What it learns from.
    architecture : str or keras.Model
        Any name: the package's own network.
    iterations : int
    rng : numpy.random.Generator
        Draws the initial weights.
    progress : callable
        Wraps the iterations, like `tqdm.tqdm`.

    Returns
    -------
    TrainedNetwork
        After Ctrl-C the best state so far.
    """
    is_own = not isinstance(architecture, str)
    noise_level = Colour.of(material.noise, material.codes.mean).spread
    model = _build(material, architecture, noise_level, rng)
    # what a model of the user's own began with, to train it again from there
    start = model.get_weights() if is_own else None
    if not material.can_train:
        _logger.warning(
            "%d spectra are too few to judge a trained network on held-out ones (%d "
            "are needed), so it stays at its start: the linear autoencoder of %d "
            "principal component(s). Pass a clean `reference` to train it.",
            len(material.students),
            FEWEST_TO_TRAIN,
            int((material.codes.shrinkage > 0).sum()),
        )
        return TrainedNetwork(plain(model), History(), start)
    history = train(
        model,
        lambda: material.draw_pair(BATCH),
        iterations,
        noise_level,
        held_out=material.judging_pairs(),
        keep_start=not is_own,
        progress=progress,
    )
    history.judged_on = material.judged_on
    if history.kept_iteration == 0 and not is_own:
        # Nothing was gained by sparing spectra for the judgement.
        material.put_all_to_use()
        model = _build(material, architecture, noise_level, rng)
    return TrainedNetwork(plain(model), history, start)


def _build(material, architecture, noise_level, rng):
    """The untrained network."""
    # order 1 for the network; never finer than the noise
    some = material.students[:: max(len(material.students) // 4096, 1)]
    mean = material.codes.mean
    spread = max(float(np.std((some - mean) / noise_level)), 1.0)
    if isinstance(architecture, str):
        return build_spectral(material.codes, noise_level, spread, rng)
    check_own(architecture, len(noise_level))
    return wrap_own(architecture, mean, noise_level, spread)

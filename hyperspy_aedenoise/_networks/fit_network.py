"""Training a network for single spectra."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hyperspy_aedenoise._backend import load_keras
from hyperspy_aedenoise._errors import must_be
from hyperspy_aedenoise._networks.models import Scaling, build_spectral, plain
from hyperspy_aedenoise._networks.own_models import check_own, configuration, wrap_own
from hyperspy_aedenoise._networks.training import BATCH, History, train
from hyperspy_aedenoise._networks.training_pairs import FEWEST_TO_TRAIN
from hyperspy_aedenoise._noise.whitening import Colour

if TYPE_CHECKING:
    from keras import Model

keras = load_keras()

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainedNetwork:
    """A network that was trained for single spectra.

    Parameters
    ----------
    model : keras.Model
        From spectra to spectra, shape (n_channels,), in signal units.
    scaling : Scaling
        What brings spectra to order 1 in it.
    history : History
    start : list of ndarray or None
        Of a model of the user's own: the weights it began with.
    configuration : dict or None
        Of a model of the user's own: what it is made of, see `own.configuration`.
    """

    model: Model
    scaling: Scaling
    history: History
    start: list | None = None
    configuration: dict | None = None


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
    scaling = _scaling(material)
    noise_level = scaling.noise_level
    made_of = _checked(architecture, len(noise_level)) if is_own else None
    model = _build(material, architecture, scaling, rng)
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
        return TrainedNetwork(plain(model), scaling, History(), start, made_of)
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
        scaling = _scaling(material, noise_level)
        model = _build(material, architecture, scaling, rng)
    return TrainedNetwork(plain(model), scaling, history, start, made_of)


def _scaling(material, noise_level=None):
    """Order 1 for the network; never finer than the noise."""
    some = material.students[:: max(len(material.students) // 4096, 1)]
    mean = material.codes.mean
    if noise_level is None:
        noise_level = Colour.of(material.noise, mean).spread
    spread = max(float(np.std((some - mean) / noise_level)), 1.0)
    return Scaling(mean, noise_level, spread)


def _build(material, architecture, scaling, rng):
    """The untrained network."""
    if isinstance(architecture, str):
        return build_spectral(material.codes, scaling, rng)
    return wrap_own(architecture, scaling)


def _checked(architecture, n_channels):
    """What a user's model is made of, if it fits and can be stored."""
    check_own(architecture, n_channels)
    try:  # before hours go into it
        return configuration(architecture)
    except (TypeError, ValueError) as error:
        raise ValueError(
            must_be(
                "architecture",
                "made of Keras layers that can be stored and read safely",
                f"one that can't ({error})",
                "Use plain layers, and register your own with "
                "`keras.saving.register_keras_serializable`.",
            )
        ) from error

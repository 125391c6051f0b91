"""Fit the two kinds of autoencoder: what comes out is a Keras model and its history."""

import logging
from dataclasses import asdict, dataclass

import keras
import numpy as np

from hyperspy_aedenoise._archive.keras_file import check_storable
from hyperspy_aedenoise._engine.bank import CodeBank
from hyperspy_aedenoise._engine.restoration import restore
from hyperspy_aedenoise._engine.selection import Choice, choose
from hyperspy_aedenoise._errors import must_be
from hyperspy_aedenoise._filters.code_network import CodeNetwork
from hyperspy_aedenoise._linear.principal import Colour
from hyperspy_aedenoise._networks.models import (
    build_spatial_spectral,
    build_spectral,
    check_own,
    wrap_own,
)
from hyperspy_aedenoise._networks.training import BATCH, History, train
from hyperspy_aedenoise._networks.training_pairs import FEWEST_TO_TRAIN

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fit:
    """What a fit leaves behind.

    Parameters
    ----------
    model : keras.Model
        From spectra to spectra, shape (n_channels,), in signal units.
    history : dict
        See `_training.History`.
    form : dict or None
        Of a spatial-spectral autoencoder: its `_spatial_spectral.Form`.
    bank : CodeBank or None
        Of a spatial-spectral autoencoder: the filtered codes.
    start : list of ndarray or None
        Of a model of the user's own: the weights it began with.
    network : CodeNetwork or None
        Of a spatial-spectral autoencoder: the one that was refined, if any was taken.
    """

    model: keras.Model
    history: dict
    form: dict | None = None
    bank: CodeBank | None = None
    start: list | None = None
    network: CodeNetwork | None = None


def fit_spatial_spectral(rows, used, noise, n_codes, can_move, rng, progress):
    """Fit a spatial-spectral autoencoder to all spectra together.

    Parameters
    ----------
    rows : ndarray, shape (n_spectra, n_channels)
        The spectra that take part, in signal units.
    used : ndarray of bool, shape (..., x)
        Where they lie; its sum is n_spectra.
    noise : NoiseModel
    n_codes : int or None
        None: what rises above the noise.
    can_move : bool
        Whether spectra can be moved along energy: no channels are missing in between.
    rng : numpy.random.Generator
    progress : callable
        Wraps what is tried, like `tqdm.tqdm`.

    Returns
    -------
    Fit
        After Ctrl-C the best form by the evidence that was there by then.
    """
    history = History(judged_on="a recorrupted pair of the spectra")
    chosen = Choice()

    def restored():
        form, network = chosen.form, chosen.network
        return restore(rows, used, noise, n_codes, rng, form, network)

    try:
        chosen = choose(rows, used, noise, n_codes, can_move, rng, progress)
        history.interrupted = chosen.interrupted
        restoration = restored()
    except KeyboardInterrupt:
        history.interrupted = True
        restoration = restored()
    history.forms = [one.as_dict() for one in chosen.evidence]
    linear, rare = restoration.linear, restoration.rare
    history.rare = None if rare is None else rare.as_dict(used)
    if restoration.drift is not None:
        history.energy_shift = restoration.drift.round(4).tolist()
    unit = max(float(restoration.noisy.std(axis=0).max()), 1.0)
    spread = Colour.of(noise, linear.mean).spread
    model = build_spatial_spectral(
        linear, restoration.mean, restoration.decoder, spread, unit
    )
    bank = CodeBank.of(rows, restoration, used, unit)
    form = asdict(chosen.form)
    return Fit(model, history.as_dict(), form, bank, network=chosen.network)


def fit_network(material, architecture, iterations, noise, rng, progress):
    """Train a network for single spectra.

    Parameters
    ----------
    material : NoisyMaterial or CleanMaterial
        What it learns from.
    architecture : str or keras.Model
        Any name: the package's own network.
    iterations : int
    noise : NoiseModel
    rng : numpy.random.Generator
        Draws the initial weights.
    progress : callable
        Wraps the iterations, like `tqdm.tqdm`.

    Returns
    -------
    Fit
        After Ctrl-C the best state so far.
    """
    is_own = not isinstance(architecture, str)
    noise_level = Colour.of(noise, material.codes.mean).spread
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
        return Fit(model, History().as_dict(), start=start)
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
    return Fit(model, history.as_dict(), start=start)


def _build(material, architecture, noise_level, rng):
    """The untrained network."""
    # order 1 for the network; never finer than the noise
    some = material.students[:: max(len(material.students) // 4096, 1)]
    mean = material.codes.mean
    spread = max(float(np.std((some - mean) / noise_level)), 1.0)
    if isinstance(architecture, str):
        return build_spectral(material.codes, noise_level, spread, rng)
    check_own(architecture, len(noise_level))
    try:  # before hours go into it
        model = wrap_own(architecture, mean, noise_level, spread)
        check_storable(model)
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
    return model

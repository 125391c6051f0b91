"""A trained autoencoder from the bytes of an archive, all of it checked before."""

import math
from dataclasses import dataclass

import numpy as np

from hyperspy_aedenoise._archive import legacy, schema
from hyperspy_aedenoise._archive.container import Opened
from hyperspy_aedenoise._archive.refusal import Refused, all_refused
from hyperspy_aedenoise._archive.schema import DENOISED, OWN, SPATIAL
from hyperspy_aedenoise._archive.writing import BANK, LOSSES, PARTS
from hyperspy_aedenoise._engine.code_bank import CodeBank
from hyperspy_aedenoise._engine.recipe import Recipe
from hyperspy_aedenoise._engine.spatial_spectral import SpatialSpectral
from hyperspy_aedenoise._filters.code_network import CodeNetwork, weight_shapes
from hyperspy_aedenoise._noise.model import NoiseModel


@dataclass(frozen=True)
class Stored:
    """What is in an archive.

    Parameters
    ----------
    training : dict
        As `written` took it.
    noise : NoiseModel
    fitted : SpatialSpectral or TrainedNetwork
    energies : ndarray, shape (n_channels,), or None
    """

    training: dict
    noise: NoiseModel
    fitted: object
    energies: np.ndarray | None


def checked(content):
    """Record and arrays in the bytes of an archive.

    Parameters
    ----------
    content : bytes
        Of an archive that `AutoencoderDenoiser.save` has written, 0.1.0's too.

    Returns
    -------
    record : dict
    arrays : dict of ndarray

    Raises
    ------
    ValueError
        If it is anything else, or broken; in one line.
    """
    with all_refused():
        if not isinstance(content, (bytes, bytearray, memoryview)):
            raise Refused(f"a {type(content).__name__} in place of bytes")
        content = bytes(content)
        if legacy.is_legacy(content):
            record, arrays = legacy.converted(content)
        else:
            archive = Opened(content)
            record = archive.record
            schema.check_form(record, archive.headers)
            arrays = archive.arrays()
        schema.check(record, arrays)
    return record, arrays


def read(content):
    """A trained autoencoder from the bytes of an archive, as `Stored`.

    Raises
    ------
    ValueError
        As `checked`; also for what holds no autoencoder.
    """
    record, arrays = checked(content)
    with all_refused():
        kind = record["architecture"]
        if kind == DENOISED:
            raise Refused("denoised spectra of a small part of a map, and no more")
        noise = NoiseModel(**record["noise"])
        if kind == SPATIAL:
            fitted = _spatial(record["fit"], arrays)
        else:
            fitted = _network(kind, record["fit"], arrays)
        training = {
            name: record[name]
            for name in ("requested_dimension", "learned_from", "iterations")
        }
    return Stored(training, noise, fitted, arrays.get("energies"))


def read_spectra(content):
    """Fingerprints, denoised spectra, energies and misfit in an archive of these."""
    record, arrays = checked(content)
    if record["architecture"] != DENOISED:
        raise Refused("an autoencoder, and no denoised spectra")
    names = ("fingerprints", "denoised", "energies")
    return (*(arrays.get(name) for name in names), record["fit"]["misfit"])


def bank_of(arrays):
    """The codes of known spectra."""
    return CodeBank(**{name: arrays[name] for name in BANK})


def _spatial(fit, arrays):
    network = None
    if "network" in arrays:
        network = CodeNetwork(unflat(arrays["network"], weight_shapes()))
    return SpatialSpectral(
        recipe=Recipe(**fit["recipe"]),
        **{name: arrays[name] for name in PARTS},
        bank=bank_of(arrays),
        energy_shift=arrays.get("energy_shift"),
        rare=_rare(fit["rare"], arrays.get("rare_positions")),
        spikes=fit.get("spikes"),
        weak=fit.get("weak"),
        network=network,
        evidence=[_as_floats(one) for one in fit["evidence"]],
        interrupted=fit["interrupted"],
        is_part=fit["is_part"],
    )


def _as_floats(evidence):
    return {key: math.nan if one is None else one for key, one in evidence.items()}


def _rare(rare, positions):
    if rare is None:
        return None
    peaks, start = [], 0
    for peak in rare["peaks"]:
        kept = {key: value for key, value in peak.items() if key != "n_positions"}
        end = start + peak["n_positions"]
        peaks.append(kept | {"positions": positions[start:end].tolist()})
        start = end
    return rare | {"peaks": peaks}


def _network(kind, fit, arrays):
    from hyperspy_aedenoise._networks.fit_network import TrainedNetwork
    from hyperspy_aedenoise._networks.models import Scaling
    from hyperspy_aedenoise._networks.training import History

    scaling = Scaling(arrays["mean"], arrays["noise_level"], fit["spread"])
    make = _own_network if kind == OWN else _spectral_network
    model, start = make(fit, arrays, scaling)
    losses = {name: arrays[name].tolist() for name in LOSSES}
    history = History(
        iteration=list(range(1, len(arrays["training_loss"]) + 1)),
        **losses,
        **{name: fit[name] for name in ("judged_on", "kept_iteration", "interrupted")},
    )
    return TrainedNetwork(model, scaling, history, start, fit.get("configuration"))


def _spectral_network(_, arrays, scaling):
    from hyperspy_aedenoise._networks.models import n_spectral_weights, spectral_network

    n_channels, weights = len(scaling.mean), arrays["weights"]
    # all but what belongs to each latent variable
    fixed, each = n_spectral_weights(n_channels, 0), n_spectral_weights(n_channels, 1)
    n_codes, rest = divmod(len(weights) - fixed, each - fixed)
    if rest or not 1 <= n_codes <= n_channels:
        raise Refused(f"{len(weights)} weights of no such network")
    model = spectral_network(scaling, n_codes, np.random.default_rng(0))
    model.set_weights(unflat(weights, [one.shape for one in model.weights]))
    return model, None


def _own_network(fit, arrays, scaling):
    from hyperspy_aedenoise._networks.own_models import check_own, model_of, wrap_own

    own = model_of(fit["configuration"], len(arrays["weights"]))
    check_own(own, len(scaling.mean))
    model = wrap_own(own, scaling)
    shapes = [one.shape for one in model.weights]
    model.set_weights(unflat(arrays["weights"], shapes))
    _try_out(model, len(scaling.mean))
    return model, unflat(arrays["start"], shapes)


def _try_out(model, n_channels):
    """Refuse a model that can be built, but not called, nor its encoder and decoder."""
    from hyperspy_aedenoise._networks.models import in_batches

    spectra = np.zeros((2, n_channels), np.float32)
    restored = [in_batches(model, spectra)]
    if {"encoder", "decoder"} <= {layer.name for layer in model.layers}:
        latent = in_batches(model.get_layer("encoder"), spectra)
        restored.append(in_batches(model.get_layer("decoder"), latent))
    if any(one.shape != spectra.shape for one in restored):
        raise Refused("a model that gives no spectra")


def unflat(values, shapes):
    """Undo `flat`."""
    sizes = [math.prod(shape) for shape in shapes]
    if sum(sizes) != len(values):
        raise Refused(f"{len(values)} weights in place of {sum(sizes)}")
    ends = np.cumsum(sizes)[:-1]
    parts = np.split(values, ends)
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

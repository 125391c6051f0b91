"""A trained denoiser as a record, and as the bytes of a file."""

from pathlib import Path

import numpy as np

from hyperspy_aedenoise._archive import keras_file
from hyperspy_aedenoise._engine.recipe import Recipe
from hyperspy_aedenoise._engine.spatial_spectral import SpatialSpectral
from hyperspy_aedenoise._errors import must_be
from hyperspy_aedenoise._noise.model import NoiseModel

#: What a spatial-spectral autoencoder was judged on.
_PAIR = "a recorrupted pair of the spectra"


def checked_path(path):
    """A path that a denoiser may be written to, or a refusal."""
    path = Path(path)
    if path.suffix != ".keras":
        allowed = "a name ending in .keras"
        raise ValueError(must_be("path", allowed, repr(str(path)), "Rename it."))
    return path


def history(fitted):
    """What happened in a fit, as lists, numbers and strings."""
    if not isinstance(fitted, SpatialSpectral):
        return fitted.history.as_dict()
    shift = fitted.energy_shift
    return {
        "iteration": [],
        "training_loss": [],
        "checked_iteration": [],
        "held_out_loss": [],
        "held_out_error": [],
        "judged_on": _PAIR,
        "kept_iteration": 0,
        "interrupted": fitted.interrupted,
        "forms": fitted.evidence,
        "rare": fitted.rare,
        "energy_shift": [] if shift is None else shift.tolist(),
        "part": fitted.is_part,
    }


def record(denoiser):
    """What is known of a training, see `AutoencoderDenoiser.record`."""
    from hyperspy_aedenoise import __version__

    noise, energies = denoiser.noise_, denoiser.energies_
    spatial = denoiser.is_spatial
    return {
        "package_version": __version__,
        "architecture": "spatial-spectral" if spatial else denoiser.model_.name,
        "output_dimension": denoiser.n_latent_,
        "requested_dimension": denoiser.output_dimension,
        "learned_from": denoiser.learned_from_,
        "iterations": int(denoiser.iterations),
        "noise": {
            "gain": noise.gain,
            "offset": noise.offset,
            "correlation": list(noise.correlation),
            "pedestal": noise.pedestal,
        },
        "energies": None if energies is None else energies.tolist(),
        "history": denoiser.history_,
        "form": denoiser.form_,
    }


def to_bytes(denoiser):
    """The content of a file with everything that a trained denoiser knows."""
    fitted, model = denoiser.fitted_, denoiser.model_
    if denoiser.is_spatial:
        parts = {"bank": fitted.bank, "network": fitted.network}
    else:
        parts = {"start": fitted.start}
    return keras_file.pack(model, denoiser.record(), **parts)


def from_bytes(kind, content):
    """A denoiser of a class, from the content of a file."""
    model, record, start, bank, network = keras_file.unpack(content)
    noise = NoiseModel(**record["noise"])
    denoiser = kind(
        architecture=record["architecture"],
        output_dimension=record["requested_dimension"],
        noise=noise,
        iterations=record["iterations"],
    )
    known = record["history"]
    if bank is None:
        from hyperspy_aedenoise._networks.fitting import TrainedNetwork
        from hyperspy_aedenoise._networks.training import History

        fitted = TrainedNetwork(model, History(**known), start)
    else:
        shift = known["energy_shift"]
        fitted = SpatialSpectral(
            recipe=Recipe(**record["form"]),
            **keras_file.linear_parts(model),
            bank=bank,
            energy_shift=np.asarray(shift) if shift else None,
            rare=known["rare"],
            network=network,
            evidence=known["forms"],
            interrupted=known["interrupted"],
            is_part=known.get("part", False),
        )
    denoiser._become(fitted, noise, record["learned_from"], record["energies"])
    return denoiser

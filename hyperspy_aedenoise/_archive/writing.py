"""A trained autoencoder as the bytes of an archive."""

import math
from dataclasses import asdict

import numpy as np

from hyperspy_aedenoise._archive import schema
from hyperspy_aedenoise._archive.container import packed
from hyperspy_aedenoise._archive.schema import DENOISED, OWN, SPATIAL, SPECTRAL
from hyperspy_aedenoise._engine.spatial_spectral import SpatialSpectral

#: Losses of a training, which are arrays in an archive.
LOSSES = {
    "training_loss": np.float64,
    "checked_iteration": np.int64,
    "held_out_loss": np.float64,
    "held_out_error": np.float64,
}
#: Arrays of a spatial-spectral autoencoder, and of its bank, by name.
PARTS = ("centre", "encoder", "mean", "decoder", "spread")
BANK = {
    "fingerprints": np.uint64,
    "noisy": np.float32,
    "filtered": np.float32,
    "level": np.float32,
    "used": bool,
}


def written(training, fitted, energies):
    """The bytes of an archive.

    Parameters
    ----------
    training : dict
        ``requested_dimension``, ``learned_from``, ``iterations`` and ``noise``, as in
        `AutoencoderDenoiser.record`.
    fitted : SpatialSpectral or TrainedNetwork
    energies : ndarray, shape (n_channels,), or None

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If it could not be read again.
    """
    parts = _of_spatial if isinstance(fitted, SpatialSpectral) else _of_network
    architecture, fit, arrays = parts(fitted)
    return _checked(architecture, training, fit, arrays, energies)


def written_spectra(fingerprints, spectra, energies, misfit):
    """The bytes of an archive of denoised spectra, in place of an autoencoder."""
    arrays = {
        "denoised": np.asarray(spectra, np.float32),
        "fingerprints": np.asarray(fingerprints, np.uint64),
    }
    return _checked(DENOISED, {}, {"misfit": float(misfit)}, arrays, energies)


def _checked(architecture, training, fit, arrays, energies):
    from hyperspy_aedenoise import __version__

    record = {
        "format": schema.FORMAT,
        "package_version": __version__,
        "architecture": architecture,
        "fit": fit,
        **training,
    }
    if energies is not None:
        arrays["energies"] = np.asarray(energies, np.float64)
    content = packed(record, arrays)  # what is too large is said first
    schema.check(record, arrays)
    return content


def _of_spatial(fitted):
    arrays = {name: np.asarray(getattr(fitted, name), np.float64) for name in PARTS}
    for name, dtype in BANK.items():
        arrays[name] = np.asarray(getattr(fitted.bank, name), dtype)
    if fitted.energy_shift is not None:
        arrays["energy_shift"] = np.asarray(fitted.energy_shift, np.float64)
    if fitted.network is not None and not fitted.is_part:
        arrays["network"] = flat(fitted.network.weights, np.float32)
    rare = fitted.rare
    if rare is not None:
        n_axes = fitted.bank.used.ndim
        places = [place for peak in rare["peaks"] for place in peak["positions"]]
        arrays["rare_positions"] = np.array(places, np.int32).reshape(
            len(places), -1 if places else n_axes
        )
        rare = rare | {"peaks": [_counted(peak) for peak in rare["peaks"]]}
    fit = {
        "recipe": asdict(fitted.recipe),
        "evidence": [_known(one) for one in fitted.evidence],
        "rare": rare,
        "spikes": fitted.spikes,
        "weak": fitted.weak,
        "interrupted": fitted.interrupted,
        "is_part": fitted.is_part,
    }
    return SPATIAL, fit, arrays


def _counted(peak):
    """A rare peak with the number of its positions in place of them."""
    kept = {key: value for key, value in peak.items() if key != "positions"}
    return kept | {"n_positions": len(peak["positions"])}


def _known(evidence):
    """Evidence with None for what isn't finite: of a single draw, say."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in evidence.items()
    }


def _of_network(fitted):
    history, scaling = fitted.history, fitted.scaling
    arrays = {
        name: np.array(getattr(history, name), dtype) for name, dtype in LOSSES.items()
    }
    arrays["mean"] = np.asarray(scaling.mean, np.float64)
    arrays["noise_level"] = np.asarray(scaling.noise_level, np.float64)
    fit = {
        "spread": float(scaling.spread),
        "judged_on": history.judged_on,
        "kept_iteration": int(history.kept_iteration),
        "interrupted": bool(history.interrupted),
    }
    if fitted.configuration is None:
        arrays["weights"] = flat(fitted.model.get_weights(), np.float32)
        return SPECTRAL, fit, arrays
    fit["configuration"] = fitted.configuration
    arrays["weights"] = flat(fitted.model.get_weights())
    arrays["start"] = flat(fitted.start)
    return OWN, fit, arrays


def flat(weights, dtype=None):
    """All weights one after the other; in single precision if that holds them."""
    if dtype is None:
        single = all(np.can_cast(one.dtype, np.float32) for one in weights)
        dtype = np.float32 if single else np.float64
    parts = [np.asarray(one, dtype).ravel() for one in weights]
    return np.concatenate([np.empty(0, dtype), *parts])

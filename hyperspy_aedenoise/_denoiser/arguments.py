"""What is asked of a denoiser, checked before anything is computed."""

import logging

import numpy as np

from hyperspy_aedenoise._backend import load_keras
from hyperspy_aedenoise._engine.fingerprints import copies
from hyperspy_aedenoise._errors import (
    finite_spectra,
    must_be,
    of_usual_size,
    one_of,
    positive_integer,
    real_spectra,
)
from hyperspy_aedenoise._noise.model import NoiseModel
from hyperspy_aedenoise._observation.finite import refuse_not_finite
from hyperspy_aedenoise._observation.layout import Layout
from hyperspy_aedenoise._observation.spectra_by_blocks import spectra_of

_logger = logging.getLogger(__name__)

#: First spectra, which tell the size of all.
_SOME = 64

ARCHITECTURES = ("auto", "spectral", "spatial-spectral")


def check_arguments(architecture, output_dimension, noise, has_reference):
    """Refuse what can't be asked of a denoiser, before anything is computed."""
    if isinstance(architecture, str):
        one_of(
            "architecture",
            architecture,
            ARCHITECTURES,
            "A `keras.Model` of your own is possible, too.",
        )
        if architecture == "spatial-spectral" and has_reference:
            raise ValueError(
                must_be(
                    "reference",
                    "None with `architecture='spatial-spectral'`",
                    "a reference",
                    "What learns from a reference is 'spectral'.",
                )
            )
    else:
        if not isinstance(architecture, load_keras().Model):
            raise TypeError(
                must_be(
                    "architecture",
                    "a name or a `keras.Model`",
                    type(architecture).__name__,
                    f"Names are {', '.join(ARCHITECTURES)}.",
                )
            )
        if output_dimension is not None:
            raise ValueError(
                must_be(
                    "output_dimension",
                    "None with a model of your own",
                    repr(output_dimension),
                    "The model itself says how many latent variables it has.",
                )
            )
    if noise is not None:
        check_noise(noise)


def check_noise(noise):
    """Refuse what is no noise."""
    if not isinstance(noise, NoiseModel):
        raise TypeError(
            must_be(
                "noise",
                "a `NoiseModel` or None",
                type(noise).__name__,
                "Use `NoiseModel.gaussian(sigma)` for white noise.",
            )
        )
    if noise.gain == noise.offset == 0:
        raise ValueError(
            must_be(
                "noise",
                "larger than zero",
                "gain 0 and offset 0",
                "Without noise there is nothing to remove.",
            )
        )


def checked_dimension(output_dimension, n_channels):
    """Number of latent variables as an int, or None if it is left to the data."""
    if output_dimension is None:
        return None
    advice = f"It is the number of latent variables, at most {n_channels} here."
    n_codes = positive_integer("output_dimension", output_dimension, advice)
    if n_codes > n_channels:
        allowed = f"at most the number of channels, {n_channels}"
        raise ValueError(
            must_be("output_dimension", allowed, str(n_codes), "Take fewer.")
        )
    return n_codes


def checked_spectra(spectra, left_out, passes=None):
    """Spectra, checked, and where they lie.

    Parameters
    ----------
    spectra : array_like or dask array, shape (..., n_channels)
    left_out : array_like of bool, shape (...), or None
    passes : callable, optional
        Wraps the steps of each pass over a dask array, like `tqdm.tqdm`.

    Returns
    -------
    Spectra
        Those that take part; each but once, copies are told.
    Layout
    """
    values = real_spectra("spectra", spectra)
    used = np.ones(values.shape[:-1], bool)
    if left_out is not None:
        left_out = np.asarray(left_out, dtype=bool)
        if left_out.shape != values.shape[:-1]:
            raise ValueError(
                must_be(
                    "left_out",
                    f"of the shape of the probe positions, {values.shape[:-1]}",
                    f"shape {left_out.shape}",
                    "It has one value for each spectrum.",
                )
            )
        used = ~left_out
    layout = Layout.of(used)
    spectra = spectra_of(values, used, passes)
    refuse_not_finite("spectra", spectra, layout)
    of_usual_size("spectra", spectra.take(slice(_SOME)))
    is_copy = copies(spectra)
    if not is_copy.any():
        return spectra, layout
    _logger.warning(
        "%d of %d spectra are copies of others, to the last digit, as in a scan that "
        "was upsampled or stacked with itself: each counts once, and copies get its "
        "result.",
        is_copy.sum(),
        len(is_copy),
    )
    layout = layout.some(~is_copy)
    return spectra_of(values, layout.mask, passes), layout


def checked_reference(reference, n_channels):
    """Clean spectra to learn from, as rows of float32, or None."""
    if reference is None:
        return None
    reference = real_spectra("reference", reference)
    if reference.shape[-1] != n_channels:
        raise ValueError(
            must_be(
                "reference",
                f"on the energy axis of the signal, {n_channels} channels",
                f"{reference.shape[-1]} channels",
                "Simulate on that axis, or use `reference.interpolate_on_axis`.",
            )
        )
    finite_spectra("reference", reference)
    return reference.reshape(-1, n_channels).astype(np.float32)


def enough_to_learn_from(spectra):
    """Refuse a single spectrum."""
    if spectra.n_spectra < 2:
        raise ValueError(
            must_be(
                "spectra",
                "at least 2 spectra to learn from",
                f"{spectra.n_spectra}",
                "Pass a clean `reference` to learn from, and the `noise`.",
            )
        )


def warn_of_other_scale(spectra, reference):
    """Noise drawn for other intensities than the reference's would be wrong."""
    mean = spectra.total(_summed) / spectra.n_spectra / spectra.n_channels
    ratio = abs(float(reference.mean())) / max(abs(float(mean)), 1e-30)
    if not 0.5 <= ratio <= 2:
        _logger.warning(
            "the reference has %.3g times the mean intensity of the signal; what it "
            "teaches about noise holds for its own intensities. Scale it to the "
            "signal first.",
            ratio,
        )


def warn_of_spikes(spikes):
    """A network that sees each spectrum by itself meets spikes when it denoises."""
    if len(spikes.row):
        _logger.warning(
            "%d spikes in %d spectra were kept out of the training, but what a network "
            "makes of those spectra is wrong. Remove the spikes from the data with "
            "`s.spikes_removal_tool()` or `s.remove_spikes()`.",
            len(spikes.each.row),
            len(np.unique(spikes.row)),
        )


def _summed(rows):
    return rows.sum(dtype=float)

"""What is asked of a denoiser, checked before anything is computed."""

import numpy as np

from hyperspy_aedenoise._errors import (
    finite_spectra,
    must_be,
    one_of,
    positive_integer,
    real_spectra,
)
from hyperspy_aedenoise._noise.model import NoiseModel

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
        import keras

        if not isinstance(architecture, keras.Model):
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


def generator(random_state):
    """Random generator of a seed, or a refusal that names the argument."""
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError) as error:
        raise type(error)(
            must_be(
                "random_state",
                "an integer >= 0, a `numpy.random.Generator` or None",
                repr(random_state),
                "The same integer gives the same result again.",
            )
        ) from error


def checked_spectra(spectra, reference, left_out):
    """The spectra that take part and the reference, as rows of float32.

    Between the two: where the spectra lie, shape (...), True where one takes part.
    """
    spectra = real_spectra("spectra", spectra)
    if left_out is not None:
        left_out = np.asarray(left_out, dtype=bool)
        if left_out.shape != spectra.shape[:-1]:
            raise ValueError(
                must_be(
                    "left_out",
                    f"of the shape of the probe positions, {spectra.shape[:-1]}",
                    f"shape {left_out.shape}",
                    "It has one value for each spectrum.",
                )
            )
    finite_spectra("spectra", spectra, left_out)
    used = np.ones(spectra.shape[:-1], bool) if left_out is None else ~left_out
    rows = spectra[used].astype(np.float32)
    if reference is None:
        if len(rows) < 2:
            raise ValueError(
                must_be(
                    "spectra",
                    "at least 2 spectra to learn from",
                    f"{len(rows)}",
                    "Pass a clean `reference` to learn from, and the `noise`.",
                )
            )
        return rows, used, None
    reference = real_spectra("reference", reference)
    if reference.shape[-1] != spectra.shape[-1]:
        raise ValueError(
            must_be(
                "reference",
                f"on the energy axis of the signal, {spectra.shape[-1]} channels",
                f"{reference.shape[-1]} channels",
                "Simulate on that axis, or use `reference.interpolate_on_axis`.",
            )
        )
    finite_spectra("reference", reference, None)
    reference = reference.reshape(-1, reference.shape[-1]).astype(np.float32)
    return rows, used, reference

"""Steps between the quadrants of a detector, which are no edges."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.special

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import NoiseModel
from hyperspy_aedenoise._noise.estimate import estimate_noise
from hyperspy_aedenoise._noise.steps import step_of_all
from hyperspy_aedenoise._report.gain_steps import gain_step_in_words, gain_steps

NOISE = NoiseModel(1.0, 4.0)
ENERGY = 200 + 0.5 * np.arange(256)


def measured(clean, rng):
    """Noise of 1024 spectra whose thickness differs by 1 %."""
    thickness = rng.normal(1, 0.01, (1024, 1))
    return estimate_noise(NOISE.sample(thickness * clean, rng))


def core_loss(width):
    """An edge of some channels' width on a power law, 5000 counts in a channel."""
    rise = 0.5 + 0.5 * scipy.special.erf((ENERGY - 284.2) / (0.3 * width))
    spectrum = (ENERGY / 200) ** -3.0 + 0.05 * rise
    return 5000 * spectrum / spectrum.mean()


def test_a_step_of_all_spectra_is_told(rng):
    clean = core_loss(3.0)
    clean[128:] *= 1.02
    noise = measured(clean, rng)
    step, none = noise.steps
    assert none is None and step.channel == 128
    assert abs(step.size - 0.02) < 4 * step.error < 0.01
    assert any(
        "channel 128" in text and "common to all" in text for text in noise.warnings
    )


def test_a_step_of_some_spectra_is_told(rng):
    """Also in the edge, which all of them have."""
    gain = np.ones((1024, 256))
    gain[rng.random(1024) < 0.5, 170:] = 1.02
    noise = measured(core_loss(3.0) * gain, rng)
    step = noise.steps[1]
    assert step.channel == 170
    assert abs(abs(step.size) - 0.02) < 5 * step.error
    assert any("some spectra" in text for text in noise.warnings)


@pytest.mark.parametrize("off", [-0.02, 0.05])
def test_a_single_channel_is_no_step(off, rng):
    for channel in (100, 128, 240):
        clean = core_loss(3.0)
        clean[channel] *= 1 + off
        assert measured(clean, rng).steps == (None, None)


@pytest.mark.parametrize(
    "clean",
    [
        np.full(256, 3000.0),
        np.linspace(600, 3000, 256),
        core_loss(1.5),
        core_loss(3.0),
        3e4 * aed.data.sto_o_k((8, 8)).data.mean(axis=(0, 1)),
        3e4
        * aed.data.sto_o_k(
            (8, 8), energy_start=506, dispersion=0.5, n_channels=100, background=2.0
        ).data.mean(axis=(0, 1)),
    ],
    ids=["flat", "ramp", "sharp edge", "edge", "fine structure", "coarse"],
)
def test_no_step_in_clean_spectra(clean, rng):
    """From 300 to 100 000 of them."""
    assert measured(clean, rng).steps == (None, None)
    for n in np.geomspace(300, 1e5, 30):
        mean = rng.normal(clean, np.sqrt(NOISE.variance(clean) / n))
        assert step_of_all(mean, NOISE, n) is None


def fitted(clean, rng):
    return aed.AutoencoderDenoiser(noise=NOISE, random_state=0).fit(
        NOISE.sample(clean, rng)
    )


@pytest.mark.parametrize("strength", [0, 0.03], ids=["no step", "step"])
def test_a_latent_variable_that_may_be_a_quadrant_is_named(strength, rng):
    """Its gain changes by 3 % from spectrum to spectrum, within fine structure."""
    clean = 300.0 * aed.data.sto_o_k((16, 18)).data
    clean[..., 128:] *= rng.normal(1.05, strength, (16, 18, 1)) if strength else 1
    denoiser = fitted(clean, rng)
    found = gain_steps(denoiser)
    assert len(found) == (strength > 0)
    for one in found:
        assert abs(one["channel"] - 128) <= 2
        words = gain_step_in_words(one, None, "")
        assert f"latent variable {one['latent']} is the mean spectrum" in words
        assert "quadrant" in words


def test_so_is_the_amount_of_an_edge(rng):
    """On a background that falls like it nobody could tell them apart."""
    edge = 0.1 * (1 - np.exp(-np.maximum(ENERGY - 270, 0) / 2)) * (ENERGY / 270) ** -2.5
    amount = rng.uniform(0, 1, (16, 18, 1))
    thickness = rng.uniform(0.8, 1.2, (16, 18, 1))
    clean = 2000 * thickness * ((ENERGY / 200) ** -3.0 + amount * edge)
    (found,) = gain_steps(fitted(clean, rng))
    assert abs(ENERGY[found["channel"]] - 271) < 2
    assert "an edge whose amount varies" in gain_step_in_words(found, ENERGY, "eV")


def test_no_step_is_seen_in_the_dark(rng):
    """Of a component that is a peak, where the mean begins with nothing."""
    mean = np.where(ENERGY < 215, 1e-7, core_loss(3.0))
    peak = np.exp(-0.5 * ((ENERGY - 260) / 5) ** 2)
    for _ in range(20):
        decoder = (peak + 1e-3 * rng.standard_normal(256))[None]
        fitted = SimpleNamespace(
            mean=mean, decoder=decoder, spread=np.ones(256), n_codes=1
        )
        denoiser = SimpleNamespace(fitted_=fitted, noise_=NOISE)
        assert gain_steps(denoiser) == []

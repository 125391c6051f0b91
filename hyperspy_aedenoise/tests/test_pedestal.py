"""A constant that a camera adds, or that was subtracted, changes nothing else."""

import json
import logging

import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import AutoencoderDenoiser, NoiseModel
from hyperspy_aedenoise._noise.estimate import estimate_noise

#: Both signs, small and large; single precision rounds 1e6 to 0.06.
PEDESTALS = [50.0, 1000.0, -20.0, -500.0, 1e6]
COUNTED = NoiseModel(gain=1.0, offset=4.0)


@pytest.fixture(scope="module")
def counts():
    """Oxygen edges of up to 300 counts without background: clean, and noisy."""
    clean = aed.data.sto_o_k((16, 16)).data * 300
    return clean, COUNTED.sample(clean, np.random.default_rng(0)).astype(float)


@pytest.mark.parametrize("pedestal", PEDESTALS)
def test_a_pedestal_is_measured(pedestal, counts):
    """The variance of each intensity is that without the pedestal."""
    rows = counts[1].reshape(-1, counts[1].shape[-1])
    without, noise = estimate_noise(rows), estimate_noise(rows + pedestal)
    at = np.array([1.0, 10, 100, 300])
    # the lowest level stands for the pedestal; what is below has its variance
    assert noise.variance(at + pedestal) == pytest.approx(
        without.variance(at), rel=0.01
    )
    assert noise.gain == pytest.approx(without.gain, rel=1e-3)
    assert noise.pedestal == pytest.approx(pedestal, abs=2)
    assert without.pedestal == 0
    assert "pedestal" in str(noise)


@pytest.mark.parametrize("pedestal", PEDESTALS)
def test_counts_without_read_out_noise_have_a_pedestal(pedestal, rng):
    """Also where no spectrum shows the level without counts."""
    counts = rng.poisson(np.linspace(20, 200, 80) * rng.uniform(0.5, 1.5, (900, 1)))
    noise = estimate_noise(counts + pedestal)
    at = np.array([40.0, 100, 200])
    assert noise.variance(at + pedestal) == pytest.approx(at, rel=0.05)


@pytest.mark.parametrize("pedestal", [-1e3, 1e3])
def test_noise_without_counts_needs_no_pedestal(pedestal, rng):
    rows = 5 * np.sin(np.arange(80) / 9) + rng.normal(0, 0.5, (400, 80))
    noise = estimate_noise(rows + pedestal)
    assert noise.variance(pedestal) == pytest.approx(0.25, rel=0.03)


@pytest.mark.parametrize("pedestal", [1000.0, -500.0])
def test_denoised_spectra_move_with_their_pedestal(pedestal, counts):
    """By a tenth of the error that is left, which seeds change as much."""
    clean, noisy = counts
    one = AutoencoderDenoiser(random_state=0).fit(noisy).denoise(noisy)
    lifted = noisy + pedestal
    denoiser = AutoencoderDenoiser(random_state=0).fit(lifted)
    other = denoiser.denoise(lifted) - pedestal
    error = np.square(one - clean).mean()
    assert np.square(other - one).mean() < 0.1 * error
    assert np.square(other - clean).mean() == pytest.approx(error, rel=0.1)
    again = AutoencoderDenoiser.from_bytes(denoiser.to_bytes())
    assert again.noise_.pedestal == denoiser.noise_.pedestal
    assert "pedestal" in json.dumps(denoiser.record()["noise"])


def test_hyperspy_gets_what_its_model_can_hold(counts, caplog):
    """A dark level that was subtracted is held; one that stands below is not."""
    s = aed.data.sto_o_k((16, 16))
    s.data = counts[1] - 20
    s.estimate_noise()
    place = "Signal.Noise_properties.Variance_linear_model"
    assert s.metadata.get_item(place).gain_offset == pytest.approx(24, rel=0.05)
    s.data = counts[1] + 50
    with caplog.at_level(logging.WARNING):
        s.estimate_noise()
    assert not s.metadata.has_item(place)
    assert "subtract" in caplog.text


def test_drawn_noise_begins_at_the_pedestal(rng):
    model = NoiseModel(2.0, 9.0, pedestal=100.0)
    drawn = model.sample(np.tile([90.0, 100, 150], (20000, 10)), rng)
    # 30 channels of 20000 draws: a variance is good to sqrt(2 / 20000) = 1 %
    assert drawn[:, :3].var(axis=0) == pytest.approx([9, 9, 109], rel=0.05)
    assert model.scaled(2.0).pedestal == 100
    assert "(expected - 100)" in model.summary()
    with pytest.raises(ValueError, match="`pedestal`"):
        NoiseModel(1.0, pedestal=np.inf)
    with pytest.raises(TypeError, match="`pedestal`"):
        NoiseModel(1.0, pedestal="1")


def test_rounding_of_a_large_constant_is_told(counts):
    rows = counts[1].reshape(-1, counts[1].shape[-1])
    noise = estimate_noise((rows + 1e7).astype(np.float32))
    assert any("single precision" in text for text in noise.warnings)

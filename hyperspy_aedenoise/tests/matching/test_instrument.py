"""What an instrument does, and what is known of an experiment."""

import numpy as np
import pytest
from scipy.integrate import trapezoid

from hyperspy_aedenoise._reference.experiment import Experiment
from hyperspy_aedenoise._reference.instrument import FWHM, EdgeOnChannels, Losses
from hyperspy_aedenoise.tests.matching.conftest import (
    NOISE,
)

# What an instrument does ------------------------------------------------------------


def test_rebinning_conserves_counts(rng):
    """Channels of another width and place hold the same counts."""
    energies = 500 + 0.1 * np.arange(400)
    counts = 1 + np.exp(-(((energies - 520) / 4) ** 2))
    channels = 510.2 + 0.7 * np.arange(20)
    on_channels = EdgeOnChannels(energies, counts[None], channels)(0.0, 0.0)[0]
    # the 20 channels of 0.7 eV begin at 509.85 and end at 523.85
    first, last = 509.85, 523.85
    fine = np.linspace(first, last, 20001)
    density = (1 + np.exp(-(((fine - 520) / 4) ** 2))) / 0.1
    assert on_channels.sum() == pytest.approx(trapezoid(density, fine), rel=1e-4)


def test_a_line_gets_the_width_and_place_asked_for():
    energies = 500 + 0.05 * np.arange(800)
    line = (np.arange(800) == 400).astype(float)
    folded = EdgeOnChannels(energies, line[None], energies)(0.7, (1.2 / FWHM) ** 2)[0]
    centre = folded @ energies
    width = FWHM * np.sqrt(folded @ (energies - centre) ** 2)
    assert folded.sum() == pytest.approx(1)
    assert centre == pytest.approx(energies[400] + 0.7, abs=1e-3)
    assert width == pytest.approx(1.2, rel=1e-2)


def test_plural_scattering_adds_what_the_low_loss_has():
    """A single loss of 20 eV with a third of the zero-loss counts shifts a third."""
    loss = np.arange(-10, 50.0)
    low_loss = np.where(loss == 0, 300.0, 0) + np.where(loss == 20, 100.0, 0)
    losses = Losses.measured(loss, low_loss)
    assert losses.paths == pytest.approx(np.log(4 / 3))
    energies = 500 + 0.25 * np.arange(240)
    line = (np.arange(240) == 20).astype(float)
    both = EdgeOnChannels(energies, line[None], energies, losses)(0.0, 0.0)[0]
    assert both[:40].sum() == pytest.approx(1, abs=1e-6)
    assert both[80:].sum() == pytest.approx(1 / 3, rel=1e-6)
    assert both @ energies == pytest.approx(505 + (525 / 3), rel=1e-3)


@pytest.mark.parametrize("change", [0.0, 0.3, -1.7])
def test_shifting_the_channels_shifts_the_edge(change):
    """An edge moved by as much as the channels leaves the same counts in them."""
    energies = 500 + 0.1 * np.arange(400)
    counts = np.exp(-(((energies - 520) / 2) ** 2))
    channels = 510.2 + 0.7 * np.arange(20)
    one, moved = (
        EdgeOnChannels(energies, counts[None], channels + step)(0.4 + step, 0.2)
        for step in (0.0, change)
    )
    # cubic splines through 0.1 eV steps of a curve 2 eV wide: (0.1 / 2) ** 4
    np.testing.assert_allclose(moved, one, atol=1e-5 * one.max())


# What is known of an experiment -----------------------------------------------------


def test_the_mean_is_as_sure_as_repetition_shows(rng):
    """Variances and covariances of neighbours in 2000 mean spectra."""
    energies, clean = np.arange(20.0), np.linspace(30, 90, 20)
    drawn = NOISE.sample(np.broadcast_to(clean, (2000, 5, 20)), rng).mean(axis=1)
    few = NOISE.sample(np.broadcast_to(clean, (5, 20)), rng)
    stated = Experiment(energies, few, np.ones(20, bool), NOISE).mean.covariance
    found = np.cov(drawn.T)
    # those 5 spectra give the level to 10 %, 2000 draws each value to 3 %
    for lag in (0, 1, 2):
        ratio = np.diag(found, lag).sum() / np.diag(stated, lag).sum()
        assert ratio == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(
    ("first", "end", "inside"),
    [(0, 100, slice(0, 10)), (10.25, 11.75, slice(1, 4)), (10.3, 11.7, slice(2, 3))],
)
def test_channels_lie_between_energies_with_all_their_width(first, end, inside):
    energies = 10 + 0.5 * np.arange(10)
    nothing = np.zeros((1, 10))
    whole = Experiment(energies, nothing, np.ones(10, bool), NOISE)
    assert whole.between(first, end) == inside
    assert np.array_equal(whole.part(inside).energies, energies[inside])

"""A simulated reference is brought to an experiment, and what disagrees is told."""

import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise.tests.matching.conftest import (
    NOISE,
    UNIFORM,
    edge_counts,
    experiment,
    signal_of,
    within,
)


def test_known_changes_are_found(matched):
    _, report = matched
    assert within(report, "onset shift", 1.3, 0.05)
    assert within(report, "resolution", 1.0, 0.1)
    assert within(report, "background exponent", 3.0, 0.3)
    for region in report.regions.values():
        assert region.chi_square == pytest.approx(1, abs=5 * region.expected_spread)
    assert not any("not that of" in text for text in report.warnings)


def test_another_unit_changes_the_intensities_only(reference):
    """An experiment in units a hundred times smaller, with its noise in the same."""
    unit = 100.0
    other_noise = aed.NoiseModel(
        unit * NOISE.gain, unit**2 * NOISE.offset, NOISE.correlation
    )
    (one, report), (other, other_report) = (
        aed.match_reference(reference, s, noise=noise, random_state=0)
        for s, noise in ((experiment(), NOISE), (experiment() * unit, other_noise))
    )
    for name, (value, error, _) in report.parameters.items():
        factor = unit if name in ("edge intensity", "background at onset") else 1
        again = other_report.parameters[name]
        # the optimiser stops within a small part of a standard error
        assert again[0] == pytest.approx(factor * value, abs=0.05 * factor * error)
        assert again[1] == pytest.approx(factor * error, rel=0.05)
    np.testing.assert_allclose(other.data, unit * one.data, rtol=1e-3)


def test_a_miscalibrated_axis_is_a_shift(reference):
    """Energies that are 0.7 eV too high move the onset by that, and nothing else."""
    # a power law about another zero is another one: without a background
    one, moved = experiment(level=0.0), experiment(level=0.0)
    moved.axes_manager.signal_axes[0].offset += 0.7
    first, second = (
        aed.match_reference(reference, s, noise=NOISE, random_state=0)[1].parameters
        for s in (one, moved)
    )
    for name, (value, error, _) in first.items():
        expected = value + 0.7 * (name == "onset shift")
        assert second[name][0] == pytest.approx(expected, abs=0.05 * error)


def test_result_is_a_reference_for_the_experiment(matched, reference):
    """On its axis, in its units, with the reference's positions; and it trains."""
    adjusted, report = matched
    measured = experiment()
    assert adjusted.axes_manager.navigation_shape == (6, 4)
    assert np.array_equal(adjusted.axes_manager[-1].axis, report.energies)
    mean = adjusted.data.mean(axis=(0, 1), dtype=float)
    # positions differ at random, 24 of them
    assert mean == pytest.approx(report.adjusted, rel=0.05)
    assert adjusted.metadata.Signal.signal_type == "EELS"
    assert "Simulation.sto_o_k" not in adjusted.metadata
    assert reference.metadata.has_item("Simulation.sto_o_k")
    first = int(measured.axes_manager[-1].value2index(report.energies[0]))
    cropped = measured.isig[first : first + len(report.energies)]
    cropped.decompose_autoencoder(
        adjusted, iterations=2, show_progressbar=False, print_info=False
    )


def test_a_cube_is_matched_like_its_factors(reference):
    """A simulation of another program, here the same numbers without their origin."""
    cube = aed.data.sto_o_k(
        (4, 6), energy_start=520.0, n_channels=296, resolution=0.3, **UNIFORM
    )
    del cube.metadata.Simulation
    adjusted, report = aed.match_reference(cube, experiment(), random_state=0)
    assert within(report, "onset shift", 1.3, 0.05)
    added = np.sqrt(1.0**2 - 0.3**2)
    assert within(report, "added broadening", added, 0.1)
    assert np.isfinite(adjusted.data).all()


def test_a_changed_set_is_not_computed_again(reference):
    """Its values count, not where they once came from."""
    changed = reference.deepcopy()
    changed.data[..., 120:] *= 0.5
    _, report = aed.match_reference(changed, experiment(), random_state=0)
    assert not any("computed again" in text for text in report.notes)
    assert any("not that of the simulation" in text for text in report.warnings)
    scaled = aed.match_reference(reference * 1000, experiment(), random_state=0)[1]
    assert any("computed again" in text for text in scaled.notes)


def test_recalibrated_references_count_as_they_are(reference):
    """The axis of a set may be corrected; only its values come from the factors."""
    moved = reference.deepcopy()
    moved.axes_manager[-1].offset += 1.0
    _, report = aed.match_reference(moved, experiment())
    assert within(report, "onset shift", 0.3, 0.05)
    moved.axes_manager[-1].scale *= 1.01
    _, report = aed.match_reference(moved, experiment())
    assert not any("computed again" in text for text in report.notes)


def test_dead_channels_and_spikes_are_left_out(reference):
    measured = experiment()
    measured.data[..., 70] = 0
    measured.data[1, 2, 10] += 5e4
    _, report = aed.match_reference(reference, measured)
    assert within(report, "onset shift", 1.3, 0.05)
    assert within(report, "resolution", 1.0, 0.1)
    assert any("1 dead channels" in text for text in report.notes)
    assert any("1 values of spikes" in text for text in report.notes)


def test_removed_background_may_be_negative(reference):
    measured = experiment(level=0.0)
    measured.data -= 5
    _, report = aed.match_reference(reference, measured)
    assert any("no background" in text for text in report.warnings)


def test_low_loss_gives_the_plural_scattering(reference):
    """Without it the report shows that something lies above the edge."""
    measured = experiment(plural_scattering=0.8, counts=6000.0)
    loss = np.arange(-20, 100, 0.25)
    every = np.arange(0, 1000, 0.25)
    plasmon = every * 12 / ((every**2 - 900) ** 2 + (every * 12) ** 2)
    once = np.zeros(16384)
    once[: every.size] = plasmon / plasmon.sum()
    series = np.fft.irfft(np.exp(0.8 * np.fft.rfft(once)), 16384)[: loss.size - 80]
    low_loss = signal_of(1e5 * np.concatenate([np.zeros(80), series]), -20.0, 0.25)
    _, report = aed.match_reference(reference, measured, low_loss=low_loss)
    # some percent of the losses, those of more than 100 eV, are beyond the spectrum
    assert report.parameters["plural scattering"][0] == pytest.approx(0.8, rel=0.05)
    assert not any("not that of the simulation" in text for text in report.warnings)
    _, without = aed.match_reference(reference, measured)
    assert any("no low loss" in text for text in without.notes)
    assert report.regions["above"].chi_square < without.regions["above"].chi_square


def test_drift_and_intensity_spread_are_passed_on(reference):
    """Spectra that drift and vary in intensity need a reference that does."""
    rng = np.random.default_rng(1)
    uniform = aed.data.sto_o_k((12, 12), **UNIFORM)
    drift = 0.4 * rng.standard_normal(300)
    edge = edge_counts(counts=4000.0, shape=(2, 2)).mean(axis=(0, 1))
    energies = 505.25 + 0.5 * np.arange(100)
    factor = 1 + 0.1 * rng.standard_normal(300)
    clean = [
        f * np.interp(energies - d, energies, edge)
        for f, d in zip(factor, drift, strict=True)
    ] + 5000 * (energies / 530) ** -3.0
    measured = signal_of(NOISE.sample(clean, rng), energies[0], 0.5)
    adjusted, report = aed.match_reference(uniform, measured, random_state=0)
    for name, truth in (
        ("spread of energy", drift.std()),
        ("spread of edge", 100 * factor.std()),
    ):
        value, error, _ = report.parameters[name]
        assert abs(value - truth) < 4 * error
    # what lies above the background varies in the result as in the experiment
    above = adjusted.isig[535.0:550.0].data.sum(axis=-1, dtype=float)
    measured_above = measured.isig[535.0:550.0].data.sum(axis=-1)
    assert above.std() == pytest.approx(measured_above.std(), rel=0.2)


def test_residual_is_added_on_request(reference):
    """A wrong simulation, corrected by what the experiment's mean demands."""
    wrong = aed.data.sto_o_k((4, 6), core_hole="full", **UNIFORM)
    measured = experiment(counts=6000.0)
    _, report = aed.match_reference(wrong, measured)
    _, corrected = aed.match_reference(wrong, measured, add_residual=True)
    assert any("add_residual" in text for text in report.warnings)
    left = np.square(corrected.residual).mean() / np.square(report.residual).mean()
    assert left < 0.1
    right = edge_counts(counts=6000.0, resolution=1.0).mean(axis=(0, 1))
    truth = right + 900 * ((505.25 + 0.5 * np.arange(100) + 1.3) / 530) ** -3.0
    energies = 505.25 + 0.5 * np.arange(100) + 1.3
    truth = np.interp(report.energies, energies, truth)
    errors = [np.square(r.adjusted - truth).mean() for r in (report, corrected)]
    assert errors[1] < 0.1 * errors[0]


def test_masks_leave_out(reference):
    """A dead channel, a strange position and NaN don't disturb."""
    measured = experiment()
    measured.data[..., 70] = np.nan
    measured.data[2, 3] = 1e6
    navigation = np.zeros((8, 5), dtype=bool)
    navigation[3, 2] = True
    channels = np.zeros(100, dtype=bool)
    channels[70] = True
    before = measured.data.copy()
    adjusted, report = aed.match_reference(
        reference, measured, navigation_mask=navigation, signal_mask=channels
    )
    assert within(report, "onset shift", 1.3, 0.05)
    assert np.isfinite(adjusted.data).all()
    assert np.isnan(report.experiment).sum() == 1
    assert np.array_equal(measured.data, before, equal_nan=True)
    with pytest.raises(ValueError, match="NaN"):
        aed.match_reference(reference, measured)


def test_lazy_experiments_and_single_references(reference):
    lazy = experiment().as_lazy()
    adjusted, report = aed.match_reference(reference.mean(), lazy)
    assert adjusted.data.shape == report.energies.shape
    assert within(report, "onset shift", 1.3, 0.05)


def test_same_seed_same_result(reference):
    first, second = (
        aed.match_reference(reference, experiment(), random_state=3)[0].data
        for _ in range(2)
    )
    assert np.array_equal(first, second)


def test_report_prints_and_plots(matched):
    _, report = matched
    text = str(report)
    assert "onset shift" in text and "eV" in text and "Note: no low loss" in text
    figure = report.plot()
    assert len(figure.axes) == 3

"""A simulated reference is brought to an experiment, and what disagrees is told."""

import numpy as np
import pytest
from exspy.signals import EELSSpectrum

import hyperspy_aedenoise as aed
from hyperspy_aedenoise._reference.experiment import Experiment
from hyperspy_aedenoise._reference.instrument import FWHM, EdgeOnChannels, Losses
from hyperspy_aedenoise.tests.conftest import real_file

#: No atomic columns resolved, so that any field of view has the same mean.
UNIFORM = {"source_size": 10.0}
NOISE = aed.NoiseModel(gain=2.0, offset=9.0, correlation=(1.0, 0.4, 0.1))


def signal_of(values, offset, dispersion, units="eV"):
    signal = EELSSpectrum(np.asarray(values, dtype=float))
    axis = signal.axes_manager.signal_axes[0]
    axis.offset, axis.scale, axis.units = offset, dispersion, units
    return signal


def edge_counts(counts=600.0, shape=(5, 8), **keywords):
    """Clean edge on 100 channels of 0.5 eV, from 505 eV on."""
    fine = aed.data.sto_o_k(
        shape, energy_start=505.05, dispersion=0.1, n_channels=500, **UNIFORM | keywords
    )
    edge = fine.data.reshape(*shape, 100, 5).sum(axis=-1, dtype=float)
    return edge * counts / edge.mean(axis=(0, 1)).max()


def experiment(
    shift=1.3, resolution=1.0, level=900.0, exponent=3.0, seed=0, **keywords
):
    edge = edge_counts(resolution=resolution, **keywords)
    energies = 505.25 + 0.5 * np.arange(100) + shift
    clean = edge + level * (energies / 530) ** -exponent
    noisy = NOISE.sample(clean, np.random.default_rng(seed))
    return signal_of(noisy, energies[0], 0.5)


@pytest.fixture(scope="module")
def reference():
    return aed.data.sto_o_k((4, 6), **UNIFORM)


@pytest.fixture(scope="module")
def matched(reference):
    return aed.match_reference(reference, experiment(), random_state=0)


def within(report, name, truth, most):
    """Right to `most`, and to 4 of its standard errors."""
    value, error, _ = report.parameters[name]
    return abs(value - truth) < min(most, 4 * error)


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
    assert on_channels.sum() == pytest.approx(np.trapezoid(density, fine), rel=1e-4)


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


# What is found ----------------------------------------------------------------------


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


# What is told, and refused ----------------------------------------------------------


def warned(reference, measured, words, **keywords):
    _, report = aed.match_reference(reference, measured, **keywords)
    return any(words in text for text in report.warnings)


def test_simulation_that_is_too_broad_is_told():
    broad = aed.data.sto_o_k(
        (4, 6), resolution=2.0, energy_start=515, n_channels=336, **UNIFORM
    )
    del broad.metadata.Simulation
    measured = experiment(resolution=0.6, counts=3000.0)
    assert warned(broad, measured, "already broader")
    _, report = aed.match_reference(broad, measured, add_residual=True)
    _, without = aed.match_reference(broad, measured)
    # the narrow first peak is beyond what is smooth over 1.5 eV
    assert np.nanstd(report.residual) < 0.5 * np.nanstd(without.residual)


def test_a_simulation_a_little_too_broad_is_mended_by_its_residual():
    """What is left is of the size of the noise of the mean."""
    broad = aed.data.sto_o_k(
        (4, 6), resolution=2.0, energy_start=515, n_channels=336, **UNIFORM
    )
    del broad.metadata.Simulation
    measured = experiment(resolution=1.6, counts=3000.0)
    _, report = aed.match_reference(broad, measured, add_residual=True)
    # three standard deviations, as much as one channel's noise may be
    assert np.nanstd(report.residual) < 3 * report.noise_level.mean()


@pytest.mark.parametrize("seed", range(4))
def test_the_right_width_is_not_called_too_broad(seed):
    """Noise makes the variance to be added a little more or less than 0."""
    same = aed.data.sto_o_k(
        (4, 6), resolution=1.0, energy_start=515, n_channels=336, **UNIFORM
    )
    del same.metadata.Simulation
    measured = experiment(resolution=1.0, counts=3000.0, seed=seed)
    assert not warned(same, measured, "already broader")


def test_experiment_without_background_is_told(reference):
    measured = experiment(level=0.0)
    _, report = aed.match_reference(reference, measured)
    assert any("no background" in text for text in report.warnings)
    assert "background exponent" not in report.parameters
    assert within(report, "onset shift", 1.3, 0.05)


def test_one_spectrum_is_told(reference):
    single = experiment(counts=30000.0).inav[0, 0]
    _, report = aed.match_reference(reference, single)
    assert any("was guessed" in text for text in report.warnings)
    assert report.parameters["onset shift"][0] == pytest.approx(1.3, abs=0.05)
    assert not warned(reference, single, "was guessed", noise=NOISE)


def test_wider_experiment_is_told(reference):
    measured = experiment(counts=3000.0)
    values = np.concatenate([measured.data, measured.data[..., -40:]], axis=-1)
    wider = signal_of(values, measured.axes_manager[-1].offset, 0.5)
    adjusted, report = aed.match_reference(reference, wider)
    (text,) = [text for text in report.warnings if "result covers" in text]
    first, last = (int(i) for i in text.split("[")[1].split("]")[0].split(":"))
    assert wider.isig[first:last].axes_manager[-1].axis == pytest.approx(
        adjusted.axes_manager[-1].axis
    )


def test_another_edge_is_refused_or_told(reference):
    """Neither nothing, nor a sharp doublet, nor a saw tooth is an O K edge."""
    energies = 505.25 + 0.5 * np.arange(100)
    background = 900 * (energies / 530) ** -3.0
    lines = sum(1500 * np.exp(-(((energies - e) / 0.7) ** 2)) for e in (532, 541))
    rng = np.random.default_rng(0)
    for extra in (0, lines):
        clean = np.tile(background + extra, (40, 1))
        other = signal_of(NOISE.sample(clean, rng), energies[0], 0.5)
        with pytest.raises(ValueError, match="shows the reference's edge"):
            aed.match_reference(reference, other)
    saw_tooth = 800 * (energies > 529) * np.exp(-(energies - 529) / 6)
    clean = np.tile(background + saw_tooth, (40, 1))
    other = signal_of(NOISE.sample(clean, rng), energies[0], 0.5)
    assert warned(reference, other, "another edge")


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda s: s.isig[46:], ValueError, "channels more than"),
        (lambda s: signal_of(s.data, 640.0, 0.5), ValueError, "onset near"),
        (lambda s: signal_of(s.data, 100.0, 0.5), ValueError, "onset near"),
        (lambda s: signal_of(s.data, 0.505, 5e-4, "keV"), ValueError, "in eV"),
        (lambda s: signal_of(s.data, 506.0, 0.5, "nm"), ValueError, "in eV"),
        (lambda s: s.data, TypeError, "`experiment`"),
    ],
)
def test_wrong_experiments_are_refused(reference, change, kind, words):
    with pytest.raises(kind, match=words):
        aed.match_reference(reference, change(experiment()))


def test_non_uniform_axes_are_refused(reference):
    measured = experiment()
    measured.axes_manager.signal_axes[0].convert_to_non_uniform_axis()
    with pytest.raises(NotImplementedError, match="non-uniform"):
        aed.match_reference(reference, measured)


def test_wrong_references_and_low_losses_are_refused(reference):
    measured = experiment()
    with_background = aed.data.sto_o_k((3, 4), background=2.0)
    del with_background.metadata.Simulation
    with pytest.raises(ValueError, match="without background"):
        aed.match_reference(with_background, measured)
    with pytest.raises(ValueError, match="`low_loss`"):
        aed.match_reference(reference, measured, low_loss=measured)
    with pytest.raises(TypeError, match="`noise`"):
        aed.match_reference(reference, measured, noise=0.05)


@pytest.mark.filterwarnings("ignore")  # of old file formats
@pytest.mark.parametrize(
    ("name", "low_loss"),
    [
        ("S02_EELS_STO_single.dm3", None),
        ("S03_STO_D3r1_100x_HL.dm3", "S03_STO_D3r1_100x_LL.dm3"),
        ("S07_STO_CM30_hl.dm3", "S07_STO_CM30_ll.dm3"),
    ],
)
def test_real_strontium_titanate(name, low_loss):
    """The first peak of the experiment lies where that of the result does."""
    import hyperspy.api as hs

    measured = hs.load(real_file(name))
    low_loss = None if low_loss is None else hs.load(real_file(low_loss))
    reference = aed.data.sto_o_k((4, 4), source_size=10.0)
    _, report = aed.match_reference(reference, measured, low_loss=low_loss)
    # where it rises to half of the first peak, to a channel
    first = 531 + report.parameters["onset shift"][0]
    rise = (report.energies > first - 4) & (report.energies < first + 0.3)
    places = []
    for mean in (report.experiment, report.adjusted):
        edge = (mean - report.background)[rise]
        places.append(np.interp(0.5 * edge[-1], edge, report.energies[rise]))
    channel = report.energies[1] - report.energies[0]
    assert places[0] == pytest.approx(places[1], abs=channel)
    assert any("not that of the simulation" in text for text in report.warnings)

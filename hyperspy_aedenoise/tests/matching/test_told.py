"""What a match tells of itself, and what it refuses."""

import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise.tests.conftest import real_file
from hyperspy_aedenoise.tests.matching.conftest import (
    NOISE,
    UNIFORM,
    experiment,
    signal_of,
    within,
)


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

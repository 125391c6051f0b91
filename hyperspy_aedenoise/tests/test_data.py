"""The standard set is what it is said to be."""

import numpy as np
import pytest
from scipy.signal import find_peaks

import hyperspy_aedenoise as aed
from hyperspy_aedenoise.data import sto_o_k
from hyperspy_aedenoise.tests.conftest import REAL


@pytest.fixture(scope="module")
def standard():
    return sto_o_k()


def energies_of(signal):
    return signal.axes_manager[-1].axis


def test_axes_and_metadata(standard):
    assert standard.data.shape == (64, 64, 256)
    assert standard.data.dtype == np.float32
    assert standard.data.max() == 1
    energies = energies_of(standard)
    assert energies[0] == 525
    assert energies[-1] == pytest.approx(556.875)
    tem = standard.metadata.Acquisition_instrument.TEM
    assert tem.beam_energy == 300
    assert tem.convergence_angle == 20
    assert tem.Detector.EELS.collection_angle == 30
    assert standard.axes_manager[0].units == "Å"


def test_it_has_exactly_two_components(standard):
    values = standard.data.reshape(-1, 256).astype(float)
    singular = np.linalg.svd(values, compute_uv=False)
    assert (singular > 1e-6 * singular[0]).sum() == 2


def test_peaks_are_where_the_calculation_has_them(standard):
    """Ti t2g 531.0, main peak 535.2, then 543.3 eV, to a channel."""
    mean = standard.data.mean(axis=(0, 1))
    peaks = energies_of(standard)[find_peaks(mean, prominence=0.05 * mean.max())[0]]
    for expected in (531.0, 535.2, 543.3):
        assert np.abs(peaks - expected).min() <= 0.125


def test_order_of_the_columns():
    """Most signal on Ti-O, then O, least on Sr."""
    cell = sto_o_k((20, 20), pixel_size=3.905 / 20, rotation=0.0).data.sum(axis=-1)
    titanium, oxygen, strontium = cell[10, 10], cell[10, 0], cell[0, 0]
    assert titanium > oxygen > strontium
    assert cell[0, 10] == pytest.approx(oxygen, rel=1e-4)


def test_rotation_and_pixel_size_move_the_lattice():
    """A scan of one cell in 20 pixels repeats; a rotated one is the same, turned."""
    two = sto_o_k((20, 40), pixel_size=3.905 / 20, rotation=0.0).data
    assert np.allclose(two[:, :20], two[:, 20:], atol=1e-5)
    turned = sto_o_k((5, 5), rotation=90.0).data
    plain = sto_o_k((5, 5), rotation=0.0).data
    assert np.allclose(turned[:, 0], plain[0, :], atol=1e-5)


def test_source_size_keeps_the_mean_and_blurs():
    cell = {"shape": (20, 20), "pixel_size": 3.905 / 20, "rotation": 0.0}
    sharp, blurred = sto_o_k(**cell), sto_o_k(**cell, source_size=1.0)
    contrast = [s.data.sum(axis=-1).std() / s.data.mean() for s in (sharp, blurred)]
    assert contrast[1] < 0.8 * contrast[0]


def test_resolution_broadens():
    widths = []
    for resolution in (0.3, 0.6, 1.5):
        mean = sto_o_k((4, 4), resolution=resolution).data.mean(axis=(0, 1))
        first = mean[30:60]  # around the narrow t2g peak
        widths.append((first > first.max() / 2).sum())
    assert widths[0] < widths[1] < widths[2]


def test_background_is_a_power_law():
    s = sto_o_k(
        (3, 4),
        energy_start=480.0,
        dispersion=0.25,
        background=2.0,
        background_exponent=3.5,
    )
    energies = energies_of(s)
    before = energies < 520
    slope = np.polyfit(np.log(energies[before]), np.log(s.data[0, 0, before]), 1)[0]
    # the Lorentzian tail of the edge is there, too, below one percent
    assert slope == pytest.approx(-3.5, abs=0.1)


def test_plural_scattering_moves_intensity_to_higher_losses():
    plain = sto_o_k((3, 3)).data.sum(axis=(0, 1))
    thick = sto_o_k((3, 3), plural_scattering=0.8).data.sum(axis=(0, 1))
    ratio = (thick / thick[48]) / (plain / plain[48])
    assert ratio[240] > ratio[100] > 1


def test_plural_scattering_does_not_depend_on_the_window():
    """The same energies are the same, whatever else is computed."""
    ratios = []
    for start, n in ((525.0, 120), (475.0, 320)):
        kwargs = {"dispersion": 0.25, "energy_start": start, "n_channels": n}
        thick = sto_o_k((2, 2), **kwargs, plural_scattering=0.8).data[0, 0, -120:]
        ratios.append(thick / sto_o_k((2, 2), **kwargs).data[0, 0, -120:])
    one, other = (ratio / ratio[30] for ratio in ratios)
    assert one == pytest.approx(other, rel=1e-3)


def test_energy_drift_moves_the_peaks():
    """By the stated amount from the first to the last probe position."""
    s = sto_o_k((2, 30), energy_drift=1.0)
    energies = energies_of(s)
    near = (energies > 529) & (energies < 533)
    first, last = (s.data[i][near] for i in ((0, 0), (-1, -1)))
    shift = energies[near][last.argmax()] - energies[near][first.argmax()]
    assert shift == pytest.approx(1.0, abs=0.126)


def test_the_full_core_hole_is_another_spectrum(standard):
    other = sto_o_k(core_hole="full").data.mean(axis=(0, 1))
    mean = standard.data.mean(axis=(0, 1))
    assert np.corrcoef(mean, other)[0, 1] < 0.99


@pytest.mark.parametrize("voltage", [300, 200, 100])
def test_all_voltages(voltage):
    s = sto_o_k((3, 3), beam_energy=voltage)
    assert s.metadata.Acquisition_instrument.TEM.beam_energy == voltage


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"thickness": 25.0}, "`thickness`.*19.9"),
        ({"thickness": 0.5}, "`thickness`"),
        ({"n_channels": 400}, "557 eV"),
        ({"beam_energy": 80}, "`beam_energy`.*300"),
        ({"core_hole": "none"}, "`core_hole`.*'half'"),
        ({"resolution": 5.0}, "`resolution`"),
        ({"pixel_size": -1.0}, "`pixel_size`"),
        ({"dispersion": 0.0}, "`dispersion`"),
        ({"maximum": 0.0}, "`maximum`"),
        ({"n_channels": 0}, "n_channels"),
        ({"background": np.nan}, "`background`"),
    ],
)
def test_what_was_not_computed_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        sto_o_k((2, 2), **arguments)


def test_agrees_with_an_independent_run(standard):
    """Weights and spectra of another run of the same calculation, within 2 %."""
    path = REAL.parents[1] / "physics" / "reference_factors.npz"
    if not path.exists():
        pytest.skip("the other run is not there")
    from hyperspy_aedenoise.data._edge_of_sto import factors

    other = np.load(path)
    # sites Ti-O, O along y, O along x; orbitals x, y, z: the axis of each site
    orbitals = other["Wt"][-1].astype(float)
    parallel = orbitals[0, 2] + orbitals[1, 1] + orbitals[2, 0]
    theirs = np.stack([parallel, orbitals[:, :3].sum(axis=(0, 1)) - parallel])
    ours = factors()["weights"][0, -1].astype(float)
    theirs *= ours.mean() / theirs.mean()
    assert np.abs(ours - theirs).max() < 0.02 * theirs.max()


def test_the_factor_file_is_small_and_credits():
    import json
    from importlib.resources import files

    path = files("hyperspy_aedenoise.data") / "sto_o_k.npz"
    assert len(path.read_bytes()) < 200_000
    from hyperspy_aedenoise.data._edge_of_sto import factors

    metadata = json.loads(str(factors()["metadata"]))
    assert "GPL" in json.dumps(metadata)
    assert aed.data.sto_o_k.__doc__


def test_channels_hold_the_mean_over_their_width():
    fine = sto_o_k((2, 3), energy_start=525.0625, n_channels=240, maximum=1.0)
    coarse = sto_o_k((2, 3), energy_start=525.5, dispersion=1.0, n_channels=30)
    means = fine.data.reshape(2, 3, 30, 8).mean(axis=-1)
    assert coarse.data / coarse.data.max() == pytest.approx(
        means / means.max(), abs=1e-4
    )


def test_only_the_unit_follows_the_maximum(standard):
    np.testing.assert_allclose(sto_o_k(maximum=250.0).data, 250 * standard.data, 1e-6)


def test_thicknesses_add_up():
    """A slab between two of those computed has their signals' interpolation."""
    from hyperspy_aedenoise.data._factors import weights_of_thickness

    weights, cells = np.array([[3.0, 1.0], [2.0, 4.0]]), np.array([4, 8])
    # signals of 4 * (3, 1) and 8 * (2, 4), halfway for 6 cells
    between = weights_of_thickness(weights, cells, 6.0)
    np.testing.assert_allclose(between, [14 / 6, 18 / 6])
    for index, thickness in enumerate(cells):
        same = weights_of_thickness(weights, cells, float(thickness))
        np.testing.assert_allclose(same, weights[index])


def test_what_a_set_is_made_of_gives_the_set():
    """Factors folded to the resolution of the set, on its channels, are the set."""
    from hyperspy_aedenoise._reference.instrument import FWHM, Edge
    from hyperspy_aedenoise.data._edge_of_sto import unbroadened_edge

    s = sto_o_k((3, 5), resolution=0.8)
    simulation = s.metadata.Simulation
    energies, spectra, weights, resolution, last = unbroadened_edge(
        simulation.sto_o_k.as_dictionary()
    )
    assert last >= energies_of(s)[-1]
    unit = float(simulation.sto_o_k_unit)
    edge = Edge(energies, unit * spectra, weights, resolution)
    parts, shares = edge.parts_on(energies_of(s), np.arange(15))
    again = shares @ parts(0.0, (0.8**2 - resolution**2) / FWHM**2)
    np.testing.assert_allclose(again, s.data.reshape(15, -1), atol=2e-3)

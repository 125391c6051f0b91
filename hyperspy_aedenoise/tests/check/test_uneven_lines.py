"""Rows and columns of a scan whose intensity changes at random."""

import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise._check.uneven_lines import uneven_lines
from hyperspy_aedenoise._observation.observation import Observation
from hyperspy_aedenoise._report.findings import on_scan

NOISE = aed.NoiseModel(gain=1, offset=4)


def lattice(shape):
    """Atomic columns that are 20 % brighter than what is between, in counts."""
    return aed.data.sto_o_k(shape).data * 300.0


def told(clean, rng, used=None):
    used = np.ones(clean.shape[:-1], bool) if used is None else used
    spectra = NOISE.sample(clean, rng).astype(np.float32)
    return uneven_lines(Observation.of(spectra[used], used, NOISE))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("masked", [False, True])
def test_a_current_that_changes_from_line_to_line(axis, masked, rng):
    """By 4 %; of 60 lines that is known to a tenth, besides what atoms add."""
    clean = lattice((60, 22) if axis == 0 else (22, 60))
    shape = np.where(np.arange(3) == axis, clean.shape, 1)
    used = np.ones(clean.shape[:-1], bool)
    used[:5, :7] = not masked
    current = 1 + 0.04 * rng.standard_normal(shape)
    found = told(clean * current, rng, used)
    assert found.along == ("rows", "columns")[axis]
    assert found.spread == pytest.approx(0.04, rel=0.3)
    (finding,) = on_scan(found)
    assert f"the intensity of {found.along} scatters by about" in finding["text"]


def test_each_map_of_a_stack_has_a_current_of_its_own(rng):
    clean = np.stack(3 * [lattice((40, 22))])
    current = 1 + 0.04 * rng.standard_normal((3, 40, 1, 1))
    found = told(clean * current, rng)
    assert found.along == "rows"
    assert found.spread == pytest.approx(0.04, rel=0.2)


def layered(n_rows, thickness, lower=1.0):
    """Rows by thickness; the lower half of the energies by a factor more."""
    clean = lattice((n_rows, 26)) * thickness[:, None, None]
    changed = (thickness > 1)[:, None, None]
    clean[..., :128] *= np.where(changed, lower, 1)
    return clean


@pytest.mark.parametrize("n_rows", [12, 16, 20, 24, 40])
def test_layers_and_gradients_are_no_current(n_rows, rng):
    """A lattice; a step and a slab of thickness; layers of another composition."""
    row = np.arange(n_rows)
    step = np.where(row >= n_rows // 2, 1.3, 1.0)
    slab = np.where(abs(row - n_rows / 2) < 4, 1.3, 1.0)
    for clean in (
        lattice((n_rows, 26)),
        layered(n_rows, step),
        layered(n_rows, slab),
        layered(n_rows, step, 1.07),
        layered(n_rows, np.where(row % 2, 1.1, 1.0), 1.1),
        lattice((n_rows, 26)) * np.linspace(0.7, 1.3, n_rows)[:, None, None],
    ):
        assert told(clean, rng) is None
    assert list(on_scan(None)) == []


@pytest.mark.parametrize("period", [2.0, 2.6, 3.3])
def test_lattice_planes_along_the_rows_are_no_current(period, rng):
    row = np.arange(40)[:, None, None]
    clean = lattice((1, 1)) * np.ones((40, 26, 1))
    assert told(clean * (1 + 0.1 * np.cos(2 * np.pi * row / period)), rng) is None


@pytest.mark.parametrize("shape", [(1, 30), (4, 30), (24, 3)])
def test_of_few_lines_nothing_is_said(shape, rng):
    clean = lattice((1, 1)) * (1 + 0.1 * rng.standard_normal((*shape, 1)))
    assert told(clean, rng) is None


def test_nor_of_what_is_dark_or_without_noise(rng):
    assert told(np.zeros((24, 24, 50)), rng) is None
    equal = np.full((24 * 24, 50), 100.0, np.float32)
    assert uneven_lines(Observation.of(equal, np.ones((24, 24), bool), NOISE)) is None

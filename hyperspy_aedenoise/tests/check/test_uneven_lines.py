"""Rows and columns of a scan whose intensity jumps."""

import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise._check.uneven_lines import uneven_lines
from hyperspy_aedenoise._observation.layout import Layout
from hyperspy_aedenoise._report.findings import on_scan

NOISE = aed.NoiseModel(gain=1, offset=4)
CLEAN = aed.data.sto_o_k((24, 26)).data * 300.0


def told(clean, rng, used=None):
    used = np.ones(clean.shape[:-1], bool) if used is None else used
    return uneven_lines(NOISE.sample(clean, rng)[used], Layout.of(used), NOISE)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("masked", [False, True])
def test_a_current_that_changes_from_line_to_line(axis, masked, rng):
    """By 4 %, among atomic columns that are 20 % brighter than what is between."""
    shape = np.where(np.arange(3) == axis, CLEAN.shape, 1)
    used = np.ones(CLEAN.shape[:-1], bool)
    used[:5, :7] = not masked
    current = 1 + 0.04 * rng.standard_normal(shape)
    found = told(CLEAN * current, rng, used)
    assert found.along == ("rows", "columns")[axis]
    assert found.spread == pytest.approx(0.04, rel=0.5)
    (finding,) = on_scan(found)
    assert f"the intensity of {found.along} jumps by" in finding["text"]


def test_what_changes_otherwise_is_not_told(rng):
    """A lattice; a gradient; layers of another composition, steps of thickness."""
    layered = CLEAN.copy()
    layered[::2, :, 128:] *= 1.1
    thicker = CLEAN.copy()
    thicker[12:] *= 1.3
    gradient = CLEAN * np.linspace(0.7, 1.3, 24)[:, None, None]
    for clean in (CLEAN, layered, thicker, gradient):
        assert told(clean, rng) is None
    assert list(on_scan(None)) == []


@pytest.mark.parametrize("shape", [(1, 30), (4, 30), (12, 3)])
def test_of_few_lines_nothing_is_said(shape, rng):
    clean = CLEAN[:1, :1] * (1 + 0.1 * rng.standard_normal((*shape, 1)))
    assert told(clean, rng) is None


def test_nor_of_what_is_dark(rng):
    assert told(np.zeros((20, 20, 50)), rng) is None

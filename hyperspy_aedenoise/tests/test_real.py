"""Real measurements, where they are at hand: nobody made them for this program."""

import hyperspy.api as hs
import numpy as np
import pytest

from hyperspy_aedenoise.tests.conftest import real_file, train


def load(name):
    form = {"file_format": "HSPY"} if name.endswith("hdf5") else {}
    return hs.load(real_file(name), **form)


pytestmark = pytest.mark.filterwarnings("ignore")  # of old file formats


@pytest.mark.parametrize(
    ("name", "variance_per_mean", "lag_1"),
    [
        ("S03_STO_D3r1_100x_HL.dm3", 2.73, 0.48),
        ("S05_BN_A3r1_100x_HL.dm3", 2.75, 0.49),
    ],
)
def test_noise_of_repeats(name, variance_per_mean, lag_1):
    """As differences of repeats have it, without being told that they are repeats."""
    signal = load(name)
    noise = signal.estimate_noise()
    mean = float(signal.data.mean())
    assert noise.variance(mean) / mean == pytest.approx(variance_per_mean, rel=0.1)
    assert noise.correlation[1] == pytest.approx(lag_1, abs=0.05)


@pytest.mark.parametrize(
    ("name", "variance_per_mean", "lag_1", "pattern"),
    [
        ("S01_SciFi_SI_STO_La_6x49x1024.dm3", 19, 0.385, 0.041),
        ("S09_jat_OK_interface_20x30x791.hdf5", 4.7, 0.54, 0.09),
    ],
)
def test_noise_and_pattern_of_maps(name, variance_per_mean, lag_1, pattern):
    """As measured in windows without an edge."""
    signal = load(name)
    noise = signal.estimate_noise()
    assert noise.fixed_pattern == pytest.approx(pattern, rel=0.1)
    if name.startswith("S01"):
        signal = signal.isig[600.0:800.0]
    noise = signal.estimate_noise()
    mean = float(signal.data.mean())
    assert noise.variance(mean) / mean == pytest.approx(variance_per_mean, rel=0.1)
    assert noise.correlation[1] == pytest.approx(lag_1, abs=0.05)


@pytest.mark.parametrize(
    "name",
    [
        "S01_SciFi_SI_STO_La_6x49x1024.dm3",
        "S03_STO_D3r1_100x_HL.dm3",
        pytest.param("S09_jat_OK_interface_20x30x791.hdf5", marks=pytest.mark.slow),
        "S12_rsciio_EELS_SI_2x2.dm4",
    ],
)
def test_real_data_are_denoised(name, tmp_path):
    """Maps, repeats, four spectra with negative values; and after saving."""
    signal = load(name)
    before = signal.data.copy()
    train(signal)
    denoised = signal.get_autoencoder_model()
    assert np.array_equal(signal.data, before)
    assert np.isfinite(denoised.data).all()
    # nothing is lost or added on the whole
    total = signal.data.sum(axis=-1, dtype=float)
    assert denoised.data.sum(axis=-1, dtype=float) == pytest.approx(total, rel=0.15)
    signal.save(tmp_path / "again.hspy")
    again = hs.load(tmp_path / "again.hspy").get_autoencoder_model()
    assert np.allclose(again.data, denoised.data, rtol=1e-5)
    assert str(signal.compare_denoising())


@pytest.mark.parametrize("name", ["S02_EELS_STO_single.dm3", "S13_EFTEMj_C_K.msa"])
def test_single_real_spectra_are_refused(name):
    with pytest.raises(ValueError, match="at least 2 spectra"):
        train(load(name))


@pytest.mark.parametrize(
    ("name", "edge"),
    [
        ("S03_STO_D3r1_100x_HL.dm3", (455.0, 470.0)),  # Ti L
        ("S05_BN_A3r1_100x_HL.dm3", (185.0, 215.0)),  # B K
    ],
)
def test_drift_of_repeats_is_followed(name, edge):
    """Repeats of one area: as HyperSpy's cross-correlation of the sharpest edge has it.

    Of the whole range it finds the same background in all spectra, and no shift.
    """
    signal = load(name)
    train(signal)
    shift = signal.get_autoencoder_energy_shift().data
    start, end = edge
    # positive where a spectrum lies too low, and has to be moved up
    aligning = signal.estimate_shift1D(start=start, end=end, show_progressbar=False)
    assert np.corrcoef(shift, -aligning)[0, 1] > 0.95
    assert 0.13 < shift.std() < 0.5  # eV; by hand

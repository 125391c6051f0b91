"""Rare peaks are found and put back; noise and spikes are not."""

import logging

import matplotlib
import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import AutoencoderDenoiser, NoiseModel
from hyperspy_aedenoise._filters.rare_peaks import find_rare
from hyperspy_aedenoise._noise.whitening import Colour
from hyperspy_aedenoise._observation.observation import Observation
from hyperspy_aedenoise._observation.spectra_by_blocks import Computed

NOISE = NoiseModel.gaussian(1.0)
SHAPE = (1, 20, 22)
CHANNEL = np.arange(150)


def peak(centre, width, height=1.0):
    return height * np.exp(-0.5 * ((CHANNEL - centre) / width) ** 2)


def known(clean):
    """Restored spectra that are right."""
    return Computed(_same, clean, n_channels=clean.shape[1])


def _same(rows):
    return rows


def search(extra, rng, noise=NOISE, base=50.0, margin=0):
    """Look for `extra`, shape (n_spectra, 150), on a flat spectrum that is known."""
    used = np.ones(SHAPE, bool)
    clean = np.full((used.sum(), len(CHANNEL)), base)
    rows = noise.sample(clean + extra, rng)
    colour = Colour.of(noise, clean.mean(axis=0))
    observation = Observation.of(rows, used, noise)
    return find_rare(observation, colour, known(clean), rng, margin)


def nothing():
    return np.zeros((int(np.prod(SHAPE)), len(CHANNEL)))


def test_one_peak_in_one_spectrum(rng):
    extra = nothing()
    extra[123] = peak(40, 4, 6.0)
    rare = search(extra, rng)
    assert np.flatnonzero(rare.amplitudes.any(axis=1)).tolist() == [123]
    assert abs(rare.centre[0] - 40) <= 2
    restored = rare.amplitudes @ rare.decoder
    kept = restored[123] @ extra[123] / (extra[123] @ extra[123])
    # the noise of the amplitude is 1 / 16, that of the place and width a little
    assert kept == pytest.approx(1, abs=4 / 16)
    error = np.square(restored[123] - extra[123]).mean()
    assert error < 1 / 6  # of the noise variance


@pytest.mark.parametrize(
    "noise",
    [NOISE, NoiseModel(3.0, 20.0, (1.0, 0.4, 0.1)), NoiseModel(4.0)],
    ids=["white", "detector", "few counts"],
)
def test_nothing_in_noise(noise, rng):
    """20 data sets with a chance of 1 % each: two false ones come once in 50 times."""
    found = [len(search(nothing(), rng, noise, base=40.0).centre) for _ in range(20)]
    assert sum(found) <= 1


@pytest.mark.parametrize("width", [1, 2, 3])
def test_spikes_are_counted_and_not_put_back(width, rng):
    extra = nothing()
    extra[55, 70 : 70 + width] = 40.0
    extra[300, 20 : 20 + width] = 25.0
    rare = search(extra, rng)
    assert len(rare.centre) == 0
    assert rare.n_spikes == 2


def test_a_peak_beside_a_spike(rng):
    extra = nothing()
    extra[55, 70] = 40.0
    extra[55] += peak(110, 4, 6.0)
    rare = search(extra, rng)
    assert rare.n_spikes == 1
    assert abs(rare.centre[0] - 110) <= 2
    restored = (rare.amplitudes @ rare.decoder)[55]
    assert abs(restored[70]) < 1


def test_neighbours_are_asked(rng):
    """A peak too weak to be found by itself is seen beside a strong one."""
    strength = np.zeros(SHAPE[1:])
    strength[10, 12], strength[10, 13], strength[2, 2] = 7.0, 1.3, 1.3
    extra = strength.ravel()[:, None] * peak(60, 4)
    rare = search(extra, rng)
    found = rare.amplitudes.any(axis=1).reshape(SHAPE[1:])
    assert found[10, 12] and found[10, 13]
    assert not found[2, 2]
    assert found.sum() <= 4  # 8 neighbours with a chance of 5 % together


def test_one_latent_variable_for_the_same_peak_in_many(rng):
    extra = nothing()
    extra[::40] = peak(90, 3, 8.0)
    rare = search(extra, rng)
    assert rare.amplitudes[::40].all(axis=1).any() or len(rare.centre) > 1
    strongest = np.abs(rare.amplitudes).sum(axis=0).argmax()
    assert np.count_nonzero(rare.amplitudes[::40, strongest]) >= 10  # of 11


def test_what_many_have_is_not_rare(rng):
    extra = nothing()
    extra[::3] = peak(90, 3, 8.0)
    rare = search(extra, rng)
    assert len(rare.centre) == 0
    assert rare.share == pytest.approx(1 / 3, abs=0.01)


def test_the_amplitude_is_right_where_the_noise_is_larger(rng):
    """A bright spectrum among dark ones: counting noise three times as large."""
    noise = NoiseModel(1.0, 1.0)
    used = np.ones(SHAPE, bool)
    clean = np.full((used.sum(), len(CHANNEL)), 20.0)
    clean[77] = 180.0
    extra = nothing()
    extra[77] = peak(60, 5, 80.0)
    rows = noise.sample(clean + extra, rng)
    colour = Colour.of(noise, clean.mean(axis=0))
    observation = Observation.of(rows, used, noise)
    rare = find_rare(observation, colour, known(clean), rng)
    restored = (rare.amplitudes @ rare.decoder)[77]
    assert restored @ extra[77] / (extra[77] @ extra[77]) == pytest.approx(1, abs=0.1)
    # relative to its own noise, which is 1; the peak adds to it where it lies
    at_base, at_top = (
        np.linalg.norm(extra[77]) / np.sqrt(noise.variance(level))
        for level in (180.0, 180.0 + 80.0)
    )
    assert at_top - 4 < rare.strength[0] < at_base + 4


@pytest.mark.parametrize(("margin", "found"), [(0, True), (6, False)])
def test_in_a_margin_nothing_is_looked_for(margin, found, rng):
    """As where an edge enters the range while spectra move: here in channel 0."""
    extra = nothing()
    extra[123] = peak(0, 1.5, 8.0)
    assert search(extra, rng, margin=margin).amplitudes.any() == found


def test_the_autoencoder_keeps_a_rare_peak(rng):
    """In the whole: record, archive, new spectra, a chosen number of codes."""
    share = np.linspace(0, 1, 18 * 20).reshape(18, 20, 1)
    clean = 50 + share * peak(60, 8, 30) + (1 - share) * peak(90, 8, 30)
    clean[7, 5] += peak(25, 4, 4.0)
    noisy = NOISE.sample(clean, rng)
    denoiser = AutoencoderDenoiser(noise=NOISE, random_state=0).fit(noisy)
    restored = denoiser.denoise(noisy)
    kept = (restored[7, 5] - restored[7, 6]) @ peak(25, 4) / (4 * 4 * np.sqrt(np.pi))
    assert kept == pytest.approx(1, abs=4 / 10.6)
    (found,) = denoiser.history_["rare"]["peaks"]
    assert found["positions"] == [[7, 5]]
    again = AutoencoderDenoiser.from_bytes(denoiser.to_bytes())
    assert np.array_equal(again.denoise(noisy), restored)
    new = again.denoise(NOISE.sample(clean, rng))
    assert np.square(new - clean).mean() < 0.1
    fixed = AutoencoderDenoiser(noise=NOISE, random_state=0, output_dimension=2)
    assert fixed.fit(noisy).encode(noisy).shape == (18, 20, 2)


def test_rare_peaks_are_told_and_drawn(rng, capsys, caplog):
    matplotlib.use("agg")
    clean = aed.data.sto_o_k((16, 18), n_channels=96, dispersion=0.25)
    clean.data[3, 9] += 0.3 * np.exp(-0.5 * ((np.arange(96) - 15) / 3) ** 2)
    s = aed.add_noise(clean, 0.05, random_state=0)
    with caplog.at_level(logging.WARNING):
        s.decompose_autoencoder(random_state=0, show_progressbar=False)
    printed = capsys.readouterr().out
    energy = s.axes_manager[-1].index2value(15)
    assert "rare peak put back" in printed
    assert "inav[9, 3]" in printed
    *_, last = s.plot_autoencoder_loadings()
    assert last.get_title().startswith("Rare peak, ")
    assert float(last.get_title().split()[2]) == pytest.approx(energy, abs=0.5)
    loadings = s.get_autoencoder_loadings().data[-1]
    assert np.argwhere(loadings).tolist() == [[3, 9]]
    matplotlib.pyplot.close("all")

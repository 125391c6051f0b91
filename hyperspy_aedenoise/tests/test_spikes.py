"""Spikes are found before anything else, and kept out of everything."""

import dask.array
import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import AutoencoderDenoiser, NoiseModel
from hyperspy_aedenoise._filters import rare_peaks
from hyperspy_aedenoise._filters.peak_templates import Peaks
from hyperspy_aedenoise._noise.estimate import estimate_noise
from hyperspy_aedenoise._noise.whitening import Colour
from hyperspy_aedenoise._observation.despiked import despiked, has_spikes, spikes_in
from hyperspy_aedenoise._observation.layout import Layout
from hyperspy_aedenoise._observation.observation import Observation
from hyperspy_aedenoise._observation.spectra_by_blocks import spectra_of

NOISE = NoiseModel(gain=1, offset=4)
SHAPE = (20, 24)
N_SPECTRA, N_CHANNELS = 480, 160
#: One X-ray; one that two channels share; a cosmic ray of five channels, and of more,
#: with the point spread of a detector.
SINGLE, XRAY = (1.0,), (1.0, 0.7)
COSMIC = (0.25, 0.75, 1.0, 0.75, 0.25)
WIDE = (0.25, 0.75, 1.0, 1.0, 1.0, 0.75, 0.25)


def clean_map():
    """Spectra of two kinds, with lines of 7 channels and more, in counts."""
    axis = {"energy_start": 522, "dispersion": 0.125, "n_channels": N_CHANNELS}
    return 300 * aed.data.sto_o_k(SHAPE, **axis).data.astype(float)


def noisy_map(rng, clean=None):
    return NOISE.sample(clean_map() if clean is None else clean, rng)


def with_spikes(data, shape, height, rng, share=0.05):
    """Data with spikes somewhere in a share of the spectra, and which ones."""
    data = data.copy()
    rows = data.reshape(-1, data.shape[-1])
    hit = np.sort(rng.choice(len(rows), round(share * len(rows)), replace=False))
    for row in hit:
        first = rng.integers(0, rows.shape[1] - len(shape) + 1)
        rows[row, first : first + len(shape)] += height * np.array(shape)
    return data, hit


def observed(data, noise=NOISE):
    return Observation.of(
        data.reshape(-1, data.shape[-1]), np.ones(data.shape[:-1], bool), noise
    )


def found_in(data, noise=NOISE):
    """Numbers of spectra in which spikes are found."""
    return np.unique(spikes_in(observed(data, noise)).row)


def fit(data, **keywords):
    return AutoencoderDenoiser(noise=NOISE, random_state=0, **keywords).fit(data)


@pytest.mark.parametrize("shape", [SINGLE, XRAY, COSMIC, WIDE])
def test_spikes_are_found_and_replaced_by_what_is_usual_there(shape, rng):
    """What is put in their place is as good as a neighbour's value, to a few sigma."""
    clean = clean_map()
    data, hit = with_spikes(noisy_map(rng, clean), shape, 3000, rng)
    observation = observed(data)
    spikes = spikes_in(observation)
    assert np.unique(spikes.row).tolist() == hit.tolist()
    left = despiked(observation, spikes).spectra.all() - clean.reshape(-1, N_CHANNELS)
    # noise is 18 at most; five of that in 77 000 values, and a foot of three
    assert left.max() < 8 * np.sqrt(NOISE.variance(clean).max())
    changed = despiked(observation, spikes).spectra.all() != observation.spectra.all()
    assert changed.sum() == len(spikes.row) <= (len(shape) + 2) * len(hit)


def test_the_fit_is_that_without_spikes(rng):
    """Codes, error of the untouched spectra, and of those with spikes."""
    clean = clean_map()
    calm = noisy_map(rng, clean)
    data, hit = with_spikes(calm, XRAY, 6000, rng)
    without, fitted = fit(calm), fit(data)
    before, after = without.denoise(calm) - clean, fitted.denoise(data) - clean
    assert fitted.n_latent_ == without.n_latent_
    untouched = np.ones(N_SPECTRA, bool)
    untouched[hit] = False
    before, after = (
        np.square(one).reshape(-1, N_CHANNELS).mean(axis=1) for one in (before, after)
    )
    assert after[untouched].mean() < 1.1 * before[untouched].mean()
    # two of 160 channels tell nothing there, and 24 spectra are few
    assert after[hit].mean() < 1.5 * before[hit].mean()
    assert fitted.misfit(data, fitted.denoise(data)) == pytest.approx(1, abs=0.15)


def test_one_spike_is_told_and_not_kept(rng, capsys):
    signal = aed.data.sto_o_k(SHAPE, n_channels=96, dispersion=0.25) * 300
    clean = signal.data.copy()
    s = aed.add_noise(signal, NOISE, random_state=0)
    s.data[7, 11, 50] += 6000
    s.decompose_autoencoder(random_state=0, show_progressbar=False)
    printed = capsys.readouterr().out
    energy = s.axes_manager[-1].index2value(50)
    assert f"1 spike in 1 spectrum (s.inav[11, 7] at {energy:.6g} eV)" in printed
    assert "s.spikes_removal_tool()" in printed
    assert all(hasattr(s, name) for name in ("spikes_removal_tool", "remove_spikes"))
    restored = s.get_autoencoder_model().data
    noise = np.sqrt(NOISE.variance(clean[7, 11, 50]))
    assert abs(restored[7, 11, 50] - clean[7, 11, 50]) < noise
    # nor a dip beside it, nor a false peak elsewhere
    assert np.abs(restored - clean).max() < 2 * noise


def test_spikes_last_in_the_file(rng):
    data, hit = with_spikes(noisy_map(rng), SINGLE, 6000, rng)
    fitted = fit(data[:8])
    again = AutoencoderDenoiser.from_bytes(fitted.to_bytes())
    told = again.history_["spikes"]
    assert told == fitted.history_["spikes"]
    assert told["n_spectra"] == (hit < 8 * SHAPE[1]).sum()
    assert [y * SHAPE[1] + x for y, x in told["positions"]] == list(
        hit[hit < 8 * SHAPE[1]]
    )
    one, other = again.denoise(data[:8]), fitted.denoise(data[:8])
    assert np.abs(one - other).max() < 1e-3  # rounding


def test_a_spike_beside_a_real_rare_peak(rng):
    """The peak, of the least width that counts as real, is kept, the spike isn't."""
    clean = clean_map()
    channel = np.arange(N_CHANNELS)
    peak = 100 * np.exp(-0.5 * ((channel - 20) / 1.5) ** 2)
    clean[9, 9] += peak
    data = noisy_map(rng, clean)
    data[9, 9, 28] += 3000
    fitted = fit(data)
    restored = fitted.denoise(data)[9, 9]
    assert fitted.history_["spikes"]["channels"] == [28]
    kept = (restored - clean[9, 9] + peak) @ peak / (peak @ peak)
    # noise at the peak is 6 to 10, its norm 163
    assert kept == pytest.approx(1, abs=5 * 10 / 163)
    assert abs(restored[28] - clean[9, 9, 28]) < 20


@pytest.mark.parametrize("height", [60, 150, 250])
@pytest.mark.parametrize("width", [1.5, 2.1, 4.0])
def test_rare_peaks_are_no_spikes(width, height, rng):
    """Neither at 8 nor at 30 standard deviations: up to twice the tallest line."""
    channel = np.arange(N_CHANNELS)
    peak = height * np.exp(-0.5 * ((channel - 20) / width) ** 2)
    clean = clean_map()
    clean.reshape(-1, N_CHANNELS)[::48] += peak
    found = found_in(noisy_map(rng, clean))
    assert len(found) == 0


@pytest.mark.parametrize("width", [0.8, 1.2])
def test_a_sharp_peak_that_drifts_is_no_spike(width, rng):
    """A zero-loss peak of two to three channels, some channels away from the rest."""
    drift = rng.normal(0, 1.0, (SHAPE[0], 1)).cumsum(axis=0)
    apart = np.arange(N_CHANNELS) - 60 - np.broadcast_to(drift, SHAPE)[..., None]
    clean = 5000 * np.exp(-0.5 * (apart / width) ** 2) + 30
    assert len(found_in(noisy_map(rng, clean))) == 0


def test_a_sharp_line_in_some_spectra_is_no_spike(rng):
    """As of a particle that a tenth of the positions show."""
    clean = clean_map()
    clean[3:8, 3:12, 30] += 500
    assert len(found_in(noisy_map(rng, clean))) == 0


def test_lazy_data_give_the_same(rng):
    data, hit = with_spikes(noisy_map(rng).astype(np.float32), COSMIC, 3000, rng)
    used = np.ones(SHAPE, bool)
    used[2, 3] = False
    layout = Layout.of(used)
    eager, lazy = (
        Observation(spectra_of(values, used), layout, NOISE)
        for values in (data, dask.array.from_array(data, chunks=(7, 9, 50)))
    )
    found = spikes_in(eager), spikes_in(lazy)
    for name in ("row", "channel", "value", "peak", "height"):
        one, other = (getattr(part, name) for part in found)
        assert np.array_equal(one, other)
    one, other = (
        despiked(observation, spikes).spectra.all()
        for observation, spikes in zip((eager, lazy), found, strict=True)
    )
    assert np.array_equal(one, other)
    expected = np.delete(np.isin(np.arange(N_SPECTRA), hit), 2 * SHAPE[1] + 3)
    assert np.array_equal(has_spikes(found[0], N_SPECTRA - 1), expected)


def counts(mean):
    """Few counts, on spectra that differ."""
    clean = clean_map()
    return clean * mean / clean.mean(), NoiseModel(1.0)


@pytest.mark.parametrize(
    ("clean", "noise"),
    [
        (clean_map(), NOISE),
        (clean_map(), NoiseModel.gaussian(10.0)),
        (clean_map(), NoiseModel(3.0, 25.0, (1.0, 0.4, 0.08))),
        counts(0.05),
        counts(0.5),
        counts(5.0),
    ],
    ids=["usual", "gaussian", "detector", "0.05 counts", "0.5 counts", "5 counts"],
)
def test_there_are_no_spikes_in_noise(clean, noise, rng):
    """Nor does the measurement of the noise find any."""
    for _ in range(20):
        data = noise.sample(clean, rng)
        assert len(found_in(data, noise)) == 0
    assert estimate_noise(data.reshape(-1, N_CHANNELS)).n_spikes == 0


def test_noise_is_measured_as_without_spikes(rng):
    """Wide cosmic rays, too: 4 % of the variance is what 77 000 values leave open."""
    data, _ = with_spikes(noisy_map(rng), WIDE, 3000, rng)
    noise = estimate_noise(data.reshape(-1, N_CHANNELS))
    at = np.array([30.0, 250.0])
    assert noise.variance(at) == pytest.approx(NOISE.variance(at), rel=0.04)


def test_a_network_learns_nothing_from_spikes(rng, caplog):
    """It begins with as many codes as without; that it meets spikes later is said."""
    data, hit = with_spikes(noisy_map(rng)[:10, :12], XRAY, 6000, rng)
    assert fit(data, architecture="spectral", iterations=5).n_latent_ == 2
    assert f"{len(hit)} spikes in {len(hit)} spectra" in caplog.text


def test_error_bars_are_those_without_spikes(rng):
    """Fits are repeated on restored spectra; 16 draws tell them to a fifth."""
    calm = noisy_map(rng)[:8, :10]
    data, _ = with_spikes(calm, XRAY, 6000, rng)
    one, other = (np.square(fit(d).uncertainty(d)).mean() for d in (calm, data))
    assert np.sqrt(other / one) == pytest.approx(1, abs=0.2)


def test_the_users_data_are_left_alone(rng):
    data, _ = with_spikes(noisy_map(rng).astype(np.float32), SINGLE, 3000, rng)
    before = data.copy()
    observation = observed(data)
    despiked(observation, spikes_in(observation)).spectra.all()
    assert np.array_equal(data, before)


def test_cutting_out_spikes_ends(monkeypatch):
    """Even if nothing around a spike is cut out with it."""
    monkeypatch.setattr(rare_peaks, "_AROUND_SPIKE", 0)
    colour = Colour.of(NoiseModel.gaussian(1.0), np.ones(40))
    white = np.zeros((2, 40))
    white[0, 20:22] = 30.0
    rows = rare_peaks._cut_out_spikes(white, Peaks.all_of(colour), 5.0)
    assert rows.tolist() == [True, False]


def test_a_comparison_leaves_spectra_with_spikes_out(rng, capsys):
    signal = aed.data.sto_o_k((12, 14), n_channels=96, dispersion=0.25) * 300
    clean = signal.data.copy()
    s = aed.add_noise(signal, NOISE, random_state=0)
    s.data, hit = with_spikes(s.data, SINGLE, 6000, rng)
    s.decompose_autoencoder(random_state=0, show_progressbar=False, print_info=False)
    compared = s.compare_denoising()
    assert f"Judged on {168 - len(hit)} of 168 spectra, without the 8" in str(compared)
    assert np.array_equal(compared.signals["raw"].data, s.data)
    calm = np.delete(np.arange(168), hit)
    for row in compared.table:
        error = (compared.signals[row["route"]].data - clean).reshape(168, -1)[calm]
        if row["route"] == "autoencoder":
            autoencoder = row["estimated_mse"], np.square(error).mean()
        if row["route"] == "pca":
            pca = row["estimated_mse"], np.square(error).mean()
    assert compared.recommended != "pca"
    # what is claimed is the order of the truth
    assert autoencoder[0] < 0.5 * pca[0] and autoencoder[1] < 0.5 * pca[1]

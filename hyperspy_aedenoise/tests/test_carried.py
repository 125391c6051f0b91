"""What a signal carries of its autoencoder into slices, sums and files."""

import os
import pickle
from pathlib import Path

import hyperspy.api as hs
import numpy as np
import pytest

import hyperspy_aedenoise as aed
from hyperspy_aedenoise import NoiseModel
from hyperspy_aedenoise._archive import container
from hyperspy_aedenoise._engine.fingerprints import Places, fingerprints
from hyperspy_aedenoise._signals.storage import trained
from hyperspy_aedenoise.tests.conftest import SIGMA, train

DATA = Path(__file__).parent / "data"
#: What may be added to the file of a part, for HDF5's own needs most of it.
ALLOWED = 16_000
#: What can be done to a map without changing any spectrum.
MOVES = {
    "mirrored": lambda s: s.inav[::-1],
    "upside down": lambda s: s.inav[:, ::-1],
    "transposed": lambda s: s.swap_axes(0, 1),
    "cropped": lambda s: s.inav[2:7, 1:],
    "stepped": lambda s: s.inav[1::2, ::2],
    "transposed, mirrored and stepped": lambda s: s.swap_axes(0, 1).inav[::-2, 1:],
}


def archive_in(signal):
    return signal.metadata.Signal.Denoising.autoencoder


def saved(signal, path):
    """Size of a signal's file, and what comes out of it again."""
    signal.save(path, overwrite=True)
    return os.path.getsize(path), hs.load(path)


def same(one, other):
    return np.array_equal(one.data, other.data, equal_nan=True)


def in_place(signal, name):
    """Moved, and as HyperSpy would lay it out if that were all there is."""
    moved = MOVES[name](signal)
    moved.data = np.ascontiguousarray(moved.data)
    return moved


@pytest.fixture(scope="module", params=["spatial-spectral", "spectral"])
def map_signal(request):
    """A map with a fit whose archive is larger than may be added to a part."""
    clean = aed.data.sto_o_k((20, 24), energy_start=527, dispersion=0.5, n_channels=60)
    signal = aed.add_noise(clean, SIGMA / 2, random_state=3)
    train(signal, architecture=request.param)
    return signal


def without_fit(signal):
    bare = signal.deepcopy()
    del bare.metadata.Signal.Denoising
    return bare


@pytest.mark.parametrize(
    "derive",
    [
        lambda s: s.inav[0, 0],
        lambda s: s.sum(),
        lambda s: s.sum(-1),
        lambda s: s.integrate1D(-1),
        lambda s: s.isig[5:],
        lambda s: s.inav[2:5, 1:3],
        lambda s: s.mean(),
        lambda s: s.T,
        lambda s: s.map(np.sqrt, inplace=False, ragged=False, show_progressbar=False),
    ],
)
@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_part_has_a_small_file(map_signal, derive, loaded, tmp_path):
    """Neither bytes in memory nor in files multiply."""
    signal, bare = map_signal, without_fit(map_signal)
    if loaded:
        _, signal = saved(signal, tmp_path / "whole.hspy")
    part = derive(signal)
    assert archive_in(part) is archive_in(signal)
    size, _ = saved(part, tmp_path / "part.hspy")
    size_before, _ = saved(derive(bare), tmp_path / "bare.hspy")
    assert size - size_before < ALLOWED
    assert len(archive_in(signal).content) > ALLOWED


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    "part", [np.s_[0, 0], np.s_[2:5, 1:3], np.s_[:, 4], np.s_[:12], np.s_[:, ::-1]]
)
def test_a_slice_keeps_what_it_needs(map_signal, part, lazy, tmp_path):
    """It denoises as the whole does, in memory and in its file, again and again."""
    expected = map_signal.get_autoencoder_model().inav[part]
    slice_ = map_signal.inav[part]
    # but for rounding: a product with one row is summed in another order
    assert np.allclose(slice_.get_autoencoder_model().data, expected.data, atol=1e-6)
    slice_ = slice_.as_lazy() if lazy else slice_
    _, again = saved(slice_, tmp_path / "part.hspy")
    assert np.allclose(again.get_autoencoder_model().data, expected.data, atol=1e-6)
    _, third = saved(again, tmp_path / "again.hspy")
    assert same(third.get_autoencoder_model(), again.get_autoencoder_model())
    if part == np.s_[2:5, 1:3]:  # a part of a part
        _, third = saved(again.inav[1:, 1], tmp_path / "third.hspy")
        assert np.allclose(
            third.get_autoencoder_model().data, expected.inav[1:, 1].data, atol=1e-6
        )


def test_a_large_part_has_its_autoencoder(map_signal, tmp_path):
    """Loadings and comparisons work; what takes the whole map says so."""
    name = map_signal.metadata.Signal.Denoising.architecture
    part = map_signal.inav[:, 2:]
    _, again = saved(part, tmp_path / "part.hspy")
    assert same(again.get_autoencoder_loadings(), part.get_autoencoder_loadings())
    assert again.compare_denoising().table == part.compare_denoising().table
    assert again.plot_autoencoder_training() is not None
    if name == "spectral":
        assert again.get_autoencoder_uncertainty() is not None
        return
    with pytest.raises(RuntimeError, match="ask the whole signal"):
        again.get_autoencoder_uncertainty()


def test_a_small_part_says_what_it_lacks(map_signal, tmp_path):
    """Of few spectra only the denoised ones are kept."""
    _, again = saved(map_signal.inav[2:5, 1:3], tmp_path / "part.hspy")
    for method in ("get_autoencoder_loadings", "plot_autoencoder_training"):
        with pytest.raises(RuntimeError, match=r"small part.*Ask the whole signal"):
            getattr(again, method)()
    with pytest.raises(RuntimeError, match="as they were saved"):
        (again * 2).get_autoencoder_model()
    with pytest.raises(TypeError, match="decompose_autoencoder"):
        aed.components.AutoencoderEdge(again)


@pytest.mark.parametrize(
    "derive", [lambda s: s.isig[5:], lambda s: s.sum(), lambda s: s * 2]
)
def test_what_is_of_no_use_any_more_says_so(map_signal, derive, tmp_path):
    _, again = saved(derive(map_signal), tmp_path / "part.hspy")
    with pytest.raises(RuntimeError, match=r"was not kept.*decompose_autoencoder"):
        again.get_autoencoder_model()


def test_a_fit_comes_back_from_nexus(map_signal, tmp_path):
    """All parts of the entry are of kinds that its writer takes."""
    signal = map_signal.deepcopy()
    del signal.metadata.Sample  # of one element a letter comes back, refused by exspy
    _, (again, *_) = saved(signal, tmp_path / "x.nxs")
    expected = signal.get_autoencoder_model()
    assert np.allclose(again.get_autoencoder_model().data, expected.data, atol=1e-5)


def test_a_later_format_is_refused(trained_signal):
    trained_signal.metadata.Signal.Denoising.format = 2
    with pytest.raises(RuntimeError, match=r"format 2.*install a later one"):
        trained_signal.get_autoencoder_model()


def test_what_is_carried_can_be_pickled(map_signal):
    """Dask's workers get it whole."""
    carried = archive_in(map_signal)
    assert pickle.loads(pickle.dumps(carried)).content == carried.content


def test_dask_tells_autoencoders_apart(trained_signal):
    """Two lazy results of the same data, in one graph."""
    lazy = trained_signal.as_lazy()
    one = lazy.get_autoencoder_model()
    train(lazy, output_dimension=1)
    other = lazy.get_autoencoder_model()
    assert one.data.name != other.data.name


def test_without_our_part_of_the_class_all_is_saved(trained_signal, monkeypatch):
    """As in version 0.1.0: too much rather than nothing."""
    eels_spectrum = type(trained_signal)
    monkeypatch.delattr(eels_spectrum, "_to_dictionary")
    train(trained_signal)
    assert bytes(archive_in(trained_signal)[:2]) == b"PK"
    expected = trained_signal.get_autoencoder_model()
    part = trained_signal.inav[1:4].get_autoencoder_model()
    assert same(part, expected.inav[1:4])


def test_a_file_of_0_1_0_is_read():
    """Its result is the same, and its mask holds."""
    signal = hs.load(DATA / "fit_0_1_0.hspy")
    expected = np.load(DATA / "fit_0_1_0.npy")
    assert not signal.metadata.has_item("Signal.Denoising.format")
    found = signal.get_autoencoder_model().data
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    assert np.isnan(expected[:2, 7]).all()
    assert np.nanmax(np.abs(found - expected)) < 1e-4 * np.nanstd(expected)


def test_what_could_not_be_read_is_not_written(
    noisy_signal, monkeypatch, caplog, tmp_path
):
    """The fit is there, with a warning; its file says that there is none."""
    train(noisy_signal)
    expected = noisy_signal.get_autoencoder_model()
    monkeypatch.setattr(container, "LARGEST", 1000)
    train(noisy_signal)
    assert "at most 0 MB" in caplog.text and "s.inav" in caplog.text
    assert same(noisy_signal.get_autoencoder_model(), expected)
    again = pickle.loads(pickle.dumps(archive_in(noisy_signal)))
    assert again.denoiser.n_latent_ == trained(noisy_signal).denoiser.n_latent_
    with pytest.raises(ValueError, match="at most 0 MB"):
        archive_in(noisy_signal).tobytes()
    _, again = saved(noisy_signal, tmp_path / "x.hspy")
    with pytest.raises(RuntimeError, match="was not kept"):
        again.get_autoencoder_model()


# Identical spectra ------------------------------------------------------------


@pytest.fixture(scope="module")
def half_empty():
    """Counts whose lower half is empty but for stray ones, with many twins."""
    clean = aed.data.sto_o_k((10, 9), energy_start=527, dispersion=0.5, n_channels=60)
    signal = aed.add_noise(clean * 200, NoiseModel(1.0), random_state=0)
    rng = np.random.default_rng(0)
    signal.data[5:] = rng.poisson(0.02, signal.data[5:].shape)
    train(signal, noise=NoiseModel(1.0, 0.02))
    return signal


def test_identical_spectra_have_codes_of_their_own(half_empty):
    """Each position gets what the filter found there, and not one for all of them."""
    rows = half_empty.data.reshape(-1, 60)
    assert len(np.unique(fingerprints(rows))) < len(rows) - 5
    bank = trained(half_empty).denoiser.fitted_.bank
    codes = np.moveaxis(half_empty.get_autoencoder_loadings().data, 0, -1)
    assert np.array_equal(codes.reshape(bank.filtered.shape), bank.filtered)


@pytest.mark.parametrize("name", MOVES)
def test_identical_spectra_keep_their_codes(half_empty, name, tmp_path):
    expected = in_place(half_empty.get_autoencoder_model(), name)
    moved = in_place(half_empty, name)
    assert np.allclose(moved.get_autoencoder_model().data, expected.data, atol=1e-4)
    _, again = saved(moved, tmp_path / "moved.hspy")
    assert np.allclose(again.get_autoencoder_model().data, expected.data, atol=1e-4)


def test_places_by_neighbours():
    """Of two kinds of spectra and three that are alone, in a map of 4 x 5."""
    known = np.array([[1, 7, 7, 8, 8], [7, 2, 8, 8, 7], [7, 7, 3, 7, 7], [8] * 5])
    places = Places(known.ravel().astype(np.uint64), np.ones((4, 5), bool))
    where = np.arange(20).reshape(4, 5)
    for move in (
        lambda v: v,
        lambda v: v[::-1],
        lambda v: v.T,
        lambda v: v[:, ::-1].T,
        lambda v: v[:3, :4],
        lambda v: v[2],
        lambda v: v[:, 1],
        lambda v: v[None],
    ):
        wanted = np.ascontiguousarray(move(known)).astype(np.uint64)
        found = places.find(wanted.ravel(), wanted.shape)
        assert np.array_equal(found, move(where).ravel())


def test_places_that_nobody_knows():
    """The mean of the candidates; -1 for what is new."""
    places = Places(np.array([5, 9, 5, 4], np.uint64), np.ones((2, 2), bool))
    wanted = np.array([5, 5, 9, 6, 5], np.uint64)
    found = places.find(wanted, (5,))
    assert list(found) == [-2, -2, 1, -1, -2]
    values = places.mean(np.array([[1.0], [2.0], [5.0], [7.0]]), found)
    assert list(values[found != -1, 0]) == [3, 3, 2, 3]


# Positions that took no part --------------------------------------------------


@pytest.mark.parametrize("architecture", ["auto", "spectral"])
@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("shape", [(6, 9), (8, 8)])
def test_left_out_positions_move_along(masked_signals, architecture, name, shape):
    """NaN is where the spectrum went, not where it was."""
    signal = masked_signals[architecture, shape]
    moved = in_place(signal, name)
    expected = in_place(signal.get_autoencoder_model(), name)
    assert np.isnan(expected.data).any()
    found = moved.get_autoencoder_model()
    assert np.array_equal(np.isnan(found.data), np.isnan(expected.data))
    assert np.allclose(found.data, expected.data, atol=1e-5, equal_nan=True)


def test_left_out_positions_move_into_files(masked_signals, tmp_path):
    signal = masked_signals["auto", (6, 9)]
    for name in MOVES:
        moved = in_place(signal, name)
        _, again = saved(moved, tmp_path / "moved.hspy")
        expected, found = (s.get_autoencoder_model() for s in (moved, again))
        assert np.allclose(found.data, expected.data, atol=1e-5, equal_nan=True)
    single = signal.inav[0, 0]
    _, again = saved(single, tmp_path / "single.hspy")
    assert np.isnan(single.get_autoencoder_model().data).all()


@pytest.fixture(scope="module")
def masked_signals():
    """Fits without a corner, on unequal and equal sides, with and without a bank."""
    signals = {}
    for shape in ((6, 9), (8, 8)):
        clean = aed.data.sto_o_k(shape, energy_start=527, dispersion=0.5, n_channels=60)
        mask = np.zeros(shape, bool)
        mask[:2, :4] = mask[-1, -2] = True
        for architecture in ("auto", "spectral"):
            signal = aed.add_noise(clean, SIGMA, random_state=1)
            train(signal, navigation_mask=mask.T, architecture=architecture)
            signals[architecture, shape] = signal
    return signals


def test_twins_of_what_was_left_out(half_empty):
    """An empty spectrum is left out where it was masked, and there alone."""
    signal = half_empty.deepcopy()
    signal.data[8:] = 0
    mask = np.zeros((9, 10), bool)
    mask[:, 9] = True
    train(signal, noise=NoiseModel(1.0, 0.02), navigation_mask=mask)
    for moved in (signal, signal.swap_axes(0, 1), signal.inav[:, ::-1]):
        empty = np.isnan(moved.get_autoencoder_model().data).all(axis=-1)
        assert empty.sum() == 9
    assert empty[0].all()

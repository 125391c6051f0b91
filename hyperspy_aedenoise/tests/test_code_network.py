"""The network that corrects filtered code maps."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hyperspy_aedenoise._filters.code_network import (
    WEIGHTS,
    CodeNetwork,
    build_network,
    refined,
    write_weights,
)
from hyperspy_aedenoise._filters.nonlocal_bayes import MapFilter


@pytest.fixture(scope="module")
def maps():
    """Truth, noisy and filtered codes of two grains with a sharp, tilted boundary."""
    y, x = np.indices((40, 40))
    truth = np.where((2 * x + y < 60)[..., None], [4.0, 1.0], [-4.0, -1.0])[None]
    noisy = truth + np.random.default_rng(3).normal(size=truth.shape)
    return truth, noisy, MapFilter(3, 40)(noisy, np.ones((1, 40, 40)))


def error(codes, truth):
    return np.square(codes - truth).mean()


def test_is_the_network_that_was_trained():
    """Built in code and filled from plain arrays, it gives what Keras had saved.

    A rounding error of float32 is 6e-8 of a value; seven layers of sums of up to 288
    products make that some 1e-5.
    """
    y, x, feature = np.indices((5, 6, 6))
    maps = 2 * np.sin(1 + 1.7 * y + 2.3 * x + 0.9 * feature)[None]
    network = build_network()
    network.set_weights(CodeNetwork().weights)
    change = network.predict(maps.astype(np.float32), verbose=0)[0, ::2, ::2, 0]
    as_saved = [
        [0.572368, -0.289060, -0.755735],
        [0.098242, 0.631574, 0.926902],
        [0.100882, 0.062826, -0.017731],
    ]
    np.testing.assert_allclose(change, as_saved, atol=2e-5)


def test_the_file_holds_plain_arrays_and_is_written_again(tmp_path):
    """No version of Keras is in it, and nothing that could be run."""
    write_weights(CodeNetwork().weights, tmp_path / "again.npz")
    with np.load(WEIGHTS, allow_pickle=False) as shipped:
        assert {values.dtype for values in shipped.values()} == {np.dtype(np.float32)}
        with np.load(tmp_path / "again.npz", allow_pickle=False) as again:
            assert list(shipped) == list(again)
            for name in shipped:
                np.testing.assert_array_equal(shipped[name], again[name])


def test_does_not_depend_on_how_keras_is_set(maps):
    """Half precision and channels first are a user's choice for other networks."""
    import keras

    _, noisy, filtered = maps
    plain = CodeNetwork()
    keras.config.set_dtype_policy("mixed_float16")
    keras.config.set_image_data_format("channels_first")
    try:
        other = CodeNetwork(plain.weights)
    finally:
        keras.config.set_dtype_policy("float32")
        keras.config.set_image_data_format("channels_last")
    one, two = (
        network.correction(noisy, filtered, np.ones((1, 40, 40)))
        for network in (plain, other)
    )
    np.testing.assert_array_equal(one, two)


def test_corrects_what_the_filter_left(maps):
    truth, noisy, filtered = maps
    before = filtered.copy()
    change = CodeNetwork().correction(noisy, filtered, np.ones((1, 40, 40)))
    assert error(filtered + change, truth) < 0.8 * error(filtered, truth)
    np.testing.assert_array_equal(filtered, before)


def test_is_the_same_in_any_unit(maps):
    _, noisy, filtered = maps
    one = CodeNetwork().correction(noisy, filtered, np.ones((1, 40, 40)))
    other = CodeNetwork().correction(
        5 * noisy, 5 * filtered, np.full((1, 40, 40), 25.0)
    )
    np.testing.assert_allclose(other, 5 * one, atol=1e-3)


def test_maps_of_a_stack_are_corrected_one_by_one(maps):
    _, noisy, filtered = maps
    alone = CodeNetwork().correction(noisy, filtered, np.ones((1, 40, 40)))
    stack = [np.concatenate([values, -values]) for values in (noisy, filtered)]
    together = CodeNetwork().correction(*stack, np.ones((2, 40, 40)))
    np.testing.assert_allclose(together[:1], alone, atol=1e-5)


def test_takes_away_no_more_than_three_standard_deviations(maps):
    _, noisy, filtered = maps
    change = CodeNetwork().correction(noisy + 1000, filtered, np.ones((1, 40, 40)))
    assert np.abs(change).max() <= 3.001


def test_refined_it_helps_where_it_did_harm():
    """A lattice of its own: refined with other noise than it is then used on."""
    y, x = np.indices((40, 40)) * 2 * np.pi / 5.3
    one = 8 * np.cos(x + 0.3 * y) * np.cos(y - 0.3 * x)
    truth = np.stack([one, np.square(one) / 8], axis=-1)[None]
    level = np.ones((1, 40, 40))
    draws = (np.random.default_rng(seed).normal(size=truth.shape) for seed in (3, 4))
    noisy, other = (truth + noise for noise in draws)
    filtered, smooth = (MapFilter(5, 40)(codes, level) for codes in (noisy, other))

    def corrected(network):
        return filtered + network.correction(noisy, filtered, level)

    plain = corrected(CodeNetwork())
    assert error(plain, truth) > error(filtered, truth)
    first, second = (
        refined(other, smooth, truth, level, np.random.default_rng(0)) for _ in range(2)
    )
    assert error(corrected(first), truth) < 0.8 * error(filtered, truth)
    np.testing.assert_array_equal(corrected(first), corrected(second))
    # the network that was trained once is still what it was
    np.testing.assert_array_equal(corrected(CodeNetwork()), plain)


def test_refinements_in_threads_do_not_meet(maps):
    truth, noisy, filtered = maps

    def trained(seed):
        rng = np.random.default_rng(seed)
        return refined(noisy, filtered, truth, np.ones((1, 40, 40)), rng).weights

    alone = [trained(seed) for seed in range(2)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(trained, range(2)))
    for one, other in zip(alone, together, strict=True):
        for values, others in zip(one, other, strict=True):
            np.testing.assert_array_equal(values, others)


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w[:-1],
        lambda w: [v[..., :1] for v in w],
        lambda w: [*w[:-1], w[-1] * np.nan],
    ],
)
def test_weights_of_another_network_are_refused(change):
    with pytest.raises(ValueError, match="weights"):
        CodeNetwork.from_weights(change(CodeNetwork().weights))

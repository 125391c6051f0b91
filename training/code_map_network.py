"""Train the network for code maps on simulated structures.

    python training/code_map_network.py [--maps 1600] [--steps 8000]

Draws structures, adds noise of unit variance to their codes, filters them as the
package does, and trains a small convolutional network to correct what the filter got
wrong: some 20 minutes on two cores. Writes the weights anew where the package keeps
them, and prints the share of the filter's error that is left on structures which the
training didn't see.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from structures import code_map

from hyperspy_aedenoise._engine.restoration import FILTERS
from hyperspy_aedenoise._filters.code_network import (
    build_network,
    features,
    turned,
    write_weights,
)

#: Height and width of the maps, codes in a step; one map in so many is held out.
SIZE, BATCH, HELD_OUT = 48, 16, 10
#: Chance of each filter.
CHANCES = (0.2, 0.3, 0.3, 0.2)


def example(seed):
    """Features of a map's codes, shape (n_codes, SIZE, SIZE, 6), and the corrections.

    The corrections have shape (n_codes, SIZE, SIZE, 1).
    """
    rng = np.random.default_rng(seed)
    truth = code_map(rng, SIZE)
    noisy = truth + rng.normal(size=truth.shape).astype(np.float32)
    filter_ = FILTERS[rng.choice(list(FILTERS), p=CHANCES)]
    filtered = filter_(noisy[None], np.ones((1, SIZE, SIZE)))[0]
    return features(noisy, filtered), np.moveaxis(truth - filtered, -1, 0)[..., None]


def train(inputs, wanted, steps):
    """Train on codes of maps, all of them alike however much the filter got wrong.

    Returns
    -------
    keras.Model
    """
    import keras

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    weights = 1 / (np.square(wanted).mean(axis=(1, 2, 3)) + 0.1)
    weights = (weights / weights.mean()).astype(np.float32)[:, None, None]
    model = build_network()
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, alpha=0.02, warmup_target=2e-3, warmup_steps=100
    )
    model.compile(keras.optimizers.Adam(rate), "mse")
    for step in range(steps):
        some = rng.integers(len(inputs), size=BATCH)
        batch = turned(inputs[some], wanted[some], rng)
        loss = model.train_on_batch(*batch, sample_weight=weights[some])
        if step % 500 == 499:
            print(f"step {step + 1}: loss {loss:.4f}", flush=True)
    return model


def main():
    """Draw, train, test on what was held out, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--maps", type=int, default=1600)
    parser.add_argument("--steps", type=int, default=8000)
    options = parser.parse_args()
    with ProcessPoolExecutor() as pool:
        drawn = list(pool.map(example, range(options.maps), chunksize=10))
    n_held_out = options.maps // HELD_OUT
    held_out, seen = (
        [np.concatenate(maps) for maps in zip(*some, strict=True)]
        for some in (drawn[:n_held_out], drawn[n_held_out:])
    )
    model = train(*seen, options.steps)
    left = held_out[1] - model.predict(held_out[0], verbose=0)
    share = np.square(left).sum() / np.square(held_out[1]).sum()
    print(f"error left of the filter's, on {len(left)} codes: {share:.3f}")
    write_weights(model.get_weights())


if __name__ == "__main__":
    main()

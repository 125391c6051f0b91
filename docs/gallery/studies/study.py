"""What the studies share: the plain network, measures, and a figure."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pathlib import Path

import keras
import numpy as np

#: The tests run the studies on a small field and with few iterations.
SHORT = bool(os.environ.get("TUTORIALS_SHORT"))
#: The documentation's pages are made with a larger one, but in few minutes.
SITE = bool(os.environ.get("TUTORIALS_SITE")) and not SHORT
SHAPE = (14, 14) if SHORT else (24, 24) if SITE else (64, 64)
ITERATIONS = 20 if SHORT else 30 if SITE else 750
#: Where figures go, if anywhere.
FIGURES = os.environ.get("TUTORIALS_FIGURES")
FIGURES = Path(FIGURES) if FIGURES else None
#: The peaks that are fitted, in eV: Ti 3d t2g, and the main peak.
PEAKS = {"first": 531.0, "main": 535.1}


def plain_autoencoder(n_channels, latent=8):
    """A simple convolutional autoencoder: two strided convolutions each way."""
    keras.utils.set_random_seed(0)
    relu = {"padding": "same", "activation": "relu"}
    inputs = keras.Input((n_channels, 1))
    x = keras.layers.Conv1D(16, 7, strides=2, **relu)(inputs)
    x = keras.layers.Conv1D(32, 7, strides=2, **relu)(x)
    x = keras.layers.Dense(latent)(keras.layers.Flatten()(x))
    x = keras.layers.Dense(32 * (n_channels // 4), activation="relu")(x)
    x = keras.layers.Reshape((n_channels // 4, 32))(x)
    x = keras.layers.Conv1DTranspose(16, 7, strides=2, **relu)(x)
    outputs = keras.layers.Conv1DTranspose(1, 7, strides=2, padding="same")(x)
    return keras.Model(inputs, outputs)


class Batches(keras.utils.PyDataset):
    """Clean spectra with fresh noise, and the clean ones as answers."""

    def __init__(self, clean, draw, iterations, seed=0):
        super().__init__()
        self.clean, self.draw, self.iterations = clean, draw, iterations
        self.rng = np.random.default_rng(seed)

    def __len__(self):
        return self.iterations

    def __getitem__(self, index):
        chosen = self.clean[self.rng.integers(0, len(self.clean), 128)]
        noisy = self.draw(chosen, self.rng).astype(np.float32)
        return noisy[..., None], chosen[..., None]


def train_plain(clean, draw, iterations=ITERATIONS):
    """Train the plain network with clean answers.

    Parameters
    ----------
    clean : ndarray, shape (n_spectra, n_channels)
    draw : callable
        Noisy copy of clean spectra, from them and a random generator.
    iterations : int
        Optimiser steps.

    Returns
    -------
    callable
        From noisy spectra, shape (..., n_channels), to denoised ones.
    """
    model = plain_autoencoder(clean.shape[-1])
    model.compile("adam", "mse")
    model.fit(Batches(clean, draw, iterations), verbose=0)

    def denoise(spectra):
        rows = np.reshape(spectra, (-1, spectra.shape[-1], 1))
        return model.predict(rows, batch_size=1024, verbose=0).reshape(spectra.shape)

    return denoise


def best_pca(noisy, clean, most=12):
    """PCA with the number of components that the truth prefers, and that number."""
    rows = noisy.reshape(-1, noisy.shape[-1]).astype(float)
    left, singular, right = np.linalg.svd(rows, full_matrices=False)
    best = None
    for rank in range(1, most + 1):
        model = (left[:, :rank] * singular[:rank]) @ right[:rank]
        error = np.square(model - clean.reshape(rows.shape)).mean()
        if best is None or error < best[0]:
            best = (error, model.reshape(noisy.shape), rank)
    return best[1], best[2]


def image_mse(values, clean):
    """Mean squared error of the image summed over energy."""
    return float(np.square((values - clean).sum(axis=-1, dtype=float)).mean())


def mse(values, clean):
    """Mean squared error of the spectra."""
    return float(np.square(values.astype(float) - clean).mean())


def fitted_peaks(spectra, energies, half_width=0.8):
    """Position (eV) and height of both peaks by parabolas, shape (n, 2) each.

    A parabola is fitted to the channels within 0.8 eV of the peak; where it has no
    maximum in there the peak is lost and both are NaN.
    """
    positions, heights = [], []
    for centre in PEAKS.values():
        near = np.abs(energies - centre) <= half_width
        offset = energies[near] - centre
        rows = spectra.reshape(-1, spectra.shape[-1])[:, near].astype(float)
        constant, slope, bend = np.polynomial.polynomial.polyfit(offset, rows.T, 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            top = -slope / (2 * bend)
            found = (bend < 0) & (np.abs(top) < half_width)
            positions.append(np.where(found, centre + top, np.nan))
            heights.append(np.where(found, constant + slope * top / 2, np.nan))
    return np.stack(positions, axis=1), np.stack(heights, axis=1)


def peak_errors(values, clean, energies):
    """Errors of the fitted peaks over the positions with much signal.

    Returns
    -------
    dict of str to float
        ``bias`` and ``spread`` (robust standard deviation) of the position of the main
        peak in eV, ``height_bias`` and ``height_spread`` of the ratio of the first
        peak to the main one in percent, and the share of peaks ``lost``.
    """
    strong = clean.sum(axis=-1).ravel() > np.median(clean.sum(axis=-1))
    (place, height), (true_place, true_height) = (
        fitted_peaks(spectra, energies) for spectra in (values, clean)
    )
    shift = (place - true_place)[strong, 1]
    ratio = (height[:, 0] / height[:, 1]) / (true_height[:, 0] / true_height[:, 1])
    ratio = 100 * (ratio[strong] - 1)
    lost = np.isnan(shift + ratio)
    shift, ratio = shift[~lost], ratio[~lost]
    if not len(shift):
        shift = ratio = np.array([np.nan])
    return {
        "bias": float(np.median(shift)),
        "spread": float(1.4826 * np.median(np.abs(shift - np.median(shift)))),
        "height_bias": float(np.median(ratio)),
        "height_spread": float(1.4826 * np.median(np.abs(ratio - np.median(ratio)))),
        "lost": float(lost.mean()),
    }


def print_table(rows):
    """Rows of dicts as an aligned table."""
    names = list(rows[0])
    cells = [names] + [
        [f"{row[n]:.4g}" if isinstance(row[n], float) else str(row[n]) for n in names]
        for row in rows
    ]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    for line in cells:
        print("  ".join(cell.rjust(w) for cell, w in zip(line, widths, strict=True)))


def save(figure, name):
    """Write a figure as PNG, if there is a place for it."""
    if FIGURES:
        figure.savefig(FIGURES / f"{name}.png", dpi=110)

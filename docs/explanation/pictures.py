"""Draw the pictures of "How it works".

    python docs/explanation/pictures.py [FOLDER]

into docs/images, or into a folder.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import hyperspy.api as hs
import matplotlib.pyplot as plt
import numpy as np

import hyperspy_aedenoise as aed

IMAGES = Path(__file__).parents[1] / "images"
#: Counts at the maximum of the edge, and the detector.
COUNTS = 200
DETECTOR = aed.NoiseModel(3.0, 25.0, (1.0, 0.4, 0.08))


def measured(shape=(48, 48)):
    """The standard set as a detector counts it, with an autoencoder."""
    clean = aed.data.sto_o_k(shape, maximum=COUNTS)
    signal = aed.add_noise(clean, DETECTOR, random_state=0)
    signal.decompose_autoencoder(
        random_state=0, print_info=False, show_progressbar=False
    )
    return signal


def noise(signal):
    """Variance against the expected value, and the autocorrelation."""
    return signal.estimate_noise().plot()


def recipes(signal):
    """Errors of what was tried, by pairs."""
    return signal.plot_autoencoder_training().figure


def codes(signal):
    """Latent variables as maps: of the raw spectra, and filtered."""
    filtered = signal.get_autoencoder_loadings().data[:2]
    rows = signal.data.reshape(-1, signal.data.shape[-1]).astype(float)
    denoised = signal.get_autoencoder_model().data.reshape(rows.shape)
    centre = denoised.mean(axis=0)
    # the direction in spectra along which each latent variable is seen best
    flat = filtered.reshape(len(filtered), -1)
    directions = np.linalg.lstsq(
        np.column_stack([flat.T, np.ones(len(rows))]), denoised, rcond=None
    )[0][:-1]
    weight = 1 / DETECTOR.variance(centre)
    normal = (directions * weight) @ directions.T
    raw = np.linalg.solve(normal, (directions * weight) @ (rows - centre).T)
    raw += flat.mean(axis=1, keepdims=True)
    figure, panels = plt.subplots(2, 2, figsize=(6.4, 6), layout="constrained")
    for row, maps, name in zip(
        panels,
        (raw.reshape(filtered.shape), filtered),
        ("raw", "filtered"),
        strict=True,
    ):
        for number, (ax, one) in enumerate(zip(row, maps, strict=True)):
            low, high = np.percentile(filtered[number], [0, 100])
            margin = 0.3 * (high - low)
            ax.imshow(one, cmap="gray", vmin=low - margin, vmax=high + margin)
            ax.set_title(f"code {number + 1}, {name}", fontsize="medium")
            ax.set_axis_off()
    return figure


def residual(signal):
    """What was taken off, in units of the noise, at one energy and one position."""
    taken_off = signal.check_denoising().signals["residual"]
    energies = signal.axes_manager[-1].axis
    at = int(np.argmin(np.abs(energies - 535.2)))
    y, x = (size // 2 for size in taken_off.data.shape[:2])
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 3.4), width_ratios=(1, 1.7), layout="constrained"
    )
    drawn = left.imshow(taken_off.data[..., at], cmap="RdBu_r", vmin=-4, vmax=4)
    left.set_title(f"at {energies[at]:.1f} eV", fontsize="medium")
    left.set_axis_off()
    figure.colorbar(drawn, ax=left, label="(raw - denoised) / noise")
    right.axhspan(-1, 1, color="0.9")
    right.plot(energies, taken_off.data[y, x], color="C3", lw=0.8)
    right.set_title("at one probe position", fontsize="medium")
    right.set_xlabel("Energy loss (eV)")
    right.margins(x=0)
    return figure


def main(folder=IMAGES, shape=(48, 48)):
    """Draw all of them."""
    hs.preferences.General.show_progressbar = False
    signal = measured(shape)
    for draw in (noise, codes, residual, recipes):
        path = Path(folder) / f"how_{draw.__name__}.png"
        draw(signal).savefig(path, dpi=90)
        plt.close("all")


if __name__ == "__main__":
    main(*sys.argv[1:])

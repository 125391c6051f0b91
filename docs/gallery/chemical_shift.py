"""
A chemical shift with error bars
================================

From a noisy map to a map of the edge's position, for the raw data, PCA and the
autoencoder, beside the truth; and how often each error bar covers it.
"""

import hyperspy.api as hs
import matplotlib.pyplot as plt
import numpy as np
import scipy.interpolate

import hyperspy_aedenoise as aed

# %%
# A wavy interface on the atomic columns of the simulated set: on its right side the
# edge lies 0.5 eV higher. White noise of sigma 0.05.

columns = aed.data.sto_o_k((24, 24), n_channels=200)
energies = columns.axes_manager[-1].axis
reference = scipy.interpolate.make_interp_spline(
    energies, columns.data.mean(axis=(0, 1), dtype=float)
)


def edge(shift):
    """The reference spectrum, moved by so many eV, shape (..., n_channels)."""
    moved = energies - np.asarray(shift)[..., None]
    return reference(np.clip(moved, energies[0], energies[-1]))


height, width, _ = columns.data.shape
y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
truth = 0.5 / (1 + np.exp(-(x - 0.5 - 0.1 * np.sin(8 * y)) / 0.08))
intensity = columns.data.sum(axis=-1) / reference(energies).sum()
clean = columns.deepcopy()
clean.data = (intensity[..., None] * edge(truth)).astype(np.float32)
s = aed.add_noise(clean, 0.05, random_state=0)

# %%
# The shift of each spectrum by least squares: the reference, moved, on a constant. For
# each shift on a fine grid the heights are a linear fit; around the best one the
# squared residual is a parabola. Channels around the first lines are used.

near = (energies > 528) & (energies < 540)
STEP = 0.02
SHIFTS = np.arange(-0.5, 1.0, STEP)


def parts(shift):
    """Edge and constant, shape (..., n_channels, 2)."""
    moved = edge(shift)[..., near]
    return np.stack([moved, np.ones_like(moved)], axis=-1)


def fitted_shift(spectra):
    """Shift against the reference in eV, shape (...)."""
    rows = spectra.reshape(-1, spectra.shape[-1])[:, near].astype(float)
    bases, _ = np.linalg.qr(parts(SHIFTS))
    explained = np.square(rows @ bases).sum(axis=-1)
    best = explained[1:-1].argmax(axis=0) + 1
    before, at, after = (explained[best + d, np.arange(len(rows))] for d in (-1, 0, 1))
    moved = 0.5 * (before - after) / (before - 2 * at + after)
    return (SHIFTS[best] + STEP * moved).reshape(spectra.shape[:-1])


def claimed_by_fit(spectra, shift):
    """Standard error that a least-squares fit claims from its residual."""
    here, step = parts(shift), 1e-3
    slope = (parts(shift + step) - parts(shift - step)) / (2 * step)
    spectra = spectra[..., near, None].astype(float)
    heights = np.linalg.pinv(here) @ spectra
    jacobian = np.concatenate([here, slope @ heights], axis=-1)
    residual = np.square(spectra - here @ heights).sum(axis=(-2, -1))
    level = residual / (near.sum() - jacobian.shape[-1])
    normal = np.linalg.inv(np.swapaxes(jacobian, -1, -2) @ jacobian)
    return np.sqrt(level * normal[..., -1, -1])


# %%
# Three routes. The raw data and PCA get the error bar that the fit claims. The
# autoencoder gets it from the draws: the same fit, to the denoised signal and to draws
# of its error.

shifts, error_bars = {}, {}
s.decompose_autoencoder(random_state=0)
pca = s.deepcopy()
pca.decomposition(print_info=False)
elbow = pca.learning_results.number_significant_components
routes = {"raw": s.data, "PCA": pca.get_decomposition_model(elbow).data}
for name, values in routes.items():
    shifts[name] = fitted_shift(values)
    error_bars[name] = claimed_by_fit(values, shifts[name])

found = s.map_over_draws(
    lambda one: hs.signals.Signal2D(fitted_shift(one.data)), random_state=0
)
variance = found.metadata.Signal.Noise_properties.variance
shifts["autoencoder"] = found.data
error_bars["autoencoder"] = np.sqrt(variance.data)

# %%
# Maps of the shift, and below them errors in units of the error bar.

figure, panels = plt.subplots(2, 4, figsize=(11.5, 5.6), layout="constrained")
low, high = truth.min() - 0.1, truth.max() + 0.1
for column, (name, values) in enumerate([*shifts.items(), ("truth", truth)]):
    above, below = panels[:, column]
    drawn = above.imshow(values, vmin=low, vmax=high)
    above.set_title(name)
    above.set_axis_off()
    if name == "truth":
        below.set_axis_off()
        continue
    off = (values - truth) / error_bars[name]
    below.hist(off.ravel(), np.linspace(-5, 5, 41), density=True, color="C0")
    normal = np.linspace(-5, 5, 101)
    below.plot(normal, np.exp(-0.5 * normal**2) / np.sqrt(2 * np.pi), "k--", lw=1)
    below.set_xlabel("error / error bar")
panels[1, 0].set_ylabel("density; dashed: normal")
figure.colorbar(drawn, ax=panels[0], label="shift (eV)")
plt.show()

# %%
# An error bar should cover the truth in 68 % of the positions, and twice the
# error bar in 95 %.
# A fit to denoised data, by PCA or by anything else, claims too small ones: it takes
# channels for independent.

for name, values in shifts.items():
    error = np.abs(values - truth)
    print(
        f"{name:12} error {1e3 * np.sqrt(np.mean(error**2)):5.0f} meV, "
        f"within one error bar {np.mean(error < error_bars[name]):.2f}, "
        f"two {np.mean(error < 2 * error_bars[name]):.2f}"
    )

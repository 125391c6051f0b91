"""
A line scan against PCA
=======================

A line has few spectra, so that principal components are poorly determined. Neighbours
along the line help.
"""

import matplotlib.pyplot as plt
import numpy as np

import hyperspy_aedenoise as aed

# %%
# Sixty probe positions across atomic columns, with white noise of sigma 0.1.

clean = aed.data.sto_o_k((1, 60), n_channels=200).inav[:, 0]
s = aed.add_noise(clean, 0.1, random_state=0)
s.decompose_autoencoder(random_state=0)

# %%
# The comparison recommends a route, and says why.

c = s.compare_denoising(truth=clean)
print(c)

# %%
# Draw the scans themselves, energy loss along x and position along y.

energies = s.axes_manager[-1].axis
routes = {"raw": s, "PCA": c.signals["pca"], "autoencoder": c.signals["autoencoder"]}
routes["truth"] = clean
figure, panels = plt.subplots(
    1, 4, figsize=(11, 3.6), sharey=True, layout="constrained"
)
for ax, (name, one) in zip(panels, routes.items(), strict=True):
    extent = (energies[0], energies[-1], len(one.data), 0)
    drawn = ax.imshow(one.data, aspect="auto", extent=extent, vmin=0, vmax=0.8)
    error = np.sqrt(np.mean((one.data - clean.data) ** 2))
    ax.set_title(f"{name}, error {error:.3f}" if error else name, fontsize="medium")
    ax.set_xlabel("Energy loss (eV)")
panels[0].set_ylabel("position")
figure.colorbar(drawn, ax=panels, label="intensity")
plt.show()

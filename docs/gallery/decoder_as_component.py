"""
The decoder as a component of a model
=====================================

``AutoencoderEdge`` has the fine structure that the autoencoder has learned, so that a
model can use it beside HyperSpy's other components.
"""

import hyperspy.api as hs
import matplotlib.pyplot as plt

import hyperspy_aedenoise as aed

# %%
# Learn from a map without background.

clean = aed.data.sto_o_k((24, 24), n_channels=200)
s = aed.add_noise(clean, 0.05, random_state=0)
s.decompose_autoencoder(random_state=0)

# %%
# Another measurement of a part of the map has a constant added to it.

spot = aed.add_noise(clean.inav[4:8, 4:8] + 0.2, 0.05, random_state=1)
spot.set_noise_variance(0.05**2)

# %%
# The model: the learned edge, and a constant. The encoder's estimate would take the
# constant for a part of the edge, so the latent variables begin at zero, the mean of
# the training.

m = spot.create_model(auto_background=False, auto_add_edges=False)
edge = aed.components.AutoencoderEdge(s)
constant = hs.model.components1D.Offset()
m.extend([edge, constant])
m.multifit(show_progressbar=False)
print(edge.latent_0.map["values"].round(2))

# %%
# The constant was 0.2, in units of intensity per eV as HyperSpy counts it where signals
# are binned:

scale = spot.axes_manager[-1].scale if spot.axes_manager[-1].is_binned else 1
print((constant.offset.map["values"] * scale).round(3))

# %%
# Fit and parts at one position:

m.axes_manager.indices = (1, 2)
energies = spot.axes_manager[-1].axis
figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
ax.plot(energies, spot.inav[1, 2].data, color="0.7", lw=0.8, label="data")
ax.plot(
    energies, m.as_signal(show_progressbar=False).inav[1, 2].data, "C3", label="model"
)
ax.plot(energies, edge.function(energies) * scale, "C0--", label="AutoencoderEdge")
ax.set_xlabel("Energy loss (eV)")
ax.legend()
plt.show()

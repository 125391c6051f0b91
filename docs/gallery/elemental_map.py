"""
An elemental map, before and after
==================================

Subtract the background, integrate the edge, and give the map its error bar.
"""

import matplotlib.pyplot as plt
import numpy as np

import hyperspy_aedenoise as aed

# %%
# The O K edge on a power-law background, as a detector counts it: with a gain, read-out
# noise, and a point spread that correlates neighbouring channels.

clean = aed.data.sto_o_k(
    (24, 24),
    energy_start=505,
    dispersion=0.25,
    n_channels=200,
    background=1.0,
    maximum=500,
)
detector = aed.NoiseModel(gain=3.0, offset=25.0, correlation=(1.0, 0.4, 0.08))
s = aed.add_noise(clean, detector, random_state=0)

# %%
# Denoise with the background; subtract it afterwards.

s.decompose_autoencoder(random_state=0)


def oxygen(signal):
    """Intensity of the O K edge above its background."""
    edge = signal.remove_background(
        signal_range=(506.0, 525.0),
        background_type="PowerLaw",
        show_progressbar=False,
    )
    return edge.isig[529.0:545.0].integrate1D(-1)


# %%
# ``map_over_draws`` applies the function to the denoised signal, and to draws of its
# error. So the error bar includes the error of the background fit.

o_map = s.map_over_draws(oxygen, random_state=0)
error_bar = np.sqrt(o_map.metadata.Signal.Noise_properties.variance.data)

# %%
# Beside it stand the map of the raw data, and the true one.

maps = {"raw": oxygen(s).data, "denoised": o_map.data, "truth": oxygen(clean).data}
figure, panels = plt.subplots(1, 4, figsize=(12, 3.2), layout="constrained")
low, high = maps["truth"].min(), maps["truth"].max()
for ax, (name, values) in zip(panels, maps.items(), strict=False):
    drawn = ax.imshow(values, cmap="gray", vmin=low, vmax=high)
    ax.set_title(name)
figure.colorbar(drawn, ax=panels[:3], label="O K intensity (counts x eV)")
drawn = panels[3].imshow(error_bar, cmap="magma")
figure.colorbar(drawn, ax=panels[3])
panels[3].set_title("error bar of denoised")
for ax in panels:
    ax.set_axis_off()
plt.show()

# %%
# Actual errors, and the error bar that was claimed without knowing the truth:

for name in ("raw", "denoised"):
    error = maps[name] - maps["truth"]
    print(f"{name:10} root mean square error {np.sqrt(np.mean(error**2)):6.1f}")
print(f"{'claimed':10} {np.sqrt(np.mean(error_bar**2)):29.1f}")

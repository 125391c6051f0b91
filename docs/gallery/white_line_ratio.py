"""
A ratio of lines, with error bars
=================================

Errors of neighbouring channels are correlated, so the error of a ratio can't be
computed from the errors of its two parts alone. Compute the ratio inside the function
that ``map_over_draws`` calls.
"""

import matplotlib.pyplot as plt
import numpy as np

import hyperspy_aedenoise as aed

# %%
# The first two lines of the O K edge, with white noise of sigma 0.05.

clean = aed.data.sto_o_k((24, 24), n_channels=200)
s = aed.add_noise(clean, 0.05, random_state=0)
s.decompose_autoencoder(random_state=0)


def ratio_of_lines(signal):
    """First line over the second one."""
    first, second = signal.isig[529.5:532.5], signal.isig[533.5:537.5]
    return first.integrate1D(-1) / second.integrate1D(-1)


# %%
# The ratio and its error bar at each probe position:

ratio = s.map_over_draws(ratio_of_lines, random_state=0)
error_bar = np.sqrt(ratio.metadata.Signal.Noise_properties.variance.data)

# %%
# Draw a row of the map with its error bars, beside that of the raw data and the truth.

row = ratio.data.shape[0] // 2
true, raw = ratio_of_lines(clean).data, ratio_of_lines(s).data
position = np.arange(ratio.data.shape[1])
figure, ax = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
ax.plot(position, raw[row], ".", color="0.6", label="raw")
ax.errorbar(
    position,
    ratio.data[row],
    error_bar[row],
    fmt="o",
    ms=3,
    color="C3",
    label="denoised, with error bar",
)
ax.plot(position, true[row], "k--", lw=1, label="truth")
ax.set_xlabel("position along x")
ax.set_ylabel("ratio of lines")
ax.legend()
plt.show()

# %%
# The share of error bars that cover the truth; for a normal distribution 68 and 95 %:

off = np.abs(ratio.data - true) / error_bar
print(f"within one error bar {np.mean(off < 1):.2f}, two {np.mean(off < 2):.2f}")

"""
Checking a result
=================

``check_denoising`` looks for problems with a result, without knowing the truth.
Here is a result that lost something, and one that didn't.
"""

import numpy as np

import hyperspy_aedenoise as aed

clean = aed.data.sto_o_k((20, 20), n_channels=200)
s = aed.add_noise(clean, 0.05, random_state=0)

# %%
# The map has more than one kind of variation. With a single latent variable, one of
# them is lost.

s.decompose_autoencoder(output_dimension=1, random_state=0, print_info=False)
report = s.check_denoising()
print(report)

# %%
# The picture shows where the residual isn't noise, and at which energies.

report.plot()

# %%
# Left to itself, the number of latent variables is that of the components above the
# noise:

s.decompose_autoencoder(random_state=0, print_info=False)
report = s.check_denoising()
print(report)

# %%
# How tall must a peak at 535 eV be to be kept with 95 % chance, if it is 1 eV wide and
# in 16 positions beside each other? In signal units; the noise has sigma 0.05:

print(report.detectable(535.0, width=1.0, positions=16))

# %%
# Compare raw and denoised means of a region that you care about:

mask = np.zeros(s.axes_manager.navigation_shape, bool)
mask[2:6, 3:7] = True  # x, y
region = report.region(mask)
print(region)
region.plot()

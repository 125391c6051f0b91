"""
First denoising
===============

Denoise a spectrum image, and compare the result with PCA and with the truth.
"""

import hyperspy_aedenoise as aed

# %%
# A small simulated map: the O K edge of SrTiO3, with white noise of sigma 0.05. In
# place of it you would load yours, ``s = hs.load("scan.dm4")``.

clean = aed.data.sto_o_k((24, 24), n_channels=200)
s = aed.add_noise(clean, 0.05, random_state=0)
print(s)

# %%
# Fit. The noise is measured, several recipes are tried, and the best one is kept. The
# summary says which.

s.decompose_autoencoder(random_state=0)

# %%
# The denoised signal is an ``EELSSpectrum``, with the axes and metadata of the noisy
# one.

d = s.get_autoencoder_model()
print(d)

# %%
# Compare. With ``truth=`` the errors are exact; without it they are estimated. The rows
# of the picture are maps, their residuals, spectra, and the residuals of these.

c = s.compare_denoising(truth=clean)
print(c)
c.plot()

# %%
# The latent variables, each beside its spectrum:

s.plot_autoencoder_loadings()

# %%
# What was tried, and how it did without knowing the truth:

s.plot_autoencoder_training()

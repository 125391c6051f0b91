"""
Larger than memory
==================

A lazy signal is passed over block by block; the result goes into a file without ever
being in memory as a whole. The map here is small; the calls are the same for a large
one.
"""

import tempfile
from pathlib import Path

import hyperspy.api as hs
import matplotlib.pyplot as plt

import hyperspy_aedenoise as aed

# %%
# A file on disk, in chunks that hold whole spectra: these are read fastest.

folder = Path(tempfile.mkdtemp())
clean = aed.data.sto_o_k((24, 24), n_channels=200)
noisy = aed.add_noise(clean, 0.05, random_state=0)
noisy.save(folder / "scan.hspy", chunks=(12, 12, 200))

# %%
# Load it lazily, and call what you would call for data in memory. With an active
# ``dask.distributed.Client`` its workers do the passes.

s = hs.load(folder / "scan.hspy", lazy=True)
s.decompose_autoencoder(random_state=0)

# %%
# The result is lazy, too, and computed while it is written.

d = s.get_autoencoder_model()
print(d)
d.save(folder / "denoised.hspy")

# %%
# A part of it, read back:

part = hs.load(folder / "denoised.hspy", lazy=True).inav[5, 7]
part.compute(show_progressbar=False)
energies = part.axes_manager[-1].axis
figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
ax.plot(energies, noisy.inav[5, 7].data, color="0.7", lw=0.8, label="raw")
ax.plot(energies, part.data, color="C3", label="denoised")
ax.plot(energies, clean.inav[5, 7].data, "k--", lw=0.8, label="truth")
ax.set_xlabel("Energy loss (eV)")
ax.legend()
plt.show()

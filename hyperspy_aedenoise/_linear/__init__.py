"""Principal components of whitened spectra, and what noise does to them."""

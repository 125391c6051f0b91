"""What was measured: spectra by blocks, where they lie, and the noise in them."""

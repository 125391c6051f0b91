"""HyperSpy's signals: spectra in and out, what they carry, and their methods."""

"""What takes noise off: filters along positions and energy, for few spectra."""

"""The spatial-spectral autoencoder: its parts, their choice, and what it knows."""

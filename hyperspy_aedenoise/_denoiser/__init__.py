"""Fit, denoise, draws, save and load, on arrays alone."""

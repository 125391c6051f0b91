"""Noise: its model, whitening, outliers, and measuring it."""

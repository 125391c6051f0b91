"""Bringing a simulation to an experiment."""

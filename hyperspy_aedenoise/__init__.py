"""Convolutional autoencoders beside PCA for core-loss EELS in HyperSpy.

Importing the package puts ``decompose_autoencoder()`` and its companions on
:class:`exspy.signals.EELSSpectrum`. Nothing heavy is loaded before it is used.
"""

# HyperSpy imports this package while it starts: whatever goes wrong here may
# cost the user this plugin, but never HyperSpy.
__version__ = "0.1.0"

try:
    import lazy_loader as _lazy

    from hyperspy_aedenoise._attach import attach_when_imported as _attach

    __getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
    _attach()
except Exception as _error:
    import logging as _logging

    _logging.getLogger(__name__).error(
        "hyperspy_aedenoise could not start, its methods are missing: %r", _error
    )

"""Put the plugin's methods on ``EELSSpectrum`` as soon as that class exists."""

import logging

import wrapt

_logger = logging.getLogger(__name__)

#: Modules that define ``EELSSpectrum``, in exspy 0.3 and from exspy 0.4 on.
HOMES_OF_EELS = ("exspy.signals.eels", "exspy.signals._eels")


def attach_when_imported():
    """Attach the methods now where exspy is loaded, else when it will be."""
    for home in HOMES_OF_EELS:
        wrapt.register_post_import_hook(_attach, home)


def _attach(module):
    # `vars` and not `getattr`: a lazy module must not be made to load itself.
    eels_spectrum = vars(module).get("EELSSpectrum")
    if eels_spectrum is None:
        return
    try:
        from hyperspy_aedenoise._signals import carried_fit, methods

        for name, method in methods.SIGNAL_METHODS.items():
            setattr(eels_spectrum, name, method)
        eels_spectrum._to_dictionary = carried_fit.packing(eels_spectrum)
    except Exception:
        _logger.exception("the autoencoder methods are missing on EELSSpectrum")

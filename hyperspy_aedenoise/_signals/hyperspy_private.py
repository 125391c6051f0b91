"""Calls of HyperSpy that are private there, or will change with its version 3."""

import functools


def with_new_data(signal, data):
    """Copy of a signal with other data, without the variance of its noise.

    That of the original doesn't hold for other values.
    """
    other = signal._deepcopy_with_new_data(data)
    if other.metadata.has_item("Signal.Noise_properties"):
        del other.metadata.Signal.Noise_properties
    return other


def sharing_data(signal):
    """Copy of a signal with the same data, in the same memory, as slices have."""
    return signal._deepcopy_with_new_data(signal.data)


def navigation_signal(signal, data):
    """Signal of one number for each probe position."""
    return signal._get_navigation_signal(data)


def along_new_axis(signal, data, name):
    """A signal like another one with data along one more navigation axis.

    That is the first axis of the data, and HyperSpy's last navigation axis.
    """
    axes = list(signal.axes_manager.as_dictionary().values())
    if not axes:  # a single number, which HyperSpy keeps in an array of one
        data = data.reshape(len(data))
    new = {"size": len(data), "name": name, "navigate": True}
    return type(signal)(
        data,
        axes=[new, *axes],
        metadata=signal.metadata.as_dictionary(),
        original_metadata=signal.original_metadata.as_dictionary(),
    )


def navigation_axes(signal):
    """Navigation axes as dictionaries, in the order of the data."""
    return signal.axes_manager._get_navigation_axes_dicts()


def progress_bar(show_progressbar=None, words="Fitting", leave=True):
    """HyperSpy's progress bar around what is iterated; None: asks the preferences."""
    from hyperspy.defaults_parser import preferences
    from hyperspy.external.progressbar import progressbar

    if show_progressbar is None:
        show_progressbar = preferences.General.show_progressbar
    return functools.partial(
        progressbar, desc=words, disable=not show_progressbar, leave=leave
    )


def open_gui(signal, toolkey, widgets, display, toolkit):
    """Show or return HyperSpy's panels of a tool.

    Its widgets are registered here and not in the yaml file: that would tell HyperSpy
    that a toolkit is there, where it may not be.
    """
    from hyperspy.ui_registry import TOOLKIT_REGISTRY, UI_REGISTRY, get_gui

    for name in TOOLKIT_REGISTRY.intersection(widgets):
        UI_REGISTRY[toolkey][name] = widgets[name]
    return get_gui(signal, toolkey, display=display, toolkit=toolkit)

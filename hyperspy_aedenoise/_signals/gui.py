"""A panel with buttons for denoising."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyperspy_aedenoise._signals.hyperspy_private import open_gui
from hyperspy_aedenoise._signals.spectra import check_axes

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal

#: Name of the panel in HyperSpy's registry, and what makes it for ipywidgets.
TOOLKEY = "hyperspy_aedenoise.EELSSpectrum.autoencoder_gui"
_IPYWIDGETS = {
    "module": "hyperspy_aedenoise._widgets.denoising_panel",
    "function": "denoising_panel",
}


def autoencoder_gui(
    self: BaseSignal,
    display: bool = True,
    toolkit: str | list[str] | tuple[str, ...] | None = None,
) -> dict | None:
    """Open a panel to measure the noise, mask, fit, compare and check.

    Its buttons call the methods of this signal, and it shows each call as a line of
    Python. What it fits is kept in the signal like any other fit.

    Parameters
    ----------
    display : bool, default True
        Show the panel. False: return it.
    toolkit : str, or list or tuple of str, optional
        Default: those that HyperSpy's preferences enable. There is a panel for
        "ipywidgets", which Jupyter shows.

    Returns
    -------
    dict or None
        If `display` is False: of each toolkit its ``"widget"`` and, by name, the parts
        of it in ``"wdict"``.

    Raises
    ------
    ImportError
        If HyperSpy has no toolkit; install ``hyperspy_gui_ipywidgets``.
    NotImplementedError
        If the toolkit is another one, or the energy axis is not uniform.
    ValueError
        If there is no such toolkit, or it is disabled in HyperSpy's preferences.

    Notes
    -----
    It leaves out channels outside of one range, and positions below a share of the
    largest intensity; other masks are for `decompose_autoencoder`.

    Examples
    --------
    >>> s.autoencoder_gui()  # doctest: +SKIP
    """
    check_axes(self)
    return open_gui(self, TOOLKEY, {"ipywidgets": _IPYWIDGETS}, display, toolkit)

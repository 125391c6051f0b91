"""The panel of `autoencoder_gui`, of ipywidgets."""

import html
import io

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Image
from IPython.display import display as show

from hyperspy_aedenoise._report.axes import unit_of
from hyperspy_aedenoise._signals.check import check_denoising
from hyperspy_aedenoise._signals.compare import compare_denoising
from hyperspy_aedenoise._signals.fit import decompose_autoencoder
from hyperspy_aedenoise._signals.noise import estimate_noise
from hyperspy_aedenoise._signals.storage import trained

_WIDE = {"layout": {"width": "34em"}, "style": {"description_width": "15em"}}


def denoising_panel(obj, display=True):
    """Show the panel of a signal, or return it with its parts by name."""
    panel = _Panel(obj)
    if display:
        show(panel.widget)
        return None
    return {"widget": panel.widget, "wdict": panel.parts}


class _Panel:
    """Masks and buttons above what the buttons print and draw."""

    def __init__(self, signal):
        self._signal = signal
        axis = signal.axes_manager.signal_axes[0]
        low, high = sorted((axis.low_value, axis.high_value))
        energies = ipywidgets.FloatRangeSlider(
            value=(low, high),
            min=low,
            max=high,
            step=abs(axis.scale),
            description=f"Energies used ({unit_of(axis)})" if unit_of(axis) else "Used",
            readout_format=".5g",
            **_WIDE,
        )
        darkest = ipywidgets.IntSlider(
            max=99,
            description="Dark positions left out (%)",
            tooltip="those below this share of the intensity of the brightest one",
            disabled=bool(signal.axes_manager.navigation_size < 2),
            **_WIDE,
        )
        buttons = {
            "noise": self._button("Measure noise", self._measure),
            "fit": self._button("Fit", self._fit, "primary"),
            "compare": self._button("Compare with PCA", self._compare),
            "check": self._button("Check", self._check),
        }
        self.parts = {
            "energies": energies,
            "darkest": darkest,
            **buttons,
            "status": ipywidgets.HTML(),
            "output": ipywidgets.Output(),
        }
        self.widget = ipywidgets.VBox(
            [
                energies,
                darkest,
                ipywidgets.HBox(list(buttons.values())),
                self.parts["status"],
                self.parts["output"],
            ]
        )
        self._ready()

    def _button(self, words, action, style=""):
        button = ipywidgets.Button(description=words, button_style=style)
        button.on_click(lambda _: self._run(words, action))
        return button

    def _run(self, words, action):
        """Do what a button says, and show what it prints and draws, or why not."""
        self._enable(noise=False, fit=False, compare=False, check=False)
        self._say(f"{words} ...")
        self.parts["output"].clear_output()
        said = ""
        try:
            with self.parts["output"]:
                # inside: the output would show a traceback instead
                try:
                    action()
                except (ValueError, TypeError, RuntimeError, NotImplementedError) as no:
                    said = f"{words}: {no}"
        finally:
            self._ready()
        if said:
            self._say(said, "firebrick")

    def _ready(self):
        fitted = _is_fitted(self._signal)
        self._enable(noise=True, fit=True, compare=fitted, check=fitted)
        call = self._written("get_autoencoder_model")
        self._say(f"The denoised signal: {call}" if fitted else "")

    def _enable(self, **buttons):
        for name, enabled in buttons.items():
            self.parts[name].disabled = not enabled

    def _say(self, text, colour="inherit"):
        words = html.escape(text)
        self.parts["status"].value = f'<span style="color: {colour}">{words}</span>'

    def _masks(self):
        """What is left out, as arguments, and as they are written in Python."""
        masks, written = {}, []
        axis = self._signal.axes_manager.signal_axes[0]
        margin = abs(axis.scale) / 2  # the slider rounds
        first, last = self.parts["energies"].value
        first, last = (float(f"{one:.10g}") for one in (first - margin, last + margin))
        out = (axis.axis < first) | (axis.axis > last)
        if out.any():
            masks["signal_mask"] = out
            written.append(f"signal_mask=(energies < {first}) | (energies > {last})")
        share = self.parts["darkest"].value / 100
        if share:
            total = self._signal.sum(axis="sig")
            if total._lazy:
                total.compute(show_progressbar=False)
            # so that NaN counts as dark
            masks["navigation_mask"] = ~(total.data.T >= share * np.nanmax(total.data))
            written.append(
                f"navigation_mask=~(total.data.T >= {share} * np.nanmax(total.data))"
            )
        return masks, written

    def _call(self, name, *written):
        """Print a call as a user would write it."""
        if any("energies" in one for one in written):
            print("energies = s.axes_manager.signal_axes[0].axis")
        if any("total" in one for one in written):
            print('total = s.sum(axis="sig")')
            if self._signal._lazy:
                print("total.compute()")
        print(f"{self._written(name, *written)}\n")

    def _written(self, name, *arguments):
        """A call of a method, or of a function where the signal has no such method."""
        if hasattr(self._signal, name):
            return f"s.{name}({', '.join(arguments)})"
        return f"aed.{name}({', '.join(['s', *arguments])})"

    def _measure(self):
        masks, written = self._masks()
        self._call("estimate_noise", *written)
        noise = estimate_noise(self._signal, **masks)
        print(noise)
        _draw(noise.plot())

    def _fit(self):
        masks, written = self._masks()
        self._call("decompose_autoencoder", *written, "random_state=0")
        decompose_autoencoder(self._signal, **masks, random_state=0)

    def _compare(self):
        self._call("compare_denoising")
        comparison = compare_denoising(self._signal)
        show(comparison)
        _draw(comparison.plot())

    def _check(self):
        self._call("check_denoising")
        report = check_denoising(self._signal)
        show(report)
        _draw(report.plot())


def _is_fitted(signal):
    """Whether a signal has a fit that applies to it."""
    try:
        trained(signal)
    except (RuntimeError, ValueError):
        return False
    return True


def _draw(figure):
    """Show a figure in the panel as it is now, whatever Matplotlib draws with.

    Closed before: Jupyter may run this in a thread of its own, while another one draws
    all open figures.
    """
    plt.close(figure)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", bbox_inches="tight")
    show(Image(picture.getvalue()))

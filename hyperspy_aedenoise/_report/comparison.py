"""The autoencoder beside PCA: a table, a picture, and a recommendation."""

from dataclasses import dataclass

import numpy as np

from hyperspy_aedenoise._errors import (
    finite_spectra,
    must_be,
    positive_integer,
)
from hyperspy_aedenoise._report.figures import estimate_in_words, plot_routes
from hyperspy_aedenoise._signals.routes import Routes
from hyperspy_aedenoise._signals.spectra import (
    energy_last,
    like,
    output_type,
    place_in,
    spectra_of,
)


@dataclass
class DenoisingComparison:
    """Denoising routes beside each other.

    Parameters
    ----------
    table : list of dict
        A row for each route: ``route``; ``components`` (principal components or
        latent variables); ``estimated_mse``, the mean squared error estimated
        without truth; ``difference_to_pca`` and ``difference_error``, by how much it
        is above that of PCA, with its standard error; ``mse`` against the truth,
        None without truth. Errors are in signal units squared.
    signals : dict of str to EELSSpectrum
        The signal as each route restores it.
    recommended : str
        A route; without truth the simplest one that no other beats by more than two
        standard errors.
    reason : str
        Why, in plain words.
    truth : EELSSpectrum or None
    """

    table: list
    signals: dict
    recommended: str
    reason: str
    truth: object = None

    def plot(self):
        """Plot raw, PCA, autoencoder and what is recommended.

        Returns
        -------
        matplotlib.figure.Figure
            Maps at the energy loss of the largest contrast, the mean spectrum, and
            spectra at three marked positions of high, middle and low intensity.
        """
        routes = ["raw", "pca", "autoencoder"]
        if self.recommended not in routes:
            routes.insert(2, self.recommended)
        shown = {route: self.signals[route] for route in routes}
        if self.truth is not None:
            shown["truth"] = self.truth
        return plot_routes(shown, self.table)

    def __str__(self):
        return f"{self._pretty().get_string()}\n{self.reason}"

    __repr__ = __str__

    def _repr_html_(self):
        return f"{self._pretty().get_html_string()}<p>{self.reason}</p>"

    def _pretty(self):
        from prettytable import PrettyTable

        table = PrettyTable()
        known = self.table[0]["mse"] is not None
        table.field_names = [
            "route",
            "components",
            "estimated MSE",
            "minus that of PCA",
            *(["MSE against truth", "raw / MSE"] if known else []),
        ]
        raw = self.table[0]["mse"]
        for row in self.table:
            cells = [
                row["route"] + (" *" if row["route"] == self.recommended else ""),
                "" if row["components"] is None else row["components"],
                estimate_in_words(row),
                _with_error(row["difference_to_pca"], row["difference_error"]),
            ]
            if known:
                cells += [f"{row['mse']:.3g}", f"{raw / row['mse']:.1f}"]
            table.add_row(cells)
        table.align = "r"
        table.align["route"] = "l"
        return table


def compare(signal, denoiser, kept, left_out, truth, components, progress):
    """Run and judge all routes.

    Parameters
    ----------
    signal : EELSSpectrum
    denoiser : AutoencoderDenoiser
        Trained on that signal, or on a reference.
    kept : ndarray of bool, shape (n_all_channels,)
        Channels that the denoiser uses.
    left_out : ndarray of bool, shape (...), or None
        Probe positions that took no part in the training, and take none here.
    truth : BaseSignal or None
    components : int or None
    progress : callable
        Wraps the iterations of the training that judging takes.

    Returns
    -------
    DenoisingComparison
    """
    spectra = spectra_of(signal, signal_mask=~kept)
    counts = spectra.counts.astype(np.float64)
    used = np.isfinite(counts).all(axis=-1)
    if left_out is not None:
        used &= ~left_out
    if used.sum() < 3:
        raise ValueError(
            must_be(
                "signal",
                "at least 3 finite spectra to compare denoising on",
                f"{int(used.sum())}",
                "PCA and the estimate of the errors need several spectra.",
            )
        )
    if components is not None:
        most = min(counts[used].shape)
        advice = f"It is the number of principal components, at most {most} here."
        components = positive_integer("components", components, advice)
        if components > most:
            allowed = f"at most {most}"
            raise ValueError(must_be("components", allowed, str(components), advice))
    if truth is not None:
        true = _true_counts(signal, truth, kept, used, spectra.energies)

    routes = Routes(signal, counts, used, denoiser, components, progress)
    restored = routes.run()
    if truth is not None:
        restored["pca_oracle"] = routes.best_pca(true)
    estimated, difference = routes.estimate()
    table = [
        {
            "route": route,
            "components": routes.components.get(route),
            "estimated_mse": estimated[route],
            "difference_to_pca": difference[route, "pca"].value,
            "difference_error": difference[route, "pca"].error,
            "mse": None
            if truth is None
            else float(np.square(values - true)[used].mean()),
        }
        for route, values in restored.items()
    ]
    if truth is None:
        recommended, reason = _recommend(estimated, difference)
    else:
        recommended, reason = _recommend_by_truth(table)
    signals = {"raw": signal.deepcopy()}
    for route, values in restored.items():
        if route != "raw":
            signals[route] = _as_signal(signal, values, kept)
    return DenoisingComparison(table, signals, recommended, reason, truth)


def _recommend(estimated, difference):
    """The simplest route that is not beaten beyond doubt, and why."""
    best = "pca"
    for route in ("raw", "pca_shrinkage", "autoencoder", "nonlocal"):
        # a route that is better than PCA must also be better than its rival
        rivals = {"pca", best} if (route, best) in difference else {"pca"}
        found = [difference[route, rival] for rival in rivals]
        if all(one.value < -2 * one.error for one in found):
            best = route
    if best == "pca":
        return best, (
            "Recommended: pca. No other route is better by more than two standard "
            "errors on this signal."
        )
    gain = difference[best, "pca"]
    return best, (
        f"Recommended: {best}. Its error is below that of PCA by "
        f"{_with_error(-gain.value, gain.error)} (PCA: {estimated['pca']:.3g}), "
        "estimated without truth and as far as the noise model is right."
    )


def _recommend_by_truth(table):
    rows = [row for row in table if row["route"] != "pca_oracle"]
    best, *others = sorted(rows, key=lambda row: row["mse"])
    # two routes may be one and the same
    second = next((row for row in others if row["mse"] > best["mse"]), others[0])
    return best["route"], (
        f"Recommended: {best['route']}. Against the truth its error is "
        f"{best['mse'] / second['mse']:.2f} times that of {second['route']}."
    )


def _true_counts(signal, truth, kept, used, energies):
    """The clean spectra on the channels that are used."""
    advice = "It is the clean signal that the noisy one was made from."
    if not hasattr(truth, "axes_manager"):
        allowed, got = "a signal", type(truth).__name__
        raise TypeError(must_be("truth", allowed, got, advice))
    values = np.asarray(truth.data)
    if values.shape != signal.data.shape:
        allowed = f"of the shape of the signal's data, {signal.data.shape}"
        raise ValueError(must_be("truth", allowed, f"{values.shape}", advice))
    values = energy_last(signal, values)[..., kept].astype(np.float64)
    finite_spectra("truth", values, ~used, place_in(signal, energies))
    return values


def _as_signal(signal, values, kept):
    """A route's result; positions that took no part are NaN, as in HyperSpy."""
    full = np.full((*values.shape[:-1], kept.size), np.nan)
    full[..., kept] = values
    result = like(signal, full.astype(output_type(signal.data.dtype)))
    if result.metadata.has_item("Signal.Denoising"):
        del result.metadata.Signal.Denoising
    return result


def _with_error(value, error):
    digits = f"{value:.2g}", f"{error:.1g}"
    value, error = (f"{float(number):g}" for number in digits)  # 300, not 3e+02
    return f"{value} +- {error}" if error != "0" else value

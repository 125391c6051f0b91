"""The autoencoder beside PCA on a signal."""

import numpy as np

from hyperspy_aedenoise._errors import (
    finite_spectra,
    must_be,
    positive_integer,
)
from hyperspy_aedenoise._report.comparison import DenoisingComparison, recommend
from hyperspy_aedenoise._signals.hyperspy_private import progress_bar
from hyperspy_aedenoise._signals.spectra import (
    energy_last,
    like,
    output_type,
    place_in,
    spectra_of,
)
from hyperspy_aedenoise._signals.storage import (
    left_out_in_training,
    trained,
)


def compare_denoising(self, truth=None, components=None):
    """Compare the autoencoder with PCA on this signal.

    Parameters
    ----------
    truth : BaseSignal, optional
        The clean signal, where it is known (simulations).
    components : int, optional
        Principal components of the PCA route. Default: where HyperSpy sees the
        elbow of the scree plot.

    Returns
    -------
    DenoisingComparison
        With `table`, `signals`, `recommended` and `plot()`.

    Raises
    ------
    RuntimeError
        If there is no trained autoencoder.
    ValueError
        If the arguments don't fit, or with fewer than 3 spectra.

    Notes
    -----
    Without `truth` the errors are estimated: every route is computed again from
    spectra with a little more noise (the autoencoder is trained again, too) and
    judged by the independent half of the pair. That rests on the noise model being
    right.
    """
    fitted = trained(self)
    left_out = left_out_in_training(self, fitted)
    return _compare(self, fitted, left_out, truth, components, progress_bar())


def _compare(signal, fitted, left_out, truth, components, progress):
    """Run and judge all routes.

    Parameters
    ----------
    signal : EELSSpectrum
    fitted : Fitted
        To that signal, or to a reference.
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
    from hyperspy_aedenoise._signals.routes import Routes

    denoiser, kept = fitted.denoiser, fitted.kept
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
    recommended, reason = recommend(table, estimated, difference)
    signals = {"raw": signal.deepcopy()}
    for route, values in restored.items():
        if route != "raw":
            signals[route] = _as_signal(signal, values, kept)
    return DenoisingComparison(table, signals, recommended, reason, truth)


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

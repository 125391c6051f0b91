"""The autoencoder beside PCA on a signal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hyperspy_aedenoise._engine.fingerprints import copies
from hyperspy_aedenoise._errors import must_be, positive_integer
from hyperspy_aedenoise._observation.finite import n_not_finite, refuse_not_finite
from hyperspy_aedenoise._observation.layout import Layout
from hyperspy_aedenoise._observation.observation import Observation, measured_noise
from hyperspy_aedenoise._observation.spectra_by_blocks import same, spectra_of
from hyperspy_aedenoise._report.axes import unit_of
from hyperspy_aedenoise._report.comparison import ROUTES, DenoisingComparison
from hyperspy_aedenoise._report.recommendation import recommend
from hyperspy_aedenoise._report.words import with_energies
from hyperspy_aedenoise._signals.apply_to_signal import OnChannels, blockwise
from hyperspy_aedenoise._signals.duration import TIMES_OF_COMPARISON, with_duration
from hyperspy_aedenoise._signals.fit_on_signal import Restored, by_block
from hyperspy_aedenoise._signals.hyperspy_private import progress_bar, sharing_data
from hyperspy_aedenoise._signals.known_spectra import check_spectra
from hyperspy_aedenoise._signals.memory import COMPARISON, warn_of_memory
from hyperspy_aedenoise._signals.spectra import (
    check_truth,
    energy_last,
    in_words_of,
    like,
    selection_of,
)
from hyperspy_aedenoise._signals.storage import (
    left_out_by_place,
    left_out_in_training,
    trained,
)

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal


def compare_denoising(
    self: BaseSignal, truth: BaseSignal | None = None, components: int | None = None
) -> DenoisingComparison:
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
        If the arguments don't fit, with fewer than 3 spectra, or if some are not those
        of the training.

    Notes
    -----
    Without `truth` the errors are estimated by rehearsals: the denoised spectra get
    fresh noise, and every route restores them. What was lost before isn't lost again.
    By how much routes differ, and what is recommended, is told independently of that:
    every route is computed again from spectra with a little more noise (the autoencoder
    is trained again, too) and judged by the independent half of the pair, but for
    spectra with spikes. Both rest on the noise model being right.
    """
    from hyperspy_aedenoise._report.estimate import n_pairs
    from hyperspy_aedenoise._report.routes import Routes

    fitted = trained(self)
    denoiser, kept = fitted.denoiser, fitted.kept
    if fitted.marks is not None and denoiser.learned_from_ == "this signal":
        # what is judged, a fit to these spectra, must be what is returned
        check_spectra(self, fitted, left_out_by_place(self), 0.0)
    warn_of_memory(self, COMPARISON, "compare_denoising")
    selection = selection_of(self, signal_mask=~kept)
    used = _used(selection, left_out_in_training(self, fitted))
    observation = _observed(selection, used, denoiser)
    components = _checked_components(components, observation)
    true = None if truth is None else _true_spectra(self, truth, selection, observation)
    times = TIMES_OF_COMPARISON + n_pairs(observation, denoiser) - 1
    words = with_duration("Judging", fitted.carried.content, times)
    routes = Routes(observation, denoiser, components, progress_bar(words=words))
    functions = routes.linear()
    if true is not None:
        functions["pca_oracle"] = routes.best_pca(true)
    estimate = routes.estimate()
    there = observation.layout.mask  # of several copies one
    left_out = ~used
    signals = {"raw": sharing_data(self)}
    for route, function in functions.items():
        values = blockwise(self, OnChannels(function, kept))
        signals[route] = _as_signal(self, _without(values, left_out))
    signals["autoencoder"] = _as_signal(
        self, by_block(self, Restored(fitted.marks), fitted, left_out)
    )
    other = routes.nonlocal_denoiser()
    if other is not None:
        values = blockwise(self, OnChannels(other.denoise, kept))
        signals["nonlocal"] = _as_signal(self, _without(values, left_out))
    signals = {route: signals[route] for route in ROUTES if route in signals}
    table = [
        {
            "route": route,
            "components": routes.components[route],
            "estimated_mse": estimate.mse[route],
            "estimated_error": estimate.error[route],
            "difference_to_pca": estimate.difference[route, "pca"].value,
            "difference_error": estimate.difference[route, "pca"].error,
            "mse": None if true is None else _error(signal, true, selection, there),
        }
        for route, signal in signals.items()
    ]
    measured = measured_noise(observation)
    unit = unit_of(self.axes_manager.signal_axes[0])
    misfits = (with_energies(t, selection.energies, unit) for t in measured.misfits)
    measured = replace(measured, misfits=tuple(misfits))
    recommended, reason = recommend(table, estimate, observation, measured)
    return DenoisingComparison(
        table, signals, recommended, reason, truth, denoiser.noise_
    )


def _used(selection, left_out):
    """Where spectra took part in the training, and are finite."""
    everywhere = Layout.of(np.ones(selection.left_out.shape, bool))
    spectra = spectra_of(selection.counts, everywhere.mask)
    used = (n_not_finite(spectra) == 0).reshape(everywhere.mask.shape)
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
    return used


def _observed(selection, used, denoiser):
    """Those spectra as an observation, of several copies one."""
    passes = progress_bar(None, "Reading", False)
    is_copy = copies(spectra_of(selection.counts, used, passes))
    layout = Layout.of(used).some(~is_copy)
    spectra = spectra_of(selection.counts, layout.mask, passes)
    step = np.diff(selection.energies)
    gapless = np.allclose(step, step[:1], rtol=0.01)
    return Observation(spectra, layout, denoiser.noise_, gapless)


def _checked_components(components, observation):
    """A number of principal components, or None, or a refusal."""
    if components is None:
        return None
    most = min(observation.n_spectra, observation.n_channels)
    advice = f"It is the number of principal components, at most {most} here."
    components = positive_integer("components", components, advice)
    if components > most:
        raise ValueError(
            must_be("components", f"at most {most}", str(components), advice)
        )
    return components


def _true_spectra(signal, truth, selection, observation):
    """The clean spectra on the channels that are used, where the noisy ones are."""
    check_truth(signal, truth)
    values = energy_last(signal, truth.data)[..., ~selection.channels_left_out]
    spectra = spectra_of(values, observation.layout.mask)
    with in_words_of(signal, selection, "truth"):
        refuse_not_finite("truth", spectra, observation.layout)
    return spectra


def _error(signal, true, selection, used):
    """Mean squared error of a route's signal."""
    values = energy_last(signal, signal.data)[..., ~selection.channels_left_out]
    power = sum(
        np.square(rows - true.take(where), dtype=float).sum()
        for where, rows in spectra_of(values, used).each(same)
    )
    return float(power / true.n_spectra / true.n_channels)


def _without(values, left_out):
    """NaN where positions took no part, as in HyperSpy."""
    if not left_out.any():
        return values
    return np.where(left_out[..., None], np.nan, values).astype(values.dtype)


def _as_signal(signal, values):
    """A route's result."""
    result = like(signal, values)
    if result.metadata.has_item("Signal.Denoising"):
        del result.metadata.Signal.Denoising
    return result

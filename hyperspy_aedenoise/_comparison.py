"""The autoencoder beside PCA, on the same data and on the same footing."""

import logging
import warnings
from dataclasses import dataclass

import numpy as np

from hyperspy_aedenoise._denoiser import AutoencoderDenoiser
from hyperspy_aedenoise._lowrank import principal_codes
from hyperspy_aedenoise._risk import (
    PairedDifference,
    paired_difference,
    recorrupted_pair,
)
from hyperspy_aedenoise._spectra import energy_last, like, output_type, spectra_of
from hyperspy_aedenoise._validation import must_be, positive_integer

_logger = logging.getLogger(__name__)

#: Ratio of the pair that judges: with more noise on the first, what is judged would
#: no longer be what is used; with less, the second says too little.
RATIO = 0.3
#: Most components tried where the truth tells the best number.
_MOST_COMPONENTS = 30


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
        A route; PCA unless another one is better by more than two standard errors.
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
        """Plot raw, PCA and autoencoder: summed image, mean and single spectra.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from hyperspy_aedenoise._figures import plot_routes

        shown = {r: self.signals[r] for r in ("raw", "pca", "autoencoder")}
        if self.truth is not None:
            shown["truth"] = self.truth
        axis = self.signals["raw"].axes_manager.signal_axes[0]
        name = axis.name if isinstance(axis.name, str) else "Energy loss"
        return plot_routes(shown, self.table, axis.axis, f"{name} ({axis.units})")

    def __str__(self):
        table = self._pretty()
        return f"{table.get_string()}\n{self.reason}"

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
                _number(row["estimated_mse"]),
                _with_error(row["difference_to_pca"], row["difference_error"]),
            ]
            if known:
                cells += [f"{row['mse']:.3g}", f"{raw / row['mse']:.1f}"]
            table.add_row(cells)
        table.align = "r"
        table.align["route"] = "l"
        return table


def compare(signal, denoiser, kept, truth, components):
    """Run and judge all routes.

    Parameters
    ----------
    signal : EELSSpectrum
    denoiser : AutoencoderDenoiser
        Trained on that signal, or on a reference.
    kept : ndarray of bool, shape (n_all_channels,)
        Channels that the denoiser uses.
    truth : BaseSignal or None
    components : int or None

    Returns
    -------
    DenoisingComparison
    """
    if components is not None:
        components = positive_integer(
            "components", components, "It is the number of principal components."
        )
    spectra = spectra_of(signal, signal_mask=~kept)
    counts = spectra.counts.astype(np.float64)
    finite = np.isfinite(counts).all(axis=-1)
    if finite.sum() < 3:
        raise ValueError(
            must_be(
                "signal",
                "at least 3 finite spectra to compare denoising on",
                f"{int(finite.sum())}",
                "PCA and the estimate of the errors need several spectra.",
            )
        )
    truth_counts = None if truth is None else _truth_counts(signal, truth, kept)

    bench = _Bench(signal, counts, finite, denoiser, components)
    restored = bench.all_routes()
    if truth is not None:
        restored["pca_oracle"] = bench.best_pca(truth_counts)
    estimates = bench.estimate(restored)
    table = [
        {
            "route": route,
            "components": bench.components_of(route),
            **_estimated(route, estimates),
            "mse": None
            if truth is None
            else float(np.square(values - truth_counts)[finite].mean()),
        }
        for route, values in restored.items()
    ]
    recommended, reason = _recommend(table)
    signals = {
        route: signal.deepcopy()
        if route == "raw"
        else _as_signal(signal, values, kept, finite)
        for route, values in restored.items()
    }
    return DenoisingComparison(table, signals, recommended, reason, truth)


class _Bench:
    """The routes of one signal, run on its spectra or on spectra like them.

    Spectra are of shape (..., n_channels) throughout; those that hold NaN take no
    part and stay as they are.
    """

    def __init__(self, signal, counts, finite, denoiser, components):
        self.signal = signal
        self.counts = counts
        self.finite = finite
        self.denoiser = denoiser
        self.noise = denoiser.noise_
        rows = counts[finite]
        # HyperSpy's remedy for counting noise can't take negative values, nor
        # spectra or channels without any counts.
        self.poissonian = bool(
            self.noise.gain * rows.mean() > self.noise.offset
            and rows.min() >= 0
            and (rows.sum(axis=0) > 0).all()
            and (rows.sum(axis=1) > 0).all()
        )
        self.decomposed = self._decompose(counts)
        self.components = components or self._elbow(self.decomposed)
        self.rank = int((principal_codes(rows, self.noise).shrinkage > 0).sum())
        self.oracle = None

    def all_routes(self):
        """Every route on the spectra themselves."""
        return {
            "raw": self.counts,
            "pca": self._pca(self.decomposed, self.components),
            "pca_shrinkage": self._shrunk(self.counts, self.noise),
            "autoencoder": np.asarray(self.denoiser.denoise(self.counts), float),
        }

    def best_pca(self, truth):
        """PCA with the number of components that is closest to the truth."""
        most = min(_MOST_COMPONENTS, *self.counts[self.finite].shape)
        errors = [
            np.square(self._pca(self.decomposed, k) - truth)[self.finite].mean()
            for k in range(1, most + 1)
        ]
        self.oracle = int(np.argmin(errors)) + 1
        return self._pca(self.decomposed, self.oracle)

    def components_of(self, route):
        return {
            "pca": self.components,
            "pca_oracle": self.oracle,
            "pca_shrinkage": self.rank,
            "autoencoder": self.denoiser.record()["output_dimension"],
        }.get(route)

    def estimate(self, restored):
        """Errors of the routes without truth.

        Returns
        -------
        dict of str to (float, PairedDifference)
            By route: estimated mean squared error, and what it is above PCA's.
        """
        rng = np.random.default_rng(0)  # the same question gets the same answer
        expected = self._shrunk(self.counts, self.noise)
        # A set with this signal and this noise, on which PCA's error is known.
        rehearsal = self.noise.sample(expected, rng)
        rehearsed = self._pca(self._decompose(rehearsal), self.components)
        pca_mse = float(np.square(rehearsed - expected)[self.finite].mean())

        first, second = recorrupted_pair(self.counts, expected, self.noise, RATIO, rng)
        noisier = self.noise.scaled(1 + RATIO**2)
        decomposed = self._decompose(first)
        pca = self._pca(decomposed, self.components)
        contenders = {
            "pca_shrinkage": self._shrunk(first, noisier),
            "autoencoder": self._retrained(first, noisier),
        }
        if self.oracle is not None:
            contenders["pca_oracle"] = self._pca(decomposed, self.oracle)
        use = self.finite
        differences = {
            route: paired_difference(
                values[use], pca[use], second[use], expected[use], self.noise, RATIO
            )
            for route, values in contenders.items()
        }
        differences["pca"] = PairedDifference(0.0, 0.0)
        # The error of the raw data is their noise: no pair has to tell it.
        raw_mse = float(self.noise.variance(expected[use]).mean())
        level_error = raw_mse * np.sqrt(2 / expected[use].size)
        differences["raw"] = PairedDifference(raw_mse - pca_mse, level_error)
        return {
            route: (pca_mse + difference.value, difference)
            for route, difference in differences.items()
        }

    def _decompose(self, counts):
        """HyperSpy's own decomposition, on a copy of the signal with these spectra."""
        from hyperspy.signals import Signal1D

        axes = self.signal.axes_manager._get_navigation_axes_dicts()
        energy = {"size": counts.shape[-1], "navigate": False}
        filled = np.where(self.finite[..., None], counts, 0.0)
        if self.poissonian:
            # Near zero counts the judging noise goes below zero here and there.
            filled = np.maximum(filled, 0.0)
        copy = Signal1D(filled, axes=[*axes, energy])
        # masks have HyperSpy's order of axes
        mask = None if self.finite.all() else ~self.finite.T
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of numerical nature, on dead channels
            copy.decomposition(
                normalize_poissonian_noise=self.poissonian,
                navigation_mask=mask,
                print_info=False,
            )
        return copy

    @staticmethod
    def _elbow(decomposed):
        """Where HyperSpy sees the elbow; 1 where it sees none."""
        return max(decomposed.learning_results.number_significant_components or 1, 1)

    def _pca(self, decomposed, components):
        return decomposed.get_decomposition_model(components).data

    def _shrunk(self, counts, noise):
        values = counts.copy()
        rows = counts[self.finite]
        values[self.finite] = principal_codes(rows, noise).denoise(rows)
        return values

    def _retrained(self, counts, noise):
        """The autoencoder trained like the given one, but on these spectra."""
        if self.denoiser.learned_from_ == "reference":
            return np.asarray(self.denoiser.denoise(counts), float)
        twin = AutoencoderDenoiser(
            architecture=self.denoiser.untrained_architecture(),
            output_dimension=self.denoiser.record()["output_dimension"],
            noise=noise,
            iterations=self.denoiser.iterations,
            random_state=0,
        )
        # what a user was told of few spectra need not be told again
        level = logging.getLogger("hyperspy_aedenoise._denoiser")
        before, level.disabled = level.disabled, True
        try:
            twin.fit(counts, left_out=~self.finite)
        finally:
            level.disabled = before
        return np.asarray(twin.denoise(counts), float)


def _estimated(route, estimates):
    mse, difference = estimates[route]
    return {
        "estimated_mse": mse,
        "difference_to_pca": difference.value,
        "difference_error": difference.error,
    }


def _recommend(table):
    """The route to take, and why."""
    rows = {row["route"]: row for row in table if row["route"] != "pca_oracle"}
    pca = rows["pca"]
    if pca["mse"] is not None:
        best = min(rows.values(), key=lambda row: row["mse"])
        second = min(
            (r for r in rows.values() if r is not best), key=lambda r: r["mse"]
        )
        return best["route"], (
            f"Recommended: {best['route']}. Against the truth its error is "
            f"{best['mse'] / second['mse']:.2f} times that of {second['route']}."
        )
    best = min(rows.values(), key=lambda row: row["difference_to_pca"])
    gain, error = -best["difference_to_pca"], best["difference_error"]
    if best is pca or gain < 2 * error:
        return "pca", (
            "Recommended: pca. No other route is better by more than two standard "
            "errors on this signal."
        )
    return best["route"], (
        f"Recommended: {best['route']}. Its error is below that of PCA by "
        f"{_with_error(gain, error)} (PCA: {_number(pca['estimated_mse'])}), "
        "estimated without truth and as far as the noise model is right."
    )


def _truth_counts(signal, truth, kept):
    """The clean spectra on the channels that are used."""
    values = np.asarray(truth.data if hasattr(truth, "data") else truth)
    if values.shape != signal.data.shape:
        raise ValueError(
            must_be(
                "truth",
                f"of the shape of the signal's data, {signal.data.shape}",
                f"{values.shape}",
                "It is the clean signal that the noisy one was made from.",
            )
        )
    return energy_last(signal, values)[..., kept].astype(np.float64)


def _as_signal(signal, values, kept, finite):
    dtype = output_type(signal.data.dtype)
    full = np.full((*values.shape[:-1], kept.size), np.nan, dtype)
    full[..., kept] = np.where(finite[..., None], values, np.nan)
    result = like(signal, full)
    if result.metadata.has_item("Signal.Denoising"):
        del result.metadata.Signal.Denoising
    return result


def _number(value):
    return f"{value:.3g}"


def _with_error(value, error):
    if error == 0:
        return f"{value:.2g}"
    return f"{value:.2g} +- {error:.1g}"

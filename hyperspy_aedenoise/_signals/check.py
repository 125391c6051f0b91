"""Problems with the denoising of a signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hyperspy_aedenoise._check.checked import Checked
from hyperspy_aedenoise._check.region import RegionMeans
from hyperspy_aedenoise._errors import must_be
from hyperspy_aedenoise._observation.layout import Layout
from hyperspy_aedenoise._observation.observation import Observation, measured_noise
from hyperspy_aedenoise._observation.spectra_by_blocks import InMemory, spectra_of
from hyperspy_aedenoise._report import findings
from hyperspy_aedenoise._report.axes import unit_of
from hyperspy_aedenoise._report.denoising_report import DenoisingReport
from hyperspy_aedenoise._report.region_report import RegionReport
from hyperspy_aedenoise._report.residual_findings import on_residual
from hyperspy_aedenoise._report.window import given_window
from hyperspy_aedenoise._signals.hyperspy_private import (
    navigation_signal,
    progress_bar,
    sharing_data,
)
from hyperspy_aedenoise._signals.known_spectra import marks_in
from hyperspy_aedenoise._signals.memory import CHECK, warn_of_memory
from hyperspy_aedenoise._signals.metadata_entry import PLACE
from hyperspy_aedenoise._signals.results import get_autoencoder_model
from hyperspy_aedenoise._signals.spectra import (
    check_truth,
    energy_last,
    like,
    positions_shape,
    region_positions,
    selection_of,
)
from hyperspy_aedenoise._signals.storage import trained

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal

#: Values of a lazy signal that are looked at, and in how many pieces of the map.
_MOST, _N_PIECES = 2**26, 4


def check_denoising(
    self: BaseSignal, truth: BaseSignal | None = None
) -> DenoisingReport:
    """Look for problems with the denoising of this signal.

    Parameters
    ----------
    truth : BaseSignal, optional
        The clean signal, where it is known (simulations).

    Returns
    -------
    DenoisingReport
        With `findings`, in plain words and the worst first, the `signals` behind them,
        `detectable()`, `region()` and `plot()`.

    Raises
    ------
    RuntimeError
        If there is no trained autoencoder.
    ValueError, TypeError
        If `truth` isn't a signal of the same shape, or as `get_autoencoder_model`
        raises it.

    Notes
    -----
    The residual should be noise: white, once brought to units of the measured
    noise, everywhere in the map, at all energies and in means over any places. What
    isn't is told with place, energy and size: means over windows of all sizes with
    peaks of all widths at a chance of 1 % in the whole map; variance against the noise
    model, by intensity and by energy; correlations along energy, between neighbours
    and along rows and columns. What the measurement of the noise and the fit itself
    saw is told, too. *Don't believe* that all is well where the noise model is wrong,
    for instance where spectra share noise: what looks like signal in all of the map
    can't be told from it.
    """
    if truth is not None:
        check_truth(self, truth)
    fitted = trained(self)
    warn_of_memory(self, CHECK, "check_denoising")
    denoised = get_autoencoder_model(self)
    kept, denoiser = fitted.kept, fitted.denoiser
    selection = selection_of(self, signal_mask=~kept)
    calm = energy_last(denoised, denoised.data)[..., kept]
    layout, numbers, rows, calm = _looked_at(selection.counts, calm)
    observation = Observation(InMemory(rows), layout, denoiser.noise_)
    checked = Checked.of(
        observation, calm, denoiser, progress_bar(words="Repeating", leave=False)
    )
    shape = positions_shape(self)
    places = findings.Places(
        checked.energies,
        unit_of(self.axes_manager.signal_axes[0]),
        np.stack(np.unravel_index(numbers, shape or (1,)), axis=1)[:, : len(shape)],
        shape,
        checked.step,
    )
    n_new, n_spectra = 0, int(np.prod(shape))
    if fitted.marks is not None and denoiser.learned_from_ == "this signal":
        n_new = int((~np.isin(marks_in(self, kept), fitted.marks)).sum())
    # of two spectra nothing can be told of the noise
    noise = measured_noise(observation) if len(rows) > 2 else None
    found = [
        *findings.on_structures(
            checked.structures, denoiser.noise_, checked.mean, places
        ),
        *on_residual(checked.residual, places),
        *findings.on_scan(checked.uneven),
        *(findings.on_noise(noise, places) if noise is not None else ()),
        *findings.on_fit(denoiser, places),
        *findings.on_new_spectra(n_new, n_spectra),
    ]
    if truth is not None:
        found += findings.on_truth(*_errors(self, denoised, truth, kept))
    return DenoisingReport(
        findings.in_order(found),
        _signals(self, denoised, checked, (kept, numbers)),
        layout.n_spectra,
        n_spectra,
        checked,
        MeansOf(self, denoised, denoiser.noise_, kept),
    )


def _looked_at(counts, calm):
    """Which spectra are looked at, and these.

    All with a finite result; of a large lazy signal some pieces.

    Returns
    -------
    layout : Layout
    numbers : ndarray of int, shape (n_spectra,)
        Among all positions.
    rows, calm : ndarray, shape (n_spectra, n_channels)
        Raw and denoised spectra.
    """
    everywhere = np.ones(counts.shape[:-1], bool)
    layout, numbers = Layout.of(everywhere), np.arange(everywhere.size)
    if isinstance(calm, np.ndarray):
        rows, calm = _flat(counts), _flat(calm)
    else:
        if counts.size > _MOST:
            most = max(_MOST // counts.shape[-1], 64)
            numbers, layout = layout.pieces(most, _N_PIECES)
        rows, calm = (spectra_of(v, everywhere).take(numbers) for v in (counts, calm))
    finite = np.isfinite(rows).all(axis=1) & np.isfinite(calm).all(axis=1)
    if not finite.any():
        raise ValueError(
            must_be(
                "signal",
                "one with at least one spectrum that was denoised",
                "none",
                "All of them hold NaN, or took no part in the fit.",
            )
        )
    if not finite.all():
        layout, numbers = layout.some(finite), numbers[finite]
        rows, calm = rows[finite], calm[finite]
    return layout, numbers, rows, calm


def _flat(values):
    return values.reshape(-1, values.shape[-1])


def _signals(signal, denoised, checked, where):
    """Maps and spectra behind the findings; `where` are channels and positions."""
    (kept, numbers), shape = where, positions_shape(signal)
    signals = {"raw": sharing_data(signal), "denoised": denoised}
    raw, calm = (energy_last(one, one.data) for one in (signal, denoised))
    if isinstance(calm, np.ndarray):
        values = _in_units_of_noise(raw, calm, checked.noise)
    else:
        import dask.array as da

        values = da.map_blocks(
            _in_units_of_noise, raw.rechunk(calm.chunks), calm, noise=checked.noise
        )
    residual = like(signal, values)
    if residual.metadata.has_item(PLACE):
        delattr(residual.metadata.Signal, PLACE.split(".")[-1])
    residual.metadata.General.title = "Residual / noise"
    title = "Mean square of residual / noise"
    by_place = np.full(int(np.prod(shape)), np.nan)
    by_place[numbers] = checked.residual.by_spectrum
    by_place = navigation_signal(signal, by_place.reshape(shape or (1,)))
    by_place.metadata.General.title = title
    spectrum = np.full(kept.size, np.nan)
    spectrum[kept] = checked.residual.by_energy
    return signals | {
        "residual": residual,
        "residual_map": by_place,
        "residual_spectrum": _spectrum_like(signal, spectrum, title),
    }


def _channels_of(windows, energies):
    """Channels of ranges of energies, (first, one after the last), shape (n, 2)."""
    advice = "Each is a range of energies: `windows=[(low, high), ...]`."
    listed = isinstance(windows, (list, tuple, np.ndarray))
    if not listed or not len(windows) or any(np.ndim(one) == 0 for one in windows):
        allowed = "a list of pairs of energies, [(low, high), ...]"
        raise TypeError(must_be("windows", allowed, repr(windows), advice))
    every = np.arange(len(energies))
    channels = (
        given_window(pair, energies, every, "windows", advice) for pair in windows
    )
    return np.array([(one[0], one[-1] + 1) for one in channels])


def _in_units_of_noise(raw, calm, noise):
    """Raw minus denoised over the standard deviation of the noise; NaN without any."""
    spread = np.sqrt(noise.variance(calm))
    spread = np.where(spread > 0, spread, np.nan)
    return ((raw - calm) / spread).astype(np.float32)


def _spectrum_like(signal, values, title):
    """A single spectrum on the energy axis of a signal."""
    axis = signal.axes_manager.signal_axes[0].get_axis_dictionary()
    axis |= {"navigate": False, "index_in_array": 0}
    one = type(signal)(values, axes=[axis])
    if one._lazy:
        one.compute(show_progressbar=False)
    one.metadata.General.title = title
    return one


def _errors(signal, denoised, truth, kept):
    """Root mean squares of denoised and of raw minus true values, where both are."""
    raw, calm, true = (
        energy_last(signal, one.data)[..., kept] for one in (signal, denoised, truth)
    )
    there = np.isfinite(calm) & np.isfinite(raw)
    return tuple(
        float(np.sqrt(np.mean(np.square((one - true)[there], dtype=float))))
        for one in (calm, raw)
    )


@dataclass(frozen=True)
class MeansOf:
    """Mean raw and denoised spectra of regions of a signal.

    Parameters
    ----------
    signal, denoised : EELSSpectrum
    noise : NoiseModel
    kept : ndarray of bool, shape (n_all_channels,)
        Channels that the fit uses.
    """

    signal: object
    denoised: object
    noise: object
    kept: np.ndarray

    def __call__(self, region, windows=None):
        """Of a mask, a signal that is one, or a ROI of HyperSpy, as `RegionReport`."""
        energies = self.signal.axes_manager.signal_axes[0].axis[self.kept]
        channels = None if windows is None else _channels_of(windows, energies)
        inside = self._inside(region)
        raw, calm = (
            spectra_of(energy_last(one, one.data)[..., self.kept], inside).all()
            for one in (self.signal, self.denoised)
        )
        finite = np.isfinite(raw).all(axis=1) & np.isfinite(calm).all(axis=1)
        if not finite.any():
            raise ValueError(
                must_be(
                    "region",
                    "one with at least one denoised spectrum",
                    f"{int(inside.sum())} positions without any",
                    "A mask is True at the positions that are meant.",
                )
            )
        means = RegionMeans.of(raw[finite], calm[finite], self.noise, channels)
        table = []
        for number, (first, end) in enumerate(means.windows):
            low, high = sorted(energies[[first, end - 1]])
            table.append(
                {
                    "low": float(low),
                    "high": float(high),
                    "raw": float(means.raw[first:end].mean()),
                    "denoised": float(means.denoised[first:end].mean()),
                    "difference": float(means.difference[number]),
                    "error": float(means.difference_error[number]),
                    "significance": float(means.significance[number]),
                }
            )
        return RegionReport(means.n_positions, self._spectra(means), table, means)

    def _inside(self, region):
        """True at the positions that are meant, in the order of the data."""
        if hasattr(region, "axes_manager") or isinstance(region, (np.ndarray, list)):
            return region_positions(self.signal, region)
        if not callable(region):
            raise TypeError(
                must_be(
                    "region",
                    "a mask, or a region of interest of HyperSpy (`hs.roi`)",
                    type(region).__name__,
                    "A mask is True at the positions that are meant.",
                )
            )
        shape = positions_shape(self.signal)
        number = np.arange(np.prod(shape, dtype=int), dtype=float).reshape(shape)
        numbers = navigation_signal(self.signal, number)
        cut = region(numbers, axes=numbers.axes_manager.signal_axes)
        inside = np.zeros(number.size, bool)
        chosen = np.asarray(cut.data, float).ravel()
        inside[chosen[np.isfinite(chosen)].astype(int)] = True
        return inside.reshape(shape)

    def _spectra(self, means):
        """Both means as signals."""
        spectra = {}
        for name in ("raw", "denoised"):
            values = np.full(self.kept.size, np.nan)
            values[self.kept] = getattr(means, name)
            title = f"Mean of {means.n_positions} positions, {name}"
            spectra[name] = _spectrum_like(self.signal, values, title)
        variance = np.full(self.kept.size, np.nan)
        variance[self.kept] = np.square(means.error)
        variance = _spectrum_like(self.signal, variance, "Variance")
        spectra["raw"].metadata.set_item("Signal.Noise_properties.variance", variance)
        return spectra

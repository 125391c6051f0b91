"""Energy drift: how far spectra are moved along energy against their mean."""

import numpy as np

from hyperspy_aedenoise._code_map import on_map
from hyperspy_aedenoise._component_spectra import along_energy
from hyperspy_aedenoise._lowrank import Colour, parts_of
from hyperspy_aedenoise._nonlocal import MapFilter

#: Largest drift that is looked for, in channels and as a share of all channels; and
#: the step.
_FARTHEST, _FARTHEST_SHARE, _STEP = 24, 0.12, 0.5
#: Order in energy of the changes of intensity that are not taken for drift.
_ORDER = 1
#: Estimates of the drift, each from the mean of spectra aligned by the one before.
_PASSES = 3
#: Fewest spectra that have a mean to compare with.
_FEWEST = 4
#: Channels beyond the ends when spectra are moved, and those that tell how to go on.
_BEYOND, _END = 64, 10
#: The map of the drift is filtered like one of codes.
_FILTER = MapFilter(5, 40, passes=2)
#: Least and most of a drift's variance, relative to the typical one: a spectrum that
#: says nothing of it has an infinite one.
_LEVELS = 0.1, 100.0


def energy_drift(rows, used, noise):
    """How far each spectrum is moved along energy against the mean of all.

    Parameters
    ----------
    rows : ndarray, shape (n_spectra, n_channels)
        Noisy spectra, in signal units.
    used : ndarray of bool, shape (..., x)
        Where they lie; its sum is n_spectra.
    noise : NoiseModel

    Returns
    -------
    ndarray, shape (n_spectra,), or None
        In channels, positive towards higher energy loss. None where the drift is
        smaller than its error in a single spectrum.

    Notes
    -----
    Least squares, in spectra whitened by the noise: each spectrum is the mean one,
    moved, times a straight line in energy, so that changes of thickness and background
    aren't taken for drift. The mean is filtered along energy, and calculated again from
    aligned spectra. The drift is one more latent variable, and its map is filtered like
    those of the codes.
    """
    n_spectra, n_channels = rows.shape
    farthest = min(_FARTHEST, int(_FARTHEST_SHARE * n_channels))
    if n_spectra < _FEWEST or not farthest:
        return None
    steps = np.arange(-farthest, farthest + _STEP / 2, _STEP)
    aligned_by = np.zeros(n_spectra)
    for _ in range(_PASSES):
        mean = _mean_aligned(rows, aligned_by)
        drift, variance = _highest(_explained(rows, mean, steps, noise), steps)
        weight = 1 / variance
        drift -= np.average(drift, weights=weight)
        excess = np.average(drift**2 - variance, weights=weight)
        if excess < 1 / weight.mean():
            return None
        aligned_by = drift * excess / (excess + variance)
    unit = np.sqrt(1 / weight.mean())
    level = np.clip(variance / unit**2, *_LEVELS)
    drift, level = (on_map(values, used) for values in (drift / unit, level))
    return unit * _FILTER(drift[..., None], level)[used.reshape(level.shape)][:, 0]


def moved(rows, channels):
    """Spectra moved along energy.

    Parameters
    ----------
    rows : ndarray, shape (n_spectra, n_channels)
    channels : ndarray, shape (n_spectra,)
        How far; positive towards higher channels.

    Returns
    -------
    ndarray of float32, shape (n_spectra, n_channels)

    Notes
    -----
    In Fourier space, so that noise that is white remains white, and moving back undoes
    it but for what left at the ends. Beyond the first and last channel spectra go on
    steadily: turned about the straight line that fits their last channels.
    """
    beyond = min(_BEYOND, rows.shape[1] - 1)
    n_channels = rows.shape[1] + 2 * beyond
    result = np.empty(rows.shape, dtype=np.float32)
    frequency = np.fft.rfftfreq(2 * n_channels)
    for part in parts_of(len(rows)):
        extended = np.concatenate(
            [
                _continued(rows[part, ::-1], beyond)[:, ::-1],
                rows[part],
                _continued(rows[part], beyond),
            ],
            axis=1,
        )
        mirrored = np.concatenate([extended, extended[:, ::-1]], axis=1)
        turned = np.exp(-2j * np.pi * np.outer(channels[part], frequency))
        waves = np.fft.rfft(mirrored, axis=1) * turned
        found = np.fft.irfft(waves, 2 * n_channels, axis=1)
        result[part] = found[:, beyond : beyond + rows.shape[1]]
    return result


def _continued(rows, n):
    """What follows the last channel, shape (n_spectra, n)."""
    last = rows[:, -_END:]
    channel = np.arange(last.shape[1]) - (last.shape[1] - 1)
    # value of the fitted line at the last channel
    weights = np.linalg.pinv(np.column_stack([np.ones(len(channel)), channel]))[0]
    return 2 * (last @ weights)[:, None] - rows[:, -2 : -2 - n : -1]


def _mean_aligned(rows, drift):
    """Mean of the spectra, each moved back by its drift."""
    if not drift.any():
        return rows.mean(axis=0, dtype=float)
    total = sum(
        moved(rows[part], -drift[part]).sum(axis=0, dtype=float)
        for part in parts_of(len(rows))
    )
    return total / len(rows)


def _explained(rows, mean, steps, noise):
    """Squared norm of each whitened spectrum that a moved mean explains.

    Shape (n_steps, n_spectra); the mean may be changed by a straight line in energy.
    """
    n_spectra, n_channels = rows.shape
    colour = Colour.of(noise, mean)
    # of a mean of spectra the noise is white, too, and known
    white = colour.whiten(mean[None]) * np.sqrt(n_spectra)
    calm = colour.unwhiten(along_energy(white) / np.sqrt(n_spectra))
    along = np.linspace(-1, 1, n_channels) ** np.arange(_ORDER + 1)[:, None]
    at_steps = moved(np.repeat(calm, len(steps), axis=0), steps)
    templates = np.concatenate(
        [np.linalg.qr(colour.whiten(one * along).T)[0] for one in at_steps], axis=1
    ).astype(np.float32)
    gain = np.empty((len(steps), n_spectra))
    for part in parts_of(n_spectra):
        match = colour.whiten(rows[part]).astype(np.float32) @ templates
        match = np.square(match).reshape(len(match), len(steps), -1)
        gain[:, part] = match.sum(axis=2).T
    return gain


def _highest(gain, steps):
    """Where the gain is highest, by a parabola, and the variance of this."""
    best = gain[1:-1].argmax(axis=0) + 1
    each = np.arange(gain.shape[1])
    before, at, after = (gain[best + offset, each] for offset in (-1, 0, 1))
    # twice the logarithm of the likelihood: its curvature is 2 / variance
    bend = np.maximum(2 * at - before - after, 1e-9 * np.abs(at).max() + 1e-30)
    step = steps[1] - steps[0]
    moved_by = np.clip(0.5 * (after - before) / bend, -1, 1)
    return steps[best] + step * moved_by, 2 * step**2 / bend

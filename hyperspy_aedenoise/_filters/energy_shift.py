"""Energy drift: how far spectra are moved along energy against their mean."""

import numpy as np

from hyperspy_aedenoise._filters.along_energy import along_energy
from hyperspy_aedenoise._filters.nonlocal_bayes import MapFilter
from hyperspy_aedenoise._noise.whitening import Colour
from hyperspy_aedenoise._observation.layout import Layout

#: Largest drift that is looked for, in channels and as a share of all channels: what
#: moves by more has little in common. Half a channel is a fraction of any peak's width.
_FARTHEST, _FARTHEST_SHARE, _STEP = 24, 0.12, 0.5
#: Order in energy of the changes of intensity that are not taken for drift: 0 to 2 were
#: alike on repeats and simulated spectra; 3 takes some of the drift for such a change.
_ORDER = 1
#: Estimates of the drift, each from the mean of spectra aligned by the one before; the
#: third differs from the second by less than its error.
_PASSES = 3
#: Fewest spectra that have a mean to compare with, and least share of the spectra that
#: must tell their drift.
_FEWEST, _LEAST_SHARE = 4, 0.5
#: The map of the drift is filtered like one of codes.
_FILTER = MapFilter(5, 40, passes=2)
#: Channels beyond the ends when spectra are moved (more than they are moved by), and
#: those that tell how to go on: enough to average the noise.
_BEYOND, _END = 64, 10
#: Spectra that are moved at a time: their waves take several times their memory.
_AT_ONCE = 512


def energy_drift(observation):
    """How far each spectrum is moved along energy against the mean of all.

    Parameters
    ----------
    observation : Observation

    Returns
    -------
    ndarray, shape (n_spectra,), or None
        In channels, positive towards higher energy loss. None where the drift is
        smaller than its error, or half of the spectra don't tell theirs.

    Notes
    -----
    The delay of highest likelihood (C. H. Knapp and G. C. Carter, IEEE Trans. Acoust.
    Speech Signal Process. 24 (1976) 320, doi:10.1109/TASSP.1976.1162830): least
    squares, in spectra whitened by the noise, between each spectrum and the mean one,
    moved, times a straight line in energy, so that changes of thickness and background
    aren't taken for drift. The mean is filtered along energy, and calculated again from
    aligned spectra. The drift is one more latent variable, and its map is filtered like
    those of the codes; spectra that don't tell theirs, as in vacuum, get that of
    others nearby that do.
    """
    n_spectra, n_channels = observation.n_spectra, observation.n_channels
    steps = shifts_tried(n_channels)
    if n_spectra < _FEWEST or len(steps) == 1:
        return None
    spectra, aligned_by = observation.spectra, None
    pedestal = np.float32(observation.noise.pedestal)
    for _ in range(_PASSES):
        if aligned_by is None:
            mean = observation.plain_mean
        else:
            mean = spectra.total(_sum_moved, -aligned_by) / n_spectra
        colour = Colour.of(observation.noise, mean)
        templates = _templates(mean - pedestal, colour, steps, n_spectra)
        likely = _Likely(templates, colour, steps, pedestal)
        drift, variance = spectra.gather(likely).T
        variance = variance * observation.level_at(colour.spread)
        weight = 1 / variance
        drift = drift - np.average(drift, weights=weight)
        excess = np.average(drift**2 - variance, weights=weight)
        telling = variance < excess
        if excess < 1 / weight.mean() or telling.mean() < _LEAST_SHARE:
            return None
        aligned_by = drift * excess / (excess + variance)
    return _filtered(drift, variance, telling, observation.layout)


def shifts_tried(n_channels):
    """By how many channels spectra are moved to find their drift, in order."""
    farthest = min(_FARTHEST, int(_FARTHEST_SHARE * n_channels))
    return np.arange(-farthest, farthest + _STEP / 2, _STEP)


def _filtered(drift, variance, telling, layout):
    """The map of the drift without noise, by those that tell theirs."""
    unit = np.sqrt(1 / (1 / variance).mean())
    known = layout.used.copy()
    known[layout.used] = telling
    known = Layout(known)
    drift, level = (
        known.to_map(values[telling])
        for values in (drift / unit, np.maximum(variance / unit**2, 0.1))
    )
    filtered = _FILTER(drift[..., None], level, known.used)[..., 0]
    return unit * layout.from_map(known.to_map(known.from_map(filtered)))


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
    steadily: turned about a point, where a line through their last channels ends.
    """
    from scipy import fft

    n_channels = rows.shape[1]
    before = min(_BEYOND, n_channels - 1)
    # of a length with small prime factors the transform takes a third of the time
    n_extended = fft.next_fast_len(n_channels + 2 * before, real=True)
    after = min(n_extended - n_channels - before, n_channels - 1)
    n_mirrored = 2 * (before + n_channels + after)
    result = np.empty(rows.shape, dtype=np.float32)
    frequency = fft.rfftfreq(n_mirrored)
    for start in range(0, len(rows), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        extended = np.concatenate(
            [
                _continued(rows[part, ::-1], before)[:, ::-1],
                rows[part],
                _continued(rows[part], after),
            ],
            axis=1,
        )
        mirrored = np.concatenate([extended, extended[:, ::-1]], axis=1)
        turned = np.exp(-2j * np.pi * np.outer(channels[part], frequency))
        waves = fft.rfft(mirrored, axis=1) * turned
        found = fft.irfft(waves, n_mirrored, axis=1, overwrite_x=True)
        result[part] = found[:, before : before + n_channels]
    return result


def _continued(rows, n):
    """What follows the last channel, shape (n_spectra, n)."""
    last = rows[:, -_END:]
    channel = np.arange(last.shape[1]) - (last.shape[1] - 1)
    # value of the fitted line at the last channel
    weights = np.linalg.pinv(np.column_stack([np.ones(len(channel)), channel]))[0]
    return 2 * (last @ weights)[:, None] - rows[:, -2 : -2 - n : -1]


def _sum_moved(rows, channels):
    return moved(rows, channels).sum(axis=0, dtype=float)


def _templates(mean, colour, steps, n_spectra):
    """Whitened directions of the mean, moved, times a straight line in energy.

    Shape (n_channels, n_steps * n), orthonormal at each step.
    """
    # of a mean of spectra the noise is white, too, and known
    white = colour.whiten(mean[None]) * np.sqrt(n_spectra)
    calm = colour.unwhiten(along_energy(white) / np.sqrt(n_spectra))
    along = np.linspace(-1, 1, len(mean)) ** np.arange(_ORDER + 1)[:, None]
    at_steps = moved(np.repeat(calm, len(steps), axis=0), steps)
    templates = [np.linalg.qr(colour.whiten(one * along).T)[0] for one in at_steps]
    return np.concatenate(templates, axis=1)


class _Likely:
    """Most likely drift and its variance, shape (n, 2), of noisy spectra."""

    def __init__(self, templates, colour, steps, pedestal):
        self.templates, self.colour, self.steps = templates, colour, steps
        self.pedestal = pedestal

    def __call__(self, rows):
        match = self.colour.whiten(rows - self.pedestal) @ self.templates
        match = np.square(match).reshape(len(match), len(self.steps), -1)
        gain = match.sum(axis=2).T.astype(float)
        return np.stack(_most_likely(gain, self.steps), axis=1)


def _most_likely(gain, steps):
    """Where the gain is highest, by a parabola, and the variance of this.

    Half the gain is the logarithm of the likelihood. Where that has several maxima
    the variance is that of all of them; at the ends of the steps it is very large.
    """
    each = np.arange(gain.shape[1])
    highest = gain.argmax(axis=0)
    best = np.clip(highest, 1, len(steps) - 2)
    before, at, after = (gain[best + offset, each] for offset in (-1, 0, 1))
    # curvature of twice the logarithm of the likelihood: 2 / variance
    bend = np.maximum(2 * at - before - after, 1e-9 * np.abs(at).max() + 1e-30)
    step = steps[1] - steps[0]
    likely = steps[best] + step * np.clip(0.5 * (after - before) / bend, -1, 1)
    chance = np.exp((gain - gain.max(axis=0)) / 2)
    apart = np.square(steps[:, None] - likely)
    spread = (chance * apart).sum(axis=0) / chance.sum(axis=0)
    # a narrow maximum lies between the steps, whose spread says nothing of it
    variance = np.where(spread > step**2, spread, 0)
    variance = np.maximum(variance, 2 * step**2 / bend)
    at_end = (highest == 0) | (highest == len(steps) - 1)
    return likely, np.where(at_end, 1e3 * steps[-1] ** 2, variance)

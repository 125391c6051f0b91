"""What a peak must have to survive the denoising, by peaks put into the result."""

from dataclasses import dataclass, replace

import numpy as np

from hyperspy_aedenoise._engine.restoration import restore
from hyperspy_aedenoise._noise.whitening import Colour
from hyperspy_aedenoise._observation.layout import Layout
from hyperspy_aedenoise._observation.observation import Observation
from hyperspy_aedenoise._observation.spectra_by_blocks import InMemory

#: Side of the part of a map on which it is tried, in positions.
_SIDE = 32
#: Repetitions, and peaks in each, at energies far from each other.
_REPETITIONS, _PEAKS = 8, 3
#: Share of a peak from which on it counts as kept, and the chance of that.
_KEPT, _CHANCE = 0.5, 0.95
#: Total significances between which the limit is looked for, and their number.
_LEAST, _MOST, _STEPS = 2.0, 80.0, 80
#: Widths of the transition from lost to kept, relative to where it is.
_WIDTHS = (0.06, 0.12, 0.25)
#: Range of significances that are tried, relative to the limit as known by then.
_TRIED = (0.65, 1.1)


@dataclass
class Repetition:
    """A denoising that can be repeated on its result with something added.

    Parameters
    ----------
    clean : ndarray of float32, shape (n_spectra, n_channels)
        Denoised spectra, in signal units.
    layout : Layout
    fitted : SpatialSpectral
    noise : NoiseModel
    n_codes : int or None
        Latent variables that were asked for.
    limits : Limits or None
        Of rare peaks: measured once, as drawn noise gives the same each time.
    """

    clean: np.ndarray
    layout: Layout
    fitted: object
    noise: object
    n_codes: int | None
    limits: object = None

    @classmethod
    def of(cls, denoiser):
        """On the part of a map in which most positions took part."""
        fitted = denoiser.fitted_
        layout = Layout.of(fitted.bank.used)
        part = layout.fullest_part(_side_of(layout))
        numbers = layout.number[part]
        clean = fitted.decode(fitted.bank.filtered[numbers[numbers >= 0]])
        n_codes = denoiser.output_dimension
        return cls(clean, layout[part], fitted, denoiser.noise_, n_codes)

    def __call__(self, extra, rng):
        """What is restored of the clean spectra with `extra` in fresh noise."""
        noisy = self.noise.sample(self.clean + extra, rng).astype(np.float32)
        observation = Observation(InMemory(noisy), self.layout, self.noise)
        found = restore(
            observation,
            self.n_codes,
            self.fitted.recipe,
            rng,
            self.fitted.network,
            limits=self.limits,
        )
        self.limits = found.rare and found.rare.limits
        return found.restored.all()


def _side_of(layout):
    """Side of the part that is looked at: of a line, as many positions as of a map."""
    return _SIDE if min(layout.used.shape[1:]) > 1 else _SIDE**2


def least_significance(repetition, width, n_positions, rng, progress=iter):
    """Total significance from which on a compact peak is kept with 95 % chance.

    Parameters
    ----------
    repetition : Repetition
    width : float
        Standard deviation of the peak, in channels.
    n_positions : int
        Positions that have it, as near to a square as there are.
    rng : numpy.random.Generator
    progress : callable, optional
        Wraps the repetitions, like `tqdm.tqdm`.

    Returns
    -------
    float
        In standard errors of a matched filter over all of them; NaN where not even the
        largest that is tried is kept.

    Notes
    -----
    Peaks are put into the denoised spectra at random places and energies, which are
    then denoised again in fresh noise. One is kept where at least half of it comes out.
    Their sizes follow the limit as it becomes known, by Bayes' theorem on logistic
    curves (A. B. Watson and D. G. Pelli, Percept. Psychophys. 33 (1983) 113,
    https://doi.org/10.3758/BF03202828).
    """
    curve = _Curve.flat()
    for _ in progress(range(_REPETITIONS)):
        peaks = _Peaks.drawn(repetition, width, n_positions, rng)
        sizes = curve.limit() * rng.uniform(*_TRIED, len(peaks.where))
        sizes = np.clip(sizes, _LEAST, _MOST)
        restored = repetition(peaks.added(sizes), rng)
        for size, share in zip(sizes, peaks.shares(restored, sizes), strict=True):
            curve = curve.seen(size, share > _KEPT)
    limit = curve.limit()
    return float(limit) if limit < _MOST else np.nan


@dataclass(frozen=True)
class _Peaks:
    """Peaks at places and energies that don't meet.

    Parameters
    ----------
    where : list of ndarray of int
        Numbers of the spectra that have each.
    spectra : ndarray, shape (n_peaks, n_channels)
        Of total significance 1 in their places.
    clean : ndarray, shape (n_spectra, n_channels)
    noise : NoiseModel
    """

    where: list
    spectra: np.ndarray
    clean: np.ndarray
    noise: object

    @classmethod
    def drawn(cls, repetition, width, n_positions, rng):
        clean, layout = repetition.clean, repetition.layout
        n_channels = clean.shape[1]
        margin = min(2 * width, 0.3 * n_channels)
        edges = np.linspace(margin, n_channels - 1 - margin, _PEAKS + 1)
        centres = rng.uniform(edges[:-1], edges[1:])
        where = [_patch(layout, n_positions, rng) for _ in centres]
        spectra = []
        for centre, inside in zip(centres, where, strict=True):
            mean = clean[inside].mean(axis=0)
            colour = Colour.of(repetition.noise, mean)
            error = colour.error_of_height([centre], width)[0]
            peak = np.exp(-0.5 * ((np.arange(n_channels) - centre) / width) ** 2)
            spectra.append(peak * error / np.sqrt(len(inside)))
        return cls(where, np.array(spectra), clean, repetition.noise)

    def added(self, sizes):
        """All of them in their places, shape of the clean spectra."""
        extra = np.zeros_like(self.clean)
        for inside, spectrum, size in zip(self.where, self.spectra, sizes, strict=True):
            extra[inside] += size * spectrum
        return extra

    def shares(self, restored, sizes):
        """Share of each that came out."""
        shares = []
        for inside, spectrum, size in zip(self.where, self.spectra, sizes, strict=True):
            mean = self.clean[inside].mean(axis=0)
            colour = Colour.of(self.noise, mean)
            rest = (restored[inside] - self.clean[inside]).mean(axis=0)
            white, peak = colour.whiten(np.array([rest, size * spectrum]))
            shares.append(float(white @ peak / (peak @ peak)))
        return shares


def _patch(layout, n_positions, rng):
    """Numbers of the spectra nearest to one that is drawn, in the same map."""
    places = np.argwhere(layout.used)
    which, *centre = places[rng.integers(len(places))]
    apart = np.abs(places[:, 1:] - centre).max(axis=1).astype(float)
    apart += 1e-3 * np.abs(places[:, 1:] - centre).sum(axis=1)
    apart[places[:, 0] != which] = np.inf
    return np.argsort(apart, kind="stable")[:n_positions]


@dataclass(frozen=True)
class _Curve:
    """What is known of the chance to be kept: logistic curves and their weights."""

    middle: np.ndarray
    spread: np.ndarray
    log_weight: np.ndarray

    @classmethod
    def flat(cls):
        """Nothing is known yet: each order of magnitude is as likely."""
        middle = np.geomspace(_LEAST, 1.2 * _MOST, _STEPS)
        middle, relative = (one.ravel() for one in np.meshgrid(middle, _WIDTHS))
        return cls(middle, middle * relative, np.zeros(len(middle)))

    def seen(self, size, is_kept):
        """After one more was tried."""
        apart = (size - self.middle) / self.spread
        log_chance = -np.logaddexp(0, -apart if is_kept else apart)
        # one in a hundred is kept or lost whatever its size is
        log_chance = np.logaddexp(log_chance, np.log(0.01))
        return replace(self, log_weight=self.log_weight + log_chance)

    def limit(self):
        """Size that is kept with the wanted chance, averaged in its logarithm."""
        weight = np.exp(self.log_weight - self.log_weight.max())
        limits = self.middle + self.spread * np.log(_CHANCE / (1 - _CHANCE))
        return float(np.exp(np.average(np.log(limits), weights=weight)))

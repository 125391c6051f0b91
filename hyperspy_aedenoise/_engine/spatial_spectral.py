"""The spatial-spectral autoencoder: fitted to an observation, and what it knows."""

from dataclasses import dataclass, field

import numpy as np

from hyperspy_aedenoise._engine.code_bank import CodeBank
from hyperspy_aedenoise._engine.own_features import OwnFeatures
from hyperspy_aedenoise._engine.recipe import Recipe
from hyperspy_aedenoise._engine.restoration import restore
from hyperspy_aedenoise._engine.selection import Choice, choose
from hyperspy_aedenoise._filters.code_network import CodeNetwork
from hyperspy_aedenoise._noise.random_matrices import optimal_gain
from hyperspy_aedenoise._noise.whitening import Colour
from hyperspy_aedenoise._observation.despiked import as_dict, despiked, spikes_in
from hyperspy_aedenoise._observation.spectra_by_blocks import Computed, InMemory


@dataclass(frozen=True)
class SpatialSpectral:
    """A fitted spatial-spectral autoencoder.

    Between encoder and decoder stands the code filter, which sees all positions at
    once; what it found is in the bank.

    Parameters
    ----------
    recipe : Recipe
        What its parts are.
    centre : ndarray, shape (n_channels,)
        Spectrum whose noisy latent variables are 0, in signal units.
    encoder : ndarray, shape (n_channels, n_latent)
        Signal units to noisy latent variables, which have no unit and are of order 1.
    mean : ndarray, shape (n_channels,)
        Spectrum where all filtered latent variables are 0, in signal units.
    decoder : ndarray, shape (n_latent, n_channels)
        Latent variables to signal units.
    spread : ndarray, shape (n_channels,)
        Standard deviation of the noise at the mean spectrum, in signal units.
    bank : CodeBank
    energy_shift : ndarray, shape (n_spectra,), or None
        By how many channels each spectrum is moved to higher energy loss, if that is
        followed.
    rare : dict or None
        Peaks that few spectra have, see `RareFeatures.as_dict`. None: not looked for.
    weak : dict or None
        Features that show only in means over places, see `WeakFeatures.as_dict`. None:
        not looked for.
    spikes : dict or None
        What was kept out of the fit, see `_observation.despiked.as_dict`.
    network : CodeNetwork or None
        The one that was refined, if any was taken.
    evidence : list of dict
        Each recipe that was tried, and how it did, see `Evidence.as_dict`.
    interrupted : bool
        Whether Ctrl-C ended the choice early.
    is_part : bool
        Whether the bank holds a part of the spectra that were fitted.
    """

    recipe: Recipe
    centre: np.ndarray
    encoder: np.ndarray
    mean: np.ndarray
    decoder: np.ndarray
    spread: np.ndarray
    bank: CodeBank
    energy_shift: np.ndarray | None = None
    rare: dict | None = None
    weak: dict | None = None
    spikes: dict | None = None
    network: CodeNetwork | None = None
    evidence: list = field(default_factory=list)
    interrupted: bool = False
    is_part: bool = False

    @property
    def n_latent(self):
        """Number of latent variables."""
        return len(self.decoder)

    @property
    def n_rare(self):
        """Number of rare peaks, the last latent variables."""
        return len(self.rare["peaks"]) if self.rare else 0

    @property
    def n_weak(self):
        """Number of weak features, the latent variables before those."""
        return len(self.weak["features"]) if self.weak else 0

    @property
    def n_codes(self):
        """Number of the first latent variables, which are neither of these."""
        return self.n_latent - self.n_weak - self.n_rare

    def weak_vectors(self, colour):
        """Directions of weak features in whitened spectra, (n_channels, n_weak)."""
        encoder = self.encoder[:, self.n_codes :][:, : self.n_weak]
        vectors = colour.synthesis(encoder)
        return vectors / np.linalg.norm(vectors, axis=0)

    def noisy_latent(self, rows):
        """Latent variables of spectra, shape (n, n_channels), as they are measured."""
        return InMemory(rows).gather(self._encoded)

    def _encoded(self, rows):
        return ((rows - self.centre) @ self.encoder).astype(np.float32)

    def latent(self, rows, shape):
        """Filtered latent variables of spectra.

        Parameters
        ----------
        rows : ndarray, shape (n, n_channels)
        shape : tuple of int
            How they lie, with the product n.

        Returns
        -------
        ndarray of float32, shape (n, n_latent)
            Of spectra that the fit knows what they got there, of others an estimate.
        """
        place = self.bank.find(rows, shape)
        return self.bank.latent(place, lambda new: self.noisy_latent(rows[new]))

    def decode(self, latent):
        """Spectra, shape (n, n_channels), of latent variables, shape (n, n_latent)."""
        mean, decoder = (one.astype(np.float32) for one in (self.mean, self.decoder))
        decoded = Computed(
            lambda latent: latent @ decoder + mean,
            latent.astype(np.float32, copy=False),
            n_channels=len(mean),
        )
        return decoded.all()

    def error_of_shrinkage(self):
        """What optimally shrunk principal components leave, as theory has it.

        Returns
        -------
        float or None
            Mean squared error in units of the noise variance; None where the codes
            don't tell it: of aligned spectra, or of a part of them.

        Notes
        -----
        Of each component, singular values squared less those after shrinkage (M. Gavish
        and D. L. Donoho, IEEE Trans. Inf. Theory 63 (2017) 2137,
        https://doi.org/10.1109/TIT.2017.2653801), shared between codes and spectra, and
        the error of the mean. *Don't believe* it where components are lost in the
        noise: they are missing in it.
        """
        if self.recipe.aligned or self.is_part or len(self.bank.level) < 3:
            return None
        n_codes = self.n_latent - self.n_weak - self.n_rare
        n_spectra, n_channels = len(self.bank.level), len(self.mean)
        ratio = n_channels / (n_spectra - 1)
        codes = self.bank.noisy[:, :n_codes].astype(float)
        level = self.bank.level.astype(float)
        variance = (codes**2 / level[:, None]).sum(axis=0) / (n_spectra - 1)
        gain = optimal_gain(variance, ratio)
        half = variance - 1 - ratio
        clean = (half + np.sqrt(np.maximum(half**2 - 4 * ratio, 0))) / 2
        lost = np.where(gain > 0, clean - gain**2 * variance, 0)
        power = np.square(self.decoder[:n_codes]).sum(axis=1) * level.mean()
        in_codes = power / np.square(self.spread).sum()
        each = lost * (in_codes + ratio / n_channels) / (1 + ratio)
        return float(each.sum() + 1 / n_spectra)

    def shift_of(self, rows, shape):
        """Energy shift in channels of spectra, shape (n,); NaN of unknown ones."""
        place = self.bank.find(rows, shape)
        shift = self.bank.places.mean(self.energy_shift[:, None], place)[:, 0]
        return np.where(place == -1, np.nan, shift)


def fit_spatial_spectral(observation, n_codes, rng, progress):
    """Fit a spatial-spectral autoencoder to all spectra together.

    Parameters
    ----------
    observation : Observation
    n_codes : int or None
        None: what rises above the noise.
    rng : numpy.random.Generator
    progress : callable
        Wraps what is tried, like `tqdm.tqdm`.

    Returns
    -------
    SpatialSpectral
        After Ctrl-C by the best recipe by the evidence that was there by then.
    """
    chosen, interrupted = Choice(), False
    measured, spikes = observation, spikes_in(observation)
    observation = despiked(measured, spikes)
    own = OwnFeatures.of(observation) if n_codes is None else None

    def restored():
        return restore(
            observation, n_codes, chosen.recipe, rng, chosen.network, own=own
        )

    try:
        chosen = choose(own.rest if own else observation, n_codes, rng, progress)
        interrupted = chosen.interrupted
        restoration = restored()
    except KeyboardInterrupt:
        interrupted = True
        restoration = restored()
    linear, decoder, rare = restoration.linear, restoration.decoder, restoration.rare
    unit = max(float(restoration.noisy.std(axis=0).max()), 1.0)
    drift = restoration.drift
    return SpatialSpectral(
        recipe=chosen.recipe,
        centre=linear.mean,
        encoder=linear.encoder / unit,
        mean=decoder.mean,
        decoder=decoder.components * unit,
        spread=Colour.of(observation.noise, linear.mean).spread,
        bank=CodeBank.of(measured, restoration, unit),
        energy_shift=None if drift is None else drift.round(4),
        rare=None if rare is None else rare.as_dict(observation.layout),
        weak=None if restoration.weak is None else restoration.weak.as_dict(),
        spikes=as_dict(spikes, observation.layout) if len(spikes.row) else None,
        network=chosen.network,
        evidence=[one.as_dict() for one in chosen.evidence],
        interrupted=interrupted,
    )

"""Encoder, code filter and decoder together: restored spectra of one recipe."""

import logging
from dataclasses import dataclass, replace

import numpy as np

from hyperspy_aedenoise._engine.encoder import Encoding
from hyperspy_aedenoise._engine.own_features import OwnFeatures
from hyperspy_aedenoise._filters.along_energy import fitted_spectra
from hyperspy_aedenoise._filters.code_network import CodeNetwork
from hyperspy_aedenoise._filters.energy_shift import energy_drift, moved
from hyperspy_aedenoise._filters.rare_peaks import RareFeatures, find_rare
from hyperspy_aedenoise._filters.weak_features import WeakFeatures, find_weak
from hyperspy_aedenoise._linear.principal_codes import PrincipalCodes, clean_codes
from hyperspy_aedenoise._observation.spectra_by_blocks import Computed

_logger = logging.getLogger(__name__)

#: Most codes for spectra that follow a drift, and what may be lost by too few, relative
#: to the noise of one code.
_MOST_BENT, _LOST = 64, 0.02


@dataclass(frozen=True)
class Decoder:
    """From codes, and how far spectra are moved, to spectra.

    Parameters
    ----------
    mean : ndarray, shape (n_channels,)
        Spectrum where all codes are 0, in signal units.
    components : ndarray, shape (n_codes, n_channels)
        Codes to signal units.
    fixed : ndarray, shape (n_channels,), or None
        What all spectra have in common and doesn't move, in signal units. None: the
        codes know of the drift, and decoded spectra needn't be moved.
    """

    mean: np.ndarray
    components: np.ndarray
    fixed: np.ndarray | None = None

    def __call__(self, codes, drift=None):
        """Spectra, shape (n, n_channels), of codes and a drift in channels."""
        decoded = codes @ self.components + self.mean
        if self.fixed is None:
            return decoded
        return moved(decoded, drift) + self.fixed


@dataclass(frozen=True)
class Restoration:
    """Spectra as codes and a decoder.

    Parameters
    ----------
    linear : PrincipalCodes
        The encoder; it doesn't see rare features.
    decoder : Decoder
    noisy, codes : ndarray, shape (n_spectra, n_codes)
        Codes as they were measured, and filtered.
    level : ndarray, shape (n_spectra,)
        Noise variance of the noisy codes.
    rare : RareFeatures or None
        What was put back; its amplitudes are the last codes. None: not looked for.
    weak : WeakFeatures or None
        What shows only in means over places; its codes are those before the rare ones.
        None: not looked for.
    drift : ndarray, shape (n_spectra,), or None
        How far the spectra are moved along energy, in channels, if that is followed.
    """

    linear: PrincipalCodes
    decoder: Decoder
    noisy: np.ndarray
    codes: np.ndarray
    level: np.ndarray
    rare: RareFeatures | None = None
    weak: WeakFeatures | None = None
    drift: np.ndarray | None = None

    @property
    def restored(self):
        """The restored spectra, in signal units, by blocks."""
        along = (self.codes,)
        if self.decoder.fixed is not None:
            along = self.codes, self.drift
        return Computed(self.decoder, *along, n_channels=len(self.decoder.mean))

    @property
    def plain_codes(self):
        """Filtered codes but for rare and weak features, (n_spectra, n_plain)."""
        others = [one for one in (self.rare, self.weak) if one is not None]
        n_others = sum(len(one.decoder) for one in others)
        return self.codes[:, : self.codes.shape[1] - n_others]

    def spectra(self, part=slice(None)):
        """Restored spectra of some numbers, in signal units and single precision."""
        return self.restored.take(part)


def decoded(encoding, filtered, decoder):
    """The restoration of filtered codes.

    Parameters
    ----------
    encoding : Encoding
    filtered : ndarray, shape of its codes
    decoder : str
        As of `Recipe`.

    Returns
    -------
    Restoration
    """
    layout, linear = encoding.layout, encoding.linear
    noisy, level = (layout.from_map(v) for v in (encoding.codes, encoding.level))
    codes = _with_sums_of(noisy, layout.from_map(filtered), level)
    mean, components = linear.mean, linear.decoder
    if decoder == "along energy":
        mean, components = fitted_spectra(encoding.observation, codes)
    decoder, drift = Decoder(mean, components), encoding.drift
    if drift is not None:
        decoder = replace(decoder, fixed=_fixed(encoding, decoder, codes))
    return Restoration(linear, decoder, noisy, codes, level, drift=drift)


def _with_sums_of(noisy, codes, level):
    """Filtered codes whose sum over all spectra is that of the noisy ones.

    Shrinkage takes off more where spectra weigh less; what is missing is given back in
    proportion to the noise variance, which changes the codes least in units of it.
    Where all weigh the same the sums are kept anyway, as the sum of noisy codes is 0.
    """
    if not np.ptp(level):
        return codes
    lost = (noisy - codes).sum(axis=0, dtype=float) / level.sum(dtype=float)
    return codes + (level[:, None] * lost).astype(codes.dtype)


def _fixed(encoding, decoder, codes):
    """What doesn't move with the spectra, as far as it is above the noise."""
    n_spectra = len(codes)
    moving = replace(decoder, fixed=np.zeros_like(encoding.unmoved_mean))
    restored = Computed(moving, codes, encoding.drift, n_channels=len(moving.mean))
    rest = encoding.unmoved_mean - restored.total(_summed) / n_spectra
    level = encoding.layout.from_map(encoding.level).mean() / n_spectra
    white = encoding.observation.colour.whiten(rest[None]) / np.sqrt(level)
    return rest * max(1 - 1 / np.square(white).mean(), 0)


def _summed(rows):
    return rows.sum(axis=0, dtype=float)


def restore(
    observation,
    n_codes,
    recipe,
    rng,
    network=None,
    *,
    weak=None,
    limits=None,
    own=None,
):
    """Restore spectra by one recipe.

    What single spectra have is taken out before, and put back with rare and weak
    features, unless a number of codes was asked for.

    Parameters
    ----------
    observation : Observation
    n_codes : int or None
        None: what rises above the noise.
    recipe : Recipe
    rng : numpy.random.Generator
    network : CodeNetwork, optional
        Default: the one that was trained once.
    weak : ndarray, shape (n_channels, n_weak), optional
        Directions of weak features, see `find_weak`. Default: they are looked for.
    limits : Limits, optional
        What is too large for chance in rare peaks. Default: it is measured.
    own : OwnFeatures, optional
        Of these spectra. Default: they are looked for.

    Returns
    -------
    Restoration
    """
    if n_codes is None:
        own = own or OwnFeatures.of(observation)
        observation = own.rest
    drift = energy_drift(observation) if recipe.aligned else None
    encoding = Encoding.of(observation, n_codes, drift)
    if recipe.weak_components:
        encoding = encoding.with_weak(rng)
    filtered = encoding.filtered(recipe.code_filter)
    if recipe.network:
        network = network or CodeNetwork()
        filtered = filtered + recipe.network * encoding.correction(network, filtered)
    restoration = decoded(encoding, filtered, recipe.decoder)
    colour = encoding.observation.colour
    del encoding, filtered  # aligned, it has a copy of the spectra
    if drift is not None:
        restoration = _bent(restoration, observation)
    if n_codes is not None:
        return restoration
    # what comes in at the ends as spectra move isn't known, and no rare peak
    margin = 0 if drift is None else int(np.ceil(np.abs(drift).max()))
    restored = restoration.restored
    rare = find_rare(observation, colour, restored, rng, margin, limits=limits)
    with_rare = _with_rare(restoration, rare.and_own(own.rows, own.parts, colour))
    return _with_weak(with_rare, find_weak(observation, with_rare, weak))


def _bent(restoration, observation):
    """A restoration whose codes know of the drift: as many as that takes.

    Spectra that move lie on a curve in the space of principal components.
    """
    restored = restoration.restored
    n_most = min(_MOST_BENT, restored.n_spectra, restored.n_channels)
    linear = clean_codes(observation.with_spectra(restored), n_most)
    noisy, codes = (
        one.gather(linear.codes_of) for one in (observation.spectra, restored)
    )
    power = (np.square(codes) / restoration.level[:, None]).mean(axis=0)
    lost = power[::-1].cumsum()[::-1]  # with a code and all weaker ones
    n_codes = max(int((lost > _LOST).sum()), 1)
    if n_codes == _MOST_BENT:
        _logger.info(
            "following the energy shift takes more than %d components; what the last "
            "ones lack is up to %.2g of the noise of one code",
            n_codes,
            lost[-1],
        )
    linear = linear.first(n_codes)
    return replace(
        restoration,
        linear=linear,
        decoder=Decoder(linear.mean, linear.decoder),
        noisy=noisy[:, :n_codes],
        codes=codes[:, :n_codes],
    )


def _with_rare(restoration, rare):
    """A restoration with rare features as further codes."""
    linear, nothing = restoration.linear, np.zeros_like(rare.amplitudes)
    n_channels, n_rare = len(linear.mean), len(rare.decoder)
    linear = PrincipalCodes(
        linear.mean,
        np.concatenate([linear.encoder, np.zeros((n_channels, n_rare))], axis=1),
        np.concatenate([linear.decoder, np.zeros((n_rare, n_channels))]),
        np.concatenate([linear.shrinkage, np.zeros(n_rare)]),
    )
    components = np.concatenate([restoration.decoder.components, rare.decoder])
    return replace(
        restoration,
        linear=linear,
        decoder=replace(restoration.decoder, components=components),
        noisy=np.concatenate([restoration.noisy, nothing], axis=1),
        codes=np.concatenate([restoration.codes, rare.amplitudes], axis=1),
        rare=rare,
    )


def _with_weak(restoration, weak):
    """A restoration with weak features as further codes, before the rare ones."""
    linear, n_weak = restoration.linear, len(weak.decoder)
    at = len(linear.decoder) - len(restoration.rare.decoder)

    def inserted(values, more, axis):
        first, last = np.split(values, [at], axis=axis)
        return np.concatenate([first, more, last], axis=axis)

    decoder = restoration.decoder
    return replace(
        restoration,
        linear=PrincipalCodes(
            linear.mean,
            inserted(linear.encoder, weak.encoder, 1),
            inserted(linear.decoder, weak.decoder, 0),
            inserted(linear.shrinkage, np.zeros(n_weak), 0),
        ),
        decoder=replace(
            decoder, components=inserted(decoder.components, weak.decoder, 0)
        ),
        noisy=inserted(restoration.noisy, weak.noisy, 1),
        codes=inserted(restoration.codes, weak.codes, 1),
        weak=weak,
    )

"""Encoder, code filter and decoder together."""

import logging
from dataclasses import dataclass, replace

import numpy as np
import scipy.ndimage

from hyperspy_aedenoise._filters.along_energy import fitted_spectra
from hyperspy_aedenoise._filters.code_network import CodeNetwork, refined
from hyperspy_aedenoise._filters.energy_shift import energy_drift, moved
from hyperspy_aedenoise._filters.nonlocal_bayes import MOST_FILTERED, MapFilter
from hyperspy_aedenoise._filters.rare import RareFeatures, find_rare
from hyperspy_aedenoise._filters.weak import (
    CodeMap,
    encode_map,
    on_map,
    with_weak_components,
)
from hyperspy_aedenoise._linear.principal import PrincipalCodes, clean_codes, parts_of

_logger = logging.getLogger(__name__)

#: What the code filter may be: helped by alike codes anywhere, or by alike
#: surroundings.
FILTERS = {
    "alike codes": MapFilter(1, 60),
    "alike 3 x 3": MapFilter(3, 40),
    "alike 5 x 5": MapFilter(5, 40),
    "alike 7 x 7": MapFilter(7, 40),
}
#: A quick filter tells what is alike in the search for weak components.
_QUICK = MapFilter(3, 60, passes=2)
#: Largest height and width of what the network is refined on: with 48 it gains less.
_LESSON = 64
#: Most codes for spectra that follow a drift, and what may be lost by too few, relative
#: to the noise of one code.
_MOST_BENT, _LOST = 64, 0.02


@dataclass(frozen=True)
class Form:
    """One of the forms that the autoencoder may have.

    Parameters
    ----------
    weak_components : bool
        Whether components are added that rise above the noise only in means over
        alike positions.
    code_filter : str
        "none" (optimal shrinkage), or a key of `FILTERS`.
    decoder : {"principal", "along energy"}
        Principal components, or spectra fitted to the filtered codes and filtered
        along energy.
    network : float
        How much is added to the filtered codes of what a network, trained once on
        simulated structures, would correct: 0 to 1.
    aligned : bool
        Whether the spectra are aligned along energy before they are encoded, and
        moved back in the end.
    refined : bool
        Whether that network was refined on the map itself.
    """

    weak_components: bool = False
    code_filter: str = "none"
    decoder: str = "principal"
    network: float = 0.0
    aligned: bool = False
    refined: bool = False


@dataclass(frozen=True)
class Restoration:
    """Spectra as codes and a decoder.

    Parameters
    ----------
    linear : PrincipalCodes
        The encoder; it doesn't see rare features.
    mean : ndarray, shape (n_channels,)
        Spectrum where all codes are 0, in signal units.
    decoder : ndarray, shape (n_codes, n_channels)
        Codes to signal units.
    noisy, codes : ndarray, shape (n_spectra, n_codes)
        Codes as they were measured, and filtered.
    level : ndarray, shape (n_spectra,)
        Noise variance of the noisy codes.
    rare : RareFeatures or None
        What was put back; its amplitudes are the last codes. None: not looked for.
    drift : ndarray, shape (n_spectra,), or None
        How far the spectra are moved along energy, in channels, if that is followed.
    fixed : ndarray, shape (n_channels,), or None
        What all spectra have in common and doesn't move, in signal units. None: the
        codes know of the drift, and decoded spectra needn't be moved.
    """

    linear: PrincipalCodes
    mean: np.ndarray
    decoder: np.ndarray
    noisy: np.ndarray
    codes: np.ndarray
    level: np.ndarray
    rare: RareFeatures | None = None
    drift: np.ndarray | None = None
    fixed: np.ndarray | None = None

    def spectra(self, part=slice(None)):
        """Restored spectra of some rows, in signal units."""
        decoded = self.codes[part] @ self.decoder + self.mean
        if self.fixed is None:
            return decoded
        return moved(decoded, self.drift[part]) + self.fixed


@dataclass(frozen=True)
class Encoded:
    """Spectra and the map of their codes.

    Parameters
    ----------
    rows : ndarray, shape (n_spectra, n_channels)
        Noisy spectra, aligned if there is a drift.
    code_map : CodeMap
    drift : ndarray, shape (n_spectra,), or None
        By how many channels they were moved back.
    mean : ndarray, shape (n_channels,), or None
        Of the spectra before that.
    """

    rows: np.ndarray
    code_map: CodeMap
    drift: np.ndarray | None = None
    mean: np.ndarray | None = None

    def with_weak(self, noise, rng):
        """With weak components; the same if there are none."""
        code_map = self.code_map
        first = code_map.codes[..., :MOST_FILTERED]
        guide = _QUICK(first, code_map.level, code_map.used)
        found = with_weak_components(code_map, guide, self.rows, noise, rng, _QUICK)
        return self if found is code_map else replace(self, code_map=found)

    def filtered(self, name):
        """Filtered codes, shape (n_maps, height, width, n_codes)."""
        if name == "none":
            return self.code_map.shrunk
        codes, used = self.code_map.shrunk, self.code_map.used
        codes[..., :MOST_FILTERED] = self.code_map.codes[..., :MOST_FILTERED]
        return on_map(FILTERS[name](codes, self.code_map.level, used)[used], used)

    def correction(self, network, filtered):
        """What the network would add to filtered codes, same shape."""
        result = np.zeros_like(filtered)
        first = np.s_[..., :MOST_FILTERED]
        codes, level = self.code_map.codes[first], self.code_map.level
        result[first] = network.correction(codes, filtered[first], level)
        return result

    def refined_network(self, filtered, name, rng):
        """The network, refined on the map itself.

        The codes, filtered as well as they can be, are taken for the truth: fresh noise
        is added to them, and filtered in the same way.
        """
        part = _fullest_part(self.code_map.used)
        used = self.code_map.used[part]
        known = filtered[part][used][:, :MOST_FILTERED]
        true, level = on_map(known, used), self.code_map.level[part]
        noise = rng.standard_normal(known.shape, dtype=np.float32)
        noisy = on_map(known + np.sqrt(level[used])[:, None] * noise, used)
        again = on_map(FILTERS[name](noisy, level, used)[used], used)
        return refined(noisy, again, true, level, rng)

    def restored(self, filtered, decoder):
        """The spectra of filtered codes; `decoder` as of `Form`."""
        code_map = self.code_map
        linear, codes = code_map.linear, filtered[code_map.used]
        mean, spectra = linear.mean, linear.decoder
        if decoder == "along energy":
            mean, spectra = fitted_spectra(code_map, codes, self.rows)
        noisy, level = (v[code_map.used] for v in (code_map.codes, code_map.level))
        restoration = Restoration(
            linear, mean, spectra, noisy, codes, level, drift=self.drift
        )
        if self.drift is None:
            return restoration
        return replace(restoration, fixed=self._fixed(restoration))

    def _fixed(self, restoration):
        """What doesn't move with the spectra, as far as it is above the noise."""
        n_spectra = len(self.rows)
        restoration = replace(restoration, fixed=np.zeros_like(self.mean))
        restored = sum(
            restoration.spectra(part).sum(axis=0, dtype=float)
            for part in parts_of(n_spectra)
        )
        rest = self.mean - restored / n_spectra
        level = restoration.level.mean() / n_spectra
        white = self.code_map.colour.whiten(rest[None]) / np.sqrt(level)
        return rest * max(1 - 1 / np.square(white).mean(), 0)


def encode(rows, used, noise, n_codes=None, drift=None):
    """Encode spectra, aligned along energy if a drift is given.

    Parameters
    ----------
    rows : ndarray, shape (n_spectra, n_channels)
        The spectra that take part, in signal units.
    used : ndarray of bool, shape (..., x)
        Where they lie: the last two axes are a map, further ones a stack of maps.
    noise : NoiseModel
    n_codes : int, optional
        Default: what rises above the noise.
    drift : ndarray, shape (n_spectra,), optional
        In channels.

    Returns
    -------
    Encoded
    """
    mean = None
    if drift is not None:
        mean = rows.mean(axis=0, dtype=float)
        rows = moved(rows, -drift)
    return Encoded(rows, encode_map(rows, used, noise, n_codes), drift, mean)


def _fullest_part(used):
    """Index of the part of a stack of maps where most positions take part.

    It is at most `_LESSON` positions high and wide, without maps that have none there.
    """
    height, width = (min(_LESSON, n) for n in used.shape[1:])
    n_used = used.sum(axis=0).astype(float)
    n_used = scipy.ndimage.uniform_filter(n_used, (height, width), mode="constant")
    inside = tuple(
        slice(side // 2, n - (side - 1) // 2)
        for side, n in zip((height, width), n_used.shape, strict=True)
    )
    most = n_used[inside]
    top, left = np.unravel_index(most.argmax(), most.shape)
    rows, columns = slice(top, top + height), slice(left, left + width)
    return used[:, rows, columns].any(axis=(1, 2)), rows, columns


def restore(rows, used, noise, n_codes, rng, form, network=None):
    """Restore spectra in one form.

    Rare features are put back, unless a number of codes was asked for.

    Parameters
    ----------
    rows, used, noise, n_codes
        As of `encode`.
    rng : numpy.random.Generator
    form : Form
    network : CodeNetwork, optional
        Default: the one that was trained once.

    Returns
    -------
    Restoration
    """
    drift = energy_drift(rows, used, noise) if form.aligned else None
    encoded = encode(rows, used, noise, n_codes, drift)
    if form.weak_components:
        encoded = encoded.with_weak(noise, rng)
    filtered = encoded.filtered(form.code_filter)
    if form.network:
        network = network or CodeNetwork()
        filtered = filtered + form.network * encoded.correction(network, filtered)
    restoration = encoded.restored(filtered, form.decoder)
    code_map = encoded.code_map
    del encoded  # aligned, it has a copy of the spectra
    if drift is not None:
        restoration = _bent(restoration, rows, noise)
    if n_codes is not None:
        return restoration
    # what comes in at the ends as spectra move isn't known, and no rare peak
    margin = 0 if drift is None else int(np.ceil(np.abs(drift).max()))
    rare = find_rare(
        rows, restoration.spectra, code_map.used, noise, code_map.colour, rng, margin
    )
    return _with_rare(restoration, rare)


def _bent(restoration, rows, noise):
    """A restoration whose codes know of the drift: as many as that takes.

    Spectra that move lie on a curve in the space of principal components.
    """
    spectra = np.empty(rows.shape, dtype=np.float32)
    for part in parts_of(len(rows)):
        spectra[part] = restoration.spectra(part)
    linear = clean_codes(spectra, noise, min(_MOST_BENT, *spectra.shape))
    noisy, codes = np.empty((2, len(rows), linear.encoder.shape[1]), dtype=np.float32)
    for part in parts_of(len(rows)):
        noisy[part], codes[part] = (linear.encode(v[part]) for v in (rows, spectra))
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
        mean=linear.mean,
        decoder=linear.decoder,
        noisy=noisy[:, :n_codes],
        codes=codes[:, :n_codes],
        fixed=None,
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
    return replace(
        restoration,
        linear=linear,
        decoder=np.concatenate([restoration.decoder, rare.decoder]),
        noisy=np.concatenate([restoration.noisy, nothing], axis=1),
        codes=np.concatenate([restoration.codes, rare.amplitudes], axis=1),
        rare=rare,
    )

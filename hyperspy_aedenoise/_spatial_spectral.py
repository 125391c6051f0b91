"""Encoder, code filter and decoder together, and which of their forms to take."""

import itertools
from dataclasses import asdict, dataclass

import numpy as np
import scipy.stats

from hyperspy_aedenoise._code_map import encode_map, with_weak_components
from hyperspy_aedenoise._code_network import FEWEST, correction
from hyperspy_aedenoise._component_spectra import fitted_spectra
from hyperspy_aedenoise._lowrank import PrincipalCodes, parts_of, principal_codes
from hyperspy_aedenoise._nonlocal import MOST_FILTERED, MapFilter
from hyperspy_aedenoise._rare import RareFeatures, find_rare
from hyperspy_aedenoise._risk import (
    PairedDifference,
    paired_difference,
    recorrupted_pair,
)

#: What the code filter may be: helped by alike codes anywhere, or by alike
#: surroundings.
FILTERS = {
    "alike codes": MapFilter(1, 60),
    "alike 3 x 3": MapFilter(3, 40),
    "alike 5 x 5": MapFilter(5, 40),
    "alike 7 x 7": MapFilter(7, 40),
}
#: Those that the network is tried on.
_CORRECTED = ("alike 3 x 3", "alike 5 x 5", "alike 7 x 7")
#: A quick filter tells what is alike in the search for weak components.
_QUICK = MapFilter(3, 60, passes=2)
#: Ratio of the pair that chooses.
_RATIO = 0.3
#: Spectra with which one draw of a pair is enough, and most draws of fewer ones.
_MANY_SPECTRA, _MOST_DRAWS = 1000, 4
#: Positions on which the forms of a large map are tried, and in how many pieces of it.
_MOST_TRIED, _N_PIECES = 8192, 4
#: Chance that a form which gains nothing is taken: that of two standard errors.
_CHANCE = 0.023


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
    """

    weak_components: bool = False
    code_filter: str = "none"
    decoder: str = "principal"
    network: float = 0.0


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
    """

    linear: PrincipalCodes
    mean: np.ndarray
    decoder: np.ndarray
    noisy: np.ndarray
    codes: np.ndarray
    level: np.ndarray
    rare: RareFeatures | None = None

    def spectra(self, part=slice(None)):
        """Restored spectra of some rows, in signal units."""
        return self.codes[part] @ self.decoder + self.mean


@dataclass(frozen=True)
class Evidence:
    """How a form did on a pair that it wasn't computed from.

    Parameters
    ----------
    form : Form
    difference : PairedDifference
        Its error minus that of optimal shrinkage, in units of the noise variance.
    """

    form: Form
    difference: PairedDifference

    def as_dict(self):
        """Return everything as strings and numbers."""
        return {
            **asdict(self.form),
            "difference_to_shrinkage": self.difference.value,
            "difference_error": self.difference.error,
        }


def choose(rows, used, noise, n_codes, rng, progress):
    """Choose the form of the autoencoder by a pair of recorrupted spectra.

    Everything, the principal codes and the noise in them included, is computed from
    the first version of the pair and judged by the second. Of large maps some pieces
    are taken.

    Parameters
    ----------
    rows : ndarray, shape (n_spectra, n_channels)
        The spectra that take part, in signal units.
    used : ndarray of bool, shape (..., x)
        Where they lie: the last two axes are a map, further ones a stack of maps.
    noise : NoiseModel
    n_codes : int or None
        None: what rises above the noise.
    rng : numpy.random.Generator
    progress : callable
        Wraps what is tried, like `tqdm.tqdm`.

    Returns
    -------
    Form
        That with the lowest error, if it is below that of optimal shrinkage by more
        than chance allows: by two standard errors in a single look, corrected for the
        number of forms. Else optimal shrinkage.
    list of Evidence

    Notes
    -----
    The share of the network's correction is the one that leaves the least squared
    error of the codes on the pair, a regression with one coefficient. On that very
    pair a useless correction then seems to gain, but half as many standard errors of
    it as the regression finds by chance.
    """
    rows, used = _pieces(rows, used)
    linear = principal_codes(rows, noise, n_codes)
    expected = linear.denoise(rows)
    n_draws = int(np.clip(_MANY_SPECTRA // len(rows), 1, _MOST_DRAWS))
    noisier = noise.scaled(1 + _RATIO**2)
    found, shares = {}, {}
    for _ in range(n_draws):
        first, second = np.empty((2, *rows.shape), dtype=np.float32)
        for part in parts_of(len(rows)):
            first[part], second[part] = recorrupted_pair(
                rows[part], expected[part], noise, _RATIO, rng
            )
        start = None
        tried = _all_forms(first, second, used, noisier, n_codes, shares, rng, progress)
        for form, restoration in tried:
            start = restoration if start is None else start
            difference = _difference(second, expected, noise, restoration, start)
            found.setdefault(form, []).append(difference)
    evidence = [
        Evidence(form, _mean_difference(differences))
        for form, differences in found.items()
        if len(differences) == n_draws  # of components that not every draw shows: no
    ]
    best = min(evidence, key=lambda one: one.difference.value)
    needed = scipy.stats.norm.isf(_CHANCE / len(evidence)) * best.difference.error
    return best.form if best.difference.value < -needed else Form(), evidence


def restore(rows, used, noise, n_codes, rng, form):
    """Restore spectra in one form; parameters as of `choose`.

    Rare features are put back, unless a number of codes was asked for.

    Returns
    -------
    Restoration
    """
    code_map = encode_map(rows, used, noise, n_codes)
    if form.weak_components:
        code_map = _with_weak(code_map, rows, noise, rng)
    filtered = _filtered(code_map, form.code_filter)
    if form.network:
        filtered = filtered + form.network * _correction(code_map, filtered)
    restoration = _restored(code_map, rows, filtered, form)
    if n_codes is not None:
        return restoration
    rare = find_rare(
        rows, restoration.spectra, code_map.used, noise, code_map.colour, rng
    )
    return _with_rare(restoration, rare)


def _pieces(rows, used):
    """Rows of a few pieces of a large map, and where these lie in a stack of them."""
    if len(rows) <= _MOST_TRIED:
        return rows, used
    used = used.reshape(-1, *((1, 1, *used.shape)[-2:]))
    number = np.cumsum(used).reshape(used.shape) - 1
    area = _MOST_TRIED // _N_PIECES
    height = min(used.shape[1], int(np.sqrt(area)))
    width = min(used.shape[2], area // height)
    n_down, n_across = used.shape[1] // height, used.shape[2] // width

    def pieces(values):
        """Pieces of a map, shape (n_pieces, height, width)."""
        grid = values[:, : n_down * height, : n_across * width]
        grid = grid.reshape(len(used), n_down, height, n_across, width)
        return grid.swapaxes(2, 3).reshape(-1, height, width)

    share = pieces(used).mean(axis=(1, 2))
    full = np.flatnonzero(share >= 0.5 * share.max())
    some = np.linspace(0, len(full), min(_N_PIECES, len(full)), endpoint=False)
    some = full[some.astype(int) + len(full) // (2 * _N_PIECES)]
    taking_part = pieces(used)[some]
    return rows[pieces(number)[some][taking_part]], taking_part


def _all_forms(first, second, used, noise, n_codes, shares, rng, progress):
    """All forms and what they restore; optimal shrinkage first.

    `shares` of the network's corrections are of the first draw that has them, so that
    every draw tries the same forms.
    """
    code_map = encode_map(first, used, noise, n_codes)
    maps = {False: code_map}
    if n_codes is None:
        with_weak = _with_weak(code_map, first, noise, rng)
        if with_weak is not code_map:
            maps[True] = with_weak
    tried = [(False, "none"), *itertools.product(maps, FILTERS)]
    for weak, name in progress(tried):
        filtered = _filtered(maps[weak], name)
        results = {0.0: filtered}
        if name in _CORRECTED and min(used.shape[-2:]) >= FEWEST:
            change = _correction(maps[weak], filtered)
            share = _helpful_share(maps[weak], filtered, change, second)
            share = shares.setdefault((weak, name), share)
            results[share] = filtered + share * change
        for (share, codes), decoder in itertools.product(
            results.items(), ("principal", "along energy")
        ):
            form = Form(weak, name, decoder, share)
            yield form, _restored(maps[weak], first, codes, form)


def _with_weak(code_map, rows, noise, rng):
    guide = _QUICK(code_map.codes[..., :MOST_FILTERED], code_map.level)
    return with_weak_components(code_map, guide, rows, noise, rng, _QUICK)


def _filtered(code_map, name):
    """Filtered codes, shape (n_maps, height, width, n_codes)."""
    if name == "none":
        return code_map.shrunk
    codes = code_map.shrunk
    codes[..., :MOST_FILTERED] = code_map.codes[..., :MOST_FILTERED]
    return FILTERS[name](codes, code_map.level)


def _correction(code_map, filtered):
    """What the network would add to filtered codes, same shape."""
    result = np.zeros_like(filtered)
    first = np.s_[..., :MOST_FILTERED]
    result[first] = correction(code_map.codes[first], filtered[first], code_map.level)
    return result


def _helpful_share(code_map, filtered, change, second):
    """Share of a change that brings filtered codes closest to those of others."""
    change = change[code_map.used]
    missing = code_map.linear.encode(second) - filtered[code_map.used]
    power = np.square(change, dtype=float).sum()
    return float(np.clip((change * missing).sum() / power, 0, 1)) if power else 0.0


def _restored(code_map, rows, filtered, form):
    codes = filtered[code_map.used]
    mean, decoder = code_map.linear.mean, code_map.linear.decoder
    if form.decoder == "along energy":
        mean, decoder = fitted_spectra(code_map, codes, rows)
    return Restoration(
        code_map.linear,
        mean,
        decoder,
        code_map.codes[code_map.used],
        codes,
        code_map.level[code_map.used],
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
    return Restoration(
        linear,
        restoration.mean,
        np.concatenate([restoration.decoder, rare.decoder]),
        np.concatenate([restoration.noisy, nothing], axis=1),
        np.concatenate([restoration.codes, rare.amplitudes], axis=1),
        restoration.level,
        rare,
    )


def _difference(second, expected, noise, one, other):
    """Error of one restoration minus that of another, relative to the noise."""
    value = variance = power = 0.0
    for part in parts_of(len(second)):
        estimates = one.spectra(part), other.spectra(part)
        found = paired_difference(
            *estimates, second[part], expected[part], noise, _RATIO
        )
        n_values = second[part].size
        value += found.value * n_values
        variance += (found.error * n_values) ** 2
        power += noise.variance(expected[part]).sum()
    return PairedDifference(float(value / power), float(np.sqrt(variance) / power))


def _mean_difference(differences):
    """Mean over draws of pairs.

    Of the variance of a single one, ``1 / (1 + 1 / ratio**2)`` is due to the noise of
    the spectra themselves, which all draws share.
    """
    n = len(differences)
    shared = 1 / (1 + 1 / _RATIO**2)
    variance = np.mean([one.error**2 for one in differences])
    return PairedDifference(
        float(np.mean([one.value for one in differences])),
        float(np.sqrt(variance * (shared + (1 - shared) / n))),
    )

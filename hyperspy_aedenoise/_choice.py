"""Which form of the spatial-spectral autoencoder to take, by recorrupted pairs."""

import itertools
from dataclasses import asdict, dataclass

import numpy as np
import scipy.special

from hyperspy_aedenoise._code_map import stack_of_maps
from hyperspy_aedenoise._code_network import FEWEST
from hyperspy_aedenoise._drift import energy_drift, moved
from hyperspy_aedenoise._lowrank import parts_of, principal_codes
from hyperspy_aedenoise._noise import NoiseModel
from hyperspy_aedenoise._risk import (
    PairedDifference,
    paired_difference,
    recorrupted_pair,
)
from hyperspy_aedenoise._spatial_spectral import FILTERS, Form, encode

#: Filters that the network is tried on.
_CORRECTED = ("alike 3 x 3", "alike 5 x 5", "alike 7 x 7")
#: Ratio of the pair that chooses.
_RATIO = 0.3
#: Spectra with which one draw of a pair is enough, and most draws of fewer ones.
_MANY_SPECTRA, _MOST_DRAWS = 1000, 4
#: Positions on which the forms of a large map are tried, and in how many pieces of it.
_MOST_TRIED, _N_PIECES = 8192, 4
#: Filters that are tried on encoders other than the plain one.
_BEST_FILTERS = 2
#: Chance that a form which gains nothing is taken: that of two standard errors.
_CHANCE = 0.023
#: Looks at the evidence: at all forms, and at the promising ones on so many more draws
#: if the first doesn't decide.
_LOOKS, _MORE = 2, 3


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


def choose(rows, used, noise, n_codes, can_move, rng, progress):
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
    can_move : bool
        Whether spectra can be moved along energy: no channels are missing in between.
    rng : numpy.random.Generator
    progress : callable
        Wraps what is tried, like `tqdm.tqdm`: draws, or forms if one draw is enough.

    Returns
    -------
    Form
        That with the lowest error among those whose error is below that of optimal
        shrinkage by more than chance allows: by two standard errors in a single look,
        corrected for the number of forms and for two looks: what is promising but
        unsure is tried on more pairs. Else optimal shrinkage.
    list of Evidence
    bool
        Whether Ctrl-C ended it early; form and evidence are by what was there then.

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
    shares = {}

    def tried(n_draws, wanted=None):
        """Differences of all forms, or of some, by draw; and whether Ctrl-C came."""
        draws = []
        by_draw, by_form = (progress, iter) if n_draws > 1 else (iter, progress)
        try:
            for _ in by_draw(range(n_draws)):
                pair = _Pair.drawn(rows, expected, noise, rng)
                start, encoders = _encoders(pair, used, n_codes, can_move, wanted, rng)
                found = {}
                if not draws:  # also a part of the first is better than nothing
                    draws.append(found)
                _judge(found, pair, start, encoders, shares, wanted, by_form)
                if found is not draws[0]:
                    draws.append(found)
        except KeyboardInterrupt:
            return draws, True
        return draws, False

    n_draws = int(np.clip(_MANY_SPECTRA // len(rows), 1, _MOST_DRAWS))
    draws, interrupted = tried(n_draws)
    found = _by_form(draws)
    form, evidence = _best(found)
    promising = {
        one.form for one in evidence if one.difference.value < -one.difference.error
    }
    if form == Form() and promising and not interrupted:
        draws, interrupted = tried(_MORE, promising)
        more = _by_form(draws)
        found |= {form: found[form] + more[form] for form in more}
        form, evidence = _best(found)
    return form, evidence, interrupted


def _by_form(draws):
    """Differences of the forms that all draws show."""
    first = draws[0] if draws else {}
    shown = [form for form in first if all(form in draw for draw in draws)]
    return {form: [draw[form] for draw in draws] for form in shown}


def _best(found):
    """The form that is better than the start by most, if any is; and the evidence."""
    evidence = [Evidence(form, _mean_difference(found[form])) for form in found]
    sure = -scipy.special.ndtri(_CHANCE / _LOOKS / max(len(evidence), 1))
    better = [
        one for one in evidence if one.difference.value < -sure * one.difference.error
    ]
    best = min(better, key=lambda one: one.difference.value, default=None)
    return Form() if best is None else best.form, evidence


def _pieces(rows, used):
    """Rows of a few pieces of a large map, and where these lie in a stack of them."""
    if len(rows) <= _MOST_TRIED:
        return rows, used
    used = stack_of_maps(used)
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


def _encoders(pair, used, n_codes, can_move, wanted, rng):
    """Optimally shrunk spectra, and encoders by whether they are aligned and weak."""
    weak, aligned = True, can_move
    if wanted is not None:
        weak = any(form.weak_components for form in wanted)
        aligned = any(form.aligned for form in wanted)
    noise = pair.noise.scaled(1 + _RATIO**2)
    plain = encode(pair.first, used, noise, n_codes)
    start = _shrunk(plain).spectra().astype(np.float32)
    encoders = {(False, False): plain}
    if n_codes is not None:
        return start, encoders
    with_weak = plain.with_weak(noise, rng) if weak else plain
    if with_weak is not plain:
        encoders[False, True] = with_weak
    drift = energy_drift(pair.first, used, noise) if aligned else None
    if drift is not None:
        aligned = encode(pair.first, used, noise, drift=drift)
        few = len(pair.first) < _MANY_SPECTRA  # with many it must be worth the time
        if few or pair.difference(_shrunk(aligned), start).value < 0:
            encoders[True, False] = aligned
    return start, encoders


def _shrunk(encoded):
    return encoded.restored(encoded.filtered("none"), "principal")


def _judge(found, pair, start, encoders, shares, wanted, progress):
    """Find differences to optimal shrinkage by form, of all or of those wanted.

    They are put into `found` one by one, as Ctrl-C may end it. With many spectra not
    all combinations are tried: on further encoders only the filters that are the best
    ones of the plain encoder, and spectra along energy only with or without the
    network, whichever is better. `shares` of the network's corrections are of the first
    draw that has them, so that every draw tries the same.
    """
    plain, *others = encoders
    thorough = len(pair.first) < _MANY_SPECTRA or wanted is not None
    ranks = FILTERS if thorough else range(_BEST_FILTERS)
    tried = [(plain, "none"), *itertools.product([plain], FILTERS)]
    tried += itertools.product(others, ranks)
    if wanted is not None:
        parts = {((f.aligned, f.weak_components), f.code_filter) for f in wanted}
        tried = [part for part in tried if part in parts]
    for key, name in progress(tried):
        if not isinstance(name, str):
            name = _ranked_filters(found)[name]
        encoded, (aligned, weak) = encoders[key], key
        codes = _codes_by_share(encoded, key, name, pair.second, shares)
        for decoder in ("principal", "along energy"):
            forms = [Form(weak, name, decoder, share, aligned) for share in codes]
            for form in forms:
                if wanted is None or form in wanted:
                    restoration = encoded.restored(codes[form.network], decoder)
                    found[form] = pair.difference(restoration, start)
            if not thorough:
                best = min(forms, key=lambda form: found[form].value).network
                codes = {best: codes[best]}


def _ranked_filters(found):
    """Filters by what they leave of the error with the plain encoder, best first."""
    lowest = {}
    for form, difference in found.items():
        if not (form.aligned or form.weak_components):
            known = lowest.get(form.code_filter, np.inf)
            lowest[form.code_filter] = min(difference.value, known)
    return sorted(FILTERS, key=lowest.get)


def _codes_by_share(encoded, key, name, second, shares):
    """Filtered codes, without and with a share of the network's correction."""
    filtered = encoded.filtered(name)
    codes = {0.0: filtered}
    if name in _CORRECTED and min(encoded.code_map.used.shape[1:]) >= FEWEST:
        change = encoded.correction(filtered)
        share = _helpful_share(encoded, filtered, change, second)
        share = shares.setdefault((key, name), share)
        codes[share] = filtered + share * change
    return codes


def _helpful_share(encoded, filtered, change, second):
    """Share of a change that brings filtered codes closest to those of others."""
    code_map = encoded.code_map
    if encoded.drift is not None:
        second = moved(second, -encoded.drift)
    change = change[code_map.used]
    missing = code_map.linear.encode(second) - filtered[code_map.used]
    power = np.square(change, dtype=float).sum()
    return float(np.clip((change * missing).sum() / power, 0, 1)) if power else 0.0


@dataclass(frozen=True)
class _Pair:
    """Two noisy versions of spectra, the first to restore, the second to judge.

    Parameters
    ----------
    first, second, expected : ndarray, shape (n_spectra, n_channels)
        The versions, and an estimate of their expected values.
    noise : NoiseModel
        Of the spectra themselves.
    """

    first: np.ndarray
    second: np.ndarray
    expected: np.ndarray
    noise: NoiseModel

    @classmethod
    def drawn(cls, rows, expected, noise, rng):
        """A pair with fresh noise."""
        first, second = np.empty((2, *rows.shape), dtype=np.float32)
        for part in parts_of(len(rows)):
            first[part], second[part] = recorrupted_pair(
                rows[part], expected[part], noise, _RATIO, rng
            )
        return cls(first, second, expected, noise)

    def difference(self, restoration, start):
        """Error of a restoration minus that of spectra, relative to the noise."""
        value = variance = power = 0.0
        for part in parts_of(len(self.second)):
            second, expected = self.second[part], self.expected[part]
            found = paired_difference(
                restoration.spectra(part),
                start[part],
                second,
                expected,
                self.noise,
                _RATIO,
            )
            value += found.value * second.size
            variance += (found.error * second.size) ** 2
            power += self.noise.variance(expected).sum()
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

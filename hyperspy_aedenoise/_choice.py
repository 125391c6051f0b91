"""Which form of the spatial-spectral autoencoder to take, by recorrupted pairs."""

import itertools
from dataclasses import asdict, dataclass, field

import numpy as np
import scipy.special

from hyperspy_aedenoise._code_map import stack_of_maps
from hyperspy_aedenoise._code_network import FEWEST, CodeNetwork
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
#: In place of encoder and filter: the best ones once more, with a refined network.
_REFINED = (None, "refined network")


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


@dataclass(frozen=True)
class Choice:
    """What was chosen, and why.

    Parameters
    ----------
    form : Form
        That with the lowest error among those whose error is below that of optimal
        shrinkage by more than chance allows: by two standard errors in a single look,
        corrected for the number of forms and for two looks: what is promising but
        unsure is tried on more pairs. Else optimal shrinkage.
    evidence : list of Evidence
    interrupted : bool
        Whether Ctrl-C ended it early; form and evidence are by what was there then.
    network : CodeNetwork or None
        The refined one, if the form has it.
    """

    form: Form = field(default_factory=Form)
    evidence: list = field(default_factory=list)
    interrupted: bool = False
    network: CodeNetwork | None = None


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
    Choice

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
    shared = _Shared()

    def tried(n_draws, wanted=None):
        """Differences of all forms, or of some, by draw; and whether Ctrl-C came."""
        draws = []
        by_draw, by_form = (progress, iter) if n_draws > 1 else (iter, progress)
        try:
            for _ in by_draw(range(n_draws)):
                pair = _Pair.drawn(rows, expected, noise, rng)
                start, encoders = _encoders(pair, used, n_codes, can_move, wanted, rng)
                trial = _Trial(pair, start, encoders, shared, wanted)
                if not draws:  # also a part of the first is better than nothing
                    draws.append(trial.found)
                trial.run(by_form, rng)
                if trial.found is not draws[0]:
                    draws.append(trial.found)
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
    network = shared.networks[_place_of(form)] if form.refined else None
    return Choice(form, evidence, interrupted, network)


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


def _place_of(form):
    """Encoder, as a key of `_encoders`, and code filter of a form."""
    return (form.aligned, form.weak_components), form.code_filter


@dataclass(frozen=True)
class _Shared:
    """What the first draw found, so that every draw tries the same.

    Parameters
    ----------
    shares : dict of float
        Of the network's correction, by place and whether it is refined. A place is
        the key of an encoder and the name of a filter.
    networks : dict of CodeNetwork
        Refined ones, by place.
    """

    shares: dict = field(default_factory=dict)
    networks: dict = field(default_factory=dict)


@dataclass(frozen=True)
class _Trial:
    """All forms, or those that are wanted, on one pair.

    Parameters
    ----------
    pair : _Pair
    start : ndarray, shape (n_spectra, n_channels)
        Optimally shrunk spectra.
    encoders : dict of Encoded
        By whether they are aligned and have weak components.
    shared : _Shared
    wanted : set of Form or None
        None: all.
    found : dict of PairedDifference
        By form, to optimal shrinkage; put in one by one, as Ctrl-C may end it.
    """

    pair: object
    start: np.ndarray
    encoders: dict
    shared: _Shared
    wanted: set | None
    found: dict = field(default_factory=dict)

    def run(self, progress, rng):
        """Try them.

        With many spectra not all combinations are tried: on further encoders only the
        filters that are the best ones of the plain encoder, and spectra along energy
        only with or without the network, whichever is better. The network is refined
        for the best form only, and not on few spectra, which it would memorise.
        """
        tried, corrected = self._places(), {}
        if len(self.pair.first) > _MANY_SPECTRA // 2:
            tried.append(_REFINED)
        for key, name in progress(tried):
            if (key, name) == _REFINED:
                self._try_refined(corrected, rng)
                continue
            if not isinstance(name, str):
                name = self._ranked_filters()[name]
            encoded, place = self.encoders[key], (key, name)
            filtered = encoded.filtered(name)
            codes = {0.0: filtered}
            if name in _CORRECTED and min(encoded.code_map.used.shape[1:]) >= FEWEST:
                share, better = self._corrected(place, filtered, CodeNetwork())
                codes[share] = better
                corrected[place] = filtered, better
            self._judge(place, codes)

    def _places(self):
        """Encoders and filters to try; of further encoders filters by their rank."""
        plain, *others = self.encoders
        ranks = FILTERS if self._thorough() else range(_BEST_FILTERS)
        tried = [(plain, "none"), *itertools.product([plain], FILTERS)]
        tried += itertools.product(others, ranks)
        if self.wanted is None:
            return tried
        wanted = {_place_of(form) for form in self.wanted}
        return [place for place in tried if place in wanted]

    def _thorough(self):
        return len(self.pair.first) < _MANY_SPECTRA or self.wanted is not None

    def _ranked_filters(self):
        """Filters by what they leave of the error with the plain encoder, in order."""
        lowest = {}
        for form, difference in self.found.items():
            if not (form.aligned or form.weak_components):
                known = lowest.get(form.code_filter, np.inf)
                lowest[form.code_filter] = min(difference.value, known)
        return sorted(FILTERS, key=lowest.get)

    def _corrected(self, place, filtered, network, refined=False):
        """Helpful share of the network's correction, and codes with it."""
        encoded = self.encoders[place[0]]
        change = encoded.correction(network, filtered)
        share = _helpful_share(encoded, filtered, change, self.pair.second)
        share = self.shared.shares.setdefault((place, refined), share)
        return share, filtered + share * change

    def _try_refined(self, corrected, rng):
        """Refine the network on what the best form gives, if it can be corrected."""
        best = min(self.found, key=lambda form: self.found[form].value, default=None)
        if self.wanted is not None:
            best = next((form for form in self.wanted if form.refined), None)
        if best is None or _place_of(best) not in corrected:
            return
        place = key, name = _place_of(best)
        filtered, calm = corrected[place]
        network = self.encoders[key].refined_network(calm, name, rng)
        self.shared.networks.setdefault(place, network)
        share, better = self._corrected(place, filtered, network, refined=True)
        if share:
            self._judge(place, {share: better}, refined=True)

    def _judge(self, place, codes, refined=False):
        """Find the differences of codes, by share of the network's correction."""
        (aligned, weak), name = place
        for decoder in ("principal", "along energy"):
            forms = [
                Form(weak, name, decoder, share, aligned, refined) for share in codes
            ]
            for form in forms:
                if self.wanted is None or form in self.wanted:
                    encoded = self.encoders[aligned, weak]
                    restoration = encoded.restored(codes[form.network], decoder)
                    self.found[form] = self.pair.difference(restoration, self.start)
            if not self._thorough():
                best = min(forms, key=lambda form: self.found[form].value).network
                codes = {best: codes[best]}


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

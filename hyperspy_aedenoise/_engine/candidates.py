"""All forms of the spatial-spectral autoencoder on one recorrupted pair."""

import itertools
import logging
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from hyperspy_aedenoise._engine.pairs import (
    PairedDifference,
    paired_difference,
    recorrupted_pair,
)
from hyperspy_aedenoise._engine.restoration import FILTERS, Form, encode
from hyperspy_aedenoise._filters.code_network import FEWEST, CodeNetwork
from hyperspy_aedenoise._filters.energy_shift import energy_drift, moved
from hyperspy_aedenoise._linear.principal import parts_of
from hyperspy_aedenoise._noise.model import NoiseModel

_logger = logging.getLogger(__name__)

#: Ratio of the pair that chooses.
RATIO = 0.3
#: Spectra with which one pair is enough, and not all combinations are tried.
MANY_SPECTRA = 1000
#: More spectra than this are needed to refine the network: it would memorise few ones.
#: With so many the first look is at a single pair, so that one place is refined.
_FEW_TO_REFINE = MANY_SPECTRA // 2
#: Filters that the network is tried on.
_CORRECTED = ("alike 3 x 3", "alike 5 x 5", "alike 7 x 7")
#: Filters that are tried on encoders other than the plain one.
_BEST_FILTERS = 2


@dataclass(frozen=True)
class Pair:
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
                rows[part], expected[part], noise, RATIO, rng
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
                RATIO,
            )
            value += found.value * second.size
            variance += (found.error * second.size) ** 2
            power += self.noise.variance(expected).sum()
        return PairedDifference(float(value / power), float(np.sqrt(variance) / power))


def encoders_of(pair, used, n_codes, can_move, wanted, rng):
    """Optimally shrunk spectra, and encoders by whether they are aligned and weak."""
    weak, aligned = True, can_move
    if wanted is not None:
        weak = any(form.weak_components for form in wanted)
        aligned = any(form.aligned for form in wanted)
    noise = pair.noise.scaled(1 + RATIO**2)
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
        few = len(pair.first) < MANY_SPECTRA  # with many it must be worth the time
        if few or pair.difference(_shrunk(aligned), start).value < 0:
            encoders[True, False] = aligned
    return start, encoders


def _shrunk(encoded):
    return encoded.restored(encoded.filtered("none"), "principal")


@dataclass
class Shared:
    """What the first pair shows, and those after it keep to.

    Parameters
    ----------
    shares : dict of float
        Of the network's correction, by place and whether it is refined. A place is
        the key of an encoder and the name of a filter.
    networks : dict of CodeNetwork
        Refined ones, by place. Later pairs refine and judge one of their own, as this
        one knows of the noise that is in all pairs.
    """

    shares: dict = field(default_factory=dict)
    networks: dict = field(default_factory=dict)


class Trial:
    """All forms, or those that are wanted, on one pair.

    Parameters
    ----------
    pair : Pair
    start : ndarray, shape (n_spectra, n_channels)
        Optimally shrunk spectra.
    encoders : dict of Encoded
        As `encoders_of` returns them.
    shared : Shared
    wanted : set of Form or None
        None: all.

    Attributes
    ----------
    found : dict of PairedDifference
        By form, to optimal shrinkage; put in one by one, as Ctrl-C may end it.
    """

    def __init__(self, pair, start, encoders, shared, wanted):
        self.pair = pair
        self.start = start
        self.encoders = encoders
        self.shared = shared
        self.wanted = wanted
        self.found = {}
        self._codes = {}  # filtered, without and with the network, by place

    def run(self, progress, rng):
        """Try them.

        With many spectra not all combinations are tried: on further encoders only the
        filters that are the best ones of the plain encoder, and spectra along energy
        only with or without the network, whichever is better. The network is refined
        for the best form only.
        """
        steps = [partial(self._try, key, name) for key, name in self._places()]
        if len(self.pair.first) > _FEW_TO_REFINE:
            steps.append(partial(self._try_refined, rng))
        for step in progress(steps):
            step()

    def _places(self):
        """Encoders and filters to try; of further encoders filters by their rank."""
        plain, *others = self.encoders
        ranks = FILTERS if self._thorough() else range(_BEST_FILTERS)
        tried = [(plain, "none"), *itertools.product([plain], FILTERS)]
        tried += itertools.product(others, ranks)
        if self.wanted is None:
            return tried
        wanted = {place_of(form) for form in self.wanted}
        return [place for place in tried if place in wanted]

    def _thorough(self):
        return len(self.pair.first) < MANY_SPECTRA or self.wanted is not None

    def _try(self, key, name):
        """An encoder and a filter, without the network and with it."""
        if not isinstance(name, str):
            name = self._ranked_filters()[name]
        encoded, place = self.encoders[key], (key, name)
        filtered = encoded.filtered(name)
        codes = {0.0: filtered}
        if name in _CORRECTED and min(encoded.code_map.used.shape[1:]) >= FEWEST:
            share, better = self._corrected(place, filtered, CodeNetwork())
            codes[share] = better
            self._codes[place] = filtered, better
        self._judge(place, codes)

    def _ranked_filters(self):
        """Filters by what they leave of the error with the plain encoder, in order."""
        lowest = {}
        for form, difference in self.found.items():
            if not (form.aligned or form.weak_components):
                known = lowest.get(form.code_filter, np.inf)
                lowest[form.code_filter] = min(difference.value, known)
        return sorted(FILTERS, key=lowest.get)

    def _try_refined(self, rng):
        """The best form once more, if it can be corrected, with a refined network."""
        if self.wanted is None:
            best = min(self.found, key=lambda form: self.found[form].value)
        else:
            best = next((form for form in self.wanted if form.refined), None)
        if best is None or place_of(best) not in self._codes:
            return
        place = key, name = place_of(best)
        filtered, better = self._codes[place]
        network = self.encoders[key].refined_network(better, name, rng)
        self.shared.networks.setdefault(place, network)
        share, better = self._corrected(place, filtered, network, refined=True)
        _logger.info("share of the refined network's correction: %.3g", share)
        if share:
            self._judge(place, {share: better}, refined=True)

    def _corrected(self, place, filtered, network, refined=False):
        """Helpful share of the network's correction, and codes with it."""
        encoded = self.encoders[place[0]]
        change = encoded.correction(network, filtered)
        share = _helpful_share(encoded, filtered, change, self.pair.second)
        share = self.shared.shares.setdefault((place, refined), share)
        return share, filtered + share * change

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


def place_of(form):
    """Encoder, as a key of `encoders_of`, and code filter of a form."""
    return (form.aligned, form.weak_components), form.code_filter


def _helpful_share(encoded, filtered, change, second):
    """Share of a change that brings filtered codes closest to those of others."""
    code_map = encoded.code_map
    if encoded.drift is not None:
        second = moved(second, -encoded.drift)
    change = change[code_map.used]
    missing = code_map.linear.encode(second) - filtered[code_map.used]
    power = np.square(change, dtype=float).sum()
    share = np.clip((change * missing).sum() / power, 0, 1) if power else 0.0
    return round(float(share), 2)  # it is known to some 0.2

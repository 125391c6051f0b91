"""All recipes of the spatial-spectral autoencoder on one recorrupted pair."""

import logging
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from hyperspy_aedenoise._engine.encoder import Encoding
from hyperspy_aedenoise._engine.recipe import (
    CODE_FILTERS,
    CORRECTED,
    DECODERS,
    Place,
    Recipe,
)
from hyperspy_aedenoise._engine.recorrupted_pairs import Pair
from hyperspy_aedenoise._engine.restoration import decoded
from hyperspy_aedenoise._filters.code_network import FEWEST, CodeNetwork
from hyperspy_aedenoise._filters.energy_shift import energy_drift, moved
from hyperspy_aedenoise._observation.spectra_by_blocks import Spectra

_logger = logging.getLogger(__name__)

#: Spectra with which one pair is enough, and not all combinations are tried.
MANY_SPECTRA = 1000
#: More spectra than this are needed to refine the network: it would memorise few ones.
#: With so many the first look is at a single pair, so that one place is refined.
_FEW_TO_REFINE = MANY_SPECTRA // 2
#: Filters that are tried on encoders other than the plain one, and codes that are
#: tried with spectra along energy.
_BEST = 2


@dataclass(frozen=True)
class Trial:
    """A pair, and what all recipes on it begin with.

    Parameters
    ----------
    pair : Pair
    start : Spectra
        Optimally shrunk spectra.
    encodings : dict of Encoding
        By their `Place`, without a filter; the plain one first.
    wanted : set of Recipe or None
        None: all.
    """

    pair: Pair
    start: Spectra
    encodings: dict
    wanted: set | None = None

    @classmethod
    def of(cls, pair, n_codes, wanted, rng):
        """Encode the first version of a pair in all ways that are wanted."""
        plain = Encoding.of(pair.first, n_codes)
        start = _shrunk(plain).held()
        trial = cls(pair, start, {Place(): plain}, wanted)
        if n_codes is not None:
            return trial
        if trial.wants("weak_components"):
            with_weak = plain.with_weak(rng)
            if with_weak is not plain:
                trial.encodings[Place(weak_components=True)] = with_weak
        wants_aligned = pair.first.gapless and trial.wants("aligned")
        drift = energy_drift(pair.first) if wants_aligned else None
        if drift is not None:
            aligned = Encoding.of(pair.first, drift=drift)
            few = pair.first.n_spectra < MANY_SPECTRA  # else it must be worth the time
            if few or pair.difference(_shrunk(aligned), start).value < 0:
                trial.encodings[Place(aligned=True)] = aligned
        return trial

    def wants(self, part):
        """Whether a recipe with that part is wanted."""
        return self.wanted is None or any(getattr(r, part) for r in self.wanted)

    @property
    def thorough(self):
        """Whether all combinations are tried."""
        return self.pair.first.n_spectra < MANY_SPECTRA or self.wanted is not None

    def is_wanted(self, place):
        """Whether any recipe with an encoder and a filter is wanted."""
        if self.wanted is None:
            return True
        return any(recipe.place == place for recipe in self.wanted)

    def difference(self, place, codes, decoder):
        """Error of filtered codes minus that of the start, relative to the noise."""
        restored = decoded(self.encodings[place.encoder], codes, decoder).restored
        return self.pair.difference(restored, self.start) / self.pair.noise_power


def _shrunk(encoding):
    return decoded(encoding, encoding.filtered("none"), "principal").restored


@dataclass
class Shared:
    """What the first pair shows, and those after it keep to.

    Parameters
    ----------
    shares : dict of float
        Of the network's correction, by place and whether it is refined.
    networks : dict of CodeNetwork
        Refined ones, by place. Later pairs refine and judge one of their own, as this
        one knows of the noise that is in all pairs.
    """

    shares: dict = field(default_factory=dict)
    networks: dict = field(default_factory=dict)


class Candidates:
    """All recipes, or those that are wanted, on one pair.

    Parameters
    ----------
    trial : Trial
    shared : Shared

    Attributes
    ----------
    found : dict of PairedDifference
        By recipe, to optimal shrinkage; put in one by one, as Ctrl-C may end it.
    """

    def __init__(self, trial, shared):
        self.trial = trial
        self.shared = shared
        self.found = {}
        self._codes = {}  # filtered, without and with the network, by place
        self._judged = {}  # all that were judged with principal spectra, by place

    def run(self, progress, rng):
        """Try them.

        Not all combinations are tried: spectra along energy only with the two best
        codes and the best ones of each encoder, as what they gain depends more on the
        encoder than on the filter; of few spectra only of encoders that are within a
        standard error of the best one, as pairs can't tell more recipes apart. With
        many spectra on further encoders only the filters are tried that are the best
        ones of the plain encoder. The network is refined for the best recipe only.
        """
        plain, *others = self.trial.encodings
        places = [plain, *(plain.filtered_by(name) for name in CODE_FILTERS)]
        if self.trial.thorough:
            places += [e.filtered_by(name) for e in others for name in CODE_FILTERS]
        steps = [partial(self._try, one) for one in places if self.trial.is_wanted(one)]
        if not self.trial.thorough:
            ranks = range(_BEST)
            steps += [partial(self._try_ranked, e, r) for e in others for r in ranks]
        if self.trial.wanted is None:
            steps += [partial(self._try_along_energy, rank) for rank in range(_BEST)]
            steps += [
                partial(self._try_along_energy, 0, e) for e in self.trial.encodings
            ]
        if self.trial.pair.first.n_spectra > _FEW_TO_REFINE:
            steps.append(partial(self._try_refined, rng))
        for step in progress(steps):
            step()

    def _try_ranked(self, encoder, rank):
        """An encoder with the filter that is the best, or second, of the plain one."""
        self._try(encoder.filtered_by(self._ranked_filters()[rank]))

    def _try(self, place):
        """An encoder and a filter, without the network and with it."""
        encoding = self.trial.encodings[place.encoder]
        filtered = encoding.filtered(place.code_filter)
        codes = {0.0: filtered}
        can_correct = min(encoding.layout.used.shape[1:]) >= FEWEST
        if place.code_filter in CORRECTED and can_correct:
            share, better = self._corrected(place, filtered, CodeNetwork())
            codes[share] = better
            self._codes[place] = filtered, better
        self._judge(place, codes)

    def _try_along_energy(self, rank, encoder=None):
        """The codes that are the best, or second, with principal spectra, if unknown.

        Of all codes, or those of an encoder that may be worth it.
        """
        order = sorted(self._judged, key=lambda place: self._judged[place][0].value)
        best = self._judged[order[0]][0]
        if encoder is not None:
            order = [place for place in order if place.encoder == encoder]
        if rank >= len(order):
            return
        place = order[rank]
        judged, codes = self._judged[place]
        is_near = judged.value <= best.value + max(judged.error, best.error)
        is_worth_it = encoder is None or is_near or not self.trial.thorough
        is_known = any(
            recipe.place == place and recipe.decoder != DECODERS[0]
            for recipe in self.found
        )
        if is_worth_it and not is_known:
            self._judge(place, codes, decoders=DECODERS[1:])

    def _ranked_filters(self):
        """Filters by what they leave of the error with the plain encoder, in order."""
        lowest = {}
        for recipe, difference in self.found.items():
            if not (recipe.aligned or recipe.weak_components):
                known = lowest.get(recipe.code_filter, np.inf)
                lowest[recipe.code_filter] = min(difference.value, known)
        return sorted(CODE_FILTERS, key=lowest.get)

    def _try_refined(self, rng):
        """The best recipe once more, if it can be corrected, with a refined network."""
        if self.trial.wanted is None:
            best = min(self.found, key=lambda recipe: self.found[recipe].value)
        else:
            best = next((one for one in self.trial.wanted if one.refined), None)
        if best is None or best.place not in self._codes:
            return
        place = best.place
        filtered, better = self._codes[place]
        encoding = self.trial.encodings[place.encoder]
        network = encoding.refined_network(better, place.code_filter, rng)
        self.shared.networks.setdefault(place, network)
        share, better = self._corrected(place, filtered, network, refined=True)
        _logger.info("share of the refined network's correction: %.3g", share)
        if share:
            self._judge(place, {share: better}, refined=True)

    def _corrected(self, place, filtered, network, refined=False):
        """Helpful share of the network's correction, and codes with it."""
        encoding = self.trial.encodings[place.encoder]
        change = encoding.correction(network, filtered)
        share = helpful_share(encoding, filtered, change, self.trial.pair.second)
        share = self.shared.shares.setdefault((place, refined), share)
        return share, filtered + share * change

    def _judge(self, place, codes, *, refined=False, decoders=None):
        """Find the differences of codes, by share of the network's correction."""
        is_first = not refined and decoders is None and self.trial.wanted is None
        for decoder in decoders or (DECODERS[:1] if is_first else DECODERS):
            recipes = [
                Recipe(
                    place.weak_components,
                    place.code_filter,
                    decoder,
                    share,
                    place.aligned,
                    refined,
                )
                for share in codes
            ]
            for recipe in recipes:
                if self.trial.wanted is None or recipe in self.trial.wanted:
                    found = self.trial.difference(place, codes[recipe.network], decoder)
                    self.found[recipe] = found
            if not self.trial.thorough:
                best = min(recipes, key=lambda one: self.found[one].value).network
                codes = {best: codes[best]}
            if is_first:
                found = (self.found[one] for one in recipes)
                self._judged[place] = min(found, key=lambda one: one.value), codes


def helpful_share(encoding, filtered, change, second):
    """Share of a change that brings filtered codes closest to those of others."""
    layout = encoding.layout
    if encoding.drift is not None:
        second = moved(second, -encoding.drift)
    change = layout.from_map(change)
    missing = encoding.linear.encode(second) - layout.from_map(filtered)
    power = np.square(change, dtype=float).sum()
    share = np.clip((change * missing).sum() / power, 0, 1) if power else 0.0
    return round(float(share), 2)  # it is known to some 0.2

"""Which recipe of the spatial-spectral autoencoder to take, by recorrupted pairs."""

from dataclasses import asdict, dataclass, field

import numpy as np
import scipy.special

from hyperspy_aedenoise._engine.candidates import (
    MANY_SPECTRA,
    Candidates,
    Shared,
    Trial,
)
from hyperspy_aedenoise._engine.encoder import MOST_TRIED, N_PIECES
from hyperspy_aedenoise._engine.recipe import DECODERS, Recipe
from hyperspy_aedenoise._engine.recorrupted_pairs import (
    Pair,
    PairedDifference,
    mean_difference,
)
from hyperspy_aedenoise._filters.code_network import CodeNetwork
from hyperspy_aedenoise._linear.principal_codes import principal_codes

#: Most draws of a pair, where spectra are few.
_MOST_DRAWS = 4
#: Chance that a recipe which gains nothing is taken: that of two standard errors.
_CHANCE = 0.023
#: Looks at the evidence: at all recipes, and at the promising ones on so many more
#: draws if the first doesn't decide.
_LOOKS, _MORE = 2, 3


@dataclass(frozen=True)
class Evidence:
    """How a recipe did on a pair that it wasn't computed from.

    Parameters
    ----------
    recipe : Recipe
    difference : PairedDifference
        Its error minus that of optimal shrinkage, in units of the noise variance.
    """

    recipe: Recipe
    difference: PairedDifference

    def as_dict(self):
        """Return everything as strings and numbers."""
        return {
            **asdict(self.recipe),
            "difference_to_shrinkage": self.difference.value,
            "difference_error": self.difference.error,
        }


@dataclass(frozen=True)
class Choice:
    """What was chosen, and why.

    Parameters
    ----------
    recipe : Recipe
        That with the lowest error among those whose error is below that of optimal
        shrinkage by more than chance allows: by two standard errors in a single look,
        corrected for the number of recipes and for two looks: what is promising but
        unsure is tried on more pairs. Else optimal shrinkage.
    evidence : list of Evidence
    interrupted : bool
        Whether Ctrl-C ended it early; recipe and evidence are by what was there then.
    network : CodeNetwork or None
        The refined one, if the recipe has it.
    """

    recipe: Recipe = field(default_factory=Recipe)
    evidence: list = field(default_factory=list)
    interrupted: bool = False
    network: CodeNetwork | None = None


def choose(observation, n_codes, rng, progress):
    """Choose the recipe of the autoencoder by a pair of recorrupted spectra.

    Everything, the principal codes and the noise in them included, is computed from
    the first version of the pair and judged by the second. Of large maps some pieces
    are taken.

    Parameters
    ----------
    observation : Observation
    n_codes : int or None
        None: what rises above the noise.
    rng : numpy.random.Generator
    progress : callable
        Wraps what is tried, like `tqdm.tqdm`: draws, or recipes if one draw is enough.

    Returns
    -------
    Choice

    Notes
    -----
    The share of the network's correction is the one that leaves the least squared
    error of the codes on the pair, a regression with one coefficient. On that very
    pair a useless correction then seems to gain, but half as many standard errors of
    it as the regression finds by chance. A refined network has a share of its own, and
    knows of the pair's second version only the share of the one it began with.
    """
    if observation.n_spectra > MOST_TRIED:
        pieces = observation.layout.pieces(MOST_TRIED, N_PIECES)
        observation = observation.take(*pieces)
    linear = principal_codes(observation, n_codes)
    expected = observation.spectra.gather(linear.denoise)
    shared = Shared()

    def tried(n_draws, wanted=None):
        """Differences of all recipes, or of some, by draw; and whether Ctrl-C came."""
        draws = []
        by_draw, by_recipe = (progress, iter) if n_draws > 1 else (iter, progress)
        try:
            for _ in by_draw(range(n_draws)):
                pair = Pair.drawn(observation, expected, rng)
                trial = Trial.of(pair, n_codes, wanted, rng)
                candidates = Candidates(trial, shared)
                if not draws:  # also a part of the first is better than nothing
                    draws.append(candidates.found)
                candidates.run(by_recipe, rng)
                if candidates.found is not draws[0]:
                    draws.append(candidates.found)
                wanted = wanted or _hopeful(candidates.found)
        except KeyboardInterrupt:
            return draws, True
        return draws, False

    n_draws = int(np.clip(MANY_SPECTRA // observation.n_spectra, 1, _MOST_DRAWS))
    draws, interrupted = tried(n_draws)
    found = _by_recipe(draws)
    recipe, evidence = _best(found)
    promising = {
        one.recipe for one in evidence if one.difference.value < -one.difference.error
    }
    if recipe == Recipe() and promising and not interrupted:
        draws, interrupted = tried(_MORE, promising)
        more = _by_recipe(draws)
        found |= {recipe: found.get(recipe, []) + more[recipe] for recipe in more}
        recipe, evidence = _best(found)
    network = shared.networks[recipe.place] if recipe.refined else None
    return Choice(recipe, evidence, interrupted, network)


def _by_recipe(draws):
    """Differences of all recipes; the first draw shows all, others the hopeful."""
    found = {}
    for draw in draws:
        for recipe, difference in draw.items():
            found.setdefault(recipe, []).append(difference)
    return found


def _hopeful(found):
    """Recipes that may still be the best one, and the start.

    Of those with spectra along energy, which take longest, the best one of each encoder
    only: what they gain hardly depends on the filter.
    """
    order = sorted(found, key=lambda recipe: found[recipe].value)
    least = found[order[0]].value
    near = [one for one in order if found[one].value < least + 2 * found[one].error]
    along = {}
    for recipe in near:
        if recipe.decoder != DECODERS[0]:
            along.setdefault(recipe.place.encoder, recipe)
    principal = {recipe for recipe in near if recipe.decoder == DECODERS[0]}
    return {Recipe()} | principal | set(along.values())


def _best(found):
    """The recipe that is better than the start by most, if any; and the evidence.

    It is one of those that were tried on all draws: others were dropped as hopeless.
    """
    evidence = [Evidence(recipe, mean_difference(found[recipe])) for recipe in found]
    sure = -scipy.special.ndtri(_CHANCE / _LOOKS / max(len(evidence), 1))
    n_draws = max(map(len, found.values()), default=0)
    better = [
        one
        for one in evidence
        if one.difference.value < -sure * one.difference.error
        and len(found[one.recipe]) == n_draws
    ]
    best = min(better, key=lambda one: one.difference.value, default=None)
    return Recipe() if best is None else best.recipe, evidence

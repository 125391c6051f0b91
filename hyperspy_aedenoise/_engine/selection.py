"""Which form of the spatial-spectral autoencoder to take, by recorrupted pairs."""

from dataclasses import asdict, dataclass, field

import numpy as np
import scipy.special

from hyperspy_aedenoise._engine.candidates import (
    MANY_SPECTRA,
    RATIO,
    Pair,
    Shared,
    Trial,
    encoders_of,
    place_of,
)
from hyperspy_aedenoise._engine.pairs import PairedDifference
from hyperspy_aedenoise._engine.restoration import Form
from hyperspy_aedenoise._filters.code_network import CodeNetwork
from hyperspy_aedenoise._filters.weak import stack_of_maps
from hyperspy_aedenoise._linear.principal import principal_codes

#: Most draws of a pair, where spectra are few.
_MOST_DRAWS = 4
#: Positions on which the forms of a large map are tried, and in how many pieces of it.
_MOST_TRIED, _N_PIECES = 8192, 4
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
    it as the regression finds by chance. A refined network has a share of its own, and
    knows of the pair's second version only the share of the one it began with.
    """
    rows, used = _pieces(rows, used)
    linear = principal_codes(rows, noise, n_codes)
    expected = linear.denoise(rows)
    shared = Shared()

    def tried(n_draws, wanted=None):
        """Differences of all forms, or of some, by draw; and whether Ctrl-C came."""
        draws = []
        by_draw, by_form = (progress, iter) if n_draws > 1 else (iter, progress)
        try:
            for _ in by_draw(range(n_draws)):
                pair = Pair.drawn(rows, expected, noise, rng)
                start, encoders = encoders_of(
                    pair, used, n_codes, can_move, wanted, rng
                )
                trial = Trial(pair, start, encoders, shared, wanted)
                if not draws:  # also a part of the first is better than nothing
                    draws.append(trial.found)
                trial.run(by_form, rng)
                if trial.found is not draws[0]:
                    draws.append(trial.found)
        except KeyboardInterrupt:
            return draws, True
        return draws, False

    n_draws = int(np.clip(MANY_SPECTRA // len(rows), 1, _MOST_DRAWS))
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
    network = shared.networks[place_of(form)] if form.refined else None
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


def _mean_difference(differences):
    """Mean over draws of pairs.

    Of the variance of a single one, ``1 / (1 + 1 / ratio**2)`` is due to the noise of
    the spectra themselves, which all draws share.
    """
    n = len(differences)
    shared = 1 / (1 + 1 / RATIO**2)
    variance = np.mean([one.error**2 for one in differences])
    return PairedDifference(
        float(np.mean([one.value for one in differences])),
        float(np.sqrt(variance * (shared + (1 - shared) / n))),
    )

"""What a network learns from: pairs from noisy spectra, or from clean ones."""

import numpy as np

from hyperspy_aedenoise._engine.recorrupted_pairs import recorrupted_pair
from hyperspy_aedenoise._linear.principal_codes import clean_codes, principal_codes
from hyperspy_aedenoise._observation.observation import Observation

#: Ratio of a training pair: 0.5 to 1 train best.
RATIO = 0.7
#: Share of the spectra that judge the training and take no part in it.
HELD_OUT = 0.1
#: Most judges: more would cost time and tell nothing new.
MOST_JUDGES = 2000
#: With fewer spectra than this none can be spared to judge a training.
FEWEST_TO_TRAIN = 50
#: Pairs drawn of each held-out noisy spectrum.
HELD_OUT_DRAWS = 2
#: Noisy copies of clean spectra that judge a training on a reference.
FRESH_COPIES = 500


class NoisyMaterial:
    """Training material made of noisy spectra alone.

    Some spectra are held out of everything, the principal codes included.

    Parameters
    ----------
    spectra : ndarray of float32, shape (n_spectra, n_channels)
        In signal units.
    noise : NoiseModel
    n_codes : int or None
        Latent variables; None: what rises above the noise.
    always_train : bool
        Whether a network is trained even if none can be spared to judge it.
    rng : numpy.random.Generator
    """

    judged_on = "held-out spectra"

    def __init__(self, spectra, noise, n_codes, always_train, rng):
        self.noise = noise
        self.n_codes = n_codes
        self.rng = rng
        self.spectra = spectra
        enough = len(spectra) >= FEWEST_TO_TRAIN
        self.can_train = enough or always_train
        n_judges = min(round(HELD_OUT * len(spectra)), MOST_JUDGES) if enough else 0
        self.judges, self.students = _parted(spectra, n_judges, rng)
        self.codes = principal_codes(_unplaced(self.students, noise), n_codes)
        self.expected = self.codes.denoise(self.students)

    def put_all_to_use(self):
        """Give up holding out, and compute the codes of all spectra."""
        self.codes = principal_codes(_unplaced(self.spectra, self.noise), self.n_codes)

    def draw_pair(self, n):
        """Input and target of `n` spectra, each of shape (n, n_channels)."""
        chosen = self.rng.integers(0, len(self.students), n)
        return recorrupted_pair(
            self.students[chosen], self.expected[chosen], self.noise, RATIO, self.rng
        )

    def judging_pairs(self):
        """Input and target, shape (n_draws, n_judges, n_channels), or None."""
        if not len(self.judges):
            return None
        expected = self.codes.denoise(self.judges)
        pairs = [
            recorrupted_pair(self.judges, expected, self.noise, RATIO, self.rng)
            for _ in range(HELD_OUT_DRAWS)
        ]
        inputs, targets = zip(*pairs, strict=True)
        return np.stack(inputs), np.stack(targets)


class CleanMaterial:
    """Training material made of clean spectra: noisy copies in, clean ones out.

    Parameters
    ----------
    reference : ndarray of float32, shape (n_spectra, n_channels)
        In signal units. A tenth of them is held out where there are enough.
    noise, n_codes, rng
        As of `NoisyMaterial`.
    """

    can_train = True

    def __init__(self, reference, noise, n_codes, rng):
        self.noise = noise
        self.n_codes = n_codes
        self.rng = rng
        self.spectra = reference
        enough = len(reference) >= FEWEST_TO_TRAIN
        n_judges = round(HELD_OUT * len(reference)) if enough else 0
        self.judges, self.students = _parted(reference, n_judges, rng)
        self.judged_on = "held-out reference spectra in fresh noise"
        if not enough:
            self.judges = self.students
            self.judged_on = "the reference itself in fresh noise"
        self.codes = clean_codes(_unplaced(self.students, noise), n_codes)

    def put_all_to_use(self):
        """Give up holding out, and compute the codes of all spectra."""
        self.codes = clean_codes(_unplaced(self.spectra, self.noise), self.n_codes)

    def draw_pair(self, n):
        """Input and target of `n` spectra, each of shape (n, n_channels)."""
        clean = self.students[self.rng.integers(0, len(self.students), n)]
        return self.noise.sample(clean, self.rng), clean

    def judging_pairs(self):
        """Input and target, shape (1, n_copies, n_channels).

        The truth is known: each noisy copy is a judgement of its own.
        """
        clean = self.judges[self.rng.integers(0, len(self.judges), FRESH_COPIES)]
        return self.noise.sample(clean, self.rng)[None], clean[None]


def _unplaced(spectra, noise):
    """An observation of spectra that lie anywhere."""
    return Observation.of(spectra, np.ones(len(spectra), bool), noise)


def _parted(spectra, n_judges, rng):
    """Judges and students, drawn at random."""
    is_judge = np.zeros(len(spectra), dtype=bool)
    is_judge[rng.permutation(len(spectra))[:n_judges]] = True
    return spectra[is_judge], spectra[~is_judge]

"""What a network learns from: pairs from noisy spectra, or from clean ones."""

import numpy as np

from hyperspy_aedenoise._lowrank import clean_codes, principal_codes
from hyperspy_aedenoise._risk import recorrupted_pair

#: Ratio of a training pair: 0.5 to 1 train best.
RATIO = 0.7
#: Share of the spectra that judge the training and take no part in it.
HELD_OUT = 0.1
#: With fewer spectra than this none can be spared to judge a training.
FEWEST_TO_TRAIN = 20
#: Pairs drawn of each held-out spectrum.
HELD_OUT_DRAWS = 2


class NoisyMaterial:
    """Training material made of noisy spectra alone.

    Some spectra are held out of everything, the principal codes included.
    """

    def __init__(self, spectra, noise, n_codes, always_train, rng):
        self.noise = noise
        self.n_codes = n_codes
        self.rng = rng
        self.spectra = spectra
        judges = np.zeros(len(spectra), dtype=bool)
        enough = len(spectra) >= FEWEST_TO_TRAIN
        if enough:
            n_judges = max(round(HELD_OUT * len(spectra)), 2)
            judges[rng.permutation(len(spectra))[:n_judges]] = True
        self.can_train = enough or always_train
        self.judges = spectra[judges]
        self.students = spectra[~judges]
        self._prepare()

    def _prepare(self):
        self.codes = principal_codes(self.students, self.noise, self.n_codes)
        self.expected = self.codes.denoise(self.students).astype(np.float32)

    def put_all_to_use(self):
        """Give up holding out, and compute the codes of all spectra."""
        n_codes = len(self.codes.shrinkage)
        self.codes = principal_codes(self.spectra, self.noise, n_codes)

    def standardised(self, noise_level):
        return (self.students - self.codes.mean) / noise_level

    def draw_pair(self, n):
        chosen = self.rng.integers(0, len(self.students), n)
        return recorrupted_pair(
            self.students[chosen], self.expected[chosen], self.noise, RATIO, self.rng
        )

    def held_out(self, n_draws):
        if not len(self.judges):
            return None
        expected = self.codes.denoise(self.judges)
        pairs = [
            recorrupted_pair(self.judges, expected, self.noise, RATIO, self.rng)
            for _ in range(n_draws)
        ]
        inputs, targets = zip(*pairs, strict=True)
        return np.stack(inputs), np.stack(targets)


class CleanMaterial:
    """Training material made of clean spectra: noisy copies in, clean ones out."""

    can_train = True

    def __init__(self, reference, noise, n_codes, rng):
        self.noise = noise
        self.rng = rng
        self.reference = reference
        self.codes = clean_codes(reference, noise, n_codes)
        judges = rng.permutation(len(reference))[: max(round(HELD_OUT * 2000), 1)]
        self.judges = reference[judges]

    def put_all_to_use(self):
        """Nothing was withheld: the noise of the judged copies is fresh anyway."""

    def standardised(self, noise_level):
        return (self.reference - self.codes.mean) / noise_level

    def draw_pair(self, n):
        clean = self.reference[self.rng.integers(0, len(self.reference), n)]
        return self.noise.sample(clean, self.rng), clean

    def held_out(self, n_draws):
        clean = np.stack([self.judges] * n_draws)
        return self.noise.sample(clean, self.rng), clean

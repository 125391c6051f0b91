"""The error of a fit, rehearsed on spectra that are known."""

from dataclasses import dataclass

import numpy as np

from hyperspy_aedenoise._engine.restoration import Decoder, restore
from hyperspy_aedenoise._engine.spatial_spectral import SpatialSpectral
from hyperspy_aedenoise._observation.layout import Layout
from hyperspy_aedenoise._observation.observation import Observation
from hyperspy_aedenoise._observation.redrawn_noise import Redrawn
from hyperspy_aedenoise._observation.spectra_by_blocks import Computed


@dataclass(frozen=True)
class RehearsedError:
    """What one rehearsal got wrong: of spectra by their number in the bank.

    Kept as codes, which take a fraction of the room of the spectra.

    Parameters
    ----------
    fitted : SpatialSpectral
        Its restored spectra are what was rehearsed on.
    decoder : Decoder
    codes : ndarray of float32, shape (n_spectra, n_codes)
        What the rehearsal made of them.
    """

    fitted: SpatialSpectral
    decoder: Decoder
    codes: np.ndarray

    def __call__(self, numbers):
        """Restored in the rehearsal less true there, float32, (n, n_channels)."""
        again = self.decoder(self.codes[numbers])
        known = self.fitted.decode(self.fitted.bank.filtered[numbers])
        return (again - known).astype(np.float32)


class Rehearsal:
    """The whole fit, repeated where the truth is known.

    What was restored is taken for the truth, gets fresh noise of the model, and is
    restored again by the same recipe: a parametric bootstrap (B. Efron and R. J.
    Tibshirani, An Introduction to the Bootstrap, 1993, section 6.5). What comes out
    less the truth of the rehearsal is one realisation of the error, with what the
    method always gets wrong in it, and with all correlations over place and energy.

    Parameters
    ----------
    fitted : SpatialSpectral
        Of all of a map, not of a part of it.
    noise : NoiseModel
    n_codes : int or None
        Latent variables that were asked for.

    Notes
    -----
    Neither is the recipe chosen again, nor a network refined again, and weak features
    keep their directions. What a single spectrum has is looked for again; if it hardly
    is a component, it may be taken out in some of the rehearsals alone. *Don't believe
    it* of features that were lost in the noise: what was restored doesn't have them,
    and no rehearsal can lose them again.
    """

    def __init__(self, fitted, noise, n_codes):
        self.fitted, self.noise, self.n_codes = fitted, noise, n_codes
        self._limits = None  # of rare peaks: drawn noise gives the same each time

    def error(self, rng):
        """One realisation of the error, as `RehearsedError`."""
        fitted = self.fitted
        restored = Computed(
            fitted.decode, fitted.bank.filtered, n_channels=len(fitted.mean)
        )
        noisy = Redrawn(restored, self.noise, int(rng.integers(2**32))).held()
        layout = Layout.of(fitted.bank.used)
        found = self.restoration(Observation(noisy, layout, self.noise), rng)
        return RehearsedError(fitted, found.decoder, found.codes.astype(np.float32))

    def restoration(self, observation, rng):
        """What the same recipe makes of other spectra, as `Restoration`."""
        fitted = self.fitted
        weak = fitted.weak_vectors(observation.colour) if fitted.weak else None
        found = restore(
            observation,
            self.n_codes,
            fitted.recipe,
            rng,
            fitted.network,
            weak=weak,
            limits=self._limits,
        )
        self._limits = found.rare and found.rare.limits
        return found

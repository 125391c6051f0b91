"""How far restored spectra scatter with the noise in the measured ones."""

import numpy as np

from hyperspy_aedenoise._engine.fingerprints import fingerprints
from hyperspy_aedenoise._engine.restoration import restore
from hyperspy_aedenoise._observation.layout import Layout
from hyperspy_aedenoise._observation.observation import Observation
from hyperspy_aedenoise._observation.redrawn_noise import Redrawn
from hyperspy_aedenoise._observation.spectra_by_blocks import Computed, slices

#: Noisy copies that measure how noise passes.
_N_DRAWS = 16
#: Spectra that are treated at a time, in all draws.
_AT_ONCE = 512


class Refits:
    """What comes out if the noise of the known spectra is drawn anew.

    The whole fit is repeated on the restored spectra in fresh noise (a parametric
    bootstrap). Neither is the recipe chosen again nor a network trained or refined.

    Parameters
    ----------
    fitted : SpatialSpectral
    noise : NoiseModel
    n_codes : int or None
        Latent variables that were asked for.
    progress : callable
        Wraps the repetitions, like `tqdm.tqdm`.
    """

    def __init__(self, fitted, noise, n_codes, progress):
        layout = Layout.of(fitted.bank.used)
        restored = Computed(
            fitted.decode, fitted.bank.filtered, n_channels=len(fitted.mean)
        )
        self.draws = []
        # each has its own generator: how many numbers one takes hangs on rounding
        for rng in progress(np.random.default_rng(0).spawn(_N_DRAWS)):
            noisy = Redrawn(restored, noise, int(rng.integers(2**32))).held()
            observation = Observation(noisy, layout, noise)
            weak = fitted.weak_vectors(observation.colour) if fitted.weak else None
            found = restore(
                observation, n_codes, fitted.recipe, rng, fitted.network, weak=weak
            )
            self.draws.append((found.decoder, found.codes.astype(np.float32)))

    def spread(self, numbers):
        """Standard deviation over the draws of some spectra, (n, n_channels)."""
        drawn = [decoder(codes[numbers]) for decoder, codes in self.draws]
        return np.std(drawn, axis=0, ddof=1, dtype=np.float32)


def scatter(denoiser, spectra, refits):
    """Standard deviation of restored spectra due to the noise in them.

    Parameters
    ----------
    denoiser : AutoencoderDenoiser
    spectra : ndarray, shape (..., n_channels)
    refits : Refits or None
        For the spectra that a spatial-spectral autoencoder was fitted to.

    Returns
    -------
    ndarray of float32, shape (..., n_channels)
    """
    rows = spectra.reshape(-1, spectra.shape[-1])
    place = np.full(len(rows), -1)
    if refits is not None:
        place = denoiser.fitted_.bank.find(rows, spectra.shape[:-1])
    spread = np.empty(rows.shape, dtype=np.float32)
    new = place == -1
    spread[new] = _passed_noise(denoiser, rows[new])
    known = np.flatnonzero(~new)
    for start in range(0, len(known), _AT_ONCE):
        part = known[start : start + _AT_ONCE]
        # of several identical spectra the first stands for all
        first = np.where(place[part] < -1, -2 - place[part], place[part])
        spread[part] = refits.spread(first)
    return spread.reshape(spectra.shape)


def _passed_noise(denoiser, rows):
    """Standard deviation of restored rows under fresh noise, one by one."""
    rows = np.ascontiguousarray(rows, dtype=np.float32)
    spread = np.empty_like(rows)
    for part in slices(*rows.shape):
        restored = denoiser.denoise(rows[part])
        expected = np.nan_to_num(restored)
        changes = [
            denoiser.denoise(rows[part] + noise) - restored
            for noise in _fresh_noise(denoiser.noise_, rows[part], expected)
        ]
        spread[part] = np.std(changes, axis=0, ddof=1)
    return spread


def _fresh_noise(noise, rows, expected):
    """Draws of the noise of rows, shape (n_draws, *rows.shape).

    The same spectrum gets the same draws, in whatever block it comes.
    """
    draws = np.empty((_N_DRAWS, *rows.shape), dtype=np.float32)
    for number, mark in enumerate(fingerprints(rows)):
        rng = np.random.default_rng(int(mark))
        often = np.broadcast_to(expected[number], (_N_DRAWS, rows.shape[1]))
        draws[:, number] = noise.fluctuation(often, rng)
    return draws

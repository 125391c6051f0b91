"""How far restored spectra scatter with the noise in the measured ones."""

import zlib

import numpy as np

from hyperspy_aedenoise._engine.restoration import restore
from hyperspy_aedenoise._observation.blocks import Computed, slices
from hyperspy_aedenoise._observation.layout import Layout
from hyperspy_aedenoise._observation.observation import Observation
from hyperspy_aedenoise._observation.redrawn import Redrawn

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
            found = restore(observation, n_codes, fitted.recipe, rng, fitted.network)
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
    # the same spectra get the same answer, others an independent one
    rng = np.random.default_rng(zlib.crc32(rows.tobytes()))
    spread = np.empty_like(rows)
    for part in slices(*rows.shape):
        restored = denoiser.denoise(rows[part])
        expected = np.nan_to_num(restored)
        changes = [
            denoiser.denoise(rows[part] + denoiser.noise_.fluctuation(expected, rng))
            - restored
            for _ in range(_N_DRAWS)
        ]
        spread[part] = np.std(changes, axis=0, ddof=1)
    return spread

"""How large the error of denoised spectra is, by several realisations of it."""

import numpy as np

from hyperspy_aedenoise._denoiser.errors_of_draws import first_of
from hyperspy_aedenoise._observation.layout import Layout
from hyperspy_aedenoise._observation.spectra_by_blocks import slices

#: Realisations of the error that tell its size.
N_DRAWS = 16
#: Positions (in each direction) and channels over which a mean square is averaged.
_POSITIONS, _CHANNELS = 3, 9
#: Share of what is usual in the channel that goes into each mean square.
_USUAL = 0.1
#: Spectra that tell what is usual.
_SAMPLE = 1024
#: Spectra that are treated at a time: copies of a block in all draws are small.
_AT_ONCE = 1024


class Uncertainty:
    """Standard deviation of the error of whatever spectra a denoiser restores.

    Parameters
    ----------
    denoiser : AutoencoderDenoiser
    errors : list of DrawnError

    Notes
    -----
    The root of the mean square over the realisations, so that what the method always
    gets wrong counts, too. A mean square of 16 is good to 35 % by itself, and where an
    edge or a site ends in the restored spectra, it ends elsewhere in the true ones:
    mean squares are averaged over 3 x 3 positions and 9 channels around (those of rare
    peaks over channels alone, as the error of such a peak is its own), and drawn by a
    tenth towards the mean of their channel, in proportion to the noise of their
    spectrum (shrinkage of variances; G. K. Smyth, Stat. Appl. Genet. Mol. Biol. 3
    (2004) 3, https://doi.org/10.2202/1544-6115.1027, equation 2.3). The mean over all
    of a map stays what it is. Measured against the truth by `benchmarks/error_bars.py`.
    """

    def __init__(self, denoiser, errors):
        self._errors, self._least = errors, np.float32(0)
        if errors[0].rehearsed is None:
            return
        bank = denoiser.fitted_.bank
        if not denoiser.fitted_.is_part:
            # where nothing was counted nothing is drawn, but there may have been one
            self._least = np.float32(denoiser.noise_.gain / len(bank.level))
        self._around = _Around(Layout.of(bank.used), _has_rare_peak(denoiser.fitted_))
        self._level = bank.level / bank.level.mean()
        chosen = np.random.default_rng(0).permutation(len(bank.level))[:_SAMPLE]
        total = 0.0
        for some in slices(len(chosen), len(denoiser.fitted_.mean)):
            total = total + self._mean_square(np.sort(chosen)[some]).sum(axis=0)
        self._usual = _along_energy(total / self._level[chosen].sum())

    def of(self, denoiser, spectra):
        """Standard deviation of the error, float32.

        Parameters
        ----------
        denoiser : AutoencoderDenoiser
        spectra : ndarray, shape (..., n_channels)
            Noisy ones.

        Returns
        -------
        ndarray of float32, shape (..., n_channels)
        """
        rows = spectra.reshape(-1, spectra.shape[-1])
        place = np.full(len(rows), -1)
        if self._errors[0].rehearsed is not None:
            place = denoiser.fitted_.bank.find(rows, spectra.shape[:-1])
        spread = np.empty(rows.shape, dtype=np.float32)
        new = place == -1
        for some in _some(np.flatnonzero(new)):
            passed = (error.of(denoiser, rows[some]) for error in self._errors)
            spread[some] = np.sqrt(_along_energy(self._mean_of_squares(passed)))
        for some in _some(np.flatnonzero(~new)):
            spread[some] = np.sqrt(self._of_known(first_of(place[some])))
        return np.maximum(spread, self._least).reshape(spectra.shape)

    def _of_known(self, numbers):
        """Variances of spectra by their numbers in the bank."""
        around = self._around(numbers)
        needed, where = np.unique(around, return_inverse=True)
        square = self._mean_square(needed)
        where = where.reshape(around.shape)
        near = sum(square[one] for one in where.T) / where.shape[1]
        usual = self._usual * self._level[numbers, None]
        return (1 - _USUAL) * _along_energy(near) + _USUAL * usual

    def _mean_square(self, numbers):
        return self._mean_of_squares(error.rehearsed(numbers) for error in self._errors)

    def _mean_of_squares(self, errors):
        return sum(np.square(error, dtype=float) for error in errors) / len(
            self._errors
        )


class _Around:
    """Numbers of the spectra around spectra, those themselves included.

    Parameters
    ----------
    layout : Layout
    alone : ndarray of bool, shape (n_spectra,)
        Spectra whose errors are their own: they have only themselves around, and
        aren't around others.
    """

    def __init__(self, layout, alone):
        reach = _POSITIONS // 2
        number = layout.to_map(np.arange(layout.n_spectra))
        self._number = np.pad(number, ((0, 0), *2 * ((reach, reach),)), mode="edge")
        self._at = np.argwhere(layout.used)
        self._alone = alone
        self._down, self._across = np.indices((_POSITIONS, _POSITIONS)).reshape(2, -1)

    def __call__(self, numbers):
        """Numbers around `numbers`, shape (n, n_around)."""
        which, y, x = self._at[numbers].T[..., None]
        around = self._number[which, y + self._down, x + self._across]
        own = self._alone[numbers, None] | self._alone[around]
        return np.where(own, numbers[:, None], around)


def _has_rare_peak(fitted):
    """Which spectra have a peak that few have, bool, shape (n_spectra,)."""
    amplitudes = fitted.bank.filtered[:, fitted.n_latent - fitted.n_rare :]
    return (amplitudes != 0).any(axis=1)


def _along_energy(variance):
    import scipy.ndimage

    mean = scipy.ndimage.uniform_filter1d(variance, _CHANNELS, axis=-1, mode="nearest")
    return np.maximum(mean, 0)  # a running sum leaves less than nothing of zeros


def _some(numbers):
    """Numbers, a few at a time."""
    starts = range(0, len(numbers), _AT_ONCE)
    return [numbers[start : start + _AT_ONCE] for start in starts]

"""The ways to denoise one signal, run side by side and judged without truth."""

import warnings

import numpy as np

from hyperspy_aedenoise._denoiser.denoiser import AutoencoderDenoiser
from hyperspy_aedenoise._engine.pairs import (
    PairedDifference,
    paired_difference,
    recorrupted_pair,
)
from hyperspy_aedenoise._linear.principal import principal_codes
from hyperspy_aedenoise._signals.hyperspy_private import (
    navigation_axes,
    significant_components,
)

#: Ratio of the pair that judges: with more noise on the first, what is judged would
#: no longer be what is used; with less, the second says too little.
RATIO = 0.3
#: Most components tried where the truth tells the best number.
_MOST_COMPONENTS = 30


class Routes:
    """The routes of one signal, run on its spectra or on spectra like them.

    Parameters
    ----------
    signal : EELSSpectrum
        For its navigation axes only.
    counts : ndarray of float64, shape (..., n_channels)
        Its spectra, on the channels that the denoiser uses.
    used : ndarray of bool, shape (...)
        Spectra that take part.
    denoiser : AutoencoderDenoiser
        Trained on these spectra, or on a reference.
    components : int or None
        Of the PCA route; None: HyperSpy's elbow.
    progress : callable
        Wraps the iterations of the training that judging takes.
    """

    def __init__(self, signal, counts, used, denoiser, components, progress):
        self.signal = signal
        self.counts = counts
        self.used = used
        self.denoiser = denoiser
        self.noise = denoiser.noise_
        self.requested = components
        self.progress = progress
        rows = counts[used]
        # HyperSpy's remedy for counting noise can't take negative values, nor
        # spectra or channels without any counts.
        self.poissonian = bool(
            self.noise.gain * rows.mean() > self.noise.offset
            and rows.min() >= 0
            and (rows.sum(axis=0) > 0).all()
            and (rows.sum(axis=1) > 0).all()
        )
        self.decomposed = self._decompose(counts)
        self.components = {"pca": self._number(self.decomposed)}
        rank = int((principal_codes(rows, self.noise).shrinkage > 0).sum())
        self.components["pca_shrinkage"] = self.components["nonlocal"] = rank
        record = denoiser.record()
        self.components["autoencoder"] = record["output_dimension"]
        # then the route without a network is the autoencoder itself
        self.is_nonlocal = (
            record["architecture"] == "spatial-spectral"
            and record["requested_dimension"] is None
        )
        if self.is_nonlocal:
            self.components["nonlocal"] = record["output_dimension"]

    def run(self):
        """Every route on the spectra themselves, by name; NaN for those left out."""
        shrunk = self._shrunk(self.counts, self.noise)
        autoencoder = np.asarray(self.denoiser.denoise(self.counts), float)
        shrunk, autoencoder = (
            np.where(self.used[..., None], values, np.nan)
            for values in (shrunk, autoencoder)
        )
        return {
            "raw": self.counts,
            "pca": self._pca(self.decomposed, self.components["pca"]),
            "pca_shrinkage": shrunk,
            "autoencoder": autoencoder,
            "nonlocal": self._nonlocal(self.counts, self.noise, autoencoder),
        }

    def best_pca(self, truth):
        """PCA with the number of components that is closest to the truth."""
        most = min(_MOST_COMPONENTS, *self.counts[self.used].shape)
        errors = [
            np.square(self._pca(self.decomposed, k) - truth)[self.used].mean()
            for k in range(1, most + 1)
        ]
        best = int(np.argmin(errors)) + 1
        self.components["pca_oracle"] = best
        return self._pca(self.decomposed, best)

    def estimate(self):
        """Errors of the routes without truth.

        Returns
        -------
        mse : dict of str to float
            Estimated mean squared error by route.
        difference : dict of tuple of str to PairedDifference
            By how much the first route's error is above the second's.

        Notes
        -----
        PCA's error is that on a rehearsal: the shrunk spectra in fresh noise of the
        model. What was lost in the noise of the measurement is missing there, too, so
        that the estimate is a little low. Everything is judged with ``1 + RATIO**2``
        times the noise variance and scaled back.
        """
        rng = np.random.default_rng(0)  # the same question gets the same answer
        use = self.used
        expected = self._shrunk(self.counts, self.noise)
        noisier = self.noise.scaled(1 + RATIO**2)
        rehearsed = self._decompose(noisier.sample(expected, rng))
        error = np.square(self._pca(rehearsed, self._number(rehearsed)) - expected)
        pca_mse = error[use].mean() / (1 + RATIO**2)

        first, second = recorrupted_pair(self.counts, expected, self.noise, RATIO, rng)
        decomposed = self._decompose(first)
        restored = {
            "pca": self._pca(decomposed, self._number(decomposed)),
            "pca_shrinkage": self._shrunk(first, noisier),
        }
        restored["autoencoder"] = self._autoencoder_on(first, noisier)
        restored["nonlocal"] = self._nonlocal(first, noisier, restored["autoencoder"])
        if "pca_oracle" in self.components:
            best = self.components["pca_oracle"]
            restored["pca_oracle"] = self._pca(decomposed, best)

        def compare(one, other):
            found = paired_difference(
                restored[one][use],
                restored[other][use],
                second[use],
                expected[use],
                self.noise,
                RATIO,
            )
            scale = 1 + RATIO**2
            return PairedDifference(found.value / scale, found.error / scale)

        difference = {(route, "pca"): compare(route, "pca") for route in restored}
        for rivals in (
            ("autoencoder", "pca_shrinkage"),
            ("nonlocal", "pca_shrinkage"),
            ("nonlocal", "autoencoder"),
        ):
            difference[rivals] = compare(*rivals)
        # The error of the raw data is their noise: no pair has to tell it. What is
        # uncertain is PCA's.
        raw_mse = float(self.noise.variance(expected[use]).mean())
        by_spectrum = error[use].mean(axis=-1)
        doubt = by_spectrum.std() / np.sqrt(by_spectrum.size)
        difference["raw", "pca"] = PairedDifference(raw_mse - pca_mse, float(doubt))
        mse = {
            route: float(pca_mse + difference[route, "pca"].value)
            for route in ("raw", *restored)
        }
        return mse, difference

    def _decompose(self, counts):
        """HyperSpy's own decomposition, on a copy of the signal with these spectra."""
        from hyperspy.signals import Signal1D

        axes = navigation_axes(self.signal)
        energy = {"size": counts.shape[-1], "navigate": False}
        filled = np.where(self.used[..., None], counts, 0.0)
        if self.poissonian:
            # Near zero counts the judging noise goes below zero here and there.
            filled = np.maximum(filled, 0.0)
        copy = Signal1D(filled, axes=[*axes, energy])
        # masks have HyperSpy's order of axes
        mask = None if self.used.all() else ~self.used.T
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of numerical nature, on dead channels
            copy.decomposition(
                normalize_poissonian_noise=self.poissonian,
                navigation_mask=mask,
                print_info=False,
            )
        return copy

    def _number(self, decomposed):
        """Components to keep: as asked for, or where HyperSpy sees the elbow."""
        if self.requested is not None:
            return self.requested
        return max(significant_components(decomposed) or 1, 1)

    def _pca(self, decomposed, components):
        return decomposed.get_decomposition_model(components).data

    def _shrunk(self, counts, noise):
        """Optimally shrunk spectra; 0 where a spectrum takes no part."""
        values = np.zeros_like(counts)
        rows = counts[self.used]
        values[self.used] = principal_codes(rows, noise).denoise(rows)
        return values

    def _nonlocal(self, counts, noise, autoencoder):
        """With the help of alike positions; NaN where a spectrum takes no part."""
        if not self.is_nonlocal:
            twin = AutoencoderDenoiser("spatial-spectral", noise=noise, random_state=0)
            autoencoder = twin.fit(counts, left_out=~self.used).denoise(counts)
        return np.where(self.used[..., None], autoencoder, np.nan)

    def _autoencoder_on(self, counts, noise):
        """The autoencoder as it would have come out of these spectra."""
        steps = len(self.denoiser.history_["iteration"])
        architecture = self.denoiser.untrained_architecture()
        if self.denoiser.learned_from_ == "reference":
            return np.asarray(self.denoiser.denoise(counts), float)
        if steps == 0 and architecture == "spectral":  # it stayed linear
            values = counts.copy()
            rows = counts[self.used]
            n_codes = self.denoiser.record()["requested_dimension"]
            values[self.used] = principal_codes(rows, noise, n_codes).denoise(rows)
            return values
        twin = AutoencoderDenoiser(
            architecture=architecture,
            output_dimension=self.denoiser.record()["requested_dimension"],
            noise=noise,
            iterations=max(steps, 1),
            random_state=0,
        )
        twin.fit(counts, left_out=~self.used, progress=self.progress)
        if twin.history_["interrupted"]:
            raise KeyboardInterrupt  # half a comparison would mislead
        return np.asarray(twin.denoise(counts), float)

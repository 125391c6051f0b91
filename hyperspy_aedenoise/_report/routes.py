"""The ways to denoise one observation, run side by side and judged without truth."""

import numpy as np

from hyperspy_aedenoise._denoiser.denoiser import AutoencoderDenoiser
from hyperspy_aedenoise._denoiser.misfit import misfit
from hyperspy_aedenoise._engine.recorrupted_pairs import (
    RATIO,
    Pair,
    PairedDifference,
    mean_difference,
)
from hyperspy_aedenoise._linear.hyperspy_pca import MOST_COMPONENTS, PCA
from hyperspy_aedenoise._linear.principal_codes import principal_codes
from hyperspy_aedenoise._observation.despiked import SpikesApart, despiked, spikes_in
from hyperspy_aedenoise._observation.spectra_by_blocks import InMemory, same, slices
from hyperspy_aedenoise._report.estimate import (
    Estimate,
    n_pairs,
    rivals_among,
    with_untold,
)

#: Positions of a large map on which the routes are judged, and in how many pieces.
MOST_JUDGED, _N_PIECES = 16384, 4
#: Rehearsals of all routes.
_REHEARSALS = 3


class Routes:
    """The routes of one observation.

    Parameters
    ----------
    observation : Observation
        The spectra, on the channels that the denoiser uses.
    denoiser : AutoencoderDenoiser
        Trained on these spectra, or on a reference.
    components : int or None
        Of the PCA route; None: HyperSpy's elbow.
    progress : callable
        Wraps the iterations of the training that judging takes.
    """

    def __init__(self, observation, denoiser, components, progress):
        self.observation = observation
        self.denoiser = denoiser
        self.requested = components
        self.progress = progress
        self.poissonian = _is_counts(observation)
        self.pca = PCA.of(observation.spectra, self.poissonian, self._most)
        self.shrunk = principal_codes(observation)
        number, rank = self._number(self.pca), int((self.shrunk.shrinkage > 0).sum())
        record = denoiser.record()
        self.components = {
            "raw": None,
            "pca": number,
            "pca_shrinkage": rank,
            "autoencoder": record["output_dimension"],
        }
        # then the route without a network is the autoencoder itself
        self.is_nonlocal = (
            record["architecture"] == "spatial-spectral"
            and record["requested_dimension"] is None
        )
        if not self.is_nonlocal:
            self.components["nonlocal"] = rank

    @property
    def _most(self):
        return max(MOST_COMPONENTS, self.requested or 0)

    def linear(self):
        """Those that take spectra one by one, as functions of rows, by name."""
        return {
            "pca": self.pca.model(self.components["pca"]),
            "pca_shrinkage": self.shrunk.denoise,
        }

    def best_pca(self, truth):
        """PCA with the number of components that is closest to the truth.

        Parameters
        ----------
        truth : Spectra
            Clean ones.

        Returns
        -------
        callable
            A function of rows.
        """
        power = np.zeros(len(self.pca.variances))
        for where, rows in self.observation.spectra.each(same):
            clean = truth.take(where)
            for number in range(len(power)):
                error = self.pca.model(number + 1)(rows) - clean
                power[number] += np.square(error, dtype=float).sum()
        best = int(np.argmin(power)) + 1
        self.components["pca_oracle"] = best
        return self.pca.model(best)

    def nonlocal_denoiser(self):
        """The route without a network; None where it is the autoencoder itself."""
        if self.is_nonlocal:
            return None
        return self._twin("spatial-spectral", None, self.observation)

    def estimate(self):
        """Judge the routes without truth.

        Returns
        -------
        Estimate

        Notes
        -----
        Differences are told by pairs of recorrupted spectra, with ``1 + RATIO**2``
        times the noise variance, and scaled back: no route knows the version by which
        it is judged. Of few values several pairs are drawn: most of what is uncertain
        is the noise that a pair adds. Errors themselves are far smaller than what a
        pair can tell. They are those of rehearsals: what the autoencoder made of the
        spectra, in fresh noise, restored by every route. The standard error has the
        scatter of these, and what they don't know: features that were lost before
        aren't lost again. A network has learned what to expect, and repeats it: its
        error is PCA's, by a rehearsal on shrunk spectra, with the difference.

        Each route gets the spectra as they are; spectra with spikes aren't judged, as
        what is right there isn't known.
        """
        rng = np.random.default_rng(0)  # the same question gets the same answer
        judged = self.observation
        if judged.n_spectra > MOST_JUDGED:
            judged = judged.take(*judged.layout.pieces(MOST_JUDGED, _N_PIECES))
        spikes = SpikesApart.of(judged)
        (pca_mse, doubt), difference, taken = self._paired(judged, spikes, rng)
        paired = {
            route: float(pca_mse + difference[route, "pca"].value)
            for route in self.components
            if (route, "pca") in difference
        }
        error = {
            route: float(np.hypot(doubt, difference[route, "pca"].error))
            for route in paired
        }
        mse = dict(paired)
        if self.denoiser.is_spatial or judged.is_counted:
            for route, errors in self._rehearsals(judged, spikes).items():
                mse[route], error[route] = with_untold(route, errors)
        n_kept = len(spikes.kept)
        return Estimate(
            mse=mse,
            difference=difference,
            n_judged=n_kept,
            error=error,
            paired=paired,
            n_spiky=judged.n_spectra - n_kept,
            taken=taken,
            is_proven=self._is_proven(),
        )

    def _paired(self, judged, spikes, rng):
        """What pairs tell of the routes.

        Returns
        -------
        pca : tuple of float
            Mean squared error of PCA, and its standard error.
        difference : dict of PairedDifference
            By pairs of routes.
        taken : float
            Variance of the autoencoder's residual, in units of that of the noise.
        """
        calm, kept = spikes.calm, spikes.kept
        expected = spikes.added_to(calm.spectra.gather(principal_codes(calm).denoise))
        power = float(judged.noise.variance(expected[kept]).mean(dtype=float))
        scale = 1 + RATIO**2
        noise = judged.noise.scaled(scale)
        pca_mse, doubt = self._rehearsal(expected, kept, noise, rng)
        differences, taken = {}, []
        for _ in range(n_pairs(judged, self.denoiser)):
            pair = Pair.drawn(judged, expected, rng)
            restored = self._restored(pair.first)
            for rivals in rivals_among(restored):
                apart = pair.difference(*(restored[one] for one in rivals), kept)
                differences.setdefault(rivals, []).append(apart / scale)
            both = (
                pair.first.spectra.take(kept),
                restored["autoencoder"].take(kept),
            )
            taken.append(misfit(noise, *both, power * scale))
        difference = {one: mean_difference(all_) for one, all_ in differences.items()}
        # The error of the raw data is their noise: no pair has to tell it. What is
        # uncertain is PCA's.
        difference["raw", "pca"] = PairedDifference(power - pca_mse, doubt)
        return (pca_mse, doubt), difference, float(np.mean(taken))

    def _is_proven(self):
        """Whether the fit was compared with this very shrinkage, by its own pairs."""
        denoiser = self.denoiser
        is_own = denoiser.is_spatial and denoiser.learned_from_ == "this signal"
        return is_own and denoiser.record()["requested_dimension"] is None

    def _rehearsal(self, expected, kept, noise, rng):
        """Error of PCA on known spectra in fresh noise, scaled back, and its error."""
        noisy = InMemory(_in_noise(expected, noise, rng))
        pca = PCA.of(noisy, self.poissonian, self._most)
        model = pca.model(self._number(pca))
        error = noisy.gather(_SquaredError(model), expected)[kept]
        error = error / (1 + RATIO**2)
        return float(error.mean()), float(error.std() / np.sqrt(error.size))

    def _rehearsals(self, judged, spikes):
        """Errors on denoised spectra in fresh noise, a list by route.

        With the spikes that there are: PCA mixes them into other spectra.
        """
        clean = self.denoiser.denoise(judged.spectra.all())
        clean = clean.reshape(-1, judged.n_channels)
        if judged.is_counted:
            clean = np.maximum(clean, 0)
        rehearsal = self.denoiser.rehearsal() if self.denoiser.is_spatial else None
        error, found = _SquaredError(same), {}
        # how many numbers a restoration takes hangs on rounding: noise has its own
        for rng in np.random.default_rng(1).spawn(_REHEARSALS):
            noisy = _in_noise(clean, judged.noise, rng.spawn(1)[0])
            calm, fresh = (
                judged.with_spectra(InMemory(rows))
                for rows in (noisy, spikes.added_to(noisy))
            )
            restored = {"raw": fresh.spectra, **self._by_components(fresh)}
            if rehearsal:
                restored["autoencoder"] = rehearsal.restoration(calm, rng).restored
            else:
                restored["autoencoder"] = self._autoencoder_on(fresh)
            for route, spectra in restored.items():
                mse = float(spectra.gather(error, clean)[spikes.kept].mean())
                found.setdefault(route, []).append(mse)
        return found

    def _by_components(self, observation):
        """Spectra of the routes by principal components."""
        spectra = observation.spectra
        pca = PCA.of(spectra, self.poissonian, self._most)
        restored = {
            "pca": spectra.changed(pca.model(self._number(pca))),
            "pca_shrinkage": spectra.changed(principal_codes(observation).denoise),
        }
        if "pca_oracle" in self.components:
            best = self.components["pca_oracle"]
            restored["pca_oracle"] = spectra.changed(pca.model(best))
        return restored

    def _restored(self, first):
        """Spectra of all routes from the first version of a pair."""
        restored = self._by_components(first)
        restored["autoencoder"] = self._autoencoder_on(first)
        if not self.is_nonlocal:
            twin = self._twin("spatial-spectral", None, first)
            restored["nonlocal"] = _denoised(twin, first)
        return restored

    def _number(self, pca):
        """Components to keep: as asked for, or where HyperSpy sees the elbow."""
        return pca.elbow if self.requested is None else self.requested

    def _autoencoder_on(self, first):
        """The autoencoder as it would have come out of these spectra."""
        architecture = self.denoiser.untrained_architecture()
        requested = self.denoiser.record()["requested_dimension"]
        steps = len(self.denoiser.history_["iteration"])
        if self.denoiser.learned_from_ == "reference":
            return _denoised(self.denoiser, first)
        if steps == 0 and isinstance(architecture, str) and architecture == "spectral":
            # it stayed linear
            calm = despiked(first, spikes_in(first))
            linear = principal_codes(calm, requested)
            return first.spectra.changed(linear.denoise)
        twin = self._twin(architecture, requested, first, max(steps, 1))
        return _denoised(twin, first)

    def _twin(self, architecture, requested, observation, iterations=1):
        """Another denoiser, trained on an observation."""
        twin = AutoencoderDenoiser(
            architecture=architecture,
            output_dimension=requested,
            noise=observation.noise,
            iterations=iterations,
            random_state=0,
        )
        twin.fit_to(observation, self.progress)
        if twin.history_["interrupted"]:
            raise KeyboardInterrupt  # half a comparison would mislead
        return twin


def _denoised(denoiser, observation):
    """Spectra of an observation in memory, denoised."""
    return InMemory(denoiser.denoise(observation.spectra.all()))


def _in_noise(clean, noise, rng):
    """Rows with a draw of noise, in parts: to draw takes ten times their room."""
    noisy = np.empty_like(clean)
    for part in slices(*clean.shape):
        noisy[part] = noise.sample(clean[part], rng)
    return noisy


class _SquaredError:
    """Mean squared error of what a function makes of spectra, shape (n,)."""

    def __init__(self, function):
        self.function = function

    def __call__(self, rows, clean):
        return np.square(self.function(rows) - clean, dtype=float).mean(axis=1)


def _is_counts(observation):
    """Whether HyperSpy's remedy for counting noise can be used, and is needed.

    It can't take negative values, nor spectra or channels without any counts.
    """
    noise, spectra = observation.noise, observation.spectra
    at_zero = noise.offset - noise.gain * noise.pedestal
    if not noise.gain * observation.plain_mean.mean() > abs(at_zero):
        return False
    if not (observation.plain_mean > 0).all():
        return False
    least, sums = spectra.gather(_least_and_sum).T
    return bool(least.min() >= 0 and (sums > 0).all())


def _least_and_sum(rows):
    return np.stack([rows.min(axis=1), rows.sum(axis=1)], axis=1)

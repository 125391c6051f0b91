"""Which route to take, and why; or why there is no telling."""

import numpy as np
import scipy.special

from hyperspy_aedenoise._report.words import in_digits, with_error

#: Range of the variance of the residual, over the noise's, where errors mean something.
_NOISE_LIKE = (0.5, 1.5)
#: Fewest spectra of which that is asked: a mean and components take part of few.
_FEWEST = 30
#: Chance that a route which gains nothing is recommended: that of two standard errors.
_CHANCE = 0.023
#: Standard errors by which an estimated error may be below zero.
_BELOW = 3
_HELP = (
    "`s.estimate_noise().plot()` shows where it doesn't hold; crop (`s.isig`), mask, "
    "or remove spikes, and fit again."
)


def recommend(table, estimate, observation, measured):
    """The route to take, and why.

    Parameters
    ----------
    table : list of dict
        As of `DenoisingComparison`; with errors against the truth these decide.
    estimate : Estimate
    observation : Observation
        All spectra; that part of them was judged is said.
    measured : MeasuredNoise
        Where the data don't follow it, and patterns.

    Returns
    -------
    route : str or None
        None where the errors rest on a noise model that doesn't hold.
    reason : str
    """
    if table[0]["mse"] is not None:
        return _recommend_by_truth(table)
    why_not = [*measured.misfits, *_contradictions(estimate)]
    if why_not:
        return None, (
            "No route is recommended, as the estimated errors can't be believed: "
            + " Also, ".join(why_not)
        )
    route, reason = _recommend(estimate)
    if estimate.n_judged < observation.n_spectra:
        reason += f" Judged on {estimate.n_judged} of {observation.n_spectra} spectra"
        if estimate.n_spiky:
            reason += f", without the {estimate.n_spiky} that have spikes"
        reason += "."
    mean = float(observation.plain_mean.mean()) - measured.pedestal
    pattern = np.hypot(measured.fixed_pattern * mean, measured.dark_pattern)
    if pattern**2 > max(estimate.mse[route], 0):
        reason += (
            f" A pattern common to all spectra, {in_digits(pattern)} signal units from "
            "channel to channel, is larger than these errors, and in none of them: it "
            "stays in all routes alike."
        )
    return route, reason


def _contradictions(estimate):
    """What can't be, were the noise as it is assumed to be, in words."""
    least, most = _NOISE_LIKE
    if estimate.n_judged >= _FEWEST and not least < estimate.taken < most:
        yield (
            f"the residual of the autoencoder has {estimate.taken:.2g} times the "
            "variance of the noise that is assumed, so that this isn't the noise of "
            f"these data, or each spectrum differs from all others. {_HELP}"
        )
        return
    for route, mse in (estimate.paired or estimate.mse).items():
        error = estimate.difference[route, "pca"].error
        error = np.hypot(error, estimate.error.get("pca", 0.0))
        if mse < -_BELOW * error:
            yield (
                f"the error of {route} comes out as {with_error(mse, error)}, less "
                f"than none, so that the noise isn't as assumed. {_HELP}"
            )
            return


def _recommend(estimate):
    """The simplest route that is not beaten beyond doubt, and why.

    An autoencoder that left shrinkage for a proven gain needn't prove it once more; it
    must not be worse.
    """
    difference, best = estimate.difference, "pca"
    routes = ("raw", "pca_shrinkage", "autoencoder", "nonlocal")
    routes = [route for route in routes if (route, "pca") in difference]
    sure = -scipy.special.ndtri(_CHANCE / len(routes))

    def asked(route, rival):
        """Standard errors by which it must be better."""
        is_proven = estimate.is_proven and route == "autoencoder"
        return 0.0 if is_proven and rival == "pca_shrinkage" else sure

    for route in routes:
        # a route that is better than PCA must also be better than its rival
        rivals = {"pca", best} if (route, best) in difference else {"pca"}
        if all(
            difference[route, rival].value
            < -asked(route, rival) * difference[route, rival].error
            for rival in rivals
        ):
            best = route
    if best == "pca":
        return best, (
            "Recommended: pca. No other route is better on this signal by more than "
            f"chance allows ({sure:.1f} standard errors, among {len(routes)} routes)."
        )
    gain = difference[best, "pca"]
    return best, (
        f"Recommended: {best}. Its error is below that of PCA by "
        f"{with_error(-gain.value, gain.error)} (PCA: {estimate.mse['pca']:.3g}), "
        "estimated without truth and as far as the noise model is right."
    )


def _recommend_by_truth(table):
    rows = [row for row in table if row["route"] != "pca_oracle"]
    best, *others = sorted(rows, key=lambda row: row["mse"])
    # two routes may be one and the same
    second = next((row for row in others if row["mse"] > best["mse"]), others[0])
    return best["route"], (
        f"Recommended: {best['route']}. Against the truth its error is "
        f"{best['mse'] / second['mse']:.2f} times that of {second['route']}."
    )

"""Which route to take, and why."""

from hyperspy_aedenoise._report.words import with_error


def recommend(table, estimate, n_spectra):
    """The route to take, and why.

    Parameters
    ----------
    table : list of dict
        As of `DenoisingComparison`; with errors against the truth these decide.
    estimate : Estimate
    n_spectra : int
        All of them; that part of them was judged is said.

    Returns
    -------
    route, reason : str
    """
    if table[0]["mse"] is not None:
        return _recommend_by_truth(table)
    route, reason = _recommend(estimate.mse, estimate.difference)
    if estimate.n_judged < n_spectra:
        reason += f" Judged on {estimate.n_judged} of {n_spectra} spectra"
        if estimate.n_spiky:
            reason += f", without the {estimate.n_spiky} that have spikes"
        reason += "."
    return route, reason


def _recommend(estimated, difference):
    """The simplest route that is not beaten beyond doubt, and why."""
    best = "pca"
    for route in ("raw", "pca_shrinkage", "autoencoder", "nonlocal"):
        if (route, "pca") not in difference:
            continue
        # a route that is better than PCA must also be better than its rival
        rivals = {"pca", best} if (route, best) in difference else {"pca"}
        found = [difference[route, rival] for rival in rivals]
        if all(one.value < -2 * one.error for one in found):
            best = route
    if best == "pca":
        return best, (
            "Recommended: pca. No other route is better by more than two standard "
            "errors on this signal."
        )
    gain = difference[best, "pca"]
    return best, (
        f"Recommended: {best}. Its error is below that of PCA by "
        f"{with_error(-gain.value, gain.error)} (PCA: {estimated['pca']:.3g}), "
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

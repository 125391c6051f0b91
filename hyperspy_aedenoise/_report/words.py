"""Numbers in the words of a microscopist."""

import numpy as np

#: Full width at half maximum of a Gaussian of standard deviation 1.
FWHM = 2 * np.sqrt(2 * np.log(2))
#: How the names of latent variables begin that are no rare peaks.
VARIABLE = "Latent variable"


def with_error(value, error):
    """A value and its standard error, in as many digits as are known."""
    digits = f"{value:.2g}", f"{error:.1g}"
    value, error = (f"{float(number):g}" for number in digits)  # 300, not 3e+02
    return f"{value} +- {error}" if error != "0" else value


def is_told(row):
    """Whether the estimated error of a route is told from 0, by two of its errors."""
    return row["estimated_mse"] > 2 * row["estimated_error"]


def estimate_in_words(row):
    """Estimated mean squared error of a route, with its standard error.

    Parameters
    ----------
    row : dict
        Of `DenoisingComparison.table`.

    Returns
    -------
    str
    """
    estimate, error = row["estimated_mse"], row["estimated_error"]
    if is_told(row):
        return with_error(estimate, error)
    return f"not told from 0 ({with_error(estimate, error)})"


def caption(row, raw):
    """Error of a route beside that of the raw data, in a few characters.

    Parameters
    ----------
    row, raw : dict or None
        Of `DenoisingComparison.table`.

    Returns
    -------
    str
    """
    if row is None or raw is None:
        return ""
    known = row["mse"] is not None
    sign, key = ("=", "mse") if known else ("≈", "estimated_mse")
    if row is raw:
        return f"noise {sign} {np.sqrt(max(raw[key], 0)):.3g} per channel"
    if not known and not is_told(row):
        return "error not told from 0"
    share = np.sqrt(max(row[key], 0) / raw[key]) if raw[key] > 0 else np.nan
    return f"error {sign} {share:.2g} × noise"


def n_spectra_in_words(n):
    """A number of spectra: "1 spectrum", "2 spectra"."""
    return f"{n} spectrum" if n == 1 else f"{n} spectra"

"""Numbers in the words of a microscopist."""

import re

import numpy as np

#: Full width at half maximum of a Gaussian of standard deviation 1.
FWHM = 2 * np.sqrt(2 * np.log(2))
#: How the names of latent variables begin that are no rare peaks.
VARIABLE = "Latent variable"
#: A run of channels, as words on the noise have them.
_RUN = r"\d+(?: to \d+)?"


def with_error(value, error):
    """A value and its standard error, in as many digits as are known."""
    value, error = in_digits(value, 2), in_digits(error, 1)
    return f"{value} +- {error}" if error != "0" else value


def in_digits(value, n=2):
    """A number in so many significant digits: 100, and not 1e+02."""
    return f"{float(f'{value:.{n}g}'):g}"


def with_energies(text, energies, unit):
    """Words on the noise, with the energies of the channels that they name.

    Parameters
    ----------
    text : str
        As of `MeasuredNoise.warnings`, which knows of channels only.
    energies : ndarray, shape (n_channels,), or None
    unit : str
        Of the energies; "" where they have none.

    Returns
    -------
    str

    Examples
    --------
    >>> with_energies("a step at channel 2", [530.0, 530.5, 531.0], "eV")
    'a step at 531 eV (channel 2)'
    >>> with_energies("in 2 channels (0 to 1) it is", [530.0, 530.5, 531.0], "eV")
    'in 2 channels (530 to 530.5 eV) it is'
    >>> with_energies("over many channels (0.93 between, 0.41 at 4)", [530.0], "eV")
    'over many channels (0.93 between, 0.41 at 4)'
    """
    if energies is None or not unit:
        return text

    def energy(found):
        return f"{energies[int(found[0])]:.6g}"

    def of_some(found):
        return f"channels ({re.sub('[0-9]+', energy, found[1])} {unit})"

    def of_one(found):
        return f"{energies[int(found[1])]:.6g} {unit} ({found[0]})"

    text = re.sub(rf"channels \(({_RUN}(?:, (?:{_RUN}|\.\.\.))*)\)", of_some, text)
    return re.sub(r"channel (\d+)", of_one, text)


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

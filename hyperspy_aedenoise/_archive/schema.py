"""What must be in the archive of a trained autoencoder, all of it.

It is checked before anything is made of it, when an archive is written as when it is
read.
"""

import math
from dataclasses import fields

import numpy as np

from hyperspy_aedenoise._archive.found_in_few import (
    MOST_AXES,
    MOST_FOUND,
    MOST_POSITIONS,
    check_rare,
    check_spikes,
    check_weak,
)
from hyperspy_aedenoise._archive.refusal import Refused, all_refused
from hyperspy_aedenoise._archive.values import (
    boolean,
    dictionary,
    integer,
    number,
    one_of,
    sequence,
    text,
)
from hyperspy_aedenoise._engine.recipe import CODE_FILTERS, CORRECTED, DECODERS, Recipe
from hyperspy_aedenoise._filters.code_network import weight_shapes

#: Number of this format, which every archive has.
FORMAT = 1
#: What may be in an archive: a record with `architecture`, and its own `fit`.
SPATIAL, SPECTRAL, OWN, DENOISED = "spatial-spectral", "spectral", "own", "denoised"
#: Fewest channels, and most; most lags of a correlation.
_FEWEST_CHANNELS, MOST_CHANNELS = 8, 2**16
MOST_LAGS = 64
#: Most recipes that were tried, and steps of a training.
_MOST_TRIED, _MOST_STEPS = 1000, 10**7
#: Longest step of the energies in units of the shortest: channels may be missing.
_LONGEST_STEP = MOST_CHANNELS
#: Data type and shape of the arrays: a length is the same wherever its name stands.
_ARRAYS = {
    SPATIAL: {
        "centre": ("f8", "channels"),
        "encoder": ("f8", "channels latent"),
        "mean": ("f8", "channels"),
        "decoder": ("f8", "latent channels"),
        "spread": ("f8", "channels"),
        "fingerprints": ("u8", "spectra"),
        "noisy": ("f4", "spectra latent"),
        "filtered": ("f4", "spectra latent"),
        "level": ("f4", "spectra"),
        "used": ("b1", "..."),
    },
    SPECTRAL: {
        "mean": ("f8", "channels"),
        "noise_level": ("f8", "channels"),
        "weights": ("f4", "weights"),
    },
    OWN: {
        "mean": ("f8", "channels"),
        "noise_level": ("f8", "channels"),
        "weights": ("f4 f8", "weights"),
        "start": ("f4 f8", "weights"),
    },
    DENOISED: {
        "denoised": ("f4", "spectra channels"),
        "fingerprints": ("u8", "spectra"),
    },
}
_LOSSES = {
    "training_loss": ("f8", "steps"),
    "checked_iteration": ("i8", "checks"),
    "held_out_loss": ("f8", "checks"),
    "held_out_error": ("f8", "checks"),
}
_ARRAYS[SPECTRAL] |= _LOSSES
_ARRAYS[OWN] |= _LOSSES
_OPTIONAL = {
    SPATIAL: {
        "energies": ("f8", "channels"),
        "energy_shift": ("f8", "spectra"),
        "rare_positions": ("i4", "places axes"),
        "network": ("f4", "refined"),
    },
    SPECTRAL: {"energies": ("f8", "channels")},
    OWN: {"energies": ("f8", "channels")},
    DENOISED: {"energies": ("f8", "channels")},
}
#: Arrays whose values needn't be finite.
_MAY_BE_NAN = {*_LOSSES, "denoised"}  # of spectra with NaN
#: What a record holds, but for its checksum.
_RECORD = {"format", "package_version", "architecture", "fit"}
_TRAINED = {"requested_dimension", "learned_from", "iterations", "noise"}
#: Largest number in single precision, in which spectra are decoded.
_LARGEST = float(np.finfo(np.float32).max)


def check(record, arrays):
    """Refuse an archive that isn't as it must be; returns the lengths by name.

    Parameters
    ----------
    record : dict
    arrays : dict of ndarray

    Returns
    -------
    dict of int
    """
    with all_refused(), np.errstate(all="ignore"):
        lengths = check_form(
            record, {name: (one.dtype, one.shape) for name, one in arrays.items()}
        )
        for name, array in arrays.items():
            if array.dtype.kind == "f" and name not in _MAY_BE_NAN:
                _check_finite(name, array)
        if "energies" in arrays:
            _check_energies(arrays["energies"])
        {
            SPATIAL: _check_spatial_values,
            SPECTRAL: _check_history,
            OWN: _check_history,
            DENOISED: lambda *_: None,
        }[record["architecture"]](record["fit"], arrays)
    return lengths


def check_form(record, headers):
    """Refuse a record, and data types and shapes; no array is needed for that."""
    number_ = record.get("format")
    if isinstance(number_, int) and number_ > FORMAT:
        raise Refused(f"one of format {number_}, by a later version: install that")
    if number_ != FORMAT or isinstance(number_, bool):
        raise Refused(f"one of format {number_!r}")
    kind = one_of("an architecture", record.get("architecture"), _ARRAYS)
    keys = _RECORD if kind == DENOISED else _RECORD | _TRAINED
    dictionary("a record", record, keys | ({"checksum"} & set(record)))
    text("a version", record["package_version"])
    lengths = _lengths(kind, headers)
    if kind != DENOISED:
        _check_training(record, lengths)
    {
        SPATIAL: _check_spatial,
        SPECTRAL: _check_network,
        OWN: _check_network,
        DENOISED: _check_denoised,
    }[kind](record["fit"], lengths, headers)
    return lengths


def _lengths(kind, headers):
    """The lengths in the shapes of arrays, by name."""
    needed, lengths = _ARRAYS[kind], {}
    possible = needed | _OPTIONAL[kind]
    wrong = (set(needed) - set(headers)) | (set(headers) - set(possible))
    if wrong:
        raise Refused(f"one without proper arrays {sorted(wrong)}")
    for name, (dtype, shape) in headers.items():
        wanted, symbols = possible[name]
        native = dtype.newbyteorder("=")
        if native not in [np.dtype(one) for one in wanted.split()]:
            raise Refused(f"an array {name} of {dtype}")
        if symbols == "...":
            lengths[name] = shape
            continue
        symbols = symbols.split()
        if len(shape) != len(symbols):
            raise Refused(f"an array {name} of {len(shape)} axes")
        for symbol, length in zip(symbols, shape, strict=True):
            if lengths.setdefault(symbol, length) != length:
                raise Refused(f"an array {name} for {length} {symbol}")
    for symbol, least, most in (
        ("channels", _FEWEST_CHANNELS, MOST_CHANNELS),
        ("latent", 1, lengths["channels"] + MOST_FOUND),
        ("spectra", 1, MOST_POSITIONS),
        ("steps", 0, _MOST_STEPS),
        ("checks", 0, _MOST_STEPS),
    ):
        if symbol in lengths:
            integer(f"a number of {symbol}", lengths[symbol], least, most)
    return lengths


def _check_training(record, lengths):
    """What all trained autoencoders know."""
    channels = lengths["channels"]
    if record["requested_dimension"] is not None:
        integer("a dimension", record["requested_dimension"], 1, channels)
    one_of("a source", record["learned_from"], ("this signal", "reference"))
    integer("a number of iterations", record["iterations"], 1, 2**63)
    known = {"pedestal"} & set(record["noise"])  # the first files had none
    keys = {"gain", "offset", "correlation"} | known
    noise = dictionary("noise", record["noise"], keys)
    for name in known:
        number(f"a {name}", noise[name], -_LARGEST, _LARGEST)
    number("a gain", noise["gain"], 0, _LARGEST)
    number("an offset", noise["offset"], 0, _LARGEST)
    lags = min(MOST_LAGS, channels)
    for rho in sequence("a correlation", noise["correlation"], lags):
        number("a correlation", rho, -1, 1)


def _check_spatial(fit, lengths, headers):
    keys = {"recipe", "evidence", "rare", "interrupted", "is_part"}
    known = {"spikes", "weak"} & set(fit)  # the first files had none
    dictionary("a fit", fit, keys | known)
    check_spikes(fit.get("spikes"), lengths)
    check_weak(fit.get("weak"), lengths)
    boolean("an interruption", fit["interrupted"])
    is_part = boolean("a part", fit["is_part"])
    recipe = fit["recipe"]
    _check_recipe(recipe)
    if ("network" in headers) != (recipe["refined"] and not is_part):
        raise Refused("a refined network without its weights, or weights of none")
    n_weights = sum(math.prod(shape) for shape in weight_shapes())
    if lengths.get("refined", n_weights) != n_weights:
        raise Refused("weights of another network")
    if "energy_shift" in headers and not recipe["aligned"]:
        raise Refused("an energy shift that is not followed")
    used = lengths["used"]
    if not 1 <= len(used) <= MOST_AXES or math.prod(used) > MOST_POSITIONS:
        raise Refused(f"a map of {len(used)} axes and {math.prod(used)} positions")
    for one in sequence("evidence", fit["evidence"], _MOST_TRIED):
        names = _recipe_fields() | {"difference_to_shrinkage", "difference_error"}
        dictionary("evidence", one, names)
        _check_recipe({name: one[name] for name in _recipe_fields()})
        for name in names - _recipe_fields():
            if one[name] is not None:  # nobody knows
                number("evidence", one[name])
    check_rare(fit["rare"], lengths, "rare_positions" in headers, is_part)


def _recipe_fields():
    return {field.name for field in fields(Recipe)}


def _check_recipe(recipe):
    dictionary("a recipe", recipe, _recipe_fields())
    code_filter = one_of(
        "a code filter", recipe["code_filter"], {"none", *CODE_FILTERS}
    )
    one_of("a decoder", recipe["decoder"], DECODERS)
    share = number("a network's share", recipe["network"], 0, 1)
    for name in ("weak_components", "aligned", "refined"):
        boolean(name, recipe[name])
    if share and code_filter not in CORRECTED:
        raise Refused("a network on a filter that it doesn't correct")


def _check_network(fit, lengths, headers):
    keys = {"spread", "judged_on", "kept_iteration", "interrupted"}
    if "start" in headers:
        keys |= {"configuration"}
    dictionary("a fit", fit, keys)
    number("a spread", fit["spread"], 1e-9)
    text("what was judged on", fit["judged_on"])
    integer("an iteration", fit["kept_iteration"], 0, lengths["steps"])
    boolean("an interruption", fit["interrupted"])
    if "configuration" in fit and not isinstance(fit["configuration"], dict):
        raise Refused("a model's configuration that is no dictionary")


def _check_denoised(fit, lengths, _):
    dictionary("a fit", fit, {"misfit"})
    number("a misfit", fit["misfit"], 0)


def _check_finite(name, array):
    """Refuse NaN and infinity, and what isn't finite in single precision."""
    rows = max(2**18 // max(array[:1].size, 1), 1)
    for start in range(0, len(array), rows):
        part = array[start : start + rows]
        largest = max(part.max(initial=0), -part.min(initial=0))
        if not largest <= _LARGEST:  # NaN isn't, either
            raise Refused(f"an array {name} that is not finite")


def _check_energies(energies):
    step = np.diff(energies)
    if not (step > 0).all() and not (step < 0).all():
        raise Refused("energies that neither rise nor fall")
    step = np.abs(step)
    if step.max() > _LONGEST_STEP * step.min():
        raise Refused("energies that are too far apart")


def _check_scaling(mean, level):
    """Refuse what spectra can't be divided by in single precision."""
    for values in (level, 1 / level, mean / level):
        if not np.abs(values).max() <= _LARGEST:
            raise Refused("a noise level that spectra can't be divided by")


def _check_spatial_values(fit, arrays):
    n_spectra = len(arrays["fingerprints"])
    if np.count_nonzero(arrays["used"]) != n_spectra:
        raise Refused(f"{n_spectra} spectra for other positions")
    for name in ("spread", "level"):
        if arrays[name].min() <= 0:
            raise Refused(f"a {name} that is not positive")
    _check_scaling(arrays["centre"], arrays["spread"])
    n_channels = len(arrays["mean"])
    if "energy_shift" in arrays and np.abs(arrays["energy_shift"]).max() > n_channels:
        raise Refused("an energy shift by more than all channels")
    positions = arrays.get("rare_positions")
    if positions is not None and positions.size:
        inside = (positions >= 0).all()
        if not fit["is_part"]:
            inside &= (positions < arrays["used"].shape).all()
        if not inside:
            raise Refused("rare peaks outside of the map")


def _check_history(fit, arrays):
    if arrays["noise_level"].min() <= 0:
        raise Refused("a noise level that is not positive")
    _check_scaling(arrays["mean"], arrays["noise_level"] * fit["spread"])
    checked, kept = arrays["checked_iteration"], fit["kept_iteration"]
    n_steps = len(arrays["training_loss"])
    if checked.size and (checked.min() < 0 or checked.max() > n_steps):
        raise Refused("a check of iterations that never were")
    if (np.diff(checked) <= 0).any() or (checked.size and kept not in checked):
        raise Refused("an iteration that was never checked")

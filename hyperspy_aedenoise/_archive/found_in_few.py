"""Checks of what was found in few spectra, or in means: peaks, features, spikes."""

from hyperspy_aedenoise._archive.refusal import Refused
from hyperspy_aedenoise._archive.values import dictionary, integer, number, sequence

#: Most positions, axes of a map, and things that were found.
MOST_POSITIONS, MOST_AXES, MOST_FOUND = 2**24, 6, 1000


def check_spikes(spikes, lengths):
    if spikes is None:
        return
    counts, lists = ("n_spikes", "n_spectra", "n_values"), ("positions", "channels")
    dictionary("spikes", spikes, {*counts, *lists, "heights"})
    for name in counts:
        integer("a number of spikes", spikes[name], 0, 2**63)
    told = [sequence("spikes", spikes[name], MOST_FOUND) for name in lists]
    told.append(sequence("spikes", spikes["heights"], MOST_FOUND))
    if len({len(one) for one in told}) != 1:
        raise Refused("spikes with other places")
    for position, channel, height in zip(*told, strict=True):
        for index in sequence("a position", position, MOST_AXES):
            integer("a position", index, 0, MOST_POSITIONS)
        integer("a channel", channel, 0, lengths["channels"] - 1)
        number("a height", height)


def check_rare(rare, lengths, has_positions, is_part):
    if has_positions != (rare is not None):
        raise Refused("rare peaks without their positions, or positions of none")
    if rare is None:
        return
    dictionary("rare peaks", rare, {"peaks", "spectra_with_spikes", "share"})
    integer("a number of spikes", rare["spectra_with_spikes"], 0, MOST_POSITIONS)
    number("a share", rare["share"], 0, 1)
    peaks = sequence("rare peaks", rare["peaks"], min(MOST_FOUND, lengths["latent"]))
    n_places = 0
    for peak in peaks:
        dictionary("a peak", peak, {"channel", "width", "strength", "n_positions"})
        number("a channel", peak["channel"], 0, lengths["channels"] - 1)
        number("a width", peak["width"], 0)
        number("a strength", peak["strength"])
        n_places += integer("positions", peak["n_positions"], 0, lengths["places"])
    if n_places != lengths["places"]:
        raise Refused("rare peaks with other positions")
    if n_places and not is_part and lengths["axes"] != len(lengths["used"]):
        raise Refused("positions in another map")


def check_weak(weak, lengths):
    if weak is None:
        return
    names = ("features", "missed")
    dictionary("weak features", weak, set(names))
    for name in names:
        most = min(MOST_FOUND, lengths["latent"]) if name == "features" else MOST_FOUND
        for one in sequence("weak features", weak[name], most):
            ends, counts = ("first", "last"), ("significance", "height", "width")
            keys = {*ends, *counts, "channel", "n_positions"}
            dictionary("a weak feature", one, keys)
            number("a channel", one["channel"], 0, lengths["channels"] - 1)
            for key in counts:
                number(f"a {key}", one[key])
            integer("positions", one["n_positions"], 1, MOST_POSITIONS)
            for end in ends:
                for index in sequence("a position", one[end], 3):
                    integer("a position", index, 0, MOST_POSITIONS)

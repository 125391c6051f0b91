"""A trained denoiser as a record, and as the bytes of a file."""

from pathlib import Path

from hyperspy_aedenoise._archive.reading import read
from hyperspy_aedenoise._archive.write_beside import beside
from hyperspy_aedenoise._archive.writing import written
from hyperspy_aedenoise._engine.spatial_spectral import SpatialSpectral
from hyperspy_aedenoise._errors import must_be

#: What a spatial-spectral autoencoder was judged on.
_PAIR = "a recorrupted pair of the spectra"


def checked_path(path):
    """A path that a denoiser may be written to, or a refusal."""
    path = Path(path)
    if path.suffix != ".keras":
        allowed = "a name ending in .keras"
        raise ValueError(must_be("path", allowed, repr(str(path)), "Rename it."))
    return path


def history(fitted):
    """What happened in a fit, as lists, numbers and strings."""
    if not isinstance(fitted, SpatialSpectral):
        return fitted.history.as_dict()
    shift = fitted.energy_shift
    return {
        "iteration": [],
        "training_loss": [],
        "checked_iteration": [],
        "held_out_loss": [],
        "held_out_error": [],
        "judged_on": _PAIR,
        "kept_iteration": 0,
        "interrupted": fitted.interrupted,
        "forms": fitted.evidence,
        "rare": fitted.rare,
        "weak": fitted.weak,
        "spikes": fitted.spikes,
        "energy_shift": [] if shift is None else shift.tolist(),
        "part": fitted.is_part,
    }


def record(denoiser):
    """What is known of a training, see `AutoencoderDenoiser.record`."""
    from hyperspy_aedenoise import __version__

    noise, energies = denoiser.noise_, denoiser.energies_
    requested = denoiser.output_dimension
    return {
        "package_version": __version__,
        "architecture": architecture(denoiser),
        "output_dimension": denoiser.n_latent_,
        "requested_dimension": None if requested is None else int(requested),
        "learned_from": denoiser.learned_from_,
        "iterations": int(denoiser.iterations),
        "noise": {
            "gain": noise.gain,
            "offset": noise.offset,
            "correlation": list(noise.correlation),
            "pedestal": noise.pedestal,
        },
        "energies": None if energies is None else energies.tolist(),
        "history": denoiser.history_,
        "form": denoiser.form_,
    }


def to_bytes(denoiser):
    """The content of a file with everything that a trained denoiser knows."""
    known = record(denoiser)
    names = ("requested_dimension", "learned_from", "iterations", "noise")
    training = {name: known[name] for name in names}
    return written(training, denoiser.fitted_, denoiser.energies_)


def save(denoiser, path):
    """Write the file; whatever goes wrong, one that is there stays as it was."""
    path, content = checked_path(path), to_bytes(denoiser)
    with beside(path) as part:
        part.write_bytes(content)


def from_bytes(kind, content):
    """A denoiser of a class, from the content of a file."""
    stored = read(content)
    denoiser = kind(
        output_dimension=stored.training["requested_dimension"],
        noise=stored.noise,
        iterations=stored.training["iterations"],
    )
    learned_from, energies = stored.training["learned_from"], stored.energies
    denoiser._become(stored.fitted, stored.noise, learned_from, energies)
    denoiser.architecture = architecture(denoiser)
    return denoiser


def architecture(denoiser):
    """What a trained denoiser is."""
    return "spatial-spectral" if denoiser.is_spatial else denoiser.fitted_.model.name

"""Archives taken to pieces, spoilt, and put together as a hostile author would."""

import hashlib
import io
import json
import zipfile

import keras
import numpy as np

from hyperspy_aedenoise import AutoencoderDenoiser, NoiseModel

#: Channels of the fits below.
N = 24
NOISE = NoiseModel(0.02, 0.001, (1, 0.4))
KINDS = ("spatial-spectral", "spectral", "own")


def own_model(n_channels=N):
    """A small model of the user's own, of an encoder and a decoder."""
    spectrum, latent = keras.Input((n_channels,)), keras.Input((2,))
    hidden = keras.layers.Dense(4, activation="gelu", name="hidden")(spectrum)
    encoder = keras.Model(
        spectrum, keras.layers.Dense(2, name="codes")(hidden), name="encoder"
    )
    decoded = keras.layers.Dense(n_channels, name="spectrum")(latent)
    decoder = keras.Model(latent, decoded, name="decoder")
    return keras.Model(spectrum, decoder(encoder(spectrum)))


def spectra(shape=(5, 7)):
    """Noisy spectra of two components."""
    rng = np.random.default_rng(0)
    channel = np.arange(N)
    shares = rng.uniform(1, 2, (*shape, 1)), rng.uniform(0, 1, (*shape, 1))
    peak = np.exp(-0.5 * ((channel - 12) / 3) ** 2)
    return NOISE.sample(shares[0] + shares[1] * peak, rng).astype(np.float32)


def fitted(kind):
    """A denoiser that was trained briefly; of a kind, or a model of one's own."""
    keras.utils.set_random_seed(0)
    architecture = own_model() if isinstance(kind, str) and kind == "own" else kind
    denoiser = AutoencoderDenoiser(
        architecture, noise=NOISE, iterations=2, random_state=0
    )
    return denoiser.fit(spectra(), energies=500 + 0.25 * np.arange(N))


def taken_apart(content):
    """Record and members, as bytes, of an archive."""
    members = all_of(content)
    return json.loads(members.pop("record.json")), members


def all_of(content):
    """All members of a zip, as bytes."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def sealed(record, members):
    """An archive with the right checksum, whatever is in it."""
    record = {key: one for key, one in record.items() if key != "checksum"}
    digest = hashlib.sha256()
    for name in sorted(members):
        digest.update(name.removesuffix(".npy").encode() + b"\n" + members[name])
    digest.update(written(record))
    record["checksum"] = digest.hexdigest()
    return zipped(members | {"record.json": written(record)})


def written(record):
    return json.dumps(record, sort_keys=True, separators=(",", ":")).encode()


def zipped(members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, one in members.items():
            archive.writestr(name, one)
    return content.getvalue()


def as_npy(array, **header):
    """The bytes of an array's file, whose header may say something else."""
    content = io.BytesIO()
    np.save(content, array)
    if not header:
        return content.getvalue()
    told = np.lib.format.header_data_from_array_1_0(np.asarray(array)) | header
    text = repr({key: told[key] for key in sorted(told)})[:-1] + ", }"
    text = text.ljust(117) + "\n"
    start = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()
    return start + np.asarray(array).tobytes()


def from_npy(content):
    return np.load(io.BytesIO(content), allow_pickle=False)

"""Small files that ask for much memory or time get neither."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from hyperspy_aedenoise.tests.archive import archives
from hyperspy_aedenoise.tests.archive.archives import as_npy, sealed, taken_apart

DATA = Path(__file__).parents[1] / "data"

#: Loads all files of a folder; prints the names of those that aren't refused, then the
#: memory that this took in MB, and the longest time in seconds.
LOADING = """
import sys, time
from pathlib import Path
from hyperspy_aedenoise import AutoencoderDenoiser

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

first, *others = sorted(Path(sys.argv[1]).iterdir())
AutoencoderDenoiser.load(first)
before, longest = peak(), 0
for path in others:
    content, start = path.read_bytes(), time.perf_counter()
    try:
        AutoencoderDenoiser.from_bytes(content)
        print(path.name)
    except ValueError as error:
        assert len(str(error)) <= 300 and str(error).isprintable()
    longest = max(longest, time.perf_counter() - start)
    print(f"{path.name}: {peak() - before:.0f} MB, {longest:.1f} s", file=sys.stderr)
print(peak() - before, longest)
"""


def zeros(shape, kind):
    """An array of zeros that takes little room in a zip."""
    return as_npy(np.zeros(shape, kind))


@pytest.fixture
def bombs():
    """Contents of hostile files, and one that is read to begin with, by name."""
    own = archives.fitted("own").to_bytes()
    return {"0": own} | spatial_bombs() | own_bombs(own) | old_bombs()


def spatial_bombs():
    """Of what is only numbers."""
    record, members = taken_apart(archives.fitted("spatial-spectral").to_bytes())
    n_spectra, n_latent = 2**20, 45
    large = {
        "fingerprints": zeros(n_spectra, "u8"),
        "noisy": zeros((n_spectra, n_latent), "f4"),
        "filtered": zeros((n_spectra, n_latent), "f4"),
        "level": zeros(n_spectra, "f4"),
        "encoder": zeros((archives.N, n_latent), "f8"),
        "decoder": zeros((n_latent, archives.N), "f8"),
        "used": as_npy(np.ones((2**10, 2**10), bool)),
    }
    large = members | {f"{name}.npy": one for name, one in large.items()}
    text = archives.written(record)
    return {
        "many zeros": sealed(record, large),
        "a large mask": sealed(record, members | {"used.npy": zeros(10**8, "?")}),
        "larger": sealed(
            record, members | {"noisy.npy": zeros((2**23, 16), "f4")} | {"x.npy": b""}
        ),
        "much JSON": archives.zipped(members | {"record.json": text + b" " * 2**28}),
        "deep JSON": archives.zipped(members | {"record.json": b'{"a":' * 10**6}),
        "many lists": archives.zipped(
            members | {"record.json": b"[" + b"[]," * 10**6 + b"[]]"}
        ),
        "many members": archives.zipped({f"{n}.npy": b"" for n in range(60_000)}),
        "many lags": sealed(
            record | {"noise": record["noise"] | {"correlation": [1] + [0] * 10**6}},
            members,
        ),
    }


def own_bombs(content):
    """Of layers that a few numbers make large."""
    _, members = taken_apart(content)

    def with_layers(*layers):
        spoilt = taken_apart(content)[0]
        spoilt["fit"]["configuration"] = {
            "module": "keras",
            "class_name": "Sequential",
            "registered_name": None,
            "config": {
                "name": "evil",
                "layers": [
                    {
                        "module": "keras.layers",
                        "class_name": kind,
                        "registered_name": None,
                        "config": config,
                    }
                    for kind, config in (
                        ("InputLayer", {"batch_shape": [None, archives.N]}),
                        *layers,
                    )
                ],
            },
        }
        return sealed(spoilt, members)

    column = ("Reshape", {"target_shape": [archives.N, 1]})
    most = 2**16
    return {
        "units": with_layers(("Dense", {"units": most}), ("Dense", {"units": most})),
        "repeated": with_layers(("RepeatVector", {"n": 2**22})),
        "upsampled": with_layers(
            column, *[("UpSampling1D", {"size": most}) for _ in range(3)]
        ),
        "padded": with_layers(column, *[("ZeroPadding1D", {"padding": most})] * 9),
        "wide kernels": with_layers(
            column, ("Conv1D", {"filters": most, "kernel_size": most})
        ),
        "dilated": with_layers(
            column,
            (
                "Conv1D",
                {
                    "filters": 1,
                    "kernel_size": 3,
                    "dilation_rate": most,
                    "padding": "same",
                },
            ),
        ),
        "einsum": with_layers(
            ("EinsumDense", {"equation": "ab,bcd->acd", "output_shape": [most, most]})
        ),
        "attention": with_layers(
            ("RepeatVector", {"n": most}),
            ("MultiHeadAttention", {"num_heads": most, "key_dim": most}),
        ),
        "deep": with_layers(*[("Activation", {"activation": "relu"})] * 5000),
    }


def old_bombs():
    """Of files as 0.1.0 wrote them, with packed and unpacked parts in them."""
    content = (DATA / "spatial_spectral_0_1_0.keras").read_bytes()
    members = archives.all_of(content)

    def with_(name, one):
        return archives.zipped(members | {name: one})

    def hdf5(**keywords):
        held = archives.io.BytesIO()
        with h5py.File(held, "w") as file:
            file.create_dataset("layers/dense/vars/0", dtype="f4", **keywords)
        return held.getvalue()

    largest = archives.io.BytesIO()
    np.savez(largest, fingerprints=np.zeros(2**24), noisy=np.zeros(2**23))
    return {
        "filled": with_("model.weights.h5", hdf5(shape=10**9, fillvalue=1)),
        "filled in pieces": with_(
            "model.weights.h5", hdf5(shape=10**9, fillvalue=1, chunks=10**6)
        ),
        "packed": with_(
            "model.weights.h5",
            hdf5(data=np.zeros(10**7), compression="gzip", shape=10**7),
        ),
        "packed twice": with_("code_bank.npz", largest.getvalue()),
        "old JSON": with_("hyperspy_aedenoise.json", b"[" + b"[]," * 5 * 10**6),
    }


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_small_files_take_little_memory(bombs, tmp_path):
    """At most 1 GB and 10 s; what is large but whole may be read."""
    for name, content in bombs.items():
        assert len(content) < 10 * 2**20
        (tmp_path / name).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", LOADING, tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *read, last = done.stdout.splitlines()
    memory, longest = (float(one) for one in last.split())
    assert not read
    assert memory < 1000 and longest < 10, done.stderr[-3000:]

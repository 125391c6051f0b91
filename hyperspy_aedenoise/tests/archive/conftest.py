"""Files of trained autoencoders."""

import pytest

from hyperspy_aedenoise import AutoencoderDenoiser
from hyperspy_aedenoise.tests.archive.archives import (
    KINDS,
    fitted,
    taken_apart,
)


@pytest.fixture(scope="module")
def denoisers():
    return {kind: fitted(kind) for kind in KINDS}


@pytest.fixture(params=KINDS)
def denoiser(denoisers, request):
    return denoisers[request.param]


@pytest.fixture
def spatial(denoisers):
    """Record and members of the file of a spatial-spectral autoencoder."""
    return taken_apart(denoisers["spatial-spectral"].to_bytes())


def refusal(content):
    """The one line in which an archive is refused."""
    with pytest.raises(ValueError, match="autoencoder file") as refused:
        AutoencoderDenoiser.from_bytes(content)
    text = str(refused.value)
    assert len(text) <= 300 and text.isprintable()
    assert refused.value.__cause__ is None
    return text

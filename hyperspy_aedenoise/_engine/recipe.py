"""What the parts of a spatial-spectral autoencoder may be."""

from dataclasses import dataclass, replace

from hyperspy_aedenoise._filters.nonlocal_bayes import MapFilter

#: What the code filter may be: helped by alike codes anywhere, or by alike
#: surroundings.
CODE_FILTERS = {
    "alike codes": MapFilter(1, 60),
    "alike 3 x 3": MapFilter(3, 40),
    "alike 5 x 5": MapFilter(5, 40),
    "alike 7 x 7": MapFilter(7, 40),
}
#: Code filters that the network may correct.
CORRECTED = ("alike 3 x 3", "alike 5 x 5", "alike 7 x 7")
#: What the spectra of the decoder may be.
DECODERS = ("principal", "along energy")


@dataclass(frozen=True)
class Place:
    """An encoder and a code filter: what a network may correct.

    Parameters
    ----------
    weak_components, aligned : bool
    code_filter : str
        All as of `Recipe`.
    """

    weak_components: bool = False
    aligned: bool = False
    code_filter: str = "none"

    @property
    def encoder(self):
        """The same without a filter."""
        return replace(self, code_filter="none")

    def filtered_by(self, code_filter):
        """The same encoder with a filter."""
        return replace(self, code_filter=code_filter)


@dataclass(frozen=True)
class Recipe:
    """What the parts of the autoencoder are.

    Parameters
    ----------
    weak_components : bool
        Whether components are added that rise above the noise only in means over
        alike positions.
    code_filter : str
        "none" (optimal shrinkage), or a key of `CODE_FILTERS`.
    decoder : {"principal", "along energy"}
        Principal components, or spectra fitted to the filtered codes and filtered
        along energy.
    network : float
        How much is added to the filtered codes of what a network, trained once on
        simulated structures, would correct: 0 to 1.
    aligned : bool
        Whether the spectra are aligned along energy before they are encoded, and
        moved back in the end.
    refined : bool
        Whether that network was refined on the map itself.
    """

    weak_components: bool = False
    code_filter: str = "none"
    decoder: str = "principal"
    network: float = 0.0
    aligned: bool = False
    refined: bool = False

    @property
    def place(self):
        """Its encoder and code filter."""
        return Place(self.weak_components, self.aligned, self.code_filter)

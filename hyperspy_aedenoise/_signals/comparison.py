"""The autoencoder beside PCA on a signal."""

from hyperspy_aedenoise._signals.hyperspy_private import progress_bar
from hyperspy_aedenoise._signals.storage import (
    denoiser_of,
    left_out_in_training,
    trained,
)


def compare_denoising(self, truth=None, components=None):
    """Compare the autoencoder with PCA on this signal.

    Parameters
    ----------
    truth : BaseSignal, optional
        The clean signal, where it is known (simulations).
    components : int, optional
        Principal components of the PCA route. Default: where HyperSpy sees the
        elbow of the scree plot.

    Returns
    -------
    DenoisingComparison
        With `table`, `signals`, `recommended` and `plot()`.

    Raises
    ------
    RuntimeError
        If there is no trained autoencoder.
    ValueError
        If the arguments don't fit, or with fewer than 3 spectra.

    Notes
    -----
    Without `truth` the errors are estimated: every route is computed again from
    spectra with a little more noise (the autoencoder is trained again, too) and
    judged by the independent half of the pair. That rests on the noise model being
    right.
    """
    from hyperspy_aedenoise._report.comparison import compare

    content, kept = trained(self)
    left_out = left_out_in_training(self)
    progress = progress_bar()
    denoiser = denoiser_of(content)
    return compare(self, denoiser, kept, left_out, truth, components, progress)

"""A model component whose shape is a trained decoder."""

from pathlib import Path

import numpy as np
from hyperspy.component import Component

from hyperspy_aedenoise._denoiser.denoised import DenoisedSpectra
from hyperspy_aedenoise._denoiser.denoiser import AutoencoderDenoiser
from hyperspy_aedenoise._errors import must_be
from hyperspy_aedenoise._signals.carried_fit import carried_by
from hyperspy_aedenoise._signals.spectra import energy_last


class AutoencoderEdge(Component):
    r"""An edge with the fine structure that an autoencoder has learned.

    .. math::

        f(E) = A \, D_{z_0, z_1, \dots}(E - \Delta)

    where :math:`D` is the decoder, in counts per channel.

    Parameters
    ----------
    autoencoder : EELSSpectrum, AutoencoderDenoiser, pathlib.Path, bytes or ndarray
        A signal after `decompose_autoencoder()`, a trained denoiser that knows its
        energies, a ``.keras`` file of one, or the content of such a file, as bytes or
        uint8. A path must not be a string: one in the file of a stored model could
        make it open any file.

    Attributes
    ----------
    latent_0, latent_1, ... : hyperspy.component.Parameter
        The latent variables, without unit and of order 1; they begin at 0, the mean
        of what the autoencoder was trained on.
    intensity : hyperspy.component.Parameter
        Factor A. Fixed at 1 at first: on spectra of varying thickness the latent
        variables describe intensity, too, and a second factor would be undetermined.
    shift : hyperspy.component.Parameter
        Energy shift in units of the energy axis (eV), positive towards higher
        losses. Fixed at 0 at first.

    Raises
    ------
    TypeError
        If no trained autoencoder is given.
    ValueError
        If the autoencoder doesn't know its energies or can't be decoded.

    Notes
    -----
    Train on spectra without their background where another component of the model
    describes it. Plural scattering is part of what was learned, so that the
    component is not convolved with a low-loss spectrum. Outside the energies of the
    training the first and last value go on.
    """

    def __init__(self, autoencoder=None):
        content = _content_of(autoencoder)
        denoiser = AutoencoderDenoiser.from_bytes(content)
        if denoiser.energies_ is None:
            raise ValueError(
                must_be(
                    "autoencoder",
                    "trained with known energies",
                    "one without",
                    "Train with `fit(spectra, energies=...)` or on a signal.",
                )
            )
        n_latent = denoiser.decode_dimension()
        self._latent_names = [f"latent_{index}" for index in range(n_latent)]
        super().__init__([*self._latent_names, "intensity", "shift"], ["intensity"])
        self._id_name = "aad38826-12c6-432d-9419-656f11c872fc"
        archive = np.frombuffer(content, dtype=np.uint8).copy()
        self._whitelist["autoencoder"] = ("init", archive)
        self.name = "AutoencoderEdge"
        self.convolved = False
        for name in self._latent_names:
            getattr(self, name).value = 0.0
        self.intensity.value = 1.0
        self.intensity.free = False
        self.shift.value = 0.0
        self.shift.free = False
        self._denoiser = denoiser
        # HyperSpy's fits step parameters by less than single precision resolves.
        self._decode = denoiser.double_decoder()
        self._last = (None, None)

    def function(self, x):
        """Evaluate the component at energies.

        Parameters
        ----------
        x : ndarray, shape (n,)
            Energy loss in units of the axis of the training.

        Returns
        -------
        ndarray, shape (n,)
            Per unit of energy where the model's signal is binned, as HyperSpy
            expects of components, else per channel.
        """
        latent = tuple(getattr(self, name).value for name in self._latent_names)
        intensity, shift = self.intensity.value, self.shift.value
        # Fits step one parameter at a time: much of the time the shape is the same.
        if self._last[0] != latent:
            self._last = (latent, self._shape_of(latent))
        energies = self._denoiser.energies_
        inside = np.clip(x - shift, energies.min(), energies.max())
        return intensity * self._last[1](inside) / self._channel_width()

    def function_nd(self, axis, parameters_values=None):
        """Evaluate the component at all navigation positions.

        Parameters
        ----------
        axis : ndarray, shape (n,)
            Energy loss.
        parameters_values : list of ndarray, optional
            One array for each parameter. Default: the stored maps.

        Returns
        -------
        ndarray, shape (..., n)
        """
        is_single = not self._is_navigation_multidimensional
        if is_single and (parameters_values is None or self.model is not None):
            return self.function(axis)  # as HyperSpy's do in models of one spectrum
        if parameters_values is None:
            parameters_values = [p.map["values"] for p in self.parameters]
        *latent, intensity, shift = (np.asarray(p) for p in parameters_values)
        latent = np.stack(np.broadcast_arrays(*latent), axis=-1)
        positions = latent.shape[:-1]
        intensity = np.broadcast_to(intensity, positions)
        shift = np.broadcast_to(shift, positions)
        spectra = self._decode(latent)
        energies = self._denoiser.energies_
        result = np.empty((*positions, np.size(axis)))
        for index in np.ndindex(positions):
            inside = np.clip(axis - shift[index], energies.min(), energies.max())
            curve = _interpolator(energies, spectra[index])
            result[index] = intensity[index] * curve(inside)
        return result / self._channel_width()

    def estimate_parameters(self, signal, x1=None, x2=None, only_current=False):
        """Set the latent variables to those that the encoder sees in a signal.

        Parameters
        ----------
        signal : EELSSpectrum
            On the energy axis of the training; background as in the training.
        x1, x2 : float, optional
            Not used; the encoder needs the whole energy range.
        only_current : bool, default False
            Estimate at the current navigation position only.

        Returns
        -------
        bool
            True.
        """
        super()._estimate_parameters(signal)
        if only_current:
            data = signal._get_current_data()
        else:
            data = energy_last(signal, np.asarray(signal.data))
        latent = self._denoiser.encode(data[..., self._channels_in(signal)])
        latent = latent.astype(float)
        values = {name: latent[..., i] for i, name in enumerate(self._latent_names)}
        values["intensity"] = np.ones(latent.shape[:-1])
        values["shift"] = np.zeros(latent.shape[:-1])
        for name, value in values.items():
            parameter = getattr(self, name)
            if only_current:
                parameter.value = float(np.squeeze(value))
            else:
                parameter.map["values"][:] = value
                parameter.map["is_set"][:] = True
        if not only_current:
            self.fetch_stored_values()
        return True

    def _channels_in(self, signal):
        """Indices of the channels of the training in a signal's energy axis."""
        axis = signal.axes_manager.signal_axes[0]
        energies = self._denoiser.energies_
        index = np.rint((energies - axis.offset) / axis.scale).astype(int)
        inside = (index >= 0) & (index < axis.size)
        at = axis.offset + axis.scale * index
        if not inside.all() or np.abs(at - energies).max() > 0.5 * abs(axis.scale):
            raise ValueError(
                must_be(
                    "signal",
                    f"on the energies of the training, {energies[0]:.6g} to "
                    f"{energies[-1]:.6g}",
                    f"{axis.axis[0]:.6g} to {axis.axis[-1]:.6g}",
                    "Set the latent variables by hand, or train on such spectra.",
                )
            )
        return index

    def _shape_of(self, latent):
        energies = self._denoiser.energies_
        return _interpolator(energies, self._decode(latent))

    def _channel_width(self):
        """What turns counts per channel into what HyperSpy expects of a component."""
        sign = 1.0
        if self.model is not None:
            axis = self.model.signal.axes_manager.signal_axes[0]
            if not axis.is_binned:
                return 1.0
            # HyperSpy multiplies by it, negative where the axis descends
            sign = np.sign(axis.scale)
        return float(sign * np.abs(np.diff(self._denoiser.energies_)).min())


def _interpolator(energies, spectrum):
    import scipy.interpolate

    order = slice(None, None, 1 if energies[0] < energies[-1] else -1)
    return scipy.interpolate.make_interp_spline(energies[order], spectrum[order], k=3)


def _content_of(autoencoder):
    """Bytes of the archive, from whatever the user has."""
    if isinstance(autoencoder, AutoencoderDenoiser):
        return autoencoder.to_bytes()
    if isinstance(autoencoder, Path):  # which no stored model can hold
        return autoencoder.read_bytes()
    if isinstance(autoencoder, bytes):
        return autoencoder
    if isinstance(autoencoder, np.ndarray) and autoencoder.dtype == np.uint8:
        return autoencoder.tobytes()
    if hasattr(autoencoder, "metadata"):
        carried = carried_by(autoencoder)
        if carried is not None and not isinstance(carried.denoiser, DenoisedSpectra):
            return carried.tobytes()
        got = "a signal without one"
    elif isinstance(autoencoder, str):
        got = "a string; for a file, pass `pathlib.Path(...)` of it"
    else:
        got = "nothing" if autoencoder is None else type(autoencoder).__name__
    raise TypeError(
        must_be(
            "autoencoder",
            "a trained autoencoder: a signal, an AutoencoderDenoiser, or a .keras file",
            got,
            "Call `s.decompose_autoencoder()` and pass `s`.",
        )
    )

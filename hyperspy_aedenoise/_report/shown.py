"""What the picture of a comparison shows, as arrays."""

from dataclasses import dataclass

import numpy as np

from hyperspy_aedenoise._report.window import (
    Contrast,
    close_look,
    given_window,
    spread_of_sum,
)

#: Residual spectra are means over channels: about so many points are seen as a line.
_POINTS = 120
#: Shares of the positions, from dark to bright, of which spectra are shown.
_BRIGHTNESS = (0.98, 0.5, 0.02)


@dataclass(frozen=True)
class Shown:
    """What is drawn, as arrays.

    Parameters
    ----------
    signal : EELSSpectrum
        The raw one.
    noise : NoiseModel
        Of the mean over navigation axes beyond two.
    cubes : dict of str to ndarray, shape (y, x, n_channels)
        By route, the raw one first.
    window : ndarray of int
        Channels that are summed.
    close : ndarray of int or None
        Channels around it, where the whole spectrum would hide them.
    """

    signal: object
    noise: object
    cubes: dict
    window: np.ndarray
    close: np.ndarray | None

    @classmethod
    def of(cls, comparison, routes, window):
        """Take it from a comparison."""
        signals = {
            route: comparison.truth if route == "truth" else comparison.signals[route]
            for route in routes
        }
        raw = signals["raw"]
        cubes = {route: _as_map(signal) for route, signal in signals.items()}
        n_averaged = raw.data.size / cubes["raw"].size
        noise = comparison.noise.scaled(1 / n_averaged)
        # sums are alike only over channels that all routes have
        finite = [np.isfinite(cube).any(axis=(0, 1)) for cube in cubes.values()]
        common = np.flatnonzero(np.all(finite, axis=0))
        energies = raw.axes_manager.signal_axes[0].axis
        calm = cubes["autoencoder"][..., common]
        calm = calm[np.isfinite(calm).all(axis=-1)]
        if window is None:
            window = common[Contrast(calm, noise, energies[common]).window()]
        else:
            advice = "It is the range of energies that the maps are a sum of."
            window = given_window(window, energies, common, "window", advice)
        mean = np.full(len(energies), np.nan)
        mean[common] = calm.mean(axis=0)
        return cls(raw, noise, cubes, window, close_look(energies, mean, window))

    @property
    def shape(self):
        return self.cubes["raw"].shape[:2]

    @property
    def energy(self):
        """The energy axis."""
        return self.signal.axes_manager.signal_axes[0]

    @property
    def n_axes(self):
        """Navigation axes that are drawn: 2 make a map."""
        return min(self.signal.axes_manager.navigation_dimension, 2)

    @property
    def calm(self):
        """The denoised spectra."""
        return self.cubes["autoencoder"]

    @property
    def positions(self):
        """Positions, (y, x), whose spectra are shown."""
        return marked_positions(self.image("autoencoder"))

    def image(self, route):
        """Sum over the window, shape (y, x)."""
        return self.cubes[route][..., self.window].sum(axis=-1)

    def image_spread(self):
        """Standard deviation of the noise of that sum, shape (y, x)."""
        return spread_of_sum(self.noise, self.calm[..., self.window])

    def spectrum(self, route, position):
        """A spectrum; at position None the mean one, of the same positions in all."""
        if position is None:
            return self.cubes[route][np.isfinite(self.image("autoencoder"))].mean(0)
        return self.cubes[route][position]

    def residual(self, route, position, drawn):
        """Energies, and the residual of a spectrum by a route, in units of the noise.

        Means over some channels, so that what has a shape is seen beside the noise.
        """
        raw, calm = (self.spectrum(one, position) for one in ("raw", route))
        expected = self.spectrum("autoencoder", position)
        drawn = drawn[np.isfinite(raw + calm + expected)[drawn]]
        width = max(len(drawn) // _POINTS, 1)
        n = len(drawn) // width
        blocks = drawn[: n * width].reshape(n, width)
        spread = spread_of_sum(self.noise, expected[blocks])
        if position is None:
            spread = spread / np.sqrt(np.isfinite(self.image("autoencoder")).sum())
        energies = self.energy.axis[blocks].mean(axis=1)
        return energies, (raw - calm)[blocks].sum(axis=1) / spread


def marked_positions(image):
    """Up to three positions of low, middle and high intensity.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        NaN where there is nothing to show.

    Returns
    -------
    list of tuple of int
        Without repetition.
    """
    order = np.argsort(image, axis=None, kind="stable")  # NaN last
    order = order[: int(np.isfinite(image).sum())]
    chosen = [order[round(share * (order.size - 1))] for share in _BRIGHTNESS]
    indices = dict.fromkeys(int(index) for index in chosen)
    return [tuple(int(i) for i in np.unravel_index(k, image.shape)) for k in indices]


def _as_map(signal):
    """Values as (y, x, channel): a line has height 1, further axes are averaged."""
    index = signal.axes_manager.signal_axes[0].index_in_array
    cube = np.moveaxis(np.asarray(signal.data, dtype=float), index, -1)
    while cube.ndim > 3:
        cube = cube.mean(axis=0)
    return cube.reshape((1,) * (3 - cube.ndim) + cube.shape)

"""`estimate_noise` on simulated spectrum images whose detector is known.

    python benchmarks/noise_estimate.py [--seeds 3]

The detector counts electrons, spreads each over neighbouring channels (Gaussian point
spread), multiplies by its gain and adds white read-out noise. Maps are atomic columns
of SrTiO3 on a background (alternately with 0.3 eV of energy drift over the scan), or
two edges with a gradient of thickness on a background that falls by orders of
magnitude. Printed are errors relative to the truth, by detector; and for normalised
data with Gaussian noise.
"""

import argparse
import itertools
import logging
import time

import numpy as np

import hyperspy_aedenoise as aed
from hyperspy_aedenoise._noise.estimate import estimate_noise


def columns(shape, n_channels, drift):
    """Atomic columns on a background, the largest value 1."""
    dispersion = 32 / n_channels
    clean = aed.data.sto_o_k(
        shape,
        energy_start=556.5 - dispersion * n_channels,
        dispersion=dispersion,
        n_channels=n_channels,
        background=1.0,
        energy_drift=drift,
    )
    return clean.data.reshape(-1, n_channels).astype(float)


def steep(shape, n_channels, drift):
    """Two edges with gradients on a background over orders of magnitude."""
    energies = np.geomspace(90, 700, 2)
    energies = np.linspace(*energies, n_channels)
    y, x = np.indices(shape) / np.max(shape)
    first, second = (0.5 + y).ravel(), (1.2 - x * y).ravel()
    shifts = drift * (np.arange(y.size) / y.size - 0.5)
    spectra = np.empty((y.size, n_channels))
    for i, shift in enumerate(shifts):
        moved = energies - shift
        background = (moved / 90) ** -3.0
        onset = [1 / (1 + np.exp(-(moved - at) / 0.8)) for at in (284, 532)]
        edge = onset[0] * 0.03 * (moved / 284) ** -3 * second[i]
        edge += onset[1] * 0.01 * (moved / 532) ** -3 * first[i]
        spectra[i] = (first[i] + second[i]) * background / 2 + edge
    return spectra / spectra.max()


def measured(clean, gain, read, width, rng):
    """What a detector makes of expected counts, and its noise alone."""
    offset = np.arange(-8, 9)
    spread = np.zeros(17)
    spread[8] = 1.0
    if width:
        spread = np.exp(-((offset / width) ** 2) * 4 * np.log(2))
        spread /= spread.sum()

    def blurred(values):
        return np.apply_along_axis(np.convolve, 1, values, spread, "same")

    electrons = rng.poisson(clean).astype(float)
    inner = slice(8, -8)  # the ends lack what comes from beyond them
    expected = gain * blurred(clean)[:, inner]
    data = gain * blurred(electrons)[:, inner]
    data += rng.normal(0, read, data.shape)
    variance = gain * np.square(spread).sum() * expected + read**2
    noise = (data - expected) / np.sqrt(variance)
    lag_1 = (noise[:, 1:] * noise[:, :-1]).mean() / np.square(noise).mean()
    return data, gain * np.square(spread).sum(), expected, lag_1


def main():
    """Run the detectors and print their table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    n_seeds = parser.parse_args().seeds
    logging.disable(logging.WARNING)
    print("gain  read  spread   gain error (%)   read variance error (%)   lag-1 error")
    gains, reads, lags, seconds = [], [], [], []
    for number, (gain, read, width) in enumerate(
        itertools.product((1, 5, 20), (0, 5, 20), (0, 1.5, 2.5))
    ):
        row = ([], [], [])
        for seed in range(n_seeds):
            rng = np.random.default_rng(100 * number + seed)
            size = int(rng.integers(24, 65))
            n_channels = int(rng.choice([200, 400, 700, 1024]))
            drift = 0.3 * ((number + seed) % 2)
            make = (columns, steep)[(number + seed) // 2 % 2]
            peak = 10 ** (rng.uniform(2, 3) if make is columns else rng.uniform(4, 5))
            clean = peak * make((size, size - 3), n_channels + 16, drift)
            data, slope, expected, lag_1 = measured(clean, gain, read, width, rng)
            start = time.perf_counter()
            noise = estimate_noise(data)
            seconds.append(time.perf_counter() - start)
            rho = [*noise.correlation, 0][1]
            share = read**2 / (slope * expected.mean() + read**2)
            gain_error = noise.gain / slope - 1
            read_error = noise.offset / read**2 - 1 if share > 0.1 else np.nan
            row[0].append(gain_error)
            row[1].append(read_error)
            row[2].append(rho - lag_1)
        gains += row[0]
        reads += row[1]
        lags += row[2]
        text = [" ".join(f"{100 * v:+6.1f}" for v in values) for values in row[:2]]
        text.append(" ".join(f"{v:+.3f}" for v in row[2]))
        print(f"{gain:4} {read:5} {width:6}   {'   '.join(text)}", flush=True)
    print(
        f"median |error|: gain {100 * np.median(np.abs(gains)):.1f} %, read variance "
        f"{100 * np.nanmedian(np.abs(reads)):.1f} %, lag 1 "
        f"{np.median(np.abs(lags)):.3f}; largest {100 * np.max(np.abs(gains)):.0f} %, "
        f"{100 * np.nanmax(np.abs(reads)):.0f} %, {np.max(np.abs(lags)):.2f}; "
        f"{np.median(seconds):.1f} s, at most {np.max(seconds):.1f} s"
    )
    clean = columns((40, 40), 256, 0.0)
    for sigma in (0.0125, 0.05, 0.2):
        errors = []
        for seed in range(n_seeds):
            rng = np.random.default_rng(seed)
            noise = estimate_noise(clean + rng.normal(0, sigma, clean.shape))
            errors.append(np.sqrt(noise.variance(clean.mean())) / sigma - 1)
        text = " ".join(f"{100 * error:+.2f}" for error in errors)
        print(f"normalised, sigma {sigma}: error (%) {text}")


if __name__ == "__main__":
    main()

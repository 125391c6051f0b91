"""`match_reference` on simulated experiments whose changes are known.

Prints, for random cases, the errors of onset shift, resolution and edge intensity
with the standard errors that the report states, and whether it warned.

    python benchmarks/match_reference.py [--cases 40]
"""

import argparse
import logging

import numpy as np
from exspy.signals import EELSSpectrum

import hyperspy_aedenoise as aed

FINE = 0.05  # eV; experiments have whole multiples of it
LIMITS = {"shift": 0.05, "resolution": 0.10, "intensity": 0.02}


def low_loss(paths, resolution, rng):
    """Counted low loss with Poisson-distributed plasmons at 30 eV."""
    loss = np.arange(0, 400, 0.25)
    plasmon = loss * 12 / ((loss**2 - 30**2) ** 2 + (loss * 12) ** 2)
    plasmon /= plasmon.sum()
    series = np.fft.irfft(np.exp(paths * (np.fft.rfft(plasmon, 8192) - 1)), 8192)
    axis = np.arange(-20, 100, 0.25)
    kernel = np.zeros(8192)
    kernel[: loss.size] = series[: loss.size]
    offset = np.arange(-80, 81) * 0.25
    peak = np.exp(-((offset / resolution) ** 2) * 4 * np.log(2))
    counts = np.convolve(kernel, peak / peak.sum())[: axis.size]
    signal = EELSSpectrum(rng.poisson(1e6 * counts).astype(float))
    energy = signal.axes_manager.signal_axes[0]
    energy.offset, energy.scale, energy.units = -20.0, 0.25, "eV"
    return signal


def case(seed):
    """One random experiment, matched."""
    rng = np.random.default_rng(seed)
    shift = rng.uniform(-3, 3)
    resolution = rng.uniform(0.4, 1.5)
    exponent = rng.uniform(2, 4)
    paths = rng.uniform(0, 0.8)
    counts = 10 ** rng.uniform(np.log10(20), np.log10(2000))
    together = int(rng.choice([2, 4, 5, 6, 10]))
    correlation = (1.0, 0.4, 0.1) if rng.random() < 0.5 else (1.0,)
    fine = aed.data.sto_o_k(
        (24, 24),
        energy_start=505.0,
        dispersion=FINE,
        n_channels=1020,
        resolution=resolution,
        plural_scattering=paths,
    )
    edge = fine.data.reshape(24, 24, -1, together).sum(axis=-1, dtype=float)
    edge *= counts / edge.mean(axis=(0, 1)).max()
    dispersion = together * FINE
    energies = 505.0 + (together - 1) * FINE / 2 + dispersion * np.arange(edge.shape[2])
    energies += shift
    background = rng.uniform(1, 3) * counts * (energies / 530) ** -exponent
    noise = aed.NoiseModel(3.0, 25.0, correlation)
    experiment = EELSSpectrum(noise.sample(edge + background, rng))
    axis = experiment.axes_manager.signal_axes[0]
    axis.offset, axis.scale, axis.units = energies[0], dispersion, "eV"
    reference = aed.data.sto_o_k((24, 24))
    _, report = aed.match_reference(
        reference, experiment, low_loss=low_loss(paths, resolution, rng)
    )
    value = report.parameters
    inside = np.isin(energies.round(6), report.energies.round(6))
    true = edge.mean(axis=(0, 1))[inside].sum()
    found = (report.adjusted - report.background).sum()
    intensity, error, _ = value["edge intensity"]
    return {
        "counts": counts,
        "dispersion": dispersion,
        "paths": paths,
        "exponent": exponent,
        "shift": (value["onset shift"][0] - shift, value["onset shift"][1]),
        "resolution": tuple(
            np.array([value["resolution"][0] - resolution, value["resolution"][1]])
            / resolution
        ),
        "intensity": (found / true - 1, error / intensity),
        "warnings": report.warnings,
    }


def main():
    """Run the cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=40)
    n_cases = parser.parse_args().cases
    logging.disable(logging.WARNING)
    names = list(LIMITS)
    print("counts  eV/ch  t/l   shift (eV)        resolution (%)   intensity (%)")
    pulls, good, warned = [], 0, 0
    for seed in range(n_cases):
        result = case(seed)
        within = all(abs(result[name][0]) <= LIMITS[name] for name in names)
        out = [name for name in names if abs(result[name][0]) > LIMITS[name]]
        told = all(
            any(f"{name} is not well known" in text for text in result["warnings"])
            for name in out
        )
        good += within
        warned += not within and told
        pulls.append([result[name][0] / result[name][1] for name in names])
        factors = (1, 100, 100)
        columns = "".join(
            f"   {factor * result[name][0]:+7.3f} +- {factor * result[name][1]:.3f}"
            for name, factor in zip(names, factors, strict=True)
        )
        mark = "" if within else ("  warned" if told else "  MISSED, NO WARNING")
        print(
            f"{result['counts']:6.0f}  {result['dispersion']:.2f}   "
            f"{result['paths']:.2f}{columns}{mark}"
        )
    spread = np.sqrt(np.mean(np.square(pulls), axis=0))
    print(f"within the limits: {good} of {n_cases}; outside, but warned: {warned}")
    print("errors in units of their standard error (rms):", spread.round(2))
    raise SystemExit(good + warned < n_cases)


if __name__ == "__main__":
    main()

"""Denoise a file from the shell: ``python -m hyperspy_aedenoise [FILE] [-o OUT]``."""

import argparse
import sys
import warnings
from pathlib import Path

#: Size of the built-in set, and its noise: the abstract's.
BUILT_IN_SHAPE = (48, 48)
BUILT_IN_SIGMA = 0.05


def main(arguments=None):
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        _denoise(options)
    except KeyboardInterrupt:
        print("hyperspy_aedenoise: interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        line = " ".join(str(error).split()) or type(error).__name__
        print(f"hyperspy_aedenoise: {line}", file=sys.stderr)
        return 1
    return 0


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m hyperspy_aedenoise",
        description="Denoise a core-loss EELS spectrum image by an autoencoder, and "
        "compare it with PCA.",
    )
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="any file that HyperSpy reads as EELS (.dm3, .dm4, .hspy); without it a "
        "simulated O K spectrum image of SrTiO3 with noise of sigma 0.05",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT.hspy",
        help="where to write the denoised signal (replaced if it exists); the picture "
        "goes beside it as .png. Default: FILE_denoised.hspy in this folder",
    )
    return parser


def _denoise(options):
    source = Path(options.file) if options.file else None
    if source is not None and not source.is_file():
        raise FileNotFoundError(f"there is no file {source}")
    output = Path(options.output or f"{source.stem if source else 'sto'}_denoised.hspy")
    if output.suffix != ".hspy":
        raise ValueError(f"the output must end in .hspy; got {output}")
    if not output.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {output.parent} to write to")
    if source is not None and output.resolve() == source.resolve():
        raise ValueError("the output would replace the input; name another with -o")

    import matplotlib

    matplotlib.use("Agg")
    import hyperspy.api as hs

    # HyperSpy's and exspy's remarks on each other are not the user's concern, either.
    warnings.simplefilter("ignore")
    hs.set_log_level("ERROR")
    signal, truth = _built_in() if source is None else (_load(source), None)
    print(f"Denoising {signal}")
    record = signal.decompose_autoencoder(random_state=0, return_info=True)
    signal.get_autoencoder_model().save(output, overwrite=True)
    if record["history"]["interrupted"]:
        print(f"Written: {output} (denoised by the best state so far)")
        raise KeyboardInterrupt
    print("Comparing with PCA (to estimate errors, the autoencoder is fitted again)")
    comparison = signal.compare_denoising(truth=truth)
    print(comparison)
    picture = output.with_suffix(".png")
    comparison.plot().savefig(picture, dpi=150)
    print(f"Written: {output} (denoised by the autoencoder), {picture} (comparison)")
    if comparison.recommended != "autoencoder":
        print(
            f"The recommended route is {comparison.recommended}, not what was written; "
            'in Python it is `s.compare_denoising().signals["'
            f'{comparison.recommended}"]`.'
        )


def _built_in():
    """The simulated set with noise, and without."""
    from hyperspy_aedenoise import data
    from hyperspy_aedenoise._signals.noise import add_noise

    clean = data.sto_o_k(BUILT_IN_SHAPE)
    return add_noise(clean, BUILT_IN_SIGMA, random_state=0), clean


def _load(source):
    """The EELS signal in a file."""
    import hyperspy.api as hs
    from exspy.signals import EELSSpectrum

    import hyperspy_aedenoise  # noqa: F401  guarantees the methods

    # .hdf5 is read by several of HyperSpy's readers; its own is meant
    form = {"file_format": "HSPY"} if source.suffix == ".hdf5" else {}
    try:
        loaded = hs.load(source, **form)
    except Exception as error:
        raise ValueError(f"{source} can't be read: {error}") from error
    signals = loaded if isinstance(loaded, list) else [loaded]
    spectra = [signal for signal in signals if isinstance(signal, EELSSpectrum)]
    if not spectra:
        kinds = ", ".join(type(signal).__name__ for signal in signals)
        raise ValueError(
            f"{source} holds no EELS signal ({kinds}); load it in HyperSpy, call "
            "s.set_signal_type('EELS') and save it"
        )
    if len(spectra) > 1:
        print(f"{source} holds {len(spectra)} EELS signals; the largest is taken")
    return max(spectra, key=lambda signal: signal.data.size)


if __name__ == "__main__":
    sys.exit(main())

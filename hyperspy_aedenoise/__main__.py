"""Denoise a file from the shell: ``python -m hyperspy_aedenoise [FILE] [-o OUT]``."""

import argparse
import contextlib
import os
import sys
import warnings
from pathlib import Path

from hyperspy_aedenoise._archive.write_beside import beside, check_writable

#: Size of the built-in set, and its noise: the abstract's.
BUILT_IN_SHAPE = (48, 48)
BUILT_IN_SIGMA = 0.05


def main(arguments=None):
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        _denoise(options)
        sys.stdout.flush()  # which may be a full disk, too
    except KeyboardInterrupt as error:
        print(f"hyperspy_aedenoise: {str(error) or 'interrupted'}", file=sys.stderr)
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
        help="where to write the denoised signal; the picture goes beside it as .png. "
        "Default: FILE_denoised.hspy in this folder",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace signal and picture if they exist, each once the new one is whole",
    )
    parser.add_argument(
        "--signal",
        type=int,
        metavar="N",
        help="which of the EELS signals in the file, from 1. Default: the largest of "
        "those whose energies don't reach over 0 eV, if there are any",
    )
    return parser


def _denoise(options):
    source = Path(options.file) if options.file else None
    if source is not None and not source.is_file():
        raise FileNotFoundError(f"there is no file {source}")
    if source is None and options.signal is not None:
        raise ValueError("--signal chooses among the signals of a file; name one")
    output, picture = _checked_targets(options, source)

    import matplotlib

    matplotlib.use("Agg")
    import hyperspy.api as hs

    from hyperspy_aedenoise._signals.files import eels_signal, told, write_signal

    # HyperSpy's and exspy's remarks on each other are not the user's concern, either.
    warnings.simplefilter("ignore")
    hs.set_log_level("ERROR")
    if source is None:
        signal, truth = _built_in()
    else:
        (signal, which), truth = eels_signal(source, options.signal), None
        if which:
            print(which)
    print(f"Denoising {signal}")
    record = signal.decompose_autoencoder(random_state=0, return_info=True)
    if record["history"]["interrupted"]:
        raise KeyboardInterrupt("interrupted; nothing was written")
    write_signal(signal.get_autoencoder_model(), output)
    print(f"Written: {output} (denoised by the autoencoder)")
    print("Comparing with PCA (to estimate errors, the autoencoder is fitted again)")
    comparison = signal.compare_denoising(truth=truth)
    print(comparison)
    with told(picture), beside(picture) as part:
        comparison.plot().savefig(part, dpi=150)
    print(f"Written: {picture} (comparison)")
    if comparison.recommended not in (None, "autoencoder"):
        print(
            f"The recommended route is {comparison.recommended}, not what was written; "
            'in Python it is `s.compare_denoising().signals["'
            f'{comparison.recommended}"]`.'
        )


def _checked_targets(options, source):
    """Paths of signal and picture that can be written and may be."""
    output = Path(options.output or f"{source.stem if source else 'sto'}_denoised.hspy")
    if output.suffix != ".hspy":
        raise ValueError(f"the output must end in .hspy; got {output}")
    targets = output, output.with_suffix(".png")
    for target in targets:
        check_writable(target)
        if not target.exists():
            continue
        if source is not None and target.samefile(source):
            raise ValueError(
                f"{target} would replace the input {source}; name another with -o"
            )
        if not options.overwrite:
            raise FileExistsError(
                f"there is a file {target} already; replace it with --overwrite, or "
                "name another with -o"
            )
    return targets


def _built_in():
    """The simulated set with noise, and without."""
    from hyperspy_aedenoise import data
    from hyperspy_aedenoise._signals.noise import add_noise

    clean = data.sto_o_k(BUILT_IN_SHAPE)
    return add_noise(clean, BUILT_IN_SIGMA, random_state=0), clean


if __name__ == "__main__":
    # what HDF5 can't bring to a full disk it tries again while Python cleans up, and
    # crashes; the reason was told
    sys.unraisablehook = sys.excepthook = lambda *_: None
    status = main()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(status)

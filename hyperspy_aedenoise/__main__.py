"""Denoise files from the shell: ``python -m hyperspy_aedenoise [FILE ...]``."""

import argparse
import contextlib
import glob
import os
import sys
import traceback
import warnings
from pathlib import Path

from hyperspy_aedenoise._archive.write_beside import check_writable

#: Size of the built-in set, and the standard deviation of its noise.
BUILT_IN_SHAPE = (48, 48)
BUILT_IN_SIGMA = 0.05

_EXIT_STATUS = """exit status:
  0    all files were denoised
  1    something failed, as a line per file says; others were denoised. Nothing
       was, if a file isn't there or the options contradict each other
  2    an unknown option, or a value of the wrong kind
  130  Ctrl-C; what isn't written whole isn't written at all
"""


def main(arguments=None):
    """Run the command; returns the exit status."""
    try:
        options = _parser().parse_args(arguments)
        sources = _sources(options)
    except KeyboardInterrupt:
        _tell("interrupted")
        return 130
    except (OSError, ValueError) as error:
        _tell(error)
        return 1
    inputs = [source for source in sources if source is not None]
    inputs += [Path(name) for name in (options.mask, options.truth) if name]
    status = 0
    for number, source in enumerate(sources, 1):
        if len(sources) > 1 and not options.quiet:
            print(f"[{number} of {len(sources)}] {source}")
        try:
            with contextlib.ExitStack() as stack:
                if options.quiet:
                    nowhere = stack.enter_context(open(os.devnull, "w"))
                    stack.enter_context(contextlib.redirect_stdout(nowhere))
                _denoise(source, options, inputs)
            sys.stdout.flush()  # which may be a full disk, too
        except KeyboardInterrupt as error:
            _tell(str(error) or "interrupted")
            return 130
        except Exception as error:
            if _is_interrupt(error):
                _tell("interrupted")
                return 130
            if options.verbose:
                traceback.print_exc()
            _tell(error)
            status = 1
    return status


def _is_interrupt(error):
    """Whether an error comes of Ctrl-C, as a SystemError of h5py's lock may."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _tell(error):
    """One line for the user."""
    line = " ".join(str(error).split()) or type(error).__name__
    print(f"hyperspy_aedenoise: {line}", file=sys.stderr)


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m hyperspy_aedenoise",
        description="Denoise core-loss EELS spectrum images by an autoencoder, and "
        "compare it with PCA. Written are the denoised signal and, beside it, a "
        "picture of the comparison.",
        epilog=_EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "files",
        nargs="*",
        metavar="FILE",
        help="any file that HyperSpy reads as EELS (.dm3, .dm4, .hspy), or a pattern "
        "such as 'scans/*.dm4'; without it a simulated O K spectrum image of SrTiO3 "
        "with noise of sigma 0.05",
    )
    add(
        "-o",
        "--output",
        metavar="OUT",
        help="a file ending in .hspy, or a folder, which it must be for several files. "
        "Default: FILE_denoised.hspy in this folder",
    )
    add(
        "-f",
        "--force",
        "--overwrite",
        action="store_true",
        help="replace what exists of the outputs, each once the new one is complete",
    )
    add(
        "--signal",
        type=int,
        metavar="N",
        help="which EELS signal in a file, from 1. Default: the largest one without a "
        "zero-loss peak, or the largest one if all have it",
    )
    add(
        "--mask",
        metavar="FILE",
        help="probe positions to leave out: a map that is not zero there, as any file "
        "that HyperSpy reads, or an array in a .npy file, with rows as in `s.data`",
    )
    add(
        "--truth",
        metavar="FILE",
        help="the clean signal, where it is known; the table then has exact errors",
    )
    add(
        "--report",
        action="store_true",
        help="write OUT.html, too: settings, table, pictures and possible problems "
        "with the result, in a single file. It takes about as long as the fit",
    )
    add(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="seed of the random numbers. Default: 0",
    )
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument(
        "-q", "--quiet", action="store_true", help="print only warnings and errors"
    )
    loudness.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="let HyperSpy and others speak, too",
    )
    return parser


def _sources(options):
    """The input files; None stands for the built-in set."""
    if options.seed < 0:
        raise ValueError(f"--seed must be 0 or more; got {options.seed}")
    if not options.files:
        for name in ("signal", "mask", "truth"):
            if getattr(options, name) is not None:
                raise ValueError(f"--{name} belongs to a file; name one")
        return [None]
    sources = []
    for name in options.files:
        # of a file whose name looks like a pattern that file is meant
        found = [name] if Path(name).exists() else sorted(glob.glob(name))
        if not found:
            raise FileNotFoundError(f"there is no file {name}")
        sources += [Path(one) for one in found]
    sources = list(dict.fromkeys(sources))  # a file may be named twice
    if len(sources) > 1 and options.output and not Path(options.output).is_dir():
        raise ValueError(
            f"-o must be a folder that exists, for {len(sources)} files; "
            f"got {options.output}"
        )
    names = [source.stem for source in sources]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(
            f"several files would be written as {twice}_denoised.hspy; denoise them "
            "one by one, with -o"
        )
    return sources


def _denoise(source, options, inputs):
    if source is not None and not source.is_file():
        raise FileNotFoundError(f"{source} is no file")
    targets = _checked_targets(options, source, inputs)

    import matplotlib

    matplotlib.use("Agg")
    import hyperspy.api as hs

    from hyperspy_aedenoise._signals.denoise_file import denoise_file
    from hyperspy_aedenoise._signals.files import eels_signal, mask_in, truth_in

    if options.quiet:
        hs.preferences.General.show_progressbar = False
    if not options.verbose:
        # HyperSpy's and exspy's remarks on each other are not the user's concern
        warnings.simplefilter("ignore")
        hs.set_log_level("ERROR")
    settings = {"File": str(source or "the simulated set"), "Seed": options.seed}
    settings |= {"Left out": options.mask or "nothing"}
    mask = truth = None
    if source is None:
        signal, truth = _built_in()
    else:
        signal, which = eels_signal(source, options.signal)
        if which:
            print(which)
            settings["Which"] = which
        if options.mask:
            mask = mask_in(Path(options.mask), signal)
        if options.truth:
            truth = truth_in(Path(options.truth), options.signal)
    known = "known" if source is None else "not known"
    settings |= {"Signal": str(signal), "Truth": options.truth or known}
    denoise_file(signal, mask, truth, targets, settings)


def _checked_targets(options, source, inputs):
    """Paths that can be written and may be, by what is written there."""
    name = f"{source.stem if source else 'sto'}_denoised.hspy"
    output = Path(options.output or name)
    if output.is_dir() and output.suffix != ".hspy":
        output = output / name
    if output.suffix != ".hspy":
        raise ValueError(f"the output must end in .hspy; got {output}")
    targets = {"signal": output, "comparison": output.with_suffix(".png")}
    if options.report:
        targets["report"] = output.with_suffix(".html")
    for target in targets.values():
        check_writable(target)
        if not target.exists():
            continue
        replaced = [one for one in inputs if one.exists() and target.samefile(one)]
        if replaced:
            raise ValueError(
                f"{target} would replace the input {replaced[0]}; name another with -o"
            )
        if not options.force:
            raise FileExistsError(
                f"there is a file {target} already; replace it with --force, or "
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
    sys.unraisablehook = lambda _: None
    sys.excepthook = lambda *_: None
    status = main()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(status)

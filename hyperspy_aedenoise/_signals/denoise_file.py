"""Denoise a signal and write what came out, for the command line."""

from hyperspy_aedenoise._archive.write_beside import beside
from hyperspy_aedenoise._report.axes import unit_of
from hyperspy_aedenoise._report.html_report import html_report
from hyperspy_aedenoise._report.summary import summary
from hyperspy_aedenoise._signals.files import told, write_signal
from hyperspy_aedenoise._signals.storage import trained


def denoise_file(signal, mask, truth, targets, settings):
    """Fit, compare, and write signal, picture and report.

    Parameters
    ----------
    signal : EELSSpectrum
        Gets the fit.
    mask : ndarray of bool or BaseSignal or None
        Probe positions to leave out.
    truth : BaseSignal or None
    targets : dict of str to pathlib.Path
        Where "signal", "comparison" and, if it is wanted, "report" go.
    settings : dict
        What the report says of the input; "Seed" is used.

    Raises
    ------
    KeyboardInterrupt
        If the fit was interrupted; nothing is written then.
    OSError
        If something can't be written.
    """
    import matplotlib.pyplot as plt

    print(f"Denoising {signal}")
    record = signal.decompose_autoencoder(
        navigation_mask=mask, random_state=settings["Seed"], return_info=True
    )
    if record["history"]["interrupted"]:
        raise KeyboardInterrupt("interrupted; nothing was written")
    write_signal(signal.get_autoencoder_model(), targets["signal"])
    print(f"Written: {targets['signal']} (denoised by the autoencoder)")
    print("Comparing with PCA (to estimate errors, the autoencoder is fitted again)")
    comparison = signal.compare_denoising(truth=truth)
    print(comparison)
    with told(targets["comparison"]), beside(targets["comparison"]) as part:
        comparison.plot().savefig(part, dpi=150)
    print(f"Written: {targets['comparison']} (comparison)")
    if "report" in targets:
        print("Checking what speaks against the result")
        page = _page(signal, comparison, settings)
        with told(targets["report"]), beside(targets["report"]) as part:
            part.write_text(page, encoding="utf-8")
        print(f"Written: {targets['report']} (report)")
    if comparison.recommended not in (None, "autoencoder"):
        print(
            f"The recommended route is {comparison.recommended}, not what was written; "
            'in Python it is `s.compare_denoising().signals["'
            f'{comparison.recommended}"]`.'
        )
    plt.close("all")


def _page(signal, comparison, settings):
    """Everything on one page of HTML."""
    import matplotlib.pyplot as plt

    report = signal.check_denoising()
    print(report)
    figures = {
        "Raw, PCA and autoencoder": comparison.plot(),
        "What was taken off": report.plot(),
        "Noise": signal.estimate_noise().plot(),
    }
    signal.plot_autoencoder_loadings()
    figures["Latent variables"] = plt.gcf()
    text = summary(
        trained(signal).denoiser, unit_of(signal.axes_manager.signal_axes[0])
    )
    return html_report(settings, text, comparison, report, figures)

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
    try:
        _write(signal, mask, truth, targets, settings)
    finally:
        plt.close("all")


def _write(signal, mask, truth, targets, settings):
    """What came out of the fit."""
    write_signal(signal.get_autoencoder_model(), targets["signal"])
    print(f"Written: {targets['signal']} (denoised by the autoencoder)")
    print("Comparing with PCA (to estimate errors, the autoencoder is fitted again)")
    comparison = signal.compare_denoising(truth=truth)
    print(comparison)
    figure = comparison.plot()
    with told(targets["comparison"]), beside(targets["comparison"]) as part:
        figure.savefig(part, dpi=150)
    print(f"Written: {targets['comparison']} (comparison)")
    if "report" in targets:
        print("Looking for problems with the result")
        report = signal.check_denoising()
        print(report)
        figures = {
            "Raw, PCA and autoencoder": figure,
            "The residual": report.plot(),
            "Noise": signal.estimate_noise(navigation_mask=mask).plot(),
        }
        if signal.axes_manager.navigation_dimension in (1, 2):  # else it has no maps
            figures["Latent variables"] = signal.plot_autoencoder_loadings()[0].figure
        unit = unit_of(signal.axes_manager.signal_axes[0])
        words = summary(trained(signal).denoiser, unit)
        page = html_report(settings, words, comparison, report, figures)
        with told(targets["report"]), beside(targets["report"]) as part:
            part.write_text(page, encoding="utf-8")
        print(f"Written: {targets['report']} (report)")
    if comparison.recommended not in (None, "autoencoder"):
        print(
            f"The recommended route is {comparison.recommended}, not what was written. "
            "In Python: load the file as `s`, call `s.decompose_autoencoder"
            f"(random_state={settings['Seed']})`, with a mask as `navigation_mask`, "
            f'and take `s.compare_denoising().signals["{comparison.recommended}"]`.'
        )

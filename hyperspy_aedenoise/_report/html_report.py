"""One page of HTML with all that there is to say of a denoising."""

import base64
import html
import io

_STYLE = """
body { font-family: sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }
img { max-width: 100%; }
table { border-collapse: collapse; }
th, td { border: 1px solid #ccc; padding: 0.2em 0.6em; text-align: right; }
th:first-child, td:first-child { text-align: left; }
pre { background: #f4f4f4; padding: 1em; overflow-x: auto; white-space: pre-wrap; }
"""


def html_report(settings, summary, comparison, report, figures):
    """A page that needs no other file.

    Parameters
    ----------
    settings : dict
        Of the input, in words.
    summary : str
        What the fit did.
    comparison : DenoisingComparison
    report : DenoisingReport
    figures : dict of str to matplotlib.figure.Figure
        By heading.

    Returns
    -------
    str
    """
    from hyperspy_aedenoise import __version__

    settings = settings | {"Software": f"hyperspy_aedenoise {__version__}"}
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>"
        for name, value in settings.items()
    )
    title = f"Denoising of {html.escape(str(settings['File']))}"
    pictures = "".join(
        f"<h2>{html.escape(heading)}</h2>{_image(figure, heading)}"
        for heading, figure in figures.items()
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{title}</h1><table>{rows}</table>"
        f"<h2>Comparison</h2>{comparison._repr_html_()}"
        f"<h2>Check</h2>{report._repr_html_()}"
        f"<h2>Fit</h2><pre>{html.escape(summary)}</pre>"
        f"{pictures}</body></html>\n"
    )


def _image(figure, words):
    """A figure inside of the page."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="{html.escape(words)}" src="data:image/png;base64,{data}">'

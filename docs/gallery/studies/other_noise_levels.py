"""
Other noise levels
==================

A network trained at one noise level is used at another. What does that do to peak
positions and relative heights, and what helps? At five levels these are compared: a
plain network trained at 0.05, one trained at the level itself, one trained over the
whole range, the package's autoencoder with clean answers trained at 0.05 and at the
level itself, the same without clean data, and PCA with the best number of components.
"""

import matplotlib.pyplot as plt
import numpy as np
from study import (
    ITERATIONS,
    SHAPE,
    SHORT,
    best_pca,
    mse,
    peak_errors,
    print_table,
    save,
    train_plain,
)

import hyperspy_aedenoise as aed

LEVELS = (0.0125, 0.2) if SHORT else (0.0125, 0.025, 0.05, 0.1, 0.2)
clean_signal = aed.data.sto_o_k(SHAPE)
energies = clean_signal.axes_manager[-1].axis
clean = clean_signal.data
rows = clean.reshape(-1, clean.shape[-1])


def of_any_level(spectra, rng):
    """Noise with a level of its own in each spectrum."""
    sigma = np.exp(rng.uniform(np.log(LEVELS[0]), np.log(LEVELS[-1]), len(spectra)))
    return spectra + sigma[:, None] * rng.standard_normal(spectra.shape)


def autoencoder(sigma, reference=rows, spectra=rows):
    """The package's autoencoder, by arrays."""
    denoiser = aed.AutoencoderDenoiser(
        noise=aed.NoiseModel.gaussian(sigma), iterations=ITERATIONS, random_state=0
    )
    return denoiser.fit(spectra, reference).denoise


plain_at_005 = train_plain(rows, aed.NoiseModel.gaussian(0.05).sample)
plain_of_range = train_plain(rows, of_any_level)
autoencoder_at_005 = autoencoder(0.05)

# %%
table = []
for level in LEVELS:
    noise = aed.NoiseModel.gaussian(level)
    noisy = noise.sample(clean, np.random.default_rng(1))
    results = {
        "raw": noisy,
        "PCA, best rank": best_pca(noisy, clean)[0],
        "plain, trained at 0.05": plain_at_005(noisy),
        "plain, at this level": train_plain(rows, noise.sample)(noisy),
        "plain, all levels": plain_of_range(noisy),
        "autoencoder, at 0.05": autoencoder_at_005(noisy),
        "autoencoder, this level": autoencoder(level)(noisy),
        "autoencoder, no clean data": autoencoder(level, None, noisy)(noisy),
    }
    for name, values in results.items():
        errors = peak_errors(values, clean, energies)
        table.append(
            {
                "sigma": level,
                "route": name,
                "MSE": mse(values, clean),
                "raw / MSE": mse(noisy, clean) / mse(values, clean),
                "main peak: bias (eV)": errors["bias"],
                "spread (eV)": errors["spread"],
                "height ratio: bias (%)": errors["height_bias"],
                "spread (%)": errors["height_spread"],
                "lost": errors["lost"],
            }
        )
print_table(table)

# %%
figure, panels = plt.subplots(1, 3, figsize=(12, 4.6), layout="constrained")
measures = ("MSE", "spread (eV)", "spread (%)")
labels = (
    "MSE",
    "spread of the main peak's position (eV)",
    "spread of the height ratio (%)",
)
for ax, measure, label in zip(panels, measures, labels, strict=True):
    for name in dict.fromkeys(row["route"] for row in table):
        values = [row[measure] for row in table if row["route"] == name]
        style = {"raw": ":", "PCA, best rank": "--"}.get(name, "-")
        ax.loglog(LEVELS, values, style, marker=".", label=name)
    ax.set_xlabel("sigma of the noise")
    ax.set_title(label, fontsize="medium")
    ax.set_xticks(LEVELS, [str(level) for level in LEVELS])
    ax.minorticks_off()
figure.legend(
    *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4
)
save(figure, "other_noise_levels")

# %%
# A plain network that was trained at one level keeps much of its error at lower noise,
# and at higher noise it is beaten by one that was trained there. Training over all
# levels helps above and costs below. At low noise PCA is better than any plain network,
# and the plain networks' heights are worse than those of the raw spectra. The package's
# autoencoder has the same weakness where it learned from clean answers in the wrong
# noise; in the right one it is below PCA's error at every level. Without clean data,
# but with the help of similar positions, it is far below all of them.

# %%
# The full run
# ------------
#
# With 64 x 64 positions and 750 iterations, raw MSE / MSE:
#
# .. list-table::
#    :header-rows: 1
#
#    * - route
#      - sigma 0.0125
#      - 0.05
#      - 0.2
#    * - PCA, best number of components
#      - 121
#      - 120
#      - 120
#    * - plain network, trained at 0.05
#      - 10
#      - 72
#      - 114
#    * - plain network, trained at the level
#      - 16
#      - 72
#      - 164
#    * - plain network, trained over all levels
#      - 7
#      - 64
#      - 153
#    * - autoencoder, clean answers, trained at 0.05
#      - 70
#      - 164
#      - 173
#    * - autoencoder, clean answers, trained at the level
#      - 137
#      - 164
#      - 218
#    * - autoencoder (default), no clean data
#      - 731
#      - 1097
#      - 2229
#
# .. image:: /images/other_noise_levels.png
#    :alt: Errors at other noise levels

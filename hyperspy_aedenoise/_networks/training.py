"""Training on pairs of spectra, judged on spectra that the training didn't use."""

from dataclasses import asdict, dataclass, field

import numpy as np
import scipy.special

from hyperspy_aedenoise._backend import check_process, load_keras
from hyperspy_aedenoise._networks.models import in_batches

keras = load_keras()

#: Step size of Adam at its largest: of 3e-4, 1e-3 and 3e-3 the ones above 1e-3 were
#: alike on maps of 2000-4000 spectra, and the smallest too slow for 750 iterations.
LEARNING_RATE = 2e-3
#: Share of the iterations in which the step size grows to its largest value.
WARM_UP = 0.07
#: Spectra per iteration.
BATCH = 128
#: How often the judging pairs are looked at in one training.
N_CHECKS = 12
#: Chance that a network which gained nothing leaves its start: two standard errors.
CHANCE = 0.023


@dataclass
class History:
    """What happened in a training. Losses are in units of the noise variance.

    Parameters
    ----------
    iteration, training_loss : list
        Of each iteration: its number, from 1, and the loss of its batch.
    checked_iteration, held_out_loss : list
        Of each check, the first before training: the iteration, and the loss on
        pairs of held-out spectra. Empty where nothing was held out.
    held_out_error : list of float
        Standard error of the difference to the first held-out loss.
    judged_on : str
        What the held-out loss was measured on.
    kept_iteration : int
        The iteration whose weights were kept; 0 means those before training.
    interrupted : bool
        Whether the user stopped the training.
    forms : list of dict
        Of a spatial-spectral autoencoder: each form that was tried, and by how much
        its error was above that of optimal shrinkage, with the standard error, in
        units of the noise variance.
    rare : dict or None
        Of a spatial-spectral autoencoder: what few spectra have beyond the codes, see
        `RareFeatures.as_dict`.
    weak : dict or None
        Of a spatial-spectral autoencoder: what shows only in means over places, see
        `WeakFeatures.as_dict`.
    energy_shift : list of float
        Of a spatial-spectral autoencoder that follows one: by how many channels each
        spectrum that takes part is moved to higher energy loss. Else empty.
    """

    iteration: list = field(default_factory=list)
    training_loss: list = field(default_factory=list)
    checked_iteration: list = field(default_factory=list)
    held_out_loss: list = field(default_factory=list)
    held_out_error: list = field(default_factory=list)
    judged_on: str = ""
    kept_iteration: int = 0
    interrupted: bool = False
    forms: list = field(default_factory=list)
    rare: dict | None = None
    weak: dict | None = None
    energy_shift: list = field(default_factory=list)

    def as_dict(self):
        """Return everything as lists and numbers."""
        return asdict(self)


def train(model, draw_pair, iterations, noise_level, *, held_out, keep_start, progress):
    """Fit a model to pairs and leave it with its best weights.

    Parameters
    ----------
    model : keras.Model
        From (n_channels,) to (n_channels,), in signal units.
    draw_pair : callable
        Returns inputs and targets of one step, each of shape (batch, n_channels).
    iterations : int
        Optimiser steps.
    noise_level : ndarray, shape (n_channels,)
        Standard deviation of the noise, in signal units; it weighs the loss.
    held_out : tuple of ndarray or None
        Inputs and targets, each of shape (n_draws, n_spectra, n_channels), that
        judge the weights; without them the last weights are kept.
    keep_start : bool
        Whether the untrained weights are good already, and are to be left only for
        a held-out loss that is lower by more than chance allows: by two standard
        errors in a single look, Student's t, corrected for the number of looks.
    progress : callable
        Wraps the iterations, like `tqdm.tqdm`.

    Returns
    -------
    History

    Notes
    -----
    The training loss never decides anything: on the noise of one data set it falls
    also where the network only memorises.
    """
    check_process()
    _compile(model, iterations, noise_level)
    history = History()
    judge = _Judge(model, held_out, noise_level, keep_start, history)
    judge.look(0)
    every = -(-iterations // N_CHECKS)  # rounded up: no look more than is paid for
    try:
        for iteration in progress(range(1, iterations + 1)):
            loss = model.train_on_batch(*draw_pair())
            history.iteration.append(iteration)
            history.training_loss.append(float(loss))
            if iteration % every == 0 or iteration == iterations:
                judge.look(iteration)
    except KeyboardInterrupt:
        history.interrupted = True
    if held_out is None:
        history.kept_iteration = len(history.iteration)
    judge.restore_best()
    return history


def _compile(model, iterations, noise_level):
    """Adam with a warm-up and a cosine decay, and a loss in units of the noise."""
    warm_up = max(round(WARM_UP * iterations), 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        decay_steps=max(iterations - warm_up, 1),
        alpha=0.01,
        warmup_target=LEARNING_RATE,
        warmup_steps=warm_up,
    )
    scale = keras.ops.convert_to_tensor(1 / noise_level, dtype="float32")

    def weighted_error(target, output):
        return keras.ops.mean(keras.ops.square((target - output) * scale), axis=-1)

    model.compile(keras.optimizers.Adam(schedule), loss=weighted_error)
    # else the first step makes its variables, and has to be traced again
    model.optimizer.build(model.trainable_variables)


class _Judge:
    """Remembers the weights that do best on spectra that were held out."""

    def __init__(self, model, held_out, noise_level, keep_start, history):
        self.model = model
        self.held_out = held_out
        self.noise_level = noise_level
        self.keep_start = keep_start
        self.history = history
        self.start = None
        self.lowest = None
        self.weights = None

    def look(self, iteration):
        """Score the present weights."""
        if self.held_out is None:
            return
        inputs, targets = self.held_out
        rows = inputs.reshape(-1, inputs.shape[-1])
        output = in_batches(self.model, rows).reshape(inputs.shape)
        # one number per spectrum: draws and channels of a spectrum share its noise
        loss = np.square((targets - output) / self.noise_level).mean(axis=(0, 2))
        if self.start is None:
            self.start = self.lowest = loss
            self._keep(iteration)
        gain, error = _mean_and_error(loss - self.start)
        self.history.checked_iteration.append(iteration)
        self.history.held_out_loss.append(float(loss.mean()))
        self.history.held_out_error.append(error)
        # each of several looks may be lucky; few judges know their error badly
        needed = -scipy.special.stdtrit(loss.size - 1, CHANCE / N_CHECKS) * error
        if loss.mean() < self.lowest.mean():
            self.lowest = loss
        # The lowest of many scores is so by chance; the longer training wins a draw.
        behind, doubt = _mean_and_error(loss - self.lowest)
        proven = not self.keep_start or gain < -needed
        if proven and behind <= doubt:
            self._keep(iteration)

    def _keep(self, iteration):
        self.weights = self.model.get_weights()
        self.history.kept_iteration = iteration

    def restore_best(self):
        if self.weights is not None:
            self.model.set_weights(self.weights)


def _mean_and_error(values):
    """Mean of independent values and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size))

"""When xgboost stops adding trees, by the loss on validation rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import xgboost as xgb

from costopt.learners.objectives import Objective
from costopt.learners.protocol import BoolArray, FloatArray, IntArray

__all__ = ["Rounds", "loss_on", "objective_on"]

# The validation rows are looked at after each of the first rounds, then after every few.
LOOK_ALWAYS = 20
LOOK_EVERY = 5


class Rounds(xgb.callback.TrainingCallback):
    """Looks at the validation rows now and then, and stops when that has not paid for a while.

    xgboost's own early stopping looks after every round, which costs about a quarter of the training,
    and refuses validation rows binned on other rows than those trained on, as they are where rows are
    under-sampled.

    Parameters
    ----------
    max_rounds : int
        The last of these is looked at in any case.
    patience : int
        Rounds without a lower loss before training stops.
    loss : callable, optional
        ``booster -> loss`` on validation rows; nothing is looked at where None.
    checkpoint : callable, optional
        Called before each round; what it raises ends the training.
    """

    def __init__(
        self,
        max_rounds: int,
        patience: int,
        loss: Callable[[xgb.Booster], float] | None,
        checkpoint: Callable[[], None] | None,
    ) -> None:
        super().__init__()
        self.max_rounds = max_rounds
        self.patience = patience
        self.loss = loss
        self.checkpoint = checkpoint
        self.losses: list[float] = []
        self.looked_at: list[int] = []
        self._best, self._best_round = math.inf, 0

    def before_iteration(self, model: xgb.Booster, epoch: int, evals_log: Any) -> bool:
        """Let the caller interrupt."""
        del model, epoch, evals_log
        if self.checkpoint is not None:
            self.checkpoint()
        return False

    def after_iteration(self, model: xgb.Booster, epoch: int, evals_log: Any) -> bool:
        """Whether that was the last round."""
        del evals_log
        done = epoch + 1
        skipped = done > LOOK_ALWAYS and done % LOOK_EVERY and done < self.max_rounds
        if self.loss is None or skipped:
            return False
        self.losses.append(self.loss(model))
        self.looked_at.append(done)
        if self.losses[-1] < self._best:
            self._best, self._best_round = self.losses[-1], done
        return done - self._best_round >= self.patience

    def found(self) -> tuple[FloatArray, IntArray]:
        """The losses, and after how many rounds each was measured."""
        return np.array(self.losses), np.array(self.looked_at)


def objective_on(
    chosen: Objective | None, y: BoolArray, weight: FloatArray, prior: float
) -> Callable[[Any, Any], tuple[FloatArray, FloatArray]] | None:
    """Gradients and curvatures of an objective on training rows, as xgboost asks for them.

    Parameters
    ----------
    chosen : Objective or None
        None for log loss, which is xgboost's own.
    y, weight : arrays of shape (n_rows,)
    prior : float
        What trees are added to.
    """
    if chosen is None:
        return None
    # penalties and the least weight of a leaf mean the same as under log loss
    _, first = chosen.derivatives(np.full(y.size, math.log(prior / (1 - prior))), y)
    scaled = weight * (prior * (1 - prior) / float(np.average(first, weights=weight)))

    def derivatives(margin: Any, train: Any) -> tuple[FloatArray, FloatArray]:
        del train
        gradient, curvature = chosen.derivatives(margin.astype(np.float64), y)
        # xgboost applies weights to its own objectives only
        return scaled * gradient, scaled * curvature

    return derivatives


def loss_on(
    chosen: Objective | None,
    valid: xgb.DMatrix,
    y: BoolArray,
    weight: FloatArray | None,
    log_multiplier: float,
) -> Callable[[xgb.Booster], float]:
    """How the loss on validation rows is measured: the one that is trained.

    Under log loss it is that of the corrected probabilities. Under other objectives positives count
    as often as they do in training, and the margin is the one that this leads to.
    """
    if chosen is None:
        return lambda booster: float(booster.eval_set([(valid, "valid")]).rpartition(":")[2])
    each = np.where(y, math.exp(log_multiplier), 1.0) * (1.0 if weight is None else weight)

    def loss(booster: xgb.Booster) -> float:
        margin = booster.predict(valid, output_margin=True).astype(np.float64) + log_multiplier
        return float(np.average(chosen.loss(margin, y), weights=each))

    return loss

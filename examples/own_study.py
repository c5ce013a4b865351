"""The expected-cost objective inside an Optuna study of your own: your sampler, your loop."""

import optuna

from costopt import CostMatrix, ExpectedCostObjective
from costopt.datasets import load_german_credit

optuna.logging.set_verbosity(optuna.logging.WARNING)
X, y = load_german_credit()

objective = ExpectedCostObjective(
    X,
    y,
    CostMatrix(fn=5, fp=1),
    learners=["xgboost", "logistic"],
    resampling=["none", "weight", "random_under"],
)
study = optuna.create_study(
    sampler=optuna.samplers.RandomSampler(seed=0),
    pruner=optuna.pruners.NopPruner(),  # costs of single folds are no median to be above of
)
objective.enqueue_defaults(study)
study.optimize(objective, n_trials=20)

result = objective.result(study)
print(result.summary())

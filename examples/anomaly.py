"""Extreme imbalance: a dozen known frauds among ten thousand payments, and anomaly detectors.

A detector learns what is normal and needs no fraud for that; calibration and threshold need a few. Here
every kind of model gets the same rows, and money decides.
"""

import numpy as np

from costopt import CostMatrix, advise, compare

N_FRAUDS = 12
costs = CostMatrix(fn=1000, fp=10, tp=10, unit="EUR")


def main() -> None:
    """Print the advice, and then what was measured."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10_000, 8))
    y = np.zeros(len(X), dtype=int)
    y[:N_FRAUDS] = 1
    # each fraud is strange in its own way: far out in some two columns
    for row in range(N_FRAUDS):
        X[row, rng.choice(8, size=2, replace=False)] += rng.choice([-4.0, 4.0], size=2)

    print(advise(y, costs, X))
    print()
    names = [
        "isolation forest",
        "one-class SVM",
        "local outlier factor",
        "logistic regression",
        "xgboost",
        "balanced random forest",
        "SMOTE",
        "threshold 0.5",
    ]
    print(compare(X, y, costs, strategies=names).summary())


if __name__ == "__main__":
    main()

"""Whom to refuse a credit, when a bad risk accepted costs five times a good one refused.

1,000 real applications to a German bank. The costs are those documented with the data.
"""

from costopt import CostMatrix, optimize
from costopt.datasets import load_german_credit

X, y = load_german_credit()
costs = CostMatrix(fn=5, fp=1, unit="cost units")
print(costs.explain(), end="\n\n")

result = optimize(X, y, costs, n_trials=40, random_state=0)
print(result.summary(), end="\n\n")

result.policy.save("german-credit", overwrite=True)
print("The policy is in the folder german-credit: policy.json and the model.")

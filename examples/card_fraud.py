"""Which card payments to review, when a missed fraud costs its amount and every review costs 10.

Simulated payments with amounts, times, customers and drift. The policy is made from the first
60 days and judged on the days after, which it has never seen.
"""

from costopt import CostMatrix, mean_cost, optimize
from costopt.datasets import make_transactions

X, y = make_transactions(40_000, fraud_rate=0.01, drift=0.3, missing_rate=0.02, seed=0)
past = X["time"] < X["time"].min() + (X["time"].max() - X["time"].min()) * 2 / 3

# a review costs 10 whether it finds a fraud or not; without one, a fraud costs its amount
costs = CostMatrix(fn="amount", fp=10, tp=10, unit="EUR")
result = optimize(
    X[past], y[past], costs, time="time", ignore=["customer"], n_trials=15, random_state=0
)
print(result.summary(), end="\n\n")

later = result.policy.evaluate(X[~past], y[~past])
nothing = mean_cost(y[~past], [0] * int((~past).sum()), costs.resolve(X[~past]))
reviewed = result.policy.decide(X[~past])
print(f"On the {int((~past).sum()):,} payments of the last 30 days:")
print(f"  without reviews  {nothing:.3f} EUR per payment")
print(f"  with the policy  {later}")
print(
    f"  it reviews {reviewed.mean():.2%} of the payments, {y[~past][reviewed].mean():.1%} are frauds"
)

result.policy.save("card-fraud", overwrite=True)

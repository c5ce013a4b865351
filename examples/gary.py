"""Gary guards a shop. He is right about 99.92 % of its visitors, and has never stopped a thief.

A thief takes goods for 300. To ask a visitor to open the bag costs 2, thief or not. The gate at the
door scores every visitor; nobody has asked what its scores are worth.
"""

import numpy as np
from scipy.special import expit

from costopt import CostMatrix, advise, choose_threshold, mean_cost

rng = np.random.default_rng(0)
thief = np.tile(np.arange(50_000) % 1250 == 0, (2, 1))  # 40 thieves last year, and 40 this year
score = expit(rng.normal(np.where(thief, 0.0, -3.0)))  # what the gate said
costs = CostMatrix(fn=300, fp=2, tp=2, unit="EUR")
policy = choose_threshold(thief[0], score[0], costs)  # from last year's visitors

gary, gate, costopt = np.zeros(50_000, dtype=bool), score[1] >= 0.5, policy.decide(score=score[1])
for name, stop in {"Gary": gary, "the gate at 0.5": gate, "costopt": costopt}.items():
    print(
        f"{name:<16} right: {np.mean(stop == thief[1]):.2%}   thieves stopped: {stop[thief[1]].sum():>2} "
        f"of 40   cost this year: {50_000 * mean_cost(thief[1], stop, costs):>6,.0f} EUR"
    )

print(f"\n{policy.explain().splitlines()[0]}\n")
print(advise(thief[0], costs).statement("accuracy-trap").text)

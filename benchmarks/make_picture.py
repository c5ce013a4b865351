"""The picture of the README: what every threshold costs for German credit, as docs/picture.png.

Each of ten folds is scored by the untuned policy that costopt makes from the other nine, so no case is
scored by a model or a calibration that has seen it. It needs matplotlib: pip install ".[plot]"
"""

from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image
from sklearn.model_selection import StratifiedKFold

from costopt import CostMatrix, optimize
from costopt.datasets import load_german_credit
from costopt.plotting import CostCurveDisplay

TARGET = Path(__file__).parents[1] / "docs" / "picture.png"
COSTS = CostMatrix(fn=5, fp=1, unit="cost units")
N_FOLDS = 10


def main() -> None:
    """Score out of fold, draw, and write the picture."""
    mpl.use("agg")
    X, y = load_german_credit()
    probability = np.empty(len(y))
    for known, new in StratifiedKFold(N_FOLDS, shuffle=True, random_state=0).split(X, y):
        found = optimize(X.iloc[known], y.iloc[known], COSTS, n_trials=1, progress=False)
        probability[new] = found.policy.probability(X.iloc[new])

    display = CostCurveDisplay.from_predictions(
        y, probability, COSTS, score_name="calibrated probability"
    )
    display.ax_.set_title(
        "1,000 credit applications: a bad risk accepted costs 5, a good one refused 1",
        loc="left",
        fontsize=12,
    )
    drawn = BytesIO()
    display.figure_.savefig(drawn, dpi=120, facecolor="white")
    # 64 colours are all there are to be seen, and make a third of the file
    Image.open(drawn).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(
        TARGET, optimize=True
    )
    best = display.best
    for name, threshold in (("0.5", 0.5), ("Bayes", 1 / 6), ("cheapest", best.threshold)):
        print(
            f"{name:<10}{threshold:6.3f}{float(display.curve.at(threshold)):8.3f} per application"
        )
    print(f"{TARGET.name}: {TARGET.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()

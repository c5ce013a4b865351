"""A column of a model's own scores, where the model is somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from costopt.cli.options import column
from costopt.cli.rows import check_columns
from costopt.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["score", "scores_of"]

score = column("--score", "Scores of your own model, in [0, 1], in place of the policy's model.")


def scores_of(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """The scores in a column, checked.

    Raises
    ------
    DataError
        If the column is not there, or holds something else than numbers in [0, 1].
    """
    from costopt.policy.cases import check_scores

    check_columns(table, {"--score": [name]})
    found: pd.Series[Any] = table[name]
    if found.dtype.kind not in "biuf":
        raise DataError(
            f"--score must name a column of numbers, but {name!r} holds texts such as "
            f"{found[found.notna()].iloc[0]!r:.60}"
        )
    try:
        return check_scores(found.to_numpy(dtype=float))
    except DataError as error:
        raise DataError(f"--score {name!r}: {error}") from None

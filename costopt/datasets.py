"""Data to try costs on: German credit, and a simulator of card transactions."""

from __future__ import annotations

from importlib.resources import files
from numbers import Integral, Real
from typing import Literal, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit

from costopt.errors import DataError

__all__ = ["load_german_credit", "make_transactions"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def load_german_credit() -> tuple[pd.DataFrame, pd.Series]:
    """Read credit applicants of a German bank, and whether the credit turned out bad.

    Returns
    -------
    X : DataFrame of shape (1000, 19)
        7 numeric columns (int64) and 12 categorical ones. Amounts are in Deutsche Mark, durations
        in months. ``savings`` is missing in 183 rows.
    y : Series of shape (1000,)
        ``bad``: 1 for the 300 bad risks, else 0.

    Notes
    -----
    The costs documented with the data are 5 for a bad risk accepted and 1 for a good one refused:
    ``CostMatrix(fn=5, fp=1)``. Source, licence (CC BY 4.0), the meaning of the columns and all that
    was changed: ``costopt/data/README.md``.

    References
    ----------
    H. Hofmann (1994). Statlog (German Credit Data). UCI Machine Learning Repository.
    https://doi.org/10.24432/C5NC77

    Examples
    --------
    >>> X, y = load_german_credit()
    >>> X.shape, int(y.sum())
    ((1000, 19), 300)
    """
    with (files("costopt") / "data" / "german_credit.csv").open(encoding="utf-8") as source:
        # Only an empty field is missing, whatever else pandas takes for that: "none" is a level.
        data = pd.read_csv(source, keep_default_na=False, na_values=[""])
    y = data.pop("bad").astype(np.int64)
    text = data.select_dtypes(exclude="number").columns
    return data.astype(dict.fromkeys(text, "category")), y


# The world of make_transactions: one fixed population, which a seed only draws from. The numbers
# were set so that a model finds much of the fraud, but not all that there is to find.

START = np.datetime64("2024-01-01", "us")
DAYS = 90
HOUR = 3600  # seconds
DAY = 24 * HOUR
TRANSACTIONS_PER_CUSTOMER = 20  # on average

# Merchant category: share of the transactions, median amount in EUR, spread of the log amount,
# share bought online, log odds of fraud.
CATEGORIES = {
    "dining": (0.18, 22.0, 0.6, 0.10, -0.6),
    "electronics": (0.07, 80.0, 0.8, 0.55, 0.6),
    "fashion": (0.13, 48.0, 0.7, 0.50, 0.2),
    "fuel": (0.12, 45.0, 0.4, 0.01, -0.6),
    "gaming": (0.08, 15.0, 0.7, 0.95, 0.3),
    "gift cards": (0.04, 40.0, 0.6, 0.70, 0.9),
    "groceries": (0.32, 28.0, 0.7, 0.08, -0.8),
    "travel": (0.06, 110.0, 0.8, 0.75, 0.0),
}
SHARE, MEDIAN_AMOUNT, AMOUNT_SPREAD, ONLINE_SHARE, CATEGORY_LOG_ODDS = np.array(
    list(CATEGORIES.values())
).T
TYPICAL_AMOUNT = 32.0  # EUR, of a customer of average means
SMALLEST_AMOUNT, CONTACTLESS_LIMIT, CARD_LIMIT = 0.5, 50.0, 5000.0  # EUR

CHANNEL_LOG_ODDS = {"chip": -1.2, "contactless": -0.8, "online": 0.8}

# Country: share in shops, share online, how far from home.
COUNTRIES = {"abroad": (0.02, 0.12, 1.0), "home": (0.93, 0.73, 0.0), "neighbour": (0.05, 0.15, 0.3)}
COUNTRY_SHARE_IN_SHOPS, COUNTRY_SHARE_ONLINE, FOREIGN = np.array(list(COUNTRIES.values())).T

# Purchases by hour of the day, from midnight on: relative numbers.
HOURS_IN_SHOPS = np.array(
    [1, 0.5, 0.5, 0.5, 0.5, 1, 3, 7, 9, 9, 10, 12, 14, 12, 10, 10, 12, 15, 15, 11, 8, 6, 4, 2]
)
HOURS_ONLINE = np.array(
    [6, 4, 2.5, 2, 1.5, 1.5, 2, 4, 6, 7, 8, 8, 9, 9, 8, 8, 8, 9, 10, 12, 14, 14, 12, 9]
)

MAY_BE_MISSING = ("age", "account_days", "seconds_since_last", "channel")


@overload
def make_transactions(
    n_transactions: int = ...,
    *,
    fraud_rate: float = ...,
    missing_rate: float = ...,
    drift: float = ...,
    return_probability: Literal[False] = ...,
    seed: int = ...,
) -> tuple[pd.DataFrame, pd.Series]: ...
@overload
def make_transactions(
    n_transactions: int = ...,
    *,
    fraud_rate: float = ...,
    missing_rate: float = ...,
    drift: float = ...,
    return_probability: Literal[True],
    seed: int = ...,
) -> tuple[pd.DataFrame, pd.Series, FloatArray]: ...
def make_transactions(
    n_transactions: int = 20_000,
    *,
    fraud_rate: float = 0.005,
    missing_rate: float = 0.0,
    drift: float = 0.0,
    return_probability: bool = False,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.Series] | tuple[pd.DataFrame, pd.Series, FloatArray]:
    """Draw card transactions, some of them fraudulent, in order of time.

    Every call draws from the same population, so another seed gives fresh test data. With the
    same seed and number the transactions stay the same whatever the other arguments, and the
    frauds at a low rate are also frauds at a higher one.

    Parameters
    ----------
    n_transactions : int, default=20_000
        At least 1. A customer makes about 20 of them.
    fraud_rate : float in (0, 0.5), default=0.005
        Mean probability of fraud over the drawn transactions.
    missing_rate : float in [0, 1), default=0
        Share of the values of ``age``, ``account_days``, ``seconds_since_last`` and ``channel``
        that is missing, completely at random.
    drift : float, default=0
        At least 0. How far the pattern of fraud has moved after 90 days, from purchases abroad (0)
        to gift cards bought online (1), evenly in time. Above 1 it has moved before the end.
    return_probability : bool, default=False
        Whether to return the probability that drew each label.
    seed : int, default=0
        At least 0.

    Returns
    -------
    X : DataFrame of shape (n_transactions, 12)
        ``time``, over about 90 days from 2024-01-01; ``customer``, a name such as ``"C00017"``
        that means another person with another seed; ``amount`` in EUR, at least 0.50;
        ``category`` of the merchant; ``channel`` and ``country``; ``hour`` of the day in [0, 24);
        ``age`` in years; ``account_days``, age of the account; ``amount_ratio``, the amount
        relative to the customer's typical one; ``seconds_since_last``, NaN for a customer's first;
        ``count_24h``, the customer's transactions in the 24 hours before.
    y : Series of shape (n_transactions,)
        ``fraud``: 1 or 0.
    probability : float64 array of shape (n_transactions,)
        Only with ``return_probability``. It knows what no feature shows, and any missing value:
        no model can decide at a lower expected cost than this probability does.

    Raises
    ------
    DataError
        If an argument is outside its range.

    Notes
    -----
    The log odds of fraud are a sum of effects and interactions (online, abroad and at night;
    amounts unusual for the customer; purchases in quick succession; young accounts) and of two
    that no feature shows, one per customer, so rows of one customer are not independent.

    Examples
    --------
    >>> X, y = make_transactions(1000, fraud_rate=0.02, seed=7)
    >>> X["time"].is_monotonic_increasing, y.name
    (True, 'fraud')
    >>> X, y, probability = make_transactions(1000, fraud_rate=0.02, return_probability=True)
    >>> round(float(probability.mean()), 9)
    0.02
    """
    _check_whole("n_transactions", n_transactions, least=1, such_as=20_000)
    _check_whole("seed", seed, least=0, such_as=0)
    if not (_is_number(fraud_rate) and 0 < fraud_rate < 0.5):
        raise DataError(
            f"fraud_rate must be a number above 0 and below 0.5, got {fraud_rate!r}: "
            "pass the share of frauds, such as 0.005"
        )
    if not (_is_number(missing_rate) and 0 <= missing_rate < 1):
        raise DataError(
            f"missing_rate must be a number of at least 0 and below 1, got {missing_rate!r}: "
            "pass the share of values to remove, such as 0.05"
        )
    if not (_is_number(drift) and 0 <= drift < np.inf):
        raise DataError(
            f"drift must be a finite number of at least 0, got {drift!r}: "
            "pass 0 for a pattern that stays, 1 for one that has moved by the end"
        )

    # In this order no argument disturbs what is drawn before it matters.
    rng = np.random.default_rng(int(seed))
    X, hidden = _transactions(int(n_transactions), rng)
    log_odds = _visible_log_odds(X, float(drift)) + hidden
    probability = expit(log_odds + _intercept(log_odds, float(fraud_rate)))
    fraud = rng.random(len(X)) < probability
    y = pd.Series(fraud.astype(np.int64), index=X.index, name="fraud")
    for name in MAY_BE_MISSING:
        X[name] = X[name].mask(rng.random(len(X)) < missing_rate)
    return (X, y, probability) if return_probability else (X, y)


def _check_whole(name: str, value: int, *, least: int, such_as: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise DataError(
            f"{name} must be a whole number of at least {least}, got {value!r}: "
            f"pass one, such as {such_as}"
        )


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _transactions(n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, FloatArray]:
    """Draw all columns, complete, and the part of the log odds of fraud that no column shows."""
    n_customers = -(-n // TRANSACTIONS_PER_CUSTOMER)
    activity = rng.gamma(2.0, size=n_customers)
    means = np.exp(rng.normal(0.0, 0.5, n_customers))  # factor on all amounts
    age = np.clip(rng.normal(46.0, 17.0, n_customers), 18.0, 95.0).round()
    account_days = rng.exponential(900.0, n_customers)  # at START
    exposure = rng.normal(size=n_customers)  # of the card's number, to thieves

    customer = np.repeat(np.arange(n_customers), rng.multinomial(n, activity / activity.sum()))
    category, online, country, seconds = _purchases(customer, rng)
    # The tail of Student's t is heavier than that of a normal distribution.
    spread = np.exp(AMOUNT_SPREAD[category] * rng.standard_t(5.0, n))
    amount = (MEDIAN_AMOUNT[category] * means[customer] * spread).round(2)
    amount = np.clip(amount, SMALLEST_AMOUNT, CARD_LIMIT)
    contactless = (amount <= CONTACTLESS_LIMIT) & (rng.random(n) < 0.7)
    since_last, count_24h = _history(customer, seconds)
    names = np.array([f"C{number:05d}" for number in range(n_customers)])
    columns = {
        "time": START + seconds.astype("timedelta64[s]"),
        "customer": names[customer],
        "amount": amount,
        "category": pd.Categorical.from_codes(category, list(CATEGORIES)),
        "channel": pd.Categorical.from_codes(
            np.where(online, 2, np.where(contactless, 1, 0)), list(CHANNEL_LOG_ODDS)
        ),
        "country": pd.Categorical.from_codes(country, list(COUNTRIES)),
        "hour": (seconds % DAY) / HOUR,
        "age": age[customer],
        "account_days": np.floor(account_days[customer] + seconds / DAY),
        "amount_ratio": amount / (TYPICAL_AMOUNT * means[customer]),
        "seconds_since_last": since_last,
        "count_24h": count_24h,
    }
    hidden = 0.4 * exposure[customer] + 0.6 * rng.normal(size=n)
    in_time = np.argsort(seconds, kind="stable")
    return pd.DataFrame(columns).iloc[in_time].reset_index(drop=True), hidden[in_time]


def _purchases(
    customer: IntArray, rng: np.random.Generator
) -> tuple[IntArray, BoolArray, IntArray, IntArray]:
    """Category, whether online, country, and seconds since START: by customer, then by time."""
    n = len(customer)
    # A tenth of the purchases follow another within minutes, at the same kind of merchant.
    follows = (rng.random(n) < 0.1) & (np.diff(customer, prepend=-1) == 0)
    waited = np.cumsum(np.where(follows, rng.exponential(15.0 * 60, n), 0.0))
    first = np.maximum.accumulate(np.where(follows, 0, np.arange(n)))

    category = rng.choice(len(SHARE), n, p=SHARE)
    online = rng.random(n) < ONLINE_SHARE[category]
    country = np.where(
        online,
        rng.choice(len(FOREIGN), n, p=COUNTRY_SHARE_ONLINE),
        rng.choice(len(FOREIGN), n, p=COUNTRY_SHARE_IN_SHOPS),
    )
    hour = np.where(
        online,
        rng.choice(24, n, p=HOURS_ONLINE / HOURS_ONLINE.sum()),
        rng.choice(24, n, p=HOURS_IN_SHOPS / HOURS_IN_SHOPS.sum()),
    )
    start = rng.integers(DAYS, size=n) * DAY + (hour + rng.random(n)) * HOUR
    seconds = (start[first] + waited - waited[first]).astype(np.int64)
    order = np.lexsort((seconds, customer))
    chosen = first[order]
    return category[chosen], online[chosen], country[chosen], seconds[order]


def _history(customer: IntArray, seconds: IntArray) -> tuple[FloatArray, IntArray]:
    """Seconds since the customer's last purchase (NaN: none) and number in the 24 hours before."""
    since_last = np.diff(seconds, prepend=0).astype(np.float64)
    since_last[np.diff(customer, prepend=-1) > 0] = np.nan
    # One clock for all, on which customers are too far apart to be counted together.
    clock = customer * (seconds.max() + 2 * DAY) + seconds
    return since_last, np.arange(len(clock)) - np.searchsorted(clock, clock - DAY)


def _visible_log_odds(X: pd.DataFrame, drift: float) -> FloatArray:
    """Log odds of fraud as far as the columns show them, but for the intercept."""
    category, channel, country = (X[name].cat.codes for name in ("category", "channel", "country"))
    hour, amount = X["hour"].to_numpy(), X["amount"].to_numpy()
    online = (X["channel"] == "online").to_numpy()
    gift_card = (X["category"] == "gift cards").to_numpy()
    night = np.exp(-0.5 * (np.minimum(np.abs(hour - 3.0), 27.0 - hour) / 2.0) ** 2)
    rushed = np.exp(-X["seconds_since_last"].fillna(np.inf).to_numpy() / 600.0)
    unusual = np.clip(np.log(X["amount_ratio"].to_numpy()), 0.0, 2.0)
    elapsed = ((X["time"] - START) / np.timedelta64(DAYS, "D")).to_numpy()
    moved = np.minimum(drift * elapsed, 1.0)

    abroad = FOREIGN[country] * (1.0 + 1.5 * online + 1.5 * online * night)
    return np.asarray(
        CATEGORY_LOG_ODDS[category]
        + np.array(list(CHANNEL_LOG_ODDS.values()))[channel]
        + (1.0 - moved) * abroad
        + moved * 3.0 * (online & gift_card)
        + 0.8 * (night * online)
        + 0.6 * unusual
        + 1.0 * (online & (amount < 3.0))  # thieves try a card on a small sum first
        + 0.6 * np.log1p(X["count_24h"].to_numpy())
        + 1.2 * (rushed * online)
        + 1.8 * np.exp(-X["account_days"].to_numpy() / 60.0)
        + 0.6 * (online & (X["age"].to_numpy() >= 70.0))
    )


def _intercept(log_odds: FloatArray, rate: float) -> float:
    """Solve for the shift of all log odds that makes their mean probability ``rate``."""
    low = logit(rate) - log_odds.max() - 1.0
    high = logit(rate) - log_odds.min() + 1.0
    return float(brentq(lambda shift: expit(shift + log_odds).mean() - rate, low, high))

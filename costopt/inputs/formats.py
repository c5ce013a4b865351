"""File formats beside CSV: how each is recognised, and how it is read. A new one is added here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from costopt.errors import DataError
from costopt.inputs.csv_tables import check_names

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FORMATS", "FileFormat", "format_of"]

PARQUET = b"PAR1"


@dataclass(frozen=True)
class FileFormat:
    """One way to store a table.

    Parameters
    ----------
    suffix : str
        What its files are named, such as ``".parquet"``.
    recognises : callable
        ``content -> bool``: whether some bytes are such a file, whatever it is named.
    read : callable
        ``(name, content) -> DataFrame``; raises `DataError`, with the name, where it cannot.
    """

    suffix: str
    recognises: Callable[[bytes], bool]
    read: Callable[[str, bytes], pd.DataFrame]


def format_of(suffix: str, content: bytes) -> FileFormat | None:
    """The format of a file by its content, else by the end of its name; None for CSV."""
    for each in FORMATS:
        if each.recognises(content) or suffix.lower() == each.suffix:
            return each
    return None


def _is_parquet(content: bytes) -> bool:
    return content.startswith(PARQUET) and content.endswith(PARQUET)


def _read_parquet(name: str, content: bytes) -> pd.DataFrame:
    import pyarrow as pa  # type: ignore[import-untyped]  # ships no types
    from pyarrow import parquet

    if not content.startswith(PARQUET):
        raise DataError(
            f"{name} is named as a Parquet file but is none: name it .csv if that is what it is"
        )
    try:
        stored = parquet.ParquetFile(pa.BufferReader(content)).read()
        for position, field in enumerate(stored.schema):
            if pa.types.is_decimal(field.type):  # money often is; pandas would hold objects
                numbers = stored.column(position).cast(pa.float64())
                stored = stored.set_column(position, field.name, numbers)
        names = [str(each) for each in stored.column_names]
        check_names(name, names)
        # row labels of a data frame that had no name
        labels = [each for each in names if re.fullmatch(r"__index_level_\d+__", each)]
        return stored.drop_columns(labels).to_pandas(ignore_metadata=True)
    except DataError:
        raise
    except Exception as error:  # a damaged file raises whatever its bytes happen to mean
        raise DataError(
            f"{name} is damaged or not all there and cannot be read as Parquet: write it again "
            f"({type(error).__name__}: {error})"
        ) from error


FORMATS = [FileFormat(".parquet", _is_parquet, _read_parquet)]

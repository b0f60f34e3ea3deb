"""Split an unpacked file into parts according to the shape that its first bytes show, or refuse it.

A shape is recognized by content, never by file name. A refusal says what the file is instead of a flow log.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from flowtag_core.errors import LogError
from flowtag_core.shapes.fields import COUNTED
from flowtag_core.shapes.layout import ASSUMED, Layout
from flowtag_core.shapes.others import whose_line
from flowtag_core.shapes.records import Columns, Records, Rows
from flowtag_core.shapes.text import Block, whole_lines
from flowtag_core.sources.pieces import HEAD_SIZE, File, peeked, seekable

Part = Block | Columns | Rows | Records
"""A part of a file: lines, rows of a table, or records that were extracted from another format."""
Shape = Literal["text", "CSV", "JSON", "Parquet"]
"""The shapes of a file, as its first bytes show them."""

_AS_TEXT: Final = "Use AWS VPC flow logs as text, compressed or not"
_NO_LOGS: Final = (
    (rb"BZh[1-9]1AY&SY", "compressed with bzip2", "Unpack it or compress it with gzip"),
    (rb"\xfd7zXZ\0", "compressed with xz", "Unpack it or compress it with gzip"),
    (rb"\x04\x22\x4d\x18", "compressed with lz4", "Unpack it or compress it with gzip"),
    (rb"\xff\x06\0\0sNaPpY", "compressed with snappy", "Unpack it or compress it with gzip"),
    (rb"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Unpack it and use the files in it"),
    (rb"Rar!\x1a\x07", "a RAR archive", "Unpack it and use the files in it"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8", "a picture", _AS_TEXT),
    (rb"\{\\rtf", "an RTF document", "Save the log as text"),
    (rb"\0{512}", "an empty archive, or nothing but zeros", _AS_TEXT),
    (rb"%PDF-", "a PDF document", "Use the log itself, as text"),
    (rb"\xd0\xcf\x11\xe0", "an old Office document", "Save the log as text"),
    (rb"\x7fELF|MZ", "a program", _AS_TEXT),
    (rb"SQLite format 3\0", "a SQLite database", "Export the log as text"),
    (rb"Obj\x01", "an Avro file", "Export the log as text or Parquet"),
    (rb"ORC", "an ORC file", "Export the log as text or Parquet"),
    (
        rb"\xd4\xc3\xb2\xa1|\xa1\xb2\xc3\xd4|\x4d\x3c\xb2\xa1|\x0a\x0d\x0d\x0a",
        "a packet capture",
        _AS_TEXT,
    ),
    (rb"version https://git-lfs", "a Git LFS pointer", "Fetch the file with git lfs pull"),
    (rb"Tag Counts:", "a result that flowtag wrote", "Use the log that it was made from"),
)
"""How files that are not flow logs begin, what they are, and the remedy."""
_NO_LOG: Final = re.compile(b"|".join(magic for magic, *_ in _NO_LOGS))
_PLAIN_LINE: Final = re.compile(rb"(?:2 \d{12} eni-[ -~]*+|version [a-z -]*+)\r?(?:\n|\Z)")
_NOT_PLAIN: Final = (b"\0", b"{", b"[", b'"', b",", b";", b"\t", b"=")
_S3_ERROR: Final = re.compile(
    rb"\s*+(?:<\?xml[^>]*+>\s*+)?<Error>.*?<Code>(\w{1,60})</Code>", re.DOTALL
)
_MARKUP: Final = re.compile(rb"\s*+<[!?/A-Za-z]")


def parts_of(
    file: File, wanted: Sequence[str] = COUNTED, layout: Layout = ASSUMED
) -> Iterator[Part]:
    """Return the parts of an unpacked file, in order.

    If fields are separate (CSV, JSON, Parquet), only the `wanted` ones that are present are kept, in the
    order of `wanted`; lines of text are kept whole. `layout` is used for a file without a header; one given
    by the user also means that the log is AWS's, whatever its names. Raises LogError, with what the file is
    and the remedy, if it is not a flow log, and DamagedLogError, after all parts before it, if it is cut
    short.
    """
    head, pieces = peeked(file.pieces())
    try:
        return _in_shape(file.with_content(pieces), head, tuple(wanted), layout)
    except LogError:
        if len(head) < HEAD_SIZE:
            deque(pieces, maxlen=0)  # If the file is cut short, this raises that error instead.
        raise


def is_plainly_text(text: bytes) -> bool:
    """Whether the content of a file, as stored, is certainly lines of text; if in doubt, False."""
    return (
        len(text) <= HEAD_SIZE
        and _PLAIN_LINE.match(text) is not None
        and text.isascii()
        and not any(sign in text for sign in _NOT_PLAIN)
    )


def is_text(head: bytes, layout: Layout = ASSUMED) -> bool:
    """Whether a file that begins with this head, and is not packed, is lines of text, one record each."""
    try:
        return shape_of("", head, layout) == "text"
    except LogError:
        return False


def shape_of(name: str, head: bytes, layout: Layout = ASSUMED) -> Shape:
    """Return the shape of an unpacked file that begins with this head. Raises LogError if that is of no flow log."""
    if head.startswith(b"PAR1"):
        return "Parquet"
    _refuse_no_logs(name, head)
    nothing = File(name, iter(()))
    if _in_documents(nothing, head, COUNTED, layout):
        return "JSON"
    return "CSV" if _in_table(nothing, head, COUNTED, layout) else "text"


def _in_shape(file: File, head: bytes, wanted: tuple[str, ...], layout: Layout) -> Iterator[Part]:
    if head.startswith(b"PAR1"):
        return _in_parquet(file, wanted, layout)
    _refuse_no_logs(file.name, head)
    return (
        _in_documents(file, head, wanted, layout)
        or _in_table(file, head, wanted, layout)
        or whole_lines(file.pieces())
    )


# Few files need these modules, and importing them takes as long as counting 5 MB, so they are imported only
# if the first bytes suggest that they are needed.


def _in_documents(
    file: File, head: bytes, wanted: tuple[str, ...], layout: Layout
) -> Iterator[Rows | Records] | None:
    if not any(sign in head for sign in (b"{", b"[", b'"')):
        return None
    from flowtag_core.shapes.json_documents import json_records
    from flowtag_core.shapes.json_text import is_json

    if not is_json(head):
        return None
    pieces = file.pieces()
    return json_records(file.name, pieces, wanted, file.budget, is_known=layout.is_given)


def _in_table(
    file: File, head: bytes, wanted: tuple[str, ...], layout: Layout
) -> Iterator[Rows | Records] | None:
    if not any(sign in head for sign in (b",", b";", b"\t", b"=")):
        return None
    from flowtag_core.shapes.csv_rows import csv_records
    from flowtag_core.shapes.csv_tables import COLUMN_COST, table_of

    table = table_of(head, layout)
    if table is None:
        return None
    file.budget.stream(COLUMN_COST * len(table.columns))
    return csv_records(file.name, table, file.pieces(), wanted, file.budget)


def _in_parquet(file: File, wanted: tuple[str, ...], layout: Layout) -> Iterator[Part]:
    from flowtag_core.shapes.parquet import parquet_records

    with seekable(file) as whole:
        yield from parquet_records(file.name, whole, wanted, file.budget, is_known=layout.is_given)


def _refuse_no_logs(name: str, head: bytes) -> None:
    """Raise LogError if the first bytes show that the file is not a flow log."""
    if _NO_LOG.match(head):
        what, remedy = next(said for magic, *said in _NO_LOGS if re.match(magic, head))
        raise LogError(f"{name}: is {what}, not a flow log. {remedy}.")
    text = head.removeprefix(b"\xef\xbb\xbf")
    if others := whose_line(text):
        raise LogError(f"{name}: contains {others}. {_AS_TEXT}.")
    if error := _S3_ERROR.match(text):
        code = error[1].decode()
        raise LogError(
            f"{name}: is an error message from S3 ({code}), not a flow log. Download the file again, "
            "signed in with permission to read it."
        )
    if _MARKUP.match(text):
        raise LogError(f"{name}: is a web page or XML, not a flow log. Download it again.")
    if b"\0" in head[: head.find(b"\n") + 1 or len(head)]:
        raise LogError(
            f"{name}: is binary (its first line contains a NUL byte), not a flow log. "
            "Use a VPC flow log as text or gzipped text."
        )

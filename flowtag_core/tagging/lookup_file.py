"""Read a lookup's file: find out its encoding, delimiter and columns, and parse its rows."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import re
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO, Final, NamedTuple

import numpy as np

from flowtag_core.errors import Cancelled, LookupFileError, reason_of
from flowtag_core.tagging.csv_rows import LARGEST_FILE, LONGEST_LINE, rows_of
from flowtag_core.tagging.lookup import (
    UNTAGGED,
    Lookup,
    Ports,
    Problem,
    Trouble,
    asking,
    checked,
    parse_ports,
    parse_protocol,
    shown,
)
from flowtag_core.tagging.registries import begins_registry, registry

LookupFile = str | os.PathLike[str] | BinaryIO
"""A path, or a file opened in binary mode."""

_MOST_LINES_IN_ALL: Final = 1_200_000
_MOST_UNUSABLE: Final = 100_000

_COLUMNS: Final = {
    "dstport": frozenset({"dstport", "destport", "destinationport", "port"}),
    "protocol": frozenset({"protocol", "proto"}),
    "tag": frozenset({"tag"}),
}
_NAME: Final = "name"
"""Some files give the protocol column this name, which is accepted if there are exactly three columns."""
_FROM_NAME: Final = "the column called name was taken as the protocol"
_NO_HEADER: Final = "has no header: its columns were taken as dstport, protocol, tag"
_DELIMITERS: Final = (",", ";", "\t")
_EXCEL_DELIMITER: Final = re.compile(r'"?sep=(.)"?[ \t]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
_DATE: Final = re.compile(
    r"\d{1,4}[-/. ]\d{1,2}[-/. ]\d{1,4}|\d{1,2}[- .]{1,2}[^\W\d_]{3,9}\.?|[^\W\d_]{3,9}[- .]\d{1,4}"
)
_NOT_LETTERS: Final = re.compile(r"[^a-z]")
_GZIP: Final = b"\x1f\x8b"
_BINARY: Final = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive", "Save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "Save the sheet as CSV"),
    (_GZIP, "compressed with gzip more than once", "Unpack it"),
)
_MARKED: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_GUESSED: Final = "cp1252"
_EACH_BYTE: Final = bytes(range(256)).decode(_GUESSED, "surrogateescape")
"""The character for each byte; undefined bytes become surrogates.

Decoding with this table is fast, while `surrogateescape` runs Python code for each undefined byte.
"""
_BYTE_OF: Final = codecs.charmap_build(_EACH_BYTE)
_SURROGATE: Final = re.compile("[\udc80-\udcff]")
_END: Final = "\0"
_BEGIN_SIZE: Final = 1 << 12
_HEAD_SIZE: Final = 1 << 20


def load_lookup_table(
    file: LookupFile, name: str | None = None, cancel: Callable[[], bool] = lambda: False
) -> Lookup:
    """Load a lookup: a CSV with the columns dstport, protocol and tag, in any order and usual spelling.

    The file may be compressed with gzip. It may also be IANA's list of service names or a file like
    /etc/services; then the names become tags, and `notices` says so. `name` is how messages refer to
    the lookup; the default is its path or the name of the file object. `problems` lists all rows that
    cannot be used or do not do what they seem to do. Raises LookupFileError if the file is missing,
    is not text or lacks one of the three columns, and Cancelled if `cancel()` returns true.
    """
    name = name or _name(file)

    def check() -> None:
        if cancel():
            raise Cancelled(f"{name}: the lookup was cancelled.")

    return read_lookup(_read(file, name), name, check)


def read_lookup(content: bytes, name: str, check: Callable[[], None] = lambda: None) -> Lookup:
    """Parse the bytes of a lookup's file; raises LookupFileError like load_lookup_table.

    If they are not a plain CSV, the `content` of the lookup is the CSV made from them, and its `form`
    says what they were. `check` is called repeatedly and may raise.
    """
    form = ""
    if content.startswith(_GZIP):
        content, form = _gunzipped(content, name), "a gzip file"
    text = decode(content, name)
    notices: list[str] = []
    if text.encoding == _GUESSED:
        notices.append(
            "is not UTF-8 and was read as Windows-1252. Check the accented letters in the tags"
        )
    readable = text.readable
    if (listed := registry(readable, name)) is not None:
        form, readable, content = listed.form, listed.text, listed.text.encode()
        notices.append(listed.notice)
    said = tuple(f"{name}: {notice}." for notice in notices)
    lookup = parse_lookup(readable, said, name, check)
    return replace(lookup, content=content, form=form)


def _gunzipped(content: bytes, name: str) -> bytes:
    try:
        with gzip.open(io.BytesIO(content)) as stream:
            return stream.read(LARGEST_FILE + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise LookupFileError(
            f"{name}: is a gzip file that is damaged or cut short. Download the file again."
        ) from error


def parse_lookup(
    text: str,
    notices: tuple[str, ...] = (),
    name: str = "lookup",
    check: Callable[[], None] = lambda: None,
) -> Lookup:
    """Parse a lookup from CSV text; raises LookupFileError like load_lookup_table."""
    shape = shape_of(text, name)
    if shape.notice:
        notices = (*notices, f"{name}: {shape.notice}.")
    return checked(rules_of(shape, notices, check), check)


def looks_like_lookup(head: bytes) -> bool:
    """Whether the beginning of a file looks like a lookup: a header, a rule, or a list of services."""
    text = _beginning(_unpacked_head(head, _BEGIN_SIZE))
    if _first_row_in(text) is None:  # long comments precede it, or it is long itself
        text = _beginning(_unpacked_head(head, _HEAD_SIZE))
    return _reads_as_lookup(text)


def _unpacked_head(head: bytes, size: int) -> bytes:
    """Return at most `size` bytes from the beginning of a file, unpacked if it is a gzip file."""
    if not head.startswith(_GZIP):
        return head[:size]
    with suppress(zlib.error):
        return zlib.decompressobj(wbits=31).decompress(head, size)
    return b""


def _first_row_in(text: str) -> str | None:
    """Return the first row that is neither empty nor a comment; None if it is missing or cut off."""
    rows = (row.strip() for row in io.StringIO(text, newline=None) if row.endswith("\n"))
    return next((row for row in rows if row and row[0] != "#"), None)


def _reads_as_lookup(text: str) -> bool:
    """Whether a text begins like a lookup or a list of services."""
    first = _first_row_in(text)
    # Most files are logs. Their lines can be ruled out quickly, because they contain neither a delimiter
    # nor a service such as `ssh 22/tcp`.
    if first is not None and not any(mark in first for mark in ",;\t/="):
        return False
    try:
        if not begins_registry(text):
            shape_of(text, "")
    except LookupFileError:
        return False
    return True


def _beginning(begin: bytes) -> str:
    """Decode the beginning of a file, dropping a character that is cut off; empty if the file is binary."""
    if any(begin.startswith(magic) for magic, _, _ in _BINARY):
        return ""
    encoding = next((name for mark, name in _MARKED if begin.startswith(mark)), "utf-8")
    text = codecs.getincrementaldecoder(encoding)("replace").decode(begin)
    return "" if _END in text else text.removeprefix("\ufeff").lstrip()


def looks_like_csv(head: bytes) -> bool:
    """Whether the first line contains a comma or a semicolon, as no line of a plain log does."""
    is_text = not any(head.startswith(magic) for magic, _, _ in _BINARY)
    return is_text and any(mark in head.partition(b"\n")[0] for mark in (b",", b";"))


def _name(file: LookupFile) -> str:
    if isinstance(file, (str, os.PathLike)):
        return os.fspath(file)
    name = getattr(file, "name", None)
    return name if isinstance(name, str) else "lookup"


def _read(file: LookupFile, name: str) -> bytes:
    """Read the file, but at most one byte more than LARGEST_FILE."""
    try:
        if not isinstance(file, (str, os.PathLike)):
            content = file.read(LARGEST_FILE + 1)
            if not isinstance(content, bytes):
                raise LookupFileError(f"{name}: was opened as text. Open it in binary mode ('rb').")
            return content
        with open(file, "rb") as stream:
            return stream.read(LARGEST_FILE + 1)
    except FileNotFoundError as error:
        raise LookupFileError(f"{name}: there is no such file. Check the path.") from error
    except IsADirectoryError as error:
        raise LookupFileError(
            f"{name}: is a folder. Give the path of the lookup CSV in it."
        ) from error
    except (OSError, ValueError) as error:
        raise LookupFileError(f"{name}: cannot be read: {reason_of(error)}.") from error


class Text(NamedTuple):
    """A lookup's text and the encoding in which it was written.

    Bytes that Windows-1252 does not define are surrogates in the text, so that none is lost.
    """

    text: str
    encoding: str

    @property
    def readable(self) -> str:
        """The text with a replacement character (U+FFFD) for each undefined byte."""
        if self.encoding != _GUESSED:
            return self.text
        content = codecs.charmap_encode(self.text, "strict", _BYTE_OF)[0]
        return codecs.charmap_decode(content, "strict", _marked(_EACH_BYTE))[0]

    @property
    def is_certain(self) -> bool:
        """Whether the encoding is known and not guessed."""
        return self.encoding != _GUESSED

    def encoded(self, text: str) -> bytes:
        """Encode another text like this one, with the same byte order mark.

        If Windows-1252 lacks one of its characters, the result is UTF-8 with a byte order mark, which
        spreadsheets recognize.
        """
        marks = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
        try:
            if self.encoding == _GUESSED:
                return codecs.charmap_encode(text, "strict", _BYTE_OF)[0]
            return marks.get(self.encoding, b"") + text.encode(self.encoding)
        except UnicodeEncodeError:
            return _marked(text).encode("utf-8-sig")


def _marked(text: str) -> str:
    """Return the text with a replacement character (U+FFFD) for each undefined byte."""
    return _SURROGATE.sub("\ufffd", text)


def decode(content: bytes, name: str) -> Text:
    """Decode a lookup's file; raises LookupFileError if it is too large or not text."""
    if len(content) > LARGEST_FILE:
        raise LookupFileError(
            f"{name}: is larger than {LARGEST_FILE >> 20} MB, too large for a lookup. Check the path."
        )
    for magic, what, remedy in _BINARY:
        if content.startswith(magic):
            raise LookupFileError(f"{name}: is {what}, not a lookup CSV. {remedy}.")
    _refuse_long_line(content, name)
    text = decoded(content)
    if max(text.text.count("\n"), text.text.count("\r")) > _MOST_LINES_IN_ALL:
        raise LookupFileError(
            f"{name}: has over {_MOST_LINES_IN_ALL:,} lines, too many for a lookup. Remove duplicate "
            "rows, or use ranges for neighboring ports with the same tag."
        )
    if _END in text.text:
        raise LookupFileError(
            f"{name}: is binary, not a lookup CSV. Save the lookup as CSV in UTF-8."
        )
    return text


def _refuse_long_line(content: bytes, name: str) -> None:
    """Raise LookupFileError if a line is too long in any encoding, before anything is decoded."""
    most = 4 * LONGEST_LINE
    start = 0
    while start + most < len(content):
        end = max(content.rfind(mark, start, start + most) for mark in (b"\n", b"\r")) + 1
        if not end:
            number = content.count(b"\n", 0, start) + 1
            raise LookupFileError(
                f"{name}: line {number} is longer than {LONGEST_LINE:,} characters, too long for a "
                "lookup. Shorten or remove it."
            )
        start = end


def decoded(content: bytes) -> Text:
    """Return the text of a file: in the encoding of its byte order mark, else UTF-8, else Windows-1252."""
    for mark, encoding in _MARKED:
        if content.startswith(mark):
            with suppress(UnicodeDecodeError):
                text = content[0 if encoding == "utf-8-sig" else len(mark) :].decode(encoding)
                return Text(text, encoding)
    try:
        return Text(content.decode(), "utf-8")
    except UnicodeDecodeError:
        return Text(codecs.charmap_decode(content, "strict", _EACH_BYTE)[0], _GUESSED)


class Shape(NamedTuple):
    """How to read a lookup's text: its delimiter, the positions of its columns, and its header.

    `notice` says what was assumed, if anything.
    """

    text: str
    name: str
    delimiter: str
    columns: dict[str, int]
    has_header: bool
    header_line: int
    notice: str = ""

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows with data, each with the number of its first line."""
        for line, cells in self.all_rows():
            if self.is_data(line, cells):
                yield line, cells

    def all_rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield every row, including the header, comments and empty rows, with the number of its first line."""
        return rows_of(self.text, self.delimiter, self.name)

    def is_data(self, line: int, cells: list[str]) -> bool:
        """Whether a row is below the header and neither a comment nor empty."""
        return line > self.header_line and not _is_nothing(cells)


def shape_of(text: str, name: str) -> Shape:
    """Find out how to read a text as a lookup; raises LookupFileError if that is impossible."""
    excel = _EXCEL_DELIMITER.match(text)
    delimiters = (excel[1],) if excel else _DELIMITERS
    firsts = [
        (delimiter, *_first_row(text, delimiter, name, bool(excel))) for delimiter in delimiters
    ]
    for delimiter, line, cells in firsts:
        columns = _header_columns(cells)
        if columns is not None:
            by_name = _letters(cells)[columns["protocol"]] == _NAME
            return Shape(text, name, delimiter, columns, True, line, _FROM_NAME if by_name else "")
    for delimiter, line, cells in firsts:
        if _reads_as_data(cells):
            columns = {"dstport": 0, "protocol": 1, "tag": 2}
            return Shape(text, name, delimiter, columns, False, line - 1, _NO_HEADER)
    _, line, cells = firsts[0]
    found = f"line {line} reads {shown(','.join(cells))}" if cells else "the file is empty"
    raise LookupFileError(
        f"{name}: {found}, but a lookup needs the three columns dstport, protocol and tag. "
        "Rename the columns, or add the line dstport,protocol,tag at the top if there is no header."
    )


def _is_nothing(cells: list[str]) -> bool:
    """Whether the row is a comment or empty."""
    first = cells[0].lstrip() if cells else ""
    return first.startswith("#") if first else not any(map(str.strip, cells))


def _first_row(text: str, delimiter: str, name: str, skip: bool) -> tuple[int, list[str]]:
    """Return the first row that can be a header or data, and its line; (0, []) if there is none.

    Empty rows and comments are skipped, except for a commented header such as `#dstport,protocol,tag`.
    """
    for line, cells in rows_of(text, delimiter, name):
        if (skip and line == 1) or (_is_nothing(cells) and _header_columns(cells) is None):
            continue
        return line, cells
    return 0, []


def _header_columns(cells: list[str]) -> dict[str, int] | None:
    """Return the positions of the three columns, the first match for each; None if one is missing."""
    if len(cells) < len(_COLUMNS):
        return None
    letters = _letters(cells)
    found = {
        column: next((place for place, word in enumerate(letters) if word in spellings), None)
        for column, spellings in _COLUMNS.items()
    }
    if found["protocol"] is None and len(cells) == len(_COLUMNS) and _NAME in letters:
        found["protocol"] = letters.index(_NAME)
    places = {column: place for column, place in found.items() if place is not None}
    return places if len(places) == len(_COLUMNS) else None


def _letters(cells: list[str]) -> list[str]:
    return [_NOT_LETTERS.sub("", cell.lower()) for cell in cells]


def _reads_as_data(cells: list[str]) -> bool:
    if len(cells) < 3:
        return False
    port, protocol, tag = (cell.strip() for cell in cells[:3])
    return parse_ports(port) is not None and parse_protocol(protocol) is not None and tag != ""


def unusable_rows(shape: Shape) -> tuple[Problem, ...]:
    """Return the rows that cannot be used, each with the reason."""
    return rules_of(shape).problems


def rules_of(
    shape: Shape, notices: tuple[str, ...] = (), check: Callable[[], None] = lambda: None
) -> Lookup:
    """Turn every row into a rule or a problem. `check` is called repeatedly and may raise."""
    packed = array("q")
    problems: list[Problem] = []
    tags: dict[str, int] = {}
    ports_of: dict[str, Ports | None] = {}
    protocol_of: dict[str, int | None] = {}
    port_place, protocol_place, tag_place = (shape.columns[column] for column in _COLUMNS)
    for line, cells in asking(shape.rows(), check):
        try:
            port_cell = cells[port_place].strip()
            protocol_cell = cells[protocol_place].strip()
            tag = cells[tag_place].strip()
        except IndexError:
            text = f"has {len(cells)} cells, too few for dstport, protocol and tag"
            problems.append(Problem(line, Trouble.UNUSABLE, text))
            _refuse_useless(shape.name, problems)
            continue
        if port_cell not in ports_of:
            ports_of[port_cell] = parse_ports(port_cell)
        if protocol_cell not in protocol_of:
            protocol_of[protocol_cell] = parse_protocol(protocol_cell)
        ports, protocol = ports_of[port_cell], protocol_of[protocol_cell]
        number = tags.get(tag)
        if number is None and tag and tag.casefold() != UNTAGGED.casefold():
            number = tags[tag] = len(tags)
        if ports is None or protocol is None or number is None:
            text = _why_unusable(port_cell, ports, protocol_cell, protocol, tag)
            problems.append(Problem(line, Trouble.UNUSABLE, text))
            _refuse_useless(shape.name, problems)
        else:
            packed.extend((*ports, protocol, number, line))
    columns = np.frombuffer(packed, np.int64).reshape(-1, 6)
    return Lookup(shape.name, tuple(tags), columns, tuple(problems), notices)


def _refuse_useless(name: str, problems: Sequence[Problem]) -> None:
    """Raise LookupFileError if so many rows cannot be used that the file cannot be a lookup."""
    if len(problems) > _MOST_UNUSABLE:
        first = problems[0]
        raise LookupFileError(
            f"{name}: over {_MOST_UNUSABLE:,} rows cannot be used; the first is line "
            f"{first.line}: {first.text}. Is this file a lookup?"
        )


def _why_unusable(
    port_cell: str, ports: Ports | None, protocol_cell: str, protocol: int | None, tag: str
) -> str:
    if ports is None and _DATE.fullmatch(port_cell):
        return (
            f"port {shown(port_cell)} is a date, which a spreadsheet made from a range such as 6-7"
        )
    if ports is None:
        return f"port {shown(port_cell)} is not a port 0-65535, a range such as 6000-6063, or *"
    if protocol is None:
        return f"protocol {shown(protocol_cell)} is not an IANA keyword such as tcp, a number 0-255, or *"
    if not tag:
        return "the tag is empty"
    return f"the tag {UNTAGGED} is reserved for flows without a rule"

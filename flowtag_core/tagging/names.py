"""Names of addresses, from a CSV with the columns cidr and name: the name of a range, a subnet or a host."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from flowtag_core.codes import IPV4, address_number, is_readable
from flowtag_core.errors import LookupFileError, reason_of
from flowtag_core.tagging.csv_rows import LARGEST_FILE, rows_of
from flowtag_core.tagging.lookup_file import decoded

_COLUMNS: Final = ("cidr", "name")
_DELIMITERS: Final = (",", ";", "\t")
_BITS_BEFORE_IPV4: Final = 96
"""The bits of an IPv6 address before the IPv4 address that it contains. IPv4 ranges are stored in this form."""


class BadName(NamedTuple):
    """A row that was skipped: its line number, what is wrong with it, and what to do."""

    line: int
    text: str


@dataclass(frozen=True)
class Names:
    """The names of address ranges; the smallest range that contains an address names it.

    `by_length` has the name of each prefix by its length, all as IPv6. `problems` are the rows that were skipped.
    """

    by_length: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    problems: tuple[BadName, ...] = ()

    def of(self, high: int, low: int) -> str:
        """Return the name of an address, given as its two halves; empty if it has no name or is unknown."""
        if not is_readable((high, low)):
            return ""
        number = address_number(high, low)
        for length, names in self.by_length.items():
            if (name := names.get(number >> (128 - length))) is not None:
                return name
        return ""

    def __len__(self) -> int:
        return sum(map(len, self.by_length.values()))


def load_names(path: str) -> Names:
    """Load names from a CSV: `cidr,name`, with a header; `10.0.0.0/8` or a single address, IPv4 or IPv6.

    If a range occurs twice, its first name counts. Rows that cannot be used are skipped and listed. Raises
    LookupFileError if the file cannot be read or lacks one of the columns.
    """
    text = _text(path)
    rows = rows_of(text, _delimiter(text), path)
    places = _columns(path, rows)
    found: dict[int, dict[int, str]] = {}
    problems = []
    for line, cells in rows:
        words = [cells[place].strip() if place < len(cells) else "" for place in places]
        if _is_beside(cells) and words[0][:1] in ("", "#"):
            continue
        prefix, problem = _prefix(*words)
        if prefix is None:
            problems.append(BadName(line, problem))
            continue
        length, number = prefix
        named = found.setdefault(length, {})
        if number in named:
            problems.append(BadName(line, f"{words[0]} already has a name. Remove one of the rows"))
        named.setdefault(number, words[1])
    lengths = sorted(found, reverse=True)
    return Names({length: found[length] for length in lengths}, tuple(problems))


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        raise LookupFileError(f"{path}: cannot be read: {reason_of(error)}.") from error
    if len(content) > LARGEST_FILE:
        raise LookupFileError(
            f"{path}: is larger than {LARGEST_FILE >> 20} MB, too large for names. Check the path."
        )
    if b"\0" in content:
        raise LookupFileError(f"{path}: is not a CSV of names. Save it as CSV in UTF-8.")
    return decoded(content).readable


def _delimiter(text: str) -> str:
    """Return the delimiter: the one that is most frequent in the first line that is not a comment."""
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    head = next(lines, "")
    return max(_DELIMITERS, key=head.count)


def _is_beside(cells: Sequence[str]) -> bool:
    """Whether a row is empty or begins like a comment."""
    return not any(cell.strip() for cell in cells) or cells[0].startswith("#")


def _columns(path: str, rows: Iterator[tuple[int, list[str]]]) -> list[int]:
    """Return the places of the two columns in the header."""
    head = next((cells for _, cells in rows if not _is_beside(cells)), [])
    names = [cell.strip().lower() for cell in head]
    if missing := [name for name in _COLUMNS if name not in names]:
        raise LookupFileError(
            f"{path}: its first row does not have the column {' or '.join(missing)}. "
            "Begin the file with: cidr,name"
        )
    return [names.index(name) for name in _COLUMNS]


def _prefix(cidr: str, name: str) -> tuple[tuple[int, int] | None, str]:
    """Return the length and number of a range's prefix as IPv6, or what is wrong with the row."""
    if not name:
        return None, f"{cidr[:60]!r} has no name. Write one, or remove the row"
    try:
        network = ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return (
            None,
            f"{cidr[:60]!r} is not an address range. Write it as 10.0.0.0/8 or 2001:db8::/32",
        )
    number, length = int(network.network_address), network.prefixlen
    if network.version == 4:
        number, length = IPV4 | number, length + _BITS_BEFORE_IPV4
    return (length, number >> (128 - length)), ""

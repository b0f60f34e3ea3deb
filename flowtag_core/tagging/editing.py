"""Add, change and remove rows of a lookup's file; every other byte stays as it is."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from flowtag_core.errors import LookupFileError, RuleError
from flowtag_core.iana import WITH_PORTS
from flowtag_core.tagging.lookup import (
    ANY_PROTOCOL,
    EXACT,
    MOST_LISTED,
    UNTAGGED,
    Lookup,
    Ports,
    Rule,
    Trouble,
    checked,
    meanings,
    parse_ports,
    parse_protocol,
    shown,
)
from flowtag_core.tagging.lookup_file import (
    Shape,
    Text,
    decode,
    read_lookup,
    rules_of,
    shape_of,
    unusable_rows,
)

LONGEST_TAG: Final = 200
_LINE_ENDS: Final = ("\r\n", "\n", "\r")


class _Rows(NamedTuple):
    """All rows of a file as text, and the parsed rows with data.

    `pieces` is the text of every row, including the header and comments. `places`, `lines` and `cells`
    are for the rows with data: their indexes in `pieces`, their line numbers and their cells.
    """

    pieces: tuple[str, ...]
    places: tuple[int, ...]
    lines: tuple[int, ...]
    cells: tuple[list[str], ...]


@dataclass(frozen=True)
class Sheet:
    """A lookup's file as a table of cells, with the column names of its header.

    `rows` contains every row that is not a header, a comment or empty, whether or not it can be used.
    Rows are parsed lazily.
    """

    name: str
    text: Text
    shape: Shape

    @property
    def lines(self) -> tuple[int, ...]:
        """The line on which each row begins."""
        return self._rows.lines

    @property
    def rows(self) -> tuple[list[str], ...]:
        """The cells of each row."""
        return self._rows.cells

    @cached_property
    def _rows(self) -> _Rows:
        rows = list(self.shape.all_rows())
        lines = list(io.StringIO(self.text.text, newline=""))
        ends = [line - 1 for line, _ in rows[1:]] + [len(lines)]
        # Excel's sep= line is a row too, so the first row always begins in the first line.
        pieces = tuple(
            "".join(lines[line - 1 : end]) for (line, _), end in zip(rows, ends, strict=True)
        )
        places = tuple(place for place, row in enumerate(rows) if self.shape.is_data(*row))
        data = [rows[place] for place in places]
        return _Rows(
            pieces, places, tuple(line for line, _ in data), tuple(cells for _, cells in data)
        )

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """A unique name for each column."""
        header = ["dstport", "protocol", "tag"]
        if self.shape.has_header:
            header = next(
                cells for line, cells in self.shape.all_rows() if line == self.shape.header_line
            )
        width = max(
            [len(header), *map(len, self.rows)] if not self.shape.has_header else [len(header)]
        )
        names: list[str] = []
        for place in range(width):
            name = header[place].strip() if place < len(header) else ""
            if not name or name in names:
                name = f"column {place + 1}"
            while name in names:
                name += "."
            names.append(name)
        return tuple(names)

    def row_of(self, cells: Iterable[str]) -> list[str]:
        """Return a new row for this file from cells for ports, protocol and tag."""
        row = [""] * len(self.columns)
        for place, cell in zip(self.shape.columns.values(), cells, strict=True):
            row[place] = cell
        return row

    def keeps(self, cells: Sequence[str]) -> bool:
        """Whether a row with these cells would be read back unchanged."""
        try:
            return [row for _, row in self._alone(cells).rows()] == [[*cells]]
        except LookupFileError:
            return False

    def why_unusable(self, cells: Sequence[str]) -> str:
        """Return the reason why a row with these cells cannot be used; empty if it can."""
        return next((problem.text for problem in unusable_rows(self._alone(cells))), "")

    def _alone(self, cells: Sequence[str]) -> Shape:
        """Return a file of the same shape that contains only this row."""
        text = self._written(cells, "\n")
        return self.shape._replace(text=text, has_header=False, header_line=0)

    def edited(
        self,
        changed: Mapping[int, Mapping[int, str]] | None = None,
        added: Sequence[Sequence[str]] = (),
        removed: Collection[int] = (),
    ) -> Lookup:
        """Return the lookup with cells changed (row -> column -> text), rows added at the end and rows removed.

        Raises LookupFileError if the edited file cannot be read as a lookup.
        """
        pieces, places = list(self._rows.pieces), self._rows.places
        for row, cells in (changed or {}).items():
            pieces[places[row]] = self._rewritten(row, cells)
        for row in removed:
            pieces[places[row]] = ""
        text = "".join(self.below("".join(pieces), added))
        return read_lookup(self.text.encoded(text), self.name)

    def below(self, text: str, rows: Iterable[Sequence[str]]) -> tuple[str, str]:
        """Return the text, with a final line end if needed, and the text of the rows to append to it."""
        added = "".join(self._written(cells, self._line_end) for cells in rows)
        is_open = added and text and not text.endswith(_LINE_ENDS)
        return (text + self._line_end if is_open else text), added

    def _rewritten(self, row: int, changed: Mapping[int, str]) -> str:
        cells = self.rows[row] + [""] * (1 + max(changed) - len(self.rows[row]))
        for column, cell in changed.items():
            cells[column] = cell
        return self._written(cells, _line_end(self._rows.pieces[self._rows.places[row]]))

    def _written(self, cells: Sequence[str], line_end: str) -> str:
        out = io.StringIO()
        csv.writer(out, delimiter=self.shape.delimiter, lineterminator=line_end).writerow(cells)
        return out.getvalue()

    @cached_property
    def _line_end(self) -> str:
        """The line end of the file: the first one in it."""
        lines = io.StringIO(self.text.text, newline="")
        return next(filter(None, map(_line_end, lines)), "\n")


def _line_end(piece: str) -> str:
    return next(filter(piece.endswith, _LINE_ENDS), "")


def sheet_of(lookup: Lookup) -> Sheet:
    """Return the file that a lookup was read from, as a table of cells."""
    text = decode(lookup.content, lookup.name)
    return Sheet(lookup.name, text, shape_of(text.text, lookup.name))


def with_rules(lookup: Lookup, rules: Sequence[Rule]) -> Lookup:
    """Return the lookup with rules added at the end; a rule with an existing key changes that row's tag.

    Raises RuleError, with a sentence that says why, if a rule cannot be written to the file.
    """
    for rule in rules:
        _check_tag(rule.tag)
    sheet = sheet_of(lookup)
    is_new = all(lookup.place_of(rule) is None for rule in rules)
    better = _with_new_rules(lookup, sheet, rules) if is_new else None
    if better is None:
        better = _with_rules_read_again(lookup, sheet, rules)
        if meanings(better) != meanings(lookup) | {rule.meaning: rule.tag for rule in rules}:
            raise _unwritable(lookup, rules)
    return better


def _unwritable(lookup: Lookup, rules: Sequence[Rule]) -> RuleError:
    return RuleError(
        f"{lookup.name}: {shown(rules[0].tag)} would not be read back from this file as typed. "
        "Use another tag."
    )


def _with_new_rules(lookup: Lookup, sheet: Sheet, rules: Sequence[Rule]) -> Lookup | None:
    """Return the lookup with rules for new keys added, without reading the existing rows again.

    Returns None if the new rows might change how other rows are read.
    """
    is_as_before = not lookup.form and sheet.shape.has_header and sheet.text.is_certain
    expected = {rule.meaning: rule.tag for rule in rules}
    is_as_before = is_as_before and len(lookup.problems) < MOST_LISTED
    if not is_as_before or len(expected) < len(rules):
        return None
    above, below = sheet.below(sheet.text.text, (sheet.row_of(rule.cells) for rule in rules))
    new = rules_of(sheet.shape._replace(text=below, has_header=False, header_line=0))
    if meanings(new) != expected or new.problems:
        raise _unwritable(lookup, rules)
    content = sheet.text.encoded(above + below)
    decode(content, lookup.name)  # raises if the file has become too large
    return replace(_joined(lookup, new, _count_lines(above)), content=content)


def _count_lines(text: str) -> int:
    return sum(1 for _ in io.StringIO(text, newline=""))


def _joined(lookup: Lookup, new: Lookup, lines: int) -> Lookup:
    """Append new rules to a lookup of this many lines, and check all rules together."""
    tags = {tag: number for number, tag in enumerate(dict.fromkeys((*lookup.tags, *new.tags)))}
    *keys, tag_numbers, line = new.packed.T
    numbers = np.array([tags[tag] for tag in new.tags], np.int64)
    packed = np.column_stack([*keys, numbers[tag_numbers], line + lines])
    # `checked` finds the other kinds of problems again.
    problems = (
        each for each in lookup.problems if each.trouble in (Trouble.UNUSABLE, Trouble.LOSES)
    )
    rules = np.concatenate([lookup.packed, packed])
    return checked(Lookup(lookup.name, tuple(tags), rules, tuple(problems), lookup.notices))


def _with_rules_read_again(lookup: Lookup, sheet: Sheet, rules: Sequence[Rule]) -> Lookup:
    rows = {line: row for row, line in enumerate(sheet.lines)}
    changed: dict[int, dict[int, str]] = {}
    added = []
    for rule in rules:
        place = lookup.place_of(rule)
        if place is None:
            added.append(sheet.row_of(rule.cells))
        else:
            changed[rows[lookup.rule(place).line]] = {sheet.shape.columns["tag"]: rule.tag}
    return sheet.edited(changed, added)


def _check_tag(tag: str) -> None:
    if tag.casefold() == UNTAGGED.casefold():
        raise RuleError(f"{UNTAGGED} is reserved for flows without a rule. Use another tag.")
    if not tag or len(tag) > LONGEST_TAG or not tag.isprintable():
        raise RuleError(f"{shown(tag)} cannot be a tag. Use 1 to {LONGEST_TAG} visible characters.")


def parse_rules(text: str, tag: str) -> list[Rule]:
    """Parse text such as `9092/tcp, 6000-6063/tcp, */udp, icmp` into rules with this tag; drop duplicates.

    Raises RuleError, with a sentence that says what to write instead, if an item is not a port with a
    protocol.
    """
    parts = [part.strip() for part in text.split(",")]
    return list(dict.fromkeys(_parse_rule(part, tag) for part in parts if part))


def _parse_rule(text: str, tag: str) -> Rule:
    alone = None if text.isdecimal() else parse_protocol(text)
    if alone is not None and alone != ANY_PROTOCOL and alone not in WITH_PORTS:
        return Rule(Ports(EXACT, 0, 0), alone, tag, 0)
    ports_text, _, protocol_text = (part.strip() for part in text.partition("/"))
    ports, protocol = parse_ports(ports_text), parse_protocol(protocol_text)
    if ports is None or protocol is None:
        raise RuleError(
            f"{shown(text)} is not a port with a protocol. Write 443/tcp, 6000-6063/udp, */gre or icmp."
        )
    return Rule(ports, protocol, tag, 0)

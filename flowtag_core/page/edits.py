"""The state of the table in which the lookup is edited, and the meaning of an edit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from flowtag_core.errors import RuleError
from flowtag_core.page.versions import EMPTY_LOOKUP
from flowtag_core.showing import tables
from flowtag_core.tagging.editing import Sheet, sheet_of
from flowtag_core.tagging.lookup import Lookup

MOST_CELLS: Final = 100_000
"""Cells of a table that a browser edits without delay; a larger file is edited elsewhere."""


@dataclass
class Edits:
    """The table that the browser has: its number, the file it began as, and what it stands for.

    While only it is edited it stays as it was sent, and the browser tells all that was done to it
    since: so it keeps its scroll, and 10,000 rows are sent once. A lookup that was changed elsewhere
    gets another table. `rows` is the frame that was sent, None where there are too many. `wrong`
    says what could not be done.
    """

    number: int = 0
    sheet: Sheet = field(default_factory=partial(sheet_of, EMPTY_LOOKUP))
    rows: Any = None
    content: bytes | None = None
    is_edited: bool = False
    wrong: str = ""

    def show(self, lookup: Lookup, is_there: bool) -> None:
        """Have a table of this lookup: the one that the browser still has, if it will do."""
        if self.content == lookup.content and (is_there or not self.is_edited):
            return
        self.number += 1
        self.sheet, self.content, self.is_edited = sheet_of(lookup), lookup.content, False
        cells = len(self.sheet.rows) * len(self.sheet.columns)
        self.rows = tables.rule_table(self.sheet) if cells <= MOST_CELLS else None

    def edited(self, done: Mapping[str, Any]) -> Lookup:
        """The lookup after all that was done to the table since it was sent.

        Raises RuleError where the rows would not be read again as they stand there, and
        LookupFileError where no lookup would be left.
        """
        self.content = None  # What comes of a refused edit is not what the browser shows.
        sheet, removed = self.sheet, set(done["deleted_rows"])
        changed = {
            row: cells
            for row, told in done["edited_rows"].items()
            if row not in removed and (cells := _changed(sheet.rows[row], told))
        }
        added = [_added(told, len(sheet.columns)) for told in done["added_rows"]]
        lookup = sheet.edited(changed, added, removed)
        after = sheet_of(lookup)
        if [*after.rows] != _rows(sheet, changed, added, removed):
            raise RuleError(
                f"{lookup.name}: what was written there would not be read again as it stands. A row "
                "may not be empty, begin with # or read as a header. The table is as it was."
            )
        if after.lines[: len(sheet.lines)] == sheet.lines:
            self.content, self.is_edited = lookup.content, True
        return lookup


def _changed(row: Sequence[str], told: Mapping[str, str | None]) -> dict[int, str]:
    """The cells of a row that have another text now; the browser names a column by its place."""
    cells = {int(column): text or "" for column, text in told.items()}
    return {column: text for column, text in cells.items() if [text] != [*row[column : column + 1]]}


def _added(told: Mapping[str, str | None], columns: int) -> list[str]:
    return [told.get(str(column)) or "" for column in range(columns)]


def _rows(
    sheet: Sheet,
    changed: Mapping[int, Mapping[int, str]],
    added: list[list[str]],
    removed: Collection[int],
) -> list[list[str]]:
    """The rows that must come back when the file is read again."""
    rows = [list(row) for row in sheet.rows]
    for row, cells in changed.items():
        rows[row] += [""] * (1 + max(cells) - len(rows[row]))
        for column, text in cells.items():
            rows[row][column] = text
    return [row for place, row in enumerate(rows) if place not in removed] + added

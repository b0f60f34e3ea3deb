"""The state of the table in which the lookup is edited, and the meaning of each edit in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from flowtag_core.page.versions import EMPTY_LOOKUP
from flowtag_core.showing import lookup_notes
from flowtag_core.showing import sheet as sheets
from flowtag_core.showing.words import unicode
from flowtag_core.tagging.editing import Sheet, sheet_of
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.staging import Change, Staged

MOST_CELLS: Final = 100_000
"""The most cells that a browser can edit without delay; a larger file must be edited elsewhere."""

Told = Mapping[str, Any]
"""The browser's report of the edits in a table: edited_rows, added_rows, deleted_rows."""

_Shown = tuple[bytes, sheets.Part, int | None]


@dataclass
class Edits:
    """The table that the browser has, the rows that it shows, and the pending edits.

    The browser reports all edits in a table since it was sent. So a table is sent only once, and keeps
    its scroll position and its open cell. A new table, with a new `number`, is sent to show other rows,
    and after the lookup was changed elsewhere or the edits were discarded. It includes the edits that
    are pending then.

    `rows` is the frame that was sent, None if it is too large; `places` are the sheet's rows in it,
    `before` has the edits pending when it was sent, `staged` those pending now. `part` and `line` say
    which rows to show. `wrong` says what failed.
    """

    number: int = 0
    lookup: Lookup = EMPTY_LOOKUP
    sheet: Sheet = field(default_factory=partial(sheet_of, EMPTY_LOOKUP))
    part: sheets.Part = "all"
    line: int | None = None
    rows: Any = None
    places: tuple[int, ...] = ()
    before: Staged = field(default_factory=Staged)
    staged: Staged = field(default_factory=Staged)
    wrong: str = ""
    _sent: _Shown | None = None
    _is_known: bool = False

    @property
    def changes(self) -> list[Change]:
        """The pending changes, row by row."""
        return list(self.staged.changes(self.sheet))

    def show(self, lookup: Lookup) -> None:
        """Show this lookup in the table; send a new one only if necessary."""
        self.part = self.part if lookup.problems or self.part != "problems" else "all"
        wanted = lookup.content, self.part, self.line if self.part == "around" else None
        if self._sent != wanted or not (self._is_known or self.staged == self.before):
            self.follow(lookup)
            self._send()

    def follow(self, lookup: Lookup) -> bool:
        """Move the pending edits to this lookup; return whether all of them could be moved.

        Edits of rows that have changed or are gone are dropped, and `wrong` says so.
        """
        if lookup.content == self.lookup.content:
            return True
        old, self.lookup, self.sheet = self.sheet, lookup, sheet_of(lookup)
        self.staged, lost = self.staged.moved(old, self.sheet)
        self.wrong, self._sent = lookup_notes.CHANGED_MEANWHILE if lost else "", None
        return not lost

    def stage(self, told: Told | None) -> None:
        """Take the edits that the browser reports for the table, None if it does not have the table."""
        self._is_known = told is not None
        # A report on a table that is about to be replaced is outdated.
        is_over = told is None or self._sent is None
        staged = self.staged if is_over else self._after(told or {})
        if staged != self.staged:
            self.staged, self.wrong = staged, ""

    def discard(self) -> None:
        """Discard the pending edits."""
        self.staged, self.wrong, self._sent = Staged(), "", None

    def made(self, lookup: Lookup) -> None:
        """Note that the pending edits were applied, with this lookup as the result.

        If no row has moved or gained or lost a problem, the browser's table already shows it.
        """
        sheet = sheet_of(lookup)
        is_shown = (sheet.lines, lookup.problems) == (self.sheet.lines, self.lookup.problems)
        self.lookup, self.sheet = lookup, sheet
        self.before = self.staged = Staged()
        self._sent = (lookup.content, *self._sent[1:]) if is_shown and self._sent else None

    def _send(self) -> None:
        self.number += 1
        line = self.line if self.part == "around" else None
        self.before, self._sent = self.staged, (self.lookup.content, self.part, line)
        rows = sheets.rows_to_show(self.sheet, self.lookup, self.part, line or 0)
        self.places = tuple(row for row in rows if row not in self.staged.removed)
        is_small = len(self.places) * len(self.sheet.columns) <= MOST_CELLS
        table = partial(sheets.rule_table, self.sheet, self.lookup, self.places, self.staged, line)
        self.rows = table() if is_small else None

    def _after(self, told: Told) -> Staged:
        """Return the pending edits, including all that the browser reports for its table."""
        removed = {*told["deleted_rows"]}
        changed = {row: {**cells} for row, cells in self.before.changed.items()}
        added = [list(row) for row in self.before.added]
        table: dict[int, Any] = dict(enumerate(self.places))
        for place, cells in told["edited_rows"].items():
            typed = _typed(cells, len(self.sheet.columns))
            if place in table:
                changed[table[place]] = {**changed.get(table[place], {}), **typed}
            elif len(table) <= place < len(table) + len(added):
                new = added[place - len(table)]
                new[:] = [typed.get(column, text) for column, text in enumerate(new)]
        gone = {table[place] for place in removed if place in table}
        kept = (row for place, row in enumerate(added, len(table)) if place not in removed)
        new_rows = [*kept, *_added(told["added_rows"], len(self.sheet.columns))]
        return Staged(
            {
                row: other
                for row, cells in changed.items()
                if row not in gone and (other := _other(self.sheet.rows[row], cells))
            },
            tuple(tuple(row) for row in new_rows if any(row)),
            self.before.removed | gone,
        )


def _typed(cells: Mapping[str, str | None], columns: int) -> dict[int, str]:
    """Return the typed texts by column; the browser names a column by its position.

    Spaces around a text have no meaning in a lookup, and some would be lost when it is read again.
    """
    return {
        int(name): unicode(text or "").strip()
        for name, text in cells.items()
        if name.isdecimal() and int(name) < columns
    }


def _added(rows: Iterable[Mapping[str, str | None]], columns: int) -> list[list[str]]:
    typed = [_typed(cells, columns) for cells in rows]
    return [[cells.get(column, "") for column in range(columns)] for cells in typed]


def _other(row: list[str], cells: Mapping[int, str]) -> dict[int, str]:
    """Return the cells that differ from what the table showed in the row."""
    shown = dict(enumerate(map(unicode, row)))
    return {column: text for column, text in cells.items() if text != shown.get(column, "")}

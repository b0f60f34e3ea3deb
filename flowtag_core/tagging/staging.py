"""Pending edits of a lookup's rows: list them, check them, move them to a changed file, apply them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from flowtag_core.errors import RuleError
from flowtag_core.tagging.editing import Sheet, sheet_of
from flowtag_core.tagging.lookup import Lookup

LOST: Final = "would be lost: a row may not be empty or begin with #"


class Change(NamedTuple):
    """A row before and after an edit.

    `line` and `before` are None for an added row, `after` is None for a removed one. `wrong` says why
    the row cannot be used, and is empty if it can. `is_refused` says that the edit made the row
    unusable; a row that was unusable before may be improved step by step.
    """

    line: int | None
    before: list[str] | None
    after: list[str] | None
    wrong: str = ""
    is_refused: bool = False


@dataclass(frozen=True)
class Staged:
    """Edits of a sheet: cells changed (row -> column -> text), rows added at the end, rows removed."""

    changed: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    added: tuple[tuple[str, ...], ...] = ()
    removed: frozenset[int] = frozenset()

    def __len__(self) -> int:
        """The number of rows that are changed, added or removed."""
        return len(self.changed) + len(self.added) + len(self.removed)

    def changes(self, sheet: Sheet) -> Iterator[Change]:
        """Yield each row that changes, sorted by line, with added rows last."""
        for row in sorted({*self.changed, *self.removed}):
            line, before = sheet.lines[row], sheet.rows[row]
            if row in self.removed:
                yield Change(line, before, None)
            else:
                yield _checked(sheet, line, before, self.row(sheet, row))
        for cells in self.added:
            yield _checked(sheet, None, None, [*cells])

    def is_refused(self, sheet: Sheet) -> bool:
        """Whether an edit would make a row unusable."""
        return any(change.is_refused for change in self.changes(sheet))

    def made(self, sheet: Sheet) -> Lookup:
        """Return the lookup with all edits applied.

        Raises RuleError if the rows would be read back differently, and LookupFileError if the edited
        file would not be a lookup.
        """
        lookup = sheet.edited(self.changed, self.added, self.removed)
        if [*sheet_of(lookup).rows] != self._rows(sheet):
            raise RuleError(
                f"{lookup.name}: the rows would be read back differently. A row may not "
                "be empty, begin with # or read as a header. Nothing was changed."
            )
        return lookup

    def moved(self, old: Sheet, new: Sheet) -> tuple[Staged, int]:
        """Return the same edits for a changed file, and how many had to be dropped.

        Edits of rows that are gone or changed are dropped, and all edits if the columns have changed.
        """
        if old.columns != new.columns:
            return Staged(), len(self)
        places = _places(old, new)
        changed = {places[row]: cells for row, cells in self.changed.items() if row in places}
        removed = frozenset(places[row] for row in self.removed if row in places)
        moved = Staged(changed, self.added, removed)
        return moved, len(self) - len(moved)

    def row(self, sheet: Sheet, row: int) -> list[str]:
        """Return the cells of a row after the edits; it grows if a cell past its end is changed."""
        cells, changed = [*sheet.rows[row]], self.changed.get(row, {})
        cells += [""] * (1 + max(changed, default=-1) - len(cells))
        for column, text in changed.items():
            cells[column] = text
        return cells

    def _rows(self, sheet: Sheet) -> list[list[str]]:
        kept = (row for row in range(len(sheet.rows)) if row not in self.removed)
        return [*(self.row(sheet, row) for row in kept), *map(list, self.added)]


def _checked(sheet: Sheet, line: int | None, before: list[str] | None, after: list[str]) -> Change:
    if not sheet.keeps(after):
        return Change(line, before, after, LOST, is_refused=True)
    wrong = sheet.why_unusable(after)
    was_wrong = before is not None and bool(sheet.why_unusable(before))
    return Change(line, before, after, wrong, is_refused=bool(wrong) and not was_wrong)


def _places(old: Sheet, new: Sheet) -> dict[int, int]:
    """Return the position of each unchanged row in the new sheet.

    A row is unchanged if it belongs to a common beginning or end of both sheets, or if the new sheet has
    the same cells at its position.
    """
    before, after = old.rows, new.rows
    shorter = min(len(before), len(after))
    begin = next((row for row in range(shorter) if before[row] != after[row]), shorter)
    rest = range(1, shorter - begin + 1)
    end = next((row - 1 for row in rest if before[-row] != after[-row]), shorter - begin)
    middle = range(begin, shorter - end)
    ends = range(len(before) - end, len(before))
    return {
        **{row: row for row in range(begin)},
        **{row: row for row in middle if before[row] == after[row]},
        **{row: row + len(after) - len(before) for row in ends},
    }

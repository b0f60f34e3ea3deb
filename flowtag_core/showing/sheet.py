"""The tables and lists of the lookup editor, made from rows, problems and pending edits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

import pandas as pd

from flowtag_core.showing.words import FEW, literal, number, short, unicode
from flowtag_core.tagging.editing import Sheet
from flowtag_core.tagging.lookup import (
    Lookup,
    Problem,
    Trouble,
    meanings,
    parse_ports,
    parse_protocol,
)
from flowtag_core.tagging.staging import Change, Staged

Part = Literal["all", "problems", "around"]
"""The rows that the editor shows: all of them, those with problems, or those around one line."""

PARTS: Final[tuple[Part, ...]] = ("all", "problems", "around")
NEIGHBOURS: Final = 4
"""The number of rows shown above and below a line, few enough that the table does not scroll."""
MOST_CHANGES: Final = 12
NOTHING_WAITS: Final = "Your changes are listed here. They take effect when you apply them."
_KINDS: Final = {
    Trouble.UNUSABLE: ("cannot be used", "cannot be used"),
    Trouble.LOSES: ("is overridden by a later row", "are overridden by a later row"),
    Trouble.NEVER_APPLIES: ("never applies", "never apply"),
    Trouble.FORMULA: (
        "has a tag that looks like a formula",
        "have a tag that looks like a formula",
    ),
}


def rows_to_show(sheet: Sheet, lookup: Lookup, part: Part, line: int = 0) -> list[int]:
    """Return the positions of the rows in the sheet that belong to a part."""
    rows = range(len(sheet.rows))
    if part == "all":
        return [*rows]
    if part == "problems":
        lines = {problem.line for problem in lookup.problems}
        return [row for row in rows if sheet.lines[row] in lines]
    middle = sum(each < line for each in sheet.lines)
    return [row for row in rows if abs(row - middle) <= NEIGHBOURS]


def rule_table(
    sheet: Sheet, lookup: Lookup, rows: Sequence[int], staged: Staged, line: int | None = None
) -> pd.DataFrame:
    """Return these rows of the sheet with their staged edits, followed by the staged new rows.

    The columns are Line, each column of the file, named by its position, and Problem if the lookup has
    any. Bytes that are not Unicode are escaped. If `line` is given, a first column Here marks its row.
    """
    columns = len(sheet.columns)
    cells = [_shown(staged.row(sheet, row), columns) for row in rows]
    cells += [_shown(row, columns) for row in staged.added]
    lines = [*(sheet.lines[row] for row in rows), *[None] * len(staged.added)]
    table = pd.DataFrame(cells, columns=[str(place) for place in range(columns)], dtype="str")
    table.insert(0, "Line", pd.Series(lines, dtype="Int64"))
    if lookup.problems:
        problems = _by_line(sheet, lookup)
        table["Problem"] = [problems.get(each, "") for each in lines]
    if line is not None:
        table.insert(0, "Here", ["\u25b6" if each == line else "" for each in lines])
    return table


def _by_line(sheet: Sheet, lookup: Lookup) -> dict[int | None, str]:
    """Return the first problem of each line that has one."""
    texts = _texts(sheet, lookup.problems, lookup)
    told = zip(lookup.problems, texts, strict=True)
    return {problem.line: text for problem, text in reversed([*told])}


def _shown(row: Sequence[str], columns: int) -> list[str]:
    return [*map(unicode, row[:columns]), *[""] * (columns - len(row))]


def part_name(part: Part, line: int | None = None) -> str:
    """Return the name of a part of the rows: `All rows`, `Rows with problems`, `Around line 2,899`."""
    if part == "around":
        return f"Around line {line or 0:,}"
    return {"all": "All rows", "problems": "Rows with problems"}[part]


def kinds(lookup: Lookup) -> dict[Trouble, str]:
    """Describe each kind of problem in a lookup: `12 rows are overridden by a later row`."""
    counts = {kind: len({p.line for p in lookup.problems if p.trouble == kind}) for kind in _KINDS}
    return {
        kind: f"{number(count, 'row')} {_KINDS[kind][count > 1]}"
        for kind, count in counts.items()
        if count
    }


def problem_table(sheet: Sheet, lookup: Lookup, kind: Trouble) -> pd.DataFrame:
    """Return the rows of a lookup with one kind of problem, in the columns Line, Row and Problem."""
    problems = [problem for problem in lookup.problems if problem.trouble == kind]
    row_of = dict(zip(sheet.lines, sheet.rows, strict=True))
    rows = [short(unicode(", ".join(row_of.get(problem.line, [])))) for problem in problems]
    return pd.DataFrame(
        {
            "Line": [problem.line for problem in problems],
            "Row": rows,
            "Problem": _texts(sheet, problems, lookup),
        }
    )


def _texts(sheet: Sheet, problems: Iterable[Problem], lookup: Lookup) -> list[str]:
    lines = dict(zip(meanings(lookup), lookup.packed[:, -1].tolist(), strict=True))
    row_of = dict(zip(sheet.lines, sheet.rows, strict=True))
    places = [sheet.shape.columns[name] for name in ("dstport", "protocol")]

    def text(problem: Problem) -> str:
        if problem.trouble != Trouble.LOSES:
            return problem.text
        ports, protocol = (row_of[problem.line][place].strip() for place in places)
        meaning: Any = *(parse_ports(ports) or ()), parse_protocol(protocol)
        return f"Overridden by line {lines[meaning]}"

    return [text(problem) for problem in problems]


def waiting(changes: Sequence[Change]) -> str:
    """Say how many changes are pending and what to do: `3 pending changes. Apply or discard them`."""
    if not changes:
        return "No pending changes."
    wait, them = (
        ("1 pending change", "it")
        if len(changes) == 1
        else (f"{len(changes):,} pending changes", "them")
    )
    refused = sum(change.is_refused for change in changes)
    if not refused:
        return f"{wait}. Apply or discard {them}."
    which = "it" if refused == 1 else "them"
    return f"{wait}. :red[{number(refused, 'row')} cannot be used. Correct {which} first.]"


def can_be_applied(changes: Sequence[Change]) -> bool:
    """Whether there are changes and none of them makes a row unusable."""
    return bool(changes) and not any(change.is_refused for change in changes)


def change_list(sheet: Sheet, changes: Iterable[Change]) -> str:
    """Return a line of Markdown for each changed row, with its problem in red.

    Rows with a problem come first. At most 12 rows are listed.
    """
    ordered = sorted(changes, key=lambda change: not change.wrong)
    lines = [f"- {_change(sheet, change)}" for change in ordered[:MOST_CHANGES]]
    more = len(ordered) - len(lines)
    return "\n".join([*lines, *([f"- and {more:,} more"] if more else [])])


def _change(sheet: Sheet, change: Change) -> str:
    where = "New row" if change.line is None else f"Line {change.line:,}"
    wrong = f"  \n:red[{literal(change.wrong)}]" if change.wrong else ""
    return f"**{where}** {literal(_what(sheet, change))}{wrong}"


def _what(sheet: Sheet, change: Change) -> str:
    if change.before is None or change.after is None:
        row = short(", ".join(change.before or change.after or []))
        return row if change.before is None else f"is removed: {row}"
    cells = enumerate(change.after)
    was = [*change.before, *[""] * len(change.after)]
    edits = [
        f"{sheet.columns[place]}: {short(was[place])} \u2192 {short(cell)}"
        for place, cell in cells
        if was[place] != cell
    ]
    return ", ".join(edits[:FEW])

"""Tables of counts that can be added: a log is read into them, and tagging looks at nothing else.

Chunks, files, threads and machines are ways to get tables to add. Addition is associative and commutative,
the empty value is zero, `sum(parts)` works, and the arguments are not modified.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cache, cached_property
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from flowtag_core import arrow
from flowtag_core.errors import RangesError
from flowtag_core.iana import protocol_name
from flowtag_core.notebook import MOST_ROWS as MOST_SHOWN
from flowtag_core.notebook import cut, html_table

Ints = NDArray[np.int64]

T = TypeVar("T", "Table", "FlowCounts")

MOST_SUM: Final = (1 << 63) - 1
"""The largest possible sum; larger sums are capped at it."""
_HALF: Final = 32

Measure = Literal["flows", "packets", "bytes"]
MEASURES: Final[tuple[Measure, ...]] = ("flows", "packets", "bytes")

ACTIONS: Final = ("ACCEPT", "REJECT", "other")
"""The actions of flows; the index of an action is its number in a table."""
ACCEPT, REJECT, OTHER = range(3)

Boundary = Literal["internal", "inbound", "outbound", "external", "unknown"]
BOUNDARIES: Final[tuple[Boundary, ...]] = ("internal", "inbound", "outbound", "external", "unknown")
"""How flows cross the edge of the network; the index of a boundary is its number in a table."""
UNKNOWN_BOUNDARY: Final = 4

ALL_TIME: Final = 0
WIDTHS: Final = (1, 5, 10, 30, 60, 120, 240, 720, 1440, 10080, 40320, ALL_TIME)
"""The ladder of window widths in minutes; each divides the next. The last is one window for all time."""
MOST_WINDOWS: Final = 240
MOST_ROWS: Final = 1 << 19

UNKNOWN_TIME: Final = -1
NEVER: Final = 1 << 40
"""The first minute of flows whose times are all unknown: later than any other."""
MOST_FAULTS: Final = 1000

# A key packs window, protocol, port, boundary and action into one integer, so that one sort orders a table.
# The bits are defined only here: the kernel's rows and the folding code use them too.
_ACTION_BITS, _BOUNDARY_BITS, _PORT_BITS, _PROTOCOL_BITS = 2, 3, 16, 8
BOUNDARY_SHIFT = _ACTION_BITS
PORT_SHIFT = BOUNDARY_SHIFT + _BOUNDARY_BITS
PROTOCOL_SHIFT = PORT_SHIFT + _PORT_BITS
WINDOW_SHIFT = PROTOCOL_SHIFT + _PROTOCOL_BITS
UNKNOWN_WINDOW: Final = (1 << (62 - WINDOW_SHIFT)) - 1  # sorts after every real window
_REST_FIRST: Final = ((1 << WINDOW_SHIFT) - 1) << (63 - WINDOW_SHIFT)

_COLUMNS: Final = ("key", "flows", "packets", "bytes")
_NO_ROWS: Final = np.empty(0, np.int64)
_PROTOCOLS: Final = tuple(protocol_name(number) for number in range(256))


def summed(add: Callable[[Ints], Ints], values: Ints) -> Ints:
    """Return add(values) with MOST_SUM in place of any larger sum; values must not be negative.

    `add` sums all values, or sums them in groups; its own sums may wrap around above MOST_SUM.
    """
    if len(values) * int(values.max(initial=0)) <= MOST_SUM:  # nearly always
        return add(values)
    low, high = add(values & ((1 << _HALF) - 1)), add(values >> _HALF)
    high += low >> _HALF
    joined = (high << _HALF) | (low & ((1 << _HALF) - 1))
    return np.where(high < 1 << (63 - _HALF), joined, MOST_SUM)


def sum_of(values: Ints) -> int:
    """Return the sum of non-negative values, at most MOST_SUM."""
    return int(summed(np.sum, values))


class Reason(StrEnum):
    """Why a record was set aside; the value is the text that users see."""

    NO_DATA = "no data"
    SKIPPED_DATA = "skipped data"
    TOO_FEW_FIELDS = "too few fields"
    UNSUPPORTED_VERSION = "unsupported version"
    BAD_PORT = "bad port"
    BAD_PROTOCOL = "bad protocol"
    NO_PORT_IN_LAYOUT = "layout without port or protocol"
    NOT_A_RECORD = "not a record"
    NOT_A_FLOW = "not a flow"
    NO_RECORD_IN_JSON = "no record in the JSON"
    TOO_LONG = "line too long"
    CUT_SHORT = "cut short"

    __hash__ = str.__hash__  # Enum's own takes longer than all other work on a fault

    @property
    def is_fault(self) -> bool:
        """Whether something is wrong with the record.

        NODATA and SKIPDATA records, lines that tools add, and the records of other logs are not faults.
        """
        return self not in _IN_ORDER


_IN_ORDER: Final = frozenset(
    {Reason.NO_DATA, Reason.SKIPPED_DATA, Reason.NOT_A_RECORD, Reason.NOT_A_FLOW}
)


class Fault(NamedTuple):
    """One record that was set aside as a fault: its file and line, the reason, its first 200 characters."""

    file: str
    line: int
    reason: Reason
    text: str


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Rows of (window, protocol, port, boundary, action) -> flows, packets, bytes, sorted by that key.

    All columns are int64 and have the same length. `rung` is the index of the window width in WIDTHS.
    Create tables with `tabulate` or `table`, or by adding: then they are at the narrowest rung that fits.
    """

    key: Ints = field(default_factory=lambda: _NO_ROWS)
    flows: Ints = field(default_factory=lambda: _NO_ROWS)
    packets: Ints = field(default_factory=lambda: _NO_ROWS)
    bytes: Ints = field(default_factory=lambda: _NO_ROWS)
    rung: int = 0

    def __len__(self) -> int:
        return len(self.key)

    def __repr__(self) -> str:
        windows = f"windows of {self.width:,} min" if self.width else "one window for all time"
        return f"<Table: {sum_of(self.flows):,} flows, {windows}; rows: {len(self):,}>"

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the rows as an Arrow stream.

        `window` is the start of a window (a time in UTC, to the second), null if the time of its flows is
        unknown or if one window covers all time; `minutes` is its width, 0 for all time. `protocol`,
        `action` and `boundary` are text, `port` is a number; `flows`, `packets` and `bytes` are sums.
        """
        return arrow.stream(self.columns(), requested_schema)

    def columns(self) -> dict[str, Any]:
        """Return the columns of the Arrow stream by name."""
        window = self.window
        return {
            "window": arrow.moments(window, (window != UNKNOWN_TIME) & (self.width > 0)),
            "minutes": arrow.numbers(np.full(len(self), self.width, np.int32)),
            "protocol": arrow.words(_PROTOCOLS, self.protocol),
            "port": arrow.numbers(self.port.astype(np.int32)),
            "action": arrow.words(ACTIONS, self.action),
            "boundary": arrow.words(BOUNDARIES, self.boundary),
            "flows": arrow.numbers(self.flows),
            "packets": arrow.numbers(self.packets),
            "bytes": arrow.numbers(self.bytes),
        }

    @property
    def width(self) -> int:
        """The width of a window in minutes; 0 if one window covers all time."""
        return WIDTHS[self.rung]

    @property
    def window(self) -> Ints:
        """Each row's window start in seconds since 1970; -1 if the time of its flows is unknown."""
        number = self.key >> WINDOW_SHIFT
        return np.where(number == UNKNOWN_WINDOW, UNKNOWN_TIME, number * self.width * 60)

    @property
    def protocol(self) -> Ints:
        """Each row's protocol number."""
        return (self.key >> PROTOCOL_SHIFT) & ((1 << _PROTOCOL_BITS) - 1)

    @property
    def port(self) -> Ints:
        """Each row's port: the destination port, or in `replies_by_service` the source port."""
        return (self.key >> PORT_SHIFT) & ((1 << _PORT_BITS) - 1)

    @property
    def boundary(self) -> Ints:
        """Each row's boundary, as an index into BOUNDARIES."""
        return (self.key >> BOUNDARY_SHIFT) & ((1 << _BOUNDARY_BITS) - 1)

    @property
    def action(self) -> Ints:
        """Each row's action, as an index into ACTIONS."""
        return self.key & ((1 << _ACTION_BITS) - 1)

    def __add__(self, other: Table) -> Table:
        if not isinstance(other, Table):
            return NotImplemented
        if not len(other):
            return self
        if not len(self):
            return other
        rung = max(self.rung, other.rung)
        return _fit(_joined(_widened(self, rung), _widened(other, rung)))

    def __radd__(self, other: int) -> Table:
        return self if other == 0 else NotImplemented

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        return self.rung == other.rung and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in _COLUMNS
        )


def key_of(
    window: Ints, protocol: Ints, port: Ints, action: Ints, boundary: Ints | int = UNKNOWN_BOUNDARY
) -> Ints:
    """Return the keys of rows with these window, protocol, port, action and boundary numbers."""
    above = (window << WINDOW_SHIFT) | (protocol << PROTOCOL_SHIFT) | (port << PORT_SHIFT)
    return above | (boundary << BOUNDARY_SHIFT) | action


def tabulate(
    minute: Ints,
    protocol: Ints,
    port: Ints,
    action: Ints,
    packets: Ints,
    volume: Ints,
    boundary: Ints | int = UNKNOWN_BOUNDARY,
) -> Table:
    """Return the table of flows that are given as columns of equal length; minute -1 is an unknown time."""
    window = np.where(minute < 0, UNKNOWN_WINDOW, minute)
    if not len(window):
        return Table()
    key = key_of(window, protocol, port, action, boundary)
    return _fit(_gathered(key, [np.ones(len(key), np.int64), packets, volume], 0))


def table(key: Ints, flows: Ints, packets: Ints, volume: Ints, rung: int) -> Table:
    """Return the table of counts by key; the keys may be in any order and have the windows of `rung`."""
    return _fit(_gathered(key, [flows, packets, volume], rung)) if len(key) else Table()


def _gathered(key: Ints, values: Iterable[Ints], rung: int) -> Table:
    """Return the table with the counts of equal keys merged into one row; `key` may be in any order."""
    if not (key[1:] > key[:-1]).all():
        order = np.argsort(key, kind="stable")  # fast for runs of sorted keys
        key, values = key[order], [column[order] for column in values]
    is_first = _is_first(key)
    if is_first.all():
        flows, packets, volume = values
        return Table(key, flows, packets, volume, rung)
    first = np.flatnonzero(is_first)
    key = key[first]
    flows, packets, volume = (
        summed(lambda column: np.add.reduceat(column, first), column) for column in values
    )
    return Table(key, flows, packets, volume, rung)


def _joined(one: Table, other: Table) -> Table:
    """Return the rows of two tables of one rung, equal keys merged; only one column is copied at a time."""
    key, *values = _COLUMNS
    columns = (np.concatenate([getattr(one, name), getattr(other, name)]) for name in values)
    return _gathered(np.concatenate([getattr(one, key), getattr(other, key)]), columns, one.rung)


def _widened(table: Table, rung: int) -> Table:
    """Return the table with the wider windows of `rung`; unknown times stay unknown."""
    if rung == table.rung:
        return table
    window = table.key >> WINDOW_SHIFT
    rest = table.key & ((1 << WINDOW_SHIFT) - 1)
    times = times_as_wide(table.rung, rung)
    wider = np.where(window == UNKNOWN_WINDOW, window, window // times)
    key = (wider << WINDOW_SHIFT) | rest
    return _gathered(key, [table.flows, table.packets, table.bytes], rung)


def _fit(table: Table) -> Table:
    """Return the table at the narrowest rung, its own or wider, at which it is small enough to keep."""
    known = table.key[: int(np.searchsorted(table.key, UNKNOWN_WINDOW << WINDOW_SHIFT))]
    by_rest = cache(lambda: np.sort(_rest_first(known)))

    def rows_at(rung: int) -> int:
        return len(_in_wider(by_rest(), times_as_wide(table.rung, rung)))

    windows = distinct(known >> WINDOW_SHIFT)
    return _widened(table, fitting_rung(table.rung, windows, len(known), rows_at))


def fitting_rung(rung: int, windows: Ints, rows: int, rows_at: Callable[[int], int]) -> int:
    """Return the narrowest rung, `rung` or wider, at which the rows with a known time are few enough.

    `windows` are the sorted numbers of the windows in use; `rows` is an upper limit for the number of rows,
    and `rows_at` returns their number at a rung. Few enough means one window, or few windows and few rows.
    Only windows in use count, not the whole span: one flow from 2001 must not coarsen a busy hour. Both
    counts of a part are at most those of the whole, which keeps addition associative.
    """

    def fits(wider: int) -> bool:
        count = len(distinct(windows // times_as_wide(rung, wider)))
        is_few = count <= MOST_WINDOWS and (rows <= MOST_ROWS or rows_at(wider) <= MOST_ROWS)
        return is_few or count <= 1

    return bisect_left(range(len(WIDTHS)), True, lo=rung, key=fits)


def _rest_first(key: Ints) -> Ints:
    """Return the keys of rows with a known time, with the window moved to the lowest bits: it sorts last."""
    return (key << (63 - WINDOW_SHIFT)) & _REST_FIRST | (key >> WINDOW_SHIFT)


def _in_wider(by_rest: Ints, times: int) -> Ints:
    return distinct(by_rest & _REST_FIRST | (by_rest & ~_REST_FIRST) // times)


def distinct(values: Ints) -> Ints:
    """Return sorted values without duplicates."""
    return values[_is_first(values)]


def _is_first(values: Ints) -> NDArray[np.bool_]:
    """Return for each of the sorted values whether it differs from the one before."""
    return np.concatenate(([True], values[1:] != values[:-1]))[: len(values)]


def times_as_wide(rung: int, wider: int) -> int:
    """Return how many windows of one rung make up one window of a wider rung."""
    if rung == wider:
        return 1
    return WIDTHS[wider] // WIDTHS[rung] if WIDTHS[wider] != ALL_TIME else UNKNOWN_WINDOW


class Offer(NamedTuple):
    """A layout that would fit a file better: its fields in order, the flows it would find, one such line."""

    fields: str
    flows: int
    line: str = ""


@dataclass(frozen=True)
class FileCounts:
    """The fate of every record of one file: records = headers + blank + flows + set aside.

    `unreadable` counts, by field, the flows whose field is present but cannot be read; `lacking` the flows
    whose layout has no such field; `odd_words` the flows whose action or log-status is not one of AWS's
    words. `fitting` counts, by layout, the lines that do not fit the assumed layout but would be flows in
    that one; `misfits` has the first such line. `shapes` says how the file was read, `damage` why it
    ended early.
    """

    size: int = 0
    headers: int = 0
    blank: int = 0
    flows: int = 0
    set_aside: Counter[Reason] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    lacking: Counter[str] = field(default_factory=Counter)
    odd_words: Counter[str] = field(default_factory=Counter)
    fitting: Counter[str] = field(default_factory=Counter)
    misfits: frozenset[str] = frozenset()
    shapes: frozenset[str] = frozenset()
    damage: frozenset[str] = frozenset()

    @property
    def records(self) -> int:
        """The number of records that were read."""
        return self.headers + self.blank + self.flows + self.set_aside.total()

    @property
    def faults(self) -> int:
        """The number of records with a fault; AWS's NODATA and SKIPDATA records are not faults."""
        return sum(count for reason, count in self.set_aside.items() if reason.is_fault)

    @property
    def offer(self) -> Offer | None:
        """The layout that would find the most flows; None if it would not find more than were found."""
        if self.headers or not self.fitting:
            return None
        best, flows = max(self.fitting.items(), key=lambda item: (item[1], item[0]))
        return Offer(best, flows, min(self.misfits, default="")) if flows > self.flows else None

    def __add__(self, other: FileCounts) -> FileCounts:
        return all_of([self, other])


def all_of(files: Sequence[FileCounts]) -> FileCounts:
    """Return the sum of the counts of several files, in one go because there may be many."""
    names = (each.name for each in fields(FileCounts))
    return FileCounts(*(_sum([getattr(file, name) for file in files]) for name in names))


def _sum(parts: Sequence[Any]) -> Any:
    """Return the sum of numbers, of counters or of sets."""
    zero = type(parts[0])()
    if isinstance(zero, int):
        return sum(parts)
    if isinstance(zero, frozenset):
        return zero.union(*parts)
    for part in parts:
        zero.update(part)
    return zero


_NO_TABLE: Final = Table()


@dataclass(frozen=True, repr=False)
class FlowCounts:
    """The counts of one or more logs: everything that is kept of them.

    By destination = requests + replies; by service = requests + replies_by_service. Each of the two
    contains every flow once. `files` gives by name what became of each file's records. `faults` are the
    first 1,000 by file and line. `internal` are the ranges that count as inside in addition to those that
    always do; it is None if nothing was counted, and such counts can be added to any others. Adding counts
    with different ranges raises RangesError.
    """

    requests: Table = field(default_factory=lambda: _NO_TABLE)
    replies: Table = field(default_factory=lambda: _NO_TABLE)
    replies_by_service: Table = field(default_factory=lambda: _NO_TABLE)
    files: Mapping[str, FileCounts] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    internal: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        total = self.total
        return f"<FlowCounts: {total.flows:,} flows, {total.records:,} records; files: {len(self.files):,}>"

    def _repr_html_(self) -> str:
        """Return an HTML table for a notebook, with what became of each file's records."""
        reasons = [reason for reason in Reason if self.total.set_aside[reason]]
        head = ["File", "Records", "Headers", "Blank", "Flows", *(r.capitalize() for r in reasons)]
        files = list(self.files.items())
        rows = [("all", self.total), *files[:MOST_SHOWN]] if len(files) > 1 else files
        return html_table(
            cut("Records of flow logs", len(files), min(len(files), MOST_SHOWN)),
            head,
            (
                (
                    *(name, each.records, each.headers, each.blank, each.flows),
                    *(each.set_aside[reason] for reason in reasons),
                )
                for name, each in rows
            ),
        )

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return all flows by destination port as an Arrow stream: the columns of a table, and `reply`.

        `reply` says whether the flows look like replies; `replies_by_service` has these flows by their
        source port instead. All windows have the same width.
        """
        rung = max(self.requests.rung, self.replies.rung)
        parts = [_widened(table, rung) for table in (self.requests, self.replies)]
        key, flows, packets, volume = (
            np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS
        )
        columns = Table(key, flows, packets, volume, rung).columns()
        reply = np.repeat([False, True], [len(part) for part in parts])
        return arrow.stream({**columns, "reply": arrow.truths(reply)}, requested_schema)

    @cached_property
    def total(self) -> FileCounts:
        """The fate of all records of all files together."""
        files = list(self.files.values())
        return all_of(files) if len(files) > 1 else (files or [FileCounts()])[0]

    @cached_property
    def beyond(self) -> tuple[str, ...]:
        """The measures among packets and bytes that reach MOST_SUM, so that some sums may be too small."""
        tables = self.requests, self.replies
        return tuple(
            name
            for name in ("packets", "bytes")
            if sum(sum_of(getattr(table, name)) for table in tables) >= MOST_SUM
        )

    @property
    def offers(self) -> dict[str, Offer]:
        """The layout that would fit each file better, by file name; only files that have one."""
        return {name: file.offer for name, file in self.files.items() if file.offer}

    def __add__(self, other: FlowCounts) -> FlowCounts:
        if not isinstance(other, FlowCounts):
            return NotImplemented
        return FlowCounts(
            self.requests + other.requests,
            self.replies + other.replies,
            self.replies_by_service + other.replies_by_service,
            _added_by_name(self.files, other.files),
            tuple(sorted(self.faults + other.faults)[:MOST_FAULTS]),
            same_ranges([self.internal, other.internal]),
        )

    def __radd__(self, other: int) -> FlowCounts:
        return self if other == 0 else NotImplemented


def same_ranges(internal: Iterable[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """Return the ranges that several counts have in common; raises RangesError if they differ."""
    there = {ranges for ranges in internal if ranges is not None}
    if len(there) > 1:
        lists = " and ".join(sorted(", ".join(ranges) or "none" for ranges in there))
        raise RangesError(
            f"Counts with different internal ranges cannot be added ({lists}). Count the logs again "
            "with the same ranges."
        )
    return next(iter(there), None)


def _added_by_name(
    some: Mapping[str, FileCounts], more: Mapping[str, FileCounts]
) -> dict[str, FileCounts]:
    both = {name: file + more[name] for name, file in some.items() if name in more}
    return {**some, **more, **both}


class Tower(Generic[T]):
    """Adds many parts in balanced order, so that a large sum is not copied for each small part."""

    def __init__(self, zero: T) -> None:
        self._zero: T = zero
        self._sums: list[tuple[int, T]] = []

    def add(self, part: T) -> None:
        """Add one more part; sums of equally many parts are merged right away."""
        parts = 1
        while self._sums and self._sums[-1][0] <= parts:
            more, other = self._sums.pop()
            parts, part = parts + more, other + part
        self._sums.append((parts, part))

    def total(self) -> T:
        """Return the sum of all parts."""
        parts = 0
        total: T = self._zero
        while self._sums:
            more, part = self._sums.pop()
            parts, total = parts + more, part + total
        self._sums = [(parts, total)] if parts else []
        return total

"""The specification of counting: one line at a time, in plain Python.

White space is stripped from both ends of a line, then a byte order mark, then white space again; inside
the line, only runs of spaces or tabs separate words. The first of these that applies decides:

  empty, or begins with `#`                       blank
  a header                                        the layout from here on, in this file
  under a header without dstport or protocol      set aside: layout without port or protocol
  fewer words than the layout has fields          set aside: too few fields
  default layout and version is not `2`           set aside: unsupported version
  log-status `NODATA`, `SKIPDATA`                 set aside: no data, skipped data
  no log-status field, port and protocol both `-` set aside: no data
  dstport is not a whole number 0-65535           set aside: bad port
  protocol is not a whole number 0-255, nor (if a
  header or a table names the fields) a keyword   set aside: bad protocol
  anything else                                   one flow

Before that, a CloudWatch time stamp (and stream name) is removed from the beginning of a record, and a
line that contains several records separated by tabs is split. Any faster way of counting must agree with
this file on all possible bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flowtag_core.boundary import Inside
from flowtag_core.counting.ledger import Ledger
from flowtag_core.counts import (
    ACCEPT,
    OTHER,
    REJECT,
    UNKNOWN_BOUNDARY,
    UNKNOWN_TIME,
    FlowCounts,
    Ints,
    Reason,
    Table,
    tabulate,
)
from flowtag_core.iana import WITH_PORTS, keyword_number
from flowtag_core.shapes.layout import ABSENT, ASSUMED, KNOWN_FIELDS, Layout, header_layout
from flowtag_core.shapes.other_layouts import MOST_WORDS, fitting
from flowtag_core.shapes.records import Records

ALWAYS_INSIDE: Final = Inside()
"""The addresses that are inside every network."""
_ACTIONS: Final = {b"ACCEPT": ACCEPT, b"REJECT": REJECT}
_NOTES: Final = {b"NODATA": Reason.NO_DATA, b"SKIPDATA": Reason.SKIPPED_DATA}
_MISFITS: Final = frozenset(
    {Reason.TOO_FEW_FIELDS, Reason.UNSUPPORTED_VERSION, Reason.BAD_PORT, Reason.BAD_PROTOCOL}
)
_AWS_STATUS: Final = frozenset({b"OK", *_NOTES})
_PROTOCOLS: Final = {
    str(number).zfill(digits).encode(): number
    for number in range(256)
    for digits in range(len(str(number)), 6)
}
_HAS_PORTS: Final = np.isin(np.arange(256), list(WITH_PORTS))
_NO_PORT: Final = -1

_YEAR_2000: Final = 946_684_800
_YEAR_2100: Final = 4_102_444_800

_BOM: Final = b"\xef\xbb\xbf"
_NBSP: Final = b"\xc2\xa0"
_SPACE: Final = re.compile(rb"(?:[ \t\r]|\xc2\xa0)*+")
_WORD: Final = re.compile(rb"[^ \t]+")
_TAB_PIECE: Final = re.compile(rb"[^\t]+")
_PIECES_AT_ONCE: Final = 1 << 11
_STAMP: Final = re.compile(
    rb"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?|\d{13})[ \t]+"
)
_EVENT: Final = b"EVENTS\t"
# What `aws logs ... --output text` writes besides events: the streams that were searched, and the tokens of
# the previous and the next page. Also the sentence that an export to S3 leaves behind, and the message with
# which a subscription tests its target.
_TOLD_BESIDE: Final = re.compile(
    rb"SEARCHEDLOGSTREAMS(?:\t|$)|[bf]/\d{10,}(?:/s)?(?:\t[bf]/\d{10,}(?:/s)?)?$"
    rb"|NEXTTOKEN\t|Permission Check Successful|CWL CONTROL MESSAGE"
)
# Firehose may write records with nothing between them: `... ACCEPT OK2 123456789012 ...`.
_GLUED: Final = re.compile(rb"(?:(?<= OK)|(?<= NODATA)|(?<= SKIPDATA))(?=2 \d{12} )")
_STREAM_NAME: Final = re.compile(rb"[^ \t]+[ \t]+")
_WHOLE_NUMBER: Final = re.compile(rb"\d+(?=[ \t]|\Z)")

_FAULT_CHARACTERS: Final = 200
_SEEN_BYTES: Final = 1_600
_MISFIT_CHARACTERS: Final = 2_000

# The columns of a row, in order. If the layout lacks a field, its column is set to the value for "unknown".
_MINUTE, _PROTOCOL, _DSTPORT, _SRCPORT, _ACTION, _PACKETS, _BYTES, _BOUNDARY = range(8)
_UNKNOWN: Final = {
    "start": (_MINUTE, UNKNOWN_TIME),
    "srcaddr": (_BOUNDARY, UNKNOWN_BOUNDARY),
    "dstaddr": (_BOUNDARY, UNKNOWN_BOUNDARY),
    "srcport": (_SRCPORT, _NO_PORT),
    "action": (_ACTION, OTHER),
    "packets": (_PACKETS, 0),
    "bytes": (_BYTES, 0),
}

STAMPED: Final = "time stamps before the records"


class Seen(NamedTuple):
    """The rest of a flow: its line number, the beginning of its text, its addresses and its interface."""

    number: int
    text: bytes
    source: bytes
    destination: bytes
    interface: bytes


Words = list[bytes]
Split = Callable[[bytes, None, int], Words]


class Reference:
    """Counts the records of one file in order; its `ledger` tells what became of them.

    If there is a list `seen`, it gets the rest of each flow, in the order of `take_flows`.
    """

    def __init__(
        self,
        name: str,
        layout: Layout = ASSUMED,
        inside: Inside = ALWAYS_INSIDE,
        seen: list[Seen] | None = None,
    ) -> None:
        self.ledger = Ledger(name)
        self.layout = layout
        self._inside = inside
        self._rows: list[Ints] = []
        self._seen = seen

    @property
    def has_enough_samples(self) -> bool:
        """Whether enough faults and misfits are kept as samples; further ones are only counted."""
        is_misfit_known = bool(self.ledger.misfit) or not self.tries_others
        return self.ledger.has_enough_faults and is_misfit_known

    @property
    def tries_others(self) -> bool:
        """Whether lines that do not fit the layout are tried with other layouts."""
        return not self.ledger.has_header and self.layout.is_unsaid

    @property
    def waiting(self) -> int:
        """The number of flows that `take_flows` has not returned yet."""
        return sum(map(len, self._rows))

    def count(self, block: bytes) -> None:
        """Count a block of whole lines; the last one may lack its line end."""
        lines = block.split(b"\n")
        if not lines[-1]:
            lines.pop()
        first = self.ledger.line + 1
        self._count(enumerate(lines, first), bytes.split if _is_plain(block) else _words)
        self.ledger.line += len(lines)

    def count_records(self, records: Records) -> None:
        """Count records that were extracted from a document or a table, each under its own number."""
        kind, numbered = records
        self.ledger.add_shape(kind.shape)
        if kind.reason:
            for number, text in numbered:
                self._put_aside(number, text, kind.reason)
        else:
            said, self.layout = self.layout, kind.layout or self.layout
            is_plain = _is_plain(b"\n".join(text for _, text in numbered))
            self._count(iter(numbered), bytes.split if is_plain else _words)
            if kind.layout:  # otherwise the layout is that of the last header
                self.layout = said
        self.ledger.line = max(self.ledger.line, numbered[-1][0])

    def count_odd(self, numbered: list[tuple[int, bytes, Reason | None]]) -> int:
        """Count the lines of a text that are not counted elsewhere; return how many were counted.

        A line that comes with a reason is set aside for it. Stops after a line that changes the layout.
        """
        lines = iter(numbered)

        def odd() -> Iterator[tuple[int, bytes]]:
            for number, text, reason in lines:
                if reason is None:
                    yield number, text
                else:
                    self._put_aside(number, text, reason)

        is_plain = _is_plain(b"\n".join([text for _, text, reason in numbered if reason is None]))
        self._count_one_layout(odd(), bytes.split if is_plain else _words)
        return len(numbered) - sum(1 for _ in lines)

    def set_aside_line(self, line: bytes, reason: Reason) -> None:
        """Set aside one line that is not available in full."""
        self.ledger.line += 1
        self._put_aside(self.ledger.line, line, reason)

    def take_flows(self) -> Ints:
        """Return the flows found since the last call, as an array with one row of eight columns per flow.

        The columns are minute, protocol, dstport, srcport, action, packets, bytes and boundary. A negative
        value means unknown.
        """
        rows = np.concatenate(self._rows) if self._rows else np.empty((0, 8), np.int64)
        self._rows = []
        return rows

    def take(self, size: int, wrapping: str = "", damage: str | None = None) -> FlowCounts:
        """Return everything counted since the last call; the parameters are those of `Ledger.take`."""
        return tables_of(self.take_flows()) + self.ledger.take(size, wrapping, damage)

    def _count(self, numbered: Iterator[tuple[int, bytes]], split: Split) -> None:
        while self._count_one_layout(numbered, split):
            pass

    def _count_one_layout(self, numbered: Iterator[tuple[int, bytes]], split: Split) -> bool:
        """Count lines until a header changes the layout (True) or no lines are left (False)."""
        layout = self.layout
        fields = len(layout.names)
        at = layout.position
        dstport, protocol, srcport = at("dstport"), at("protocol"), at("srcport")
        srcaddr, dstaddr = at("srcaddr"), at("dstaddr")
        start, packets, volume = at("start"), at("packets"), at("bytes")
        action, status = at("action"), at("log-status")
        # The position of a field that the layout lacks is ABSENT (-1), which reads the last word; _keep
        # discards that value. A line with exactly the layout's fields and status OK needs no closer look.
        plain_fields = fields if layout.names_port_and_protocol and status != ABSENT else ABSENT
        is_default = layout.is_default
        no_srcport = no_start = no_packets = no_bytes = odd_action = odd_status = 0
        last_start, minute, unknown_minute = b"", UNKNOWN_TIME, True
        boundary = self._inside.boundary
        rows: list[int] = []  # eight per flow; a flat list converts twice as fast as one of tuples
        seen: list[Seen] | None = None if self._seen is None else []
        ends = [srcaddr, dstaddr, at("interface-id")]
        changed = False
        for number, line in numbered:
            words = split(line, None, fields)  # one word more shows that there are too many
            is_odd_status = False
            if (
                len(words) != plain_fields
                or words[status] != b"OK"
                or (words[0] != b"2" if is_default else words[0][:1] == b"#")
            ):
                if not words:
                    self.ledger.add_blank()
                    continue
                record = (
                    self._ordinary(number, line, words)
                    if split is bytes.split and _is_ordinary(line, words[0], is_default)
                    else self._look_closer(number, line)
                )
                changed = self.layout is not layout
                if changed:
                    break
                if record is None:
                    continue
                words = record
                is_odd_status = words[status] not in _AWS_STATUS

            word = words[dstport]
            port = int(word) if word.isdigit() and len(word) <= 5 else 65536
            if port > 65535:
                self._put_aside(number, line, Reason.BAD_PORT)
                continue
            kind = _PROTOCOLS.get(words[protocol])
            if kind is None and not layout.is_unsaid:
                kind = keyword_number(words[protocol].decode("latin-1"))
            if kind is None:
                self._put_aside(number, line, Reason.BAD_PROTOCOL)
                continue
            word = words[srcport]
            source = int(word) if word.isdigit() and len(word) <= 5 else 65536
            if source > 65535:
                source = _NO_PORT
                no_srcport += 1
            word = words[start]
            if word != last_start:
                last_start, minute = word, _minute(word)
                unknown_minute = minute == UNKNOWN_TIME
            no_start += unknown_minute
            did = _ACTIONS.get(words[action], OTHER)
            odd_action += did == OTHER
            odd_status += is_odd_status
            word = words[packets]
            packet_count = int(word) if word.isdigit() and len(word) <= 15 else ABSENT
            if packet_count < 0:
                packet_count = 0
                no_packets += 1
            word = words[volume]
            byte_count = int(word) if word.isdigit() and len(word) <= 15 else ABSENT
            if byte_count < 0:
                byte_count = 0
                no_bytes += 1
            crosses = boundary(words[srcaddr], words[dstaddr])
            rows += (minute, kind, port, source, did, packet_count, byte_count, crosses)
            if seen is not None:
                seen.append(
                    Seen(
                        number,
                        line[:_SEEN_BYTES],
                        *(words[e] if e != ABSENT else b"" for e in ends),
                    )
                )

        unreadable = {
            "srcport": no_srcport,
            "start": no_start,
            "packets": no_packets,
            "bytes": no_bytes,
        }
        self._keep(rows, layout, unreadable, {"action": odd_action, "log-status": odd_status})
        if self._seen is not None and seen:
            self._seen += seen
        return changed

    def _keep(
        self,
        numbers: list[int],
        layout: Layout,
        unreadable: dict[str, int],
        odd_words: dict[str, int],
    ) -> None:
        """Keep flows of one layout; values that were read for a field that it lacks are discarded."""
        if not numbers:
            return
        rows = np.array(numbers, dtype=np.int64).reshape(-1, 8)
        for field, (column, unknown) in _UNKNOWN.items():
            if field not in layout.names:
                rows[:, column] = unknown
        there = [
            {name: count for name, count in found.items() if name in layout.names}
            for found in (unreadable, odd_words)
        ]
        self._rows.append(rows)
        self.ledger.add_flows(layout, len(rows), *there)

    def _ordinary(self, number: int, line: bytes, words: Words) -> Words | None:
        """Do what `_look_closer` does for a line that can only be a record."""
        reason = _objection(words, self.layout)
        if reason is not None:
            self._put_aside(number, line, reason)
            return None
        return words

    def _look_closer(self, number: int, line: bytes) -> Words | None:
        """Return the words of a record that may be a flow; None if the line has been dealt with."""
        line = _stripped(line)
        layout = self.layout
        if not line or line.startswith(b"#"):
            self.ledger.add_blank()
            return None
        if _TOLD_BESIDE.match(line):
            self._put_aside(number, line, Reason.NOT_A_RECORD)
            return None
        if line.startswith(_EVENT):
            line = _record_in_event(line, layout)
            self.ledger.add_shape("events as text")
        if (records := _several(line, layout)) is not None:
            pieces = ((number, piece) for piece in records)
            while batch := list(islice(pieces, _PIECES_AT_ONCE)):
                self._count(iter(batch), _words)
            return None
        record = _without_stamp(line, layout)
        if record is not line:
            self.ledger.add_shape(STAMPED)
        header = header_layout(record)
        if header is not None:
            self.ledger.add_header()
            if header != layout:
                self.layout = header
            return None
        words = _first_words(record, len(layout.names))
        reason = _objection(words, layout)
        if reason is not None:
            self._put_aside(number, line, reason)
            return None
        return words

    def _put_aside(self, number: int, line: bytes, reason: Reason) -> None:
        ledger = self.ledger
        if reason in _MISFITS and self.tries_others:
            for names in self._others(line):
                ledger.add_fitting(" ".join(names))
            ledger.misfit = ledger.misfit or _beginning(line, _MISFIT_CHARACTERS)
        text = _beginning(line, _FAULT_CHARACTERS) if ledger.wants_text(reason) else ""
        ledger.set_aside(number, reason, text)

    def _others(self, line: bytes) -> list[tuple[str, ...]]:
        """Return the layouts in common use in which a line would be a flow; commas may separate its words."""
        words = _first_words(_stripped(line), MOST_WORDS + 1)
        if len(words) == 1 and b"," in words[0]:
            return _fitting_commas(words[0])
        return fitting(words, self.layout.names)


def _fitting_commas(line: bytes) -> list[tuple[str, ...]]:
    """Return the layouts in common use in which a line with commas between its fields would be a flow."""
    words = line.split(b",", MOST_WORDS)
    is_quoted = words[0][:1] == b'"'
    if is_quoted and not all(word[:1] == word[-1:] == b'"' for word in words):
        return []
    words = [word.strip(b'"') for word in words]
    return [names for names in fitting(words) if len(names) == len(words)]


def is_reply(protocol: Ints, srcport: Ints, dstport: Ints) -> NDArray[np.bool_]:
    """Return for each flow whether it looks like a reply: its source port is lower, its protocol has ports.

    This is a guess. If the source port is equal, absent or unreadable (negative), the flow is a request.
    """
    return _HAS_PORTS[protocol] & (srcport >= 0) & (srcport < dstport)


def tables_of(flows: Ints) -> FlowCounts:
    """Return the tables of the flows that `Reference.take_flows` returns."""
    replies = is_reply(flows[:, _PROTOCOL], flows[:, _SRCPORT], flows[:, _DSTPORT])
    return FlowCounts(
        _table(flows[~replies], _DSTPORT),
        _table(flows[replies], _DSTPORT),
        _table(flows[replies], _SRCPORT),
    )


def _table(rows: Ints, port: int) -> Table:
    return tabulate(
        rows[:, _MINUTE],
        rows[:, _PROTOCOL],
        rows[:, port],
        rows[:, _ACTION],
        rows[:, _PACKETS],
        rows[:, _BYTES],
        rows[:, _BOUNDARY],
    )


def _objection(words: Words, layout: Layout) -> Reason | None:
    """Return the reason why a record cannot be a flow, if any; its port and protocol are not checked.

    The words must not be a header.
    """
    if not layout.names_port_and_protocol:
        return Reason.NO_PORT_IN_LAYOUT
    if len(words) < len(layout.names):
        return Reason.TOO_FEW_FIELDS
    if layout.is_default and words[0] != b"2":
        return Reason.UNSUPPORTED_VERSION
    status = layout.position("log-status")
    if status != ABSENT:
        return _NOTES.get(words[status])
    dashes = words[layout.position("dstport")] == words[layout.position("protocol")] == b"-"
    return Reason.NO_DATA if dashes else None


def _is_ordinary(line: bytes, first: bytes, is_default: bool) -> bool:
    """Whether a line in a plain block is a single record: no header, no comment, no time stamp.

    True if it begins with a few digits, as nearly every record does, and cannot be several records that
    are glued together.
    """
    is_short_number = len(first) < 10 and first.isdigit()
    return is_short_number and not (is_default and (b" OK2" in line or b"DATA2" in line))


def _minute(word: bytes) -> int:
    """Return a start in seconds or milliseconds as minutes since 1970; UNKNOWN_TIME if it is neither."""
    if not word.isdigit() or len(word) > 15:
        return UNKNOWN_TIME
    for seconds in (int(word), int(word) // 1000):
        if _YEAR_2000 <= seconds < _YEAR_2100:
            return seconds // 60
    return UNKNOWN_TIME


def _is_plain(block: bytes) -> bool:
    """Whether bytes.split() splits every line of the block exactly as the rules require."""
    if any(odd in block for odd in (b"\t", b"\x0b", b"\x0c", _NBSP, _BOM)):
        return False
    return b"\r" not in block or block.count(b"\r") == block.count(b"\r\n")


def _words(line: bytes, _: None, most: int) -> Words:
    """Split any line as bytes.split(line, None, most) splits a plain one, into at most `most` + 1 words."""
    return _first_words(_stripped(line), most + 1)


def _first_words(text: bytes, most: int) -> Words:
    # bytes.split() would also split at these. A pattern that looks for them would take ten times as long.
    if b"\r" in text or b"\x0b" in text or b"\x0c" in text:
        return [word[0] for word in islice(_WORD.finditer(text), most)]
    return text.split(None, most)[:most]  # the same result, three times as fast


def _stripped(line: bytes) -> bytes:
    """Return the line without a byte order mark and without white space at its ends."""
    line = _SPACE.sub(b"", line, count=1)
    if line.startswith(_BOM):
        line = _SPACE.sub(b"", line[len(_BOM) :], count=1)
    # The byte C2 or A0 alone may be part of another character, so only the pair is white space.
    kept = len(line.rstrip(b" \t\r\xc2\xa0"))
    return line[: kept + len(line[kept:].replace(_NBSP, b"  ").rstrip(b" \t\r"))]


def _several(line: bytes, layout: Layout) -> Iterator[bytes] | None:
    """Return the records of a line that contains several; None if it does not."""
    if b"\t" in line and _holds_several(line, layout):
        return (piece[0] for piece in _TAB_PIECE.finditer(line))
    if layout.is_default and (b" OK2" in line or b"DATA2" in line) and _GLUED.search(line):
        return iter(_GLUED.split(line))
    return None


def _beginning(line: bytes, most: int) -> str:
    """Return the beginning of a line as text, at most `most` characters."""
    return _stripped(line[: 4 * most + 1024]).decode("utf-8", "replace")[:most]


def _holds_several(line: bytes, layout: Layout) -> bool:
    """Whether tabs separate whole records: there are twice the fields, and a record before the first tab."""
    if not _has_words(line, 2 * len(layout.names)):
        return False
    piece = _stripped(line.partition(b"\t")[0])
    record = _without_stamp(piece, layout)
    return header_layout(record) is not None or _is_whole(record, layout)


def _record_in_event(line: bytes, layout: Layout) -> bytes:
    """Return the record in a line that `aws logs ... --output text` writes for an event, or else the line."""
    pieces = map(_stripped, line.split(b"\t"))
    return next((piece for piece in pieces if _is_whole(piece, layout)), line)


def _without_stamp(line: bytes, layout: Layout) -> bytes:
    """Return the record after a time stamp and perhaps a stream name, or else the line itself.

    If the layout may itself begin with such a time stamp, the stamp is part of the record.
    """
    stamp = _STAMP.match(line)
    if stamp is None or _may_begin_with(stamp[0], layout):
        return line
    record = line[stamp.end() :]
    stream = _STREAM_NAME.match(record)
    behind_stream = record[stream.end() :] if stream else b""
    for candidate in (record, behind_stream):
        if header_layout(candidate) is not None or _is_exactly_one(candidate, layout):
            return candidate
    return record if _is_whole(record, layout) else line


def _may_begin_with(stamp: bytes, layout: Layout) -> bool:
    first = layout.names[0]
    return first not in KNOWN_FIELDS or (first in ("start", "end") and b"-" not in stamp)


def _is_exactly_one(text: bytes, layout: Layout) -> bool:
    """Whether the text is a record that cannot begin with a stream name."""
    too_long = not layout.is_default and _has_words(text, len(layout.names) + 1)
    return _is_whole(text, layout) and not too_long


def _is_whole(text: bytes, layout: Layout) -> bool:
    """Whether the text has a word for each field and, in the default layout, begins with a whole number."""
    if layout.is_default and not _WHOLE_NUMBER.match(text):
        return False
    return _has_words(text, len(layout.names))


def _has_words(text: bytes, count: int) -> bool:
    return len(_first_words(text, count)) == count

"""Follow logs as they grow: each look counts what is new since the last one, and every line once.

A text file is read to its end, and further when it has grown. Log rotation may truncate it, or rename it and
start a new one; a copy that rotation makes, packed or not, is not counted again. Any other file (packed,
Parquet, JSON, CSV) is counted as a whole once it is complete and its size and time are the same in two looks.
New files in a folder are found at each look. All of this is done by polling, so it works on any file system.
Under a URI, new objects are found and counted as a whole.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from datetime import date
from itertools import permutations
from typing import BinaryIO, Final

from flowtag_core.boundary import Inside
from flowtag_core.counting.file_count import FileCount
from flowtag_core.counting.reference import ALWAYS_INSIDE
from flowtag_core.counting.tally import Counted
from flowtag_core.counting.total import Total
from flowtag_core.counts import FileCounts, FlowCounts, Reason
from flowtag_core.errors import LogError, reason_of
from flowtag_core.reading.copies import Copies, Known
from flowtag_core.reading.flow_log import each_place
from flowtag_core.reading.positions import Identity, resumed, saved
from flowtag_core.reading.prefix import Prefix
from flowtag_core.reading.scan import Found, Scan, is_number
from flowtag_core.reading.stdin import Stdin
from flowtag_core.reading.tail import HEAD, Tail, feed_from, feed_from_copies
from flowtag_core.reading.whole import Whole, unpacked_head
from flowtag_core.shapes.layout import ASSUMED, Layout
from flowtag_core.shapes.shapes import is_text
from flowtag_core.shapes.text import LineReader
from flowtag_core.sources.pieces import HEAD_SIZE, READ_SIZE
from flowtag_core.sources.places import DASH, log_at
from flowtag_core.sources.unpacking import is_packed
from flowtag_core.sources.uris import Days, is_uri

_LOOKS_AFTER_ROTATION: Final = 3
"""A file that no longer has a path is closed after this many looks without anything new."""
_STILL: Final = 1.0
"""Seconds that a file must stay unchanged before it is counted as a whole."""
_LONGEST_WAIT: Final = 600.0
"""Seconds after which a file that does not change is counted as a whole, even if it is not complete."""
_YOUNG: Final = 120.0
_MOST_AT_ONCE: Final = 1000
"""Each look covers the files in folders that changed in the last `_YOUNG` seconds, at most this many, and as
many of the others in turn."""
_AT_ONCE: Final = 1 << 26
"""The most bytes of a log that are counted together."""
_LAST_PART: Final = 1 << 22
"""The bytes at the end of a long log that are counted on their own: for a short time, windows are narrow."""
_MAY_STAY_OPEN: Final = os.name != "nt"
"""On Windows, an open file cannot be renamed, so rotation would fail."""
_LOST_EVERY: Final = 10
_MOST_OPEN: Final = 200
"""The most files that are open, and that are read between two looks."""
_PARQUET: Final = b"PAR1"
_LEAST_JSON: Final = 64
"""Bytes after which JSON can be told from text; it may begin with nothing but a bracket on a line."""
_MOST_MESSAGES: Final = 1_000


class Follower:
    """Follows any mix of files, folders, URIs and standard input (`-`).

    `layout` is the layout of text without a header; `inside` says which addresses are inside the network.
    `others` are files that are not logs, such as the lookup, wherever they are. In folders and under URIs, only
    what has the day `since` or a later one in its name is followed. Raises LogError if a path does not exist.
    """

    def __init__(
        self,
        paths: Sequence[str],
        layout: Layout = ASSUMED,
        inside: Inside = ALWAYS_INSIDE,
        others: Sequence[str] = (),
        since: date | None = None,
    ) -> None:
        self.layout, self.inside = layout, inside
        self._messages: dict[str, None] = {}
        self._unreported: list[str] = []
        files = [path for path in paths if path != DASH and not is_uri(path)]
        self._scan = Scan(files, others, self._report, self._forget, Days(since))
        self._prefixes = [
            Prefix(path, since, self._report, self._forget) for path in paths if is_uri(path)
        ]
        _refuse_nested(self._prefixes)
        self._known: dict[Identity, Known] = {}
        self._at: dict[str, Identity] = {}
        """The file that was last found at each path."""
        self._copies = Copies(lambda: [*self._known.values()])
        self._open: list[Tail] = []
        self._lately: dict[Identity, Tail] = {}
        """The last files that have changed."""
        self._due: dict[str, int] = {}
        """The look in which each file in a folder is due again."""
        self._soon = 0
        self._looks = 0
        self._is_resumed = False
        self._is_ending = False
        self._look_in_progress: Iterator[Counted] | None = None
        self._stdin = Stdin(self._new("stdin", DASH), layout) if DASH in paths else None

    @property
    def messages(self) -> list[str]:
        """Messages about the files, in order and each once; only the last 1,000."""
        return list(self._messages)

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come: only standard input is followed, and it has ended."""
        has_files = self._scan.files or self._scan.folders or self._prefixes
        return bool(self._stdin and self._stdin.is_over and not has_files)

    @property
    def is_behind(self) -> bool:
        """Whether the last call of `parts` stopped before it had counted everything."""
        is_unfinished = self._look_in_progress is not None
        is_waiting = bool(self._stdin and self._stdin.is_waiting)
        return is_unfinished or is_waiting or any(each.is_behind for each in self._prefixes)

    @property
    def half_lines(self) -> list[str]:
        """The names of the files whose last line is incomplete and therefore not counted yet."""
        return [tail.name for tail in self._tails() if tail.reader.pending]

    @property
    def uncounted(self) -> list[str]:
        """The names of the files and objects that are counted as a whole, and are not counted yet."""
        return [
            *(
                known.path
                for known in self._known.values()
                if isinstance(known, Whole) and not known.is_counted
            ),
            *(name for prefix in self._prefixes for name in prefix.uncounted),
        ]

    @property
    def positions(self) -> str:
        """How far each file was read, as JSON for `resume`; standard input is not included."""
        files = ",\n".join(saved(identity, known) for identity, known in self._known.items())
        gone = ",\n".join(saved((0, 0), known) for known in self._copies.gone)
        prefixes = ",\n".join(json.dumps(each.position) for each in self._prefixes)
        return f'{{"gone": [\n{gone}\n], "files": [\n{files}\n], "prefixes": [\n{prefixes}\n]}}'

    def resume(self, positions: str) -> None:
        """Continue where another follower stopped: `positions` is its property of that name.

        Raises ValueError, KeyError or TypeError if the text is invalid.
        """
        found = json.loads(positions)
        self._is_resumed = True
        for each in found["files"]:
            identity, known = resumed(each, self._new)
            self._known[identity], self._at[known.path] = known, identity
        for each in found["gone"]:
            self._copies.add_gone(resumed(each, self._new)[1])
        by_uri = {each["uri"]: each for each in found.get("prefixes", ())}
        for prefix in self._prefixes:
            if prefix.root in by_uri:
                prefix.resume(by_uri[prefix.root])

    def look(self) -> FlowCounts:
        """Return the counts of everything that is new since the last look.

        Raises LogError if standard input is not lines of text.
        """
        total = Total()
        is_unfinished = self._look_in_progress is not None
        for _ in range(2 if is_unfinished else 1):
            for part in self.parts():
                total.add(part)
        return total.counts()

    def parts(self, seconds: float = math.inf) -> Iterator[FlowCounts]:
        """Yield the counts of what is new since the last look, in one or more parts.

        It stops after about `seconds`; if there is more, `is_behind` is true and the next call continues there.
        Take all parts before you read `positions`.
        """
        yield from self._in_parts(self._counted_until(time.monotonic() + seconds))

    def growth(self) -> Iterator[FlowCounts]:
        """Yield the counts of what was appended to files that have changed lately; look for nothing else.

        This is cheap, however many files there are: only the last 200 that changed are read. Everything else
        is left to the next look.
        """
        if self._look_in_progress is None and (self._lately or self._stdin):
            yield from self._in_parts(self._grown())

    def _in_parts(self, found: Iterator[Counted]) -> Iterator[FlowCounts]:
        part, size = Total(), 0
        part.add(FlowCounts(internal=self.inside.ranges))
        for counted in found:
            part.add_counted(counted)
            size += counted.counts.total.size
            if size >= _LAST_PART:
                yield part.counts()
                part, size = Total(), 0
        yield part.counts()

    def _grown(self) -> Iterator[Counted]:
        if self._stdin:
            yield self._stdin.read()
        changed_after = time.monotonic() - _YOUNG
        for identity, tail in list(self._lately.items()):
            if tail.since < changed_after or self._known.get(identity) is not tail:
                del self._lately[identity]
                continue
            with suppress(OSError):
                status = os.stat(tail.path)
                now = status.st_size, status.st_mtime_ns
                is_same = not status.st_ino or identity == (status.st_dev, status.st_ino)
                if not is_same or now == tail.seen or status.st_size < tail.offset:
                    continue
                file = self._opened(tail)
                if file is not None and tail.is_in(file):
                    tail.seen, tail.since = now, time.monotonic()
                    self._note_change(identity, tail)
                    yield from self._read(tail)

    def _counted_until(self, until: float) -> Iterator[Counted]:
        """Yield the counts of a look, or of the rest of one; after each of them, the look can be interrupted."""
        look = self._look_in_progress or self._look()
        for counted in look:
            self._look_in_progress = look
            yield counted
            if time.monotonic() >= until:
                return
        self._look_in_progress = None

    def end(self) -> FlowCounts:
        """Return the counts of the rest, including last lines without a line end, and close all files."""
        total = Total()
        total.add(self.look())
        self._is_ending = True
        for _ in range(2):  # A file that is counted as a whole must be the same in two looks.
            total.add(self.look())
        for tail in self._tails():
            tail.count_rest()
            total.add_counted(tail.count.take(0))
        self.close()
        return total.counts()

    def close(self) -> None:
        """Close all files."""
        self._look_in_progress = None
        for tail in self._tails():
            tail.close()

    def _tails(self) -> list[Tail]:
        tails = [known for known in self._known.values() if isinstance(known, Tail)]
        return [*tails, self._stdin.tail] if self._stdin else tails

    def _new(self, name: str, path: str) -> Tail:
        # Any log may become long, so the kernel is worth loading.
        count = FileCount(name, self.layout, 1 << 30, self.inside)
        return Tail(name, path, count, born=self._looks)

    def take_messages(self) -> list[str]:
        """Return the messages since the last call."""
        new, self._unreported = self._unreported, []
        return new

    def _report(self, sentence: str) -> None:
        if sentence in self._messages:
            return
        self._messages[sentence] = None
        self._unreported.append(sentence)
        if len(self._messages) > _MOST_MESSAGES:
            del self._messages[next(iter(self._messages))]

    def _forget(self, sentence: str) -> None:
        """Let a message be given again."""
        self._messages.pop(sentence, None)

    def _look(self) -> Iterator[Counted]:
        """Yield the counts of what is new. `positions` always includes everything that was yielded."""
        if self._stdin:
            yield self._stdin.read()
        self._looks += 1
        self._soon = 0
        self._copies.begin_look()
        found, skipped = self._scan.find(self._is_due)
        if self._looks == 1 and not self._is_resumed:
            self._ignore_siblings(found)
        for identity, (path, status) in found.items():
            known = self._known.get(identity)
            if known and not known.is_at(path, status):
                yield from self._stop_following(identity)
        # New files come first: a copy must be known before the original is found to be truncated or gone.
        new = [identity for identity in found if identity not in self._known]
        lost: AbstractSet[Identity] = set()
        # To go through thousands of files takes long, and what has no path can wait, unless it may have moved.
        if new or len(self._known) <= _MOST_AT_ONCE or self._looks % _LOST_EVERY == 0:
            lost = self._known.keys() - found.keys() - {self._at.get(path) for path in skipped}
        for identity in new:
            yield from self._look_at_new(identity, *found.pop(identity), lost)
        for identity in lost & self._known.keys():
            yield from self._read_unlinked(identity)
        for identity in sorted(found, key=lambda each: isinstance(self._known[each], Tail)):
            yield from self._look_at(identity, *found[identity])
        for prefix in self._prefixes:
            yield from prefix.read(self._fields, self.inside)

    @property
    def _fields(self) -> str | None:
        """The format of text without a header, if one was given."""
        return " ".join(self.layout.names) if self.layout.is_given else None

    def _is_due(self, path: str) -> bool:
        """Whether a file in a folder is to be looked at in this look.

        The answer is known from the last time: to ask each of thousands of files would take too long.
        """
        return self._is_ending or self._looks >= self._due.get(path, 0)

    def _looks_until_due(self, known: Known, identity: Identity) -> int:
        """Return after how many looks a file is due again: at once if it has changed lately, else in turn."""
        is_young = known.since > time.monotonic() - _YOUNG
        if is_young and self._soon < _MOST_AT_ONCE:
            self._soon += 1
            return 1
        turns = max(-(-len(self._known) // _MOST_AT_ONCE), 1)
        return turns if known.path in self._due else 1 + identity[1] % turns

    def _ignore_siblings(self, found: Mapping[Identity, Found]) -> None:
        """Ignore the files next to a log that were there from the start."""
        for identity, (path, status) in found.items():
            if self._scan.is_only_beside(path):
                with suppress(OSError), open(path, "rb") as file:
                    whole = Whole(path, file.read(HEAD), unpacked_head(path), is_copy=True)
                    whole.is_counted, whole.seen = True, (status.st_size, status.st_mtime_ns)
                    self._known[identity], self._at[path] = whole, identity

    def _look_at_new(
        self, identity: Identity, path: str, status: os.stat_result, lost: AbstractSet[Identity]
    ) -> Iterator[Counted]:
        """Begin to follow a file, or continue with one that came back or was replaced by a new copy of itself."""
        known = self._back_at(path, status, lost) or self._new_known(path, identity)
        if known is not None:
            self._known[identity] = known
            yield from self._look_at(identity, path, status)

    def _back_at(
        self, path: str, status: os.stat_result, lost: AbstractSet[Identity]
    ) -> Known | None:
        """Return the file that was last at a path and is gone, or lost in this look, if the new one contains it."""
        identity = self._at.get(path)
        for known in self._copies.at(path):
            if self._copies.is_gone(known):
                is_back = known.contains_all(path, status)
                if is_back:
                    self._copies.remove_gone(known)
            else:
                is_back = identity in lost and known.contains_all(path, status)
                if is_back and identity:
                    del self._known[identity]
            if is_back:
                known.seen = None
                if isinstance(known, Tail):
                    known.close()
                return known
        return None

    def _look_at(self, identity: Identity, path: str, status: os.stat_result) -> Iterator[Counted]:
        known = self._known[identity]
        self._at[path] = identity
        known.path = path
        now = status.st_size, status.st_mtime_ns
        is_new, is_first = now != known.seen, known.seen is None
        if is_new:
            known.seen, known.since = now, time.monotonic()
            if is_first:
                known.since -= max(time.time() - status.st_mtime, 0)
        self._due[path] = self._looks + self._looks_until_due(known, identity)
        if isinstance(known, Whole):
            yield from self._look_at_whole(known, is_new=is_new, is_first=is_first)
        elif is_new:
            known.number = identity
            self._note_change(identity, known)
            yield from self._read(known)

    def _note_change(self, identity: Identity, tail: Tail) -> None:
        """Remember that a file has changed lately, as long as it is one of the last ones."""
        self._lately.pop(identity, None)
        self._lately[identity] = tail
        if len(self._lately) > _MOST_OPEN:
            del self._lately[next(iter(self._lately))]

    def _new_known(self, path: str, identity: Identity) -> Known | None:
        """Return a new file to follow, or None until its first lines show what it is."""
        head, age = self._head_of(path, identity)
        may_wait = len(head) < HEAD_SIZE and age < _LONGEST_WAIT and not self._is_ending
        if is_packed(head) or head.startswith(_PARQUET):
            return self._new_whole(path, head, unpacked_head(path))
        may_be_json = head.lstrip()[:1] in (b"", b"{", b"[")
        if may_wait and may_be_json and len(head) < _LEAST_JSON:
            return None
        if not is_text(head, self.layout):
            return self._new_whole(path, head, b"")
        if may_wait and b"\n" not in head.lstrip():
            return None
        return self._new_text(path, head, may_wait=may_wait)

    def _head_of(self, path: str, identity: Identity) -> tuple[bytes, float]:
        """Return the first bytes of a file and for how long it has not changed; nothing if it cannot be read."""
        try:
            with open(path, "rb") as file:
                if is_number(file, identity):
                    return file.read(HEAD_SIZE), time.time() - os.fstat(file.fileno()).st_mtime
        except OSError as error:
            self._scan.report_unreadable(error)
        return b"", 0

    def _new_text(self, path: str, head: bytes, *, may_wait: bool) -> Known | None:
        """Return a new file of text to follow, or None until it is certain that it is not a copy."""
        original = self._copies.original(path, head, self._looks)
        if isinstance(original, Tail) and self._copies.is_gone(original):
            # It may have lines that had not been read when the original was truncated or vanished.
            self._copies.remove_gone(original)
            return replace(original, path=path, file=None, seen=None, copies=[])
        if original:
            return self._new_whole(path, head, head)
        if may_wait and self._copies.may_have_original(path, head, self._looks):
            return None
        return self._new(path, path)

    def _new_whole(self, path: str, head: bytes, text: bytes) -> Whole:
        """Return a file to count as a whole, or not at all if its first lines show that it is a copy."""
        whole = Whole(path, head[:HEAD], text[:HEAD], born=self._looks)
        self._mark_as_copy(whole, self._copies.original(path, whole.text, self._looks))
        return whole

    def _mark_as_copy(self, whole: Whole, original: Known | None) -> bool:
        """Mark a file as a copy unless it may have what was not read of its original; return whether it is one."""
        if original is None or (isinstance(original, Tail) and self._copies.is_gone(original)):
            return False
        whole.is_copy = whole.is_counted = True
        if isinstance(original, Tail) and whole.path not in original.copies:
            original.copies.append(whole.path)
        return True

    def _read_unlinked(self, identity: Identity) -> Iterator[Counted]:
        """Count the rest of a file that no longer has a path, and close it after a few looks."""
        known = self._known[identity]
        if isinstance(known, Tail) and known.file is not None:
            before = known.offset
            yield from self._read(known)
            known.idle = known.idle + 1 if known.offset == before else 0
            if known.idle < _LOOKS_AFTER_ROTATION:
                return
        yield from self._stop_following(identity)

    def _stop_following(self, identity: Identity) -> Iterator[Counted]:
        """Stop following a file that is gone, after counting the rest of it from its copies."""
        known = self._known.pop(identity)
        if self._at.get(known.path) == identity:
            del self._at[known.path]
            self._due.pop(known.path, None)
        self._copies.add_gone(known)
        if isinstance(known, Tail):
            if known.file is None:
                feed_from_copies(known)
            known.close()
            known.count_rest()
            yield known.count.take(0)

    def _look_at_whole(self, known: Whole, *, is_new: bool, is_first: bool) -> Iterator[Counted]:
        if is_new:
            known.is_tried = False
            if known.is_counted and not is_first:
                self._look_at_changed(known)
        age = math.inf if self._is_ending else time.monotonic() - known.since
        is_old = age >= _LONGEST_WAIT
        if is_new or known.is_counted or age < _STILL or (known.is_tried and not is_old):
            return
        known.text = unpacked_head(known.path) if is_packed(known.head) else b""
        original = self._copies.original(known.path, known.text, known.born)
        if self._mark_as_copy(known, original):
            return
        if isinstance(original, Tail):
            yield self._rest_of(original, known)
            return
        found = self._counted(known.path)
        total = found.counts.total
        known.is_tried = bool(total.damage)
        if is_old or not total.damage:  # Otherwise it may not be finished yet.
            known.is_counted = True
            yield found
        for sentence in sorted(total.damage):
            if is_old or not (total.records or is_packed(known.head)):
                self._report(sentence)
            else:
                self._report(
                    f"{known.path}: is not complete yet. It will be counted once it is, or once it has "
                    f"not changed for {_LONGEST_WAIT // 60:.0f} minutes."
                )

    def _look_at_changed(self, known: Whole) -> None:
        """Report that a file changed after it was counted. A copy may have become a copy of another file."""
        if known.is_copy:
            known.text = unpacked_head(known.path)
            self._mark_as_copy(known, self._copies.original(known.path, known.text, self._looks))
        else:
            self._report(
                f"{known.path}: has changed since it was counted. The change is not counted."
            )

    def _rest_of(self, gone: Tail, copy: Whole) -> Counted:
        """Return the counts of the unread rest of a file that is gone, which is read from a copy."""
        copy.is_copy = copy.is_tried = True
        try:
            feed_from(copy.path, gone)
            gone.count_rest()
            copy.is_counted = True
        except LogError:  # It is not complete yet.
            gone.count_lines()
        return gone.count.take(0)

    def _counted(self, path: str) -> Counted:
        """Return the counts of a whole file; if it is not a log, its error is reported as damage."""
        total = Total()
        try:
            for results in each_place(log_at(path).places, format=self._fields, inside=self.inside):
                for counted in results:
                    total.add_counted(counted)
        except LogError as error:
            total.add(FlowCounts(files={path: FileCounts(damage=frozenset([str(error)]))}))
        return Counted(total.counts(), [])

    def _read(self, tail: Tail) -> Iterator[Counted]:
        """Count what has been appended to a text file."""
        before = tail.offset
        try:
            file = self._opened(tail)
            if file is None:
                return
            if os.fstat(file.fileno()).st_size < tail.offset or not tail.is_in(file):
                yield from self._start_again(tail)
                before = 0
            file.seek(tail.offset)
            last_part = os.fstat(file.fileno()).st_size - _LAST_PART
            while piece := file.read(READ_SIZE):
                tail.feed(piece)
                is_last_part_next = before + _LAST_PART < last_part <= tail.offset
                if tail.offset - before >= _AT_ONCE or is_last_part_next:
                    done, before = tail.offset - before, tail.offset
                    tail.count_lines()
                    yield tail.count.take(done)
        except OSError as error:
            tail.close()
            self._report(f"{tail.path}: cannot be read: {reason_of(error)}.")
        if not _MAY_STAY_OPEN:
            tail.close()
        tail.count_lines()
        if tail.offset != before:
            yield tail.count.take(tail.offset - before)

    def _opened(self, tail: Tail) -> BinaryIO | None:
        """Return the open file, or None if another one is at its path by now: the next look finds both."""
        if tail.file is None:
            tail.file = open(tail.path, "rb", buffering=0)  # noqa: SIM115  (closed when too many files are open)
            if tail.number and not is_number(tail.file, tail.number):
                tail.close()
                tail.seen = None
                return None
            self._open = [each for each in self._open if each.file is not None]
            if len(self._open) >= _MOST_OPEN:
                min(self._open, key=lambda each: each.since).close()
            self._open.append(tail)
        return tail.file

    def _start_again(self, tail: Tail) -> Iterator[Counted]:
        """Start a truncated file again at its first byte, after counting the rest of it from a copy, if any."""
        is_saved = feed_from_copies(tail)
        if not is_saved:
            self._report(
                f"{tail.name}: was truncated, and is read again from its beginning. Lines written just "
                "before that may be missing."
            )
            if tail.reader.pending:
                tail.count.set_aside_line(tail.reader.pending, Reason.CUT_SHORT)
        else:
            tail.count_rest()
        old = tail.count.take(0)
        self._copies.add_gone(replace(tail, file=None, reader=LineReader(), line_start=tail.offset))
        fresh = self._new(tail.name, tail.path)
        tail.count, tail.reader, tail.born = fresh.count, fresh.reader, fresh.born
        tail.offset = tail.line_start = 0
        tail.head, tail.mark, tail.copies = b"", b"", []
        yield old


def _refuse_nested(prefixes: Sequence[Prefix]) -> None:
    """Raise LogError if the objects of a prefix would be counted twice."""
    for one, other in permutations(prefixes, 2):
        if one.root.startswith(other.root):
            raise LogError(
                f"{one.root}: is under {other.root}, which is followed too. Give only one of them."
            )

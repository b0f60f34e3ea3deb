"""Follow logs that grow: each look counts what has come since the last one, every line once.

Text is read as far as it goes, and again when it has grown. A file of text may be truncated, or renamed and
begun anew, as log rotation does; a copy that rotation makes, packed or not, is not counted again. Any other
file (packed, Parquet, JSON, CSV) is counted as a whole once its size and time are the same in two looks. New
files in a folder are found at each look. Everything is done by polling, so it works on any file system.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, Final

from flowtag_core.boundary import Inside
from flowtag_core.counting.file_count import FileCount, Reached
from flowtag_core.counting.reference import ALWAYS_INSIDE
from flowtag_core.counting.tally import Counted
from flowtag_core.counting.total import Total
from flowtag_core.counts import FileCounts, FlowCounts, Reason
from flowtag_core.errors import LogError, reason_of
from flowtag_core.reading.flow_log import each_place
from flowtag_core.reading.standing import Standing
from flowtag_core.reading.tail import HEAD, Tail, feed_from_copies
from flowtag_core.shapes.layout import ASSUMED, Layout
from flowtag_core.shapes.shapes import is_text
from flowtag_core.shapes.text import LineReader
from flowtag_core.sources.pieces import HEAD_SIZE, READ_SIZE
from flowtag_core.sources.places import DASH, file_identity, files_below, log_at
from flowtag_core.sources.unpacking import is_packed, unpacked

Identity = tuple[int, int]
"""The device and inode of a file, which stay the same when it is renamed."""

_LEAST_HEAD: Final = 200
_LOOKS_AFTER_ROTATION: Final = 3
"""The looks without anything new after which a file that has no path any more is closed."""
_YOUNG: Final = 120
_OLD_EVERY: Final = 30
"""A file that has not changed for `_YOUNG` looks is looked at only in one of `_OLD_EVERY` looks."""
_MOST_OPEN: Final = 200
_MOST_MESSAGES: Final = 1_000


@dataclass
class Whole:
    """A file that is counted as a whole, or a copy, which is not counted at all.

    `head` are its first bytes, `seen` is its size and time at the last look, `idle` the number of looks
    since then.
    """

    path: str
    head: bytes = b""
    seen: tuple[int, int] | None = None
    idle: int = 0
    is_counted: bool = False
    is_copy: bool = False


Known = Tail | Whole


class Follower:
    """Follows any mix of files, folders and standard input (`-`).

    `layout` is the layout of text without a header; `inside` says which addresses are inside the network.
    `others` are files that are not logs, such as the lookup, wherever they are. Raises LogError if a path does
    not exist.
    """

    def __init__(
        self,
        paths: Sequence[str],
        layout: Layout = ASSUMED,
        inside: Inside = ALWAYS_INSIDE,
        others: Sequence[str] = (),
    ) -> None:
        self._layout, self._inside = layout, inside
        self._folders = [path for path in paths if path != DASH and os.path.isdir(path)]
        self._files = [path for path in paths if path != DASH and path not in self._folders]
        for path in self._files:
            log_at(path)  # This raises LogError if it does not exist.
        self._known: dict[Identity, Known] = {}
        self._at: dict[str, Identity] = {}
        """The file that was last found at each path."""
        self._before = {path: set(_siblings(path)) for path in self._files}
        """The files next to each file that were there before it was followed; they are left alone."""
        self._others = others
        self._gone: list[Tail] = []
        self._earlier: list[Tail] = []
        """The files of which a new file may be a copy: those that were known before this look."""
        self._open: list[Tail] = []
        self._looks = 0
        self._messages: dict[str, None] = {}
        self._untold: list[str] = []
        self._stdin = Standing(self._new("stdin", DASH)) if DASH in paths else None

    @property
    def messages(self) -> list[str]:
        """Sentences on what has happened to the files, in order, each once; only the last 1,000."""
        return list(self._messages)

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come: only standard input is followed, and it has ended."""
        return bool(self._stdin and self._stdin.is_over and not self._files and not self._folders)

    @property
    def half_lines(self) -> list[str]:
        """The names of the files whose last line is not complete, so that it is not counted yet."""
        return [tail.name for tail in self._tails() if tail.reader.pending]

    @property
    def places(self) -> dict[str, Any]:
        """How far each file was read, for `resume`; standard input has no place."""
        files = [_as_json(identity, known) for identity, known in self._known.items()]
        return {"files": files, "before": {path: [*left] for path, left in self._before.items()}}

    def resume(self, places: Mapping[str, Any]) -> None:
        """Continue where another follower stopped: `places` is what its property of that name returned."""
        self._before |= {path: {*left} for path, left in places["before"].items()}
        for place in places["files"]:
            path, identity = place["path"], (place["device"], place["inode"])
            self._known[identity] = self._resumed(path, place)
            self._at[path] = identity

    def _resumed(self, path: str, place: Mapping[str, Any]) -> Known:
        head = bytes.fromhex(place["head"])
        if "line" not in place:
            seen = tuple(place["seen"]) if place["seen"] else None
            return Whole(path, head, seen, 0, place["is_counted"], place["is_copy"])
        tail = self._new(place["name"], path)
        layout = Layout(tuple(place["layout"]), place["origin"])
        tail.count.resume(Reached(layout, place["line"], place["has_header"], place["misfit"]))
        tail.place = tail.line_start = place["place"]
        tail.head, tail.mark = head, bytes.fromhex(place["mark"])
        tail.copies = list(place["copies"])
        return tail

    def look(self) -> FlowCounts:
        """Return the counts of everything that has come since the last look."""
        total = Total()
        total.add(FlowCounts(internal=self._inside.ranges))
        for counted in self._look():
            total.add_counted(counted)
        return total.counts()

    def end(self) -> FlowCounts:
        """Return the counts of the rest, including last lines without a line end, and close all files."""
        total = Total()
        for _ in range(2):  # A file that is counted as a whole must be the same in two looks.
            self._looks = 0
            total.add(self.look())
        for tail in self._tails():
            tail.count_rest()
            total.add_counted(tail.count.take(0))
        self.close()
        return total.counts()

    def close(self) -> None:
        """Close all files."""
        for tail in self._tails():
            tail.close()

    def _tails(self) -> list[Tail]:
        tails = [known for known in self._known.values() if isinstance(known, Tail)]
        return [*tails, self._stdin.tail] if self._stdin else tails

    def _new(self, name: str, path: str) -> Tail:
        # Every log may become long, so that the kernel is worth loading.
        return Tail(name, path, FileCount(name, self._layout, 1 << 30, self._inside))

    def take_messages(self) -> list[str]:
        """Return the sentences that have come since the last call."""
        new, self._untold = self._untold, []
        return new

    def _tell(self, sentence: str) -> None:
        if sentence in self._messages:
            return
        self._messages[sentence] = None
        self._untold.append(sentence)
        if len(self._messages) > _MOST_MESSAGES:
            del self._messages[next(iter(self._messages))]

    def _look(self) -> Iterator[Counted]:
        if self._stdin:
            yield self._stdin.read()
        is_full = self._looks % _OLD_EVERY == 0
        self._looks += 1
        found: dict[Identity, tuple[str, os.stat_result]] = {}
        skipped: set[Identity] = set()
        others = {file_identity(path) for path in self._others}
        for path in self._paths():
            last = self._at.get(path)
            known = self._known.get(last) if last else None
            if last and known and known.idle > _YOUNG and not is_full:
                skipped.add(last)
                continue
            with suppress(OSError):  # It has just vanished.
                status = os.stat(path)
                identity = status.st_dev, status.st_ino
                if stat.S_ISREG(status.st_mode) and identity not in others:
                    found.setdefault(identity, (path, status))
        # New files come first: a copy must be known before the original is found to be truncated or gone.
        new = [identity for identity in found if identity not in self._known]
        lost = [each for each in self._known if each not in found and each not in skipped]
        self._earlier = [*self._gone, *self._tails()]
        for identity in new:
            yield from self._look_at(identity, *found.pop(identity))
        for identity in lost:
            yield from self._without_path(identity)
        for identity, (path, status) in found.items():
            yield from self._look_at(identity, path, status)

    def _paths(self) -> Iterator[str]:
        """Yield every path to look at; also those next to a file, where rotation may have put it."""
        for path in self._files:
            yield path
            yield from (other for other in _siblings(path) if other not in self._before[path])
        for folder in self._folders:
            yield from files_below(folder)

    def _look_at(self, identity: Identity, path: str, status: os.stat_result) -> Iterator[Counted]:
        known = self._known.get(identity)
        if isinstance(known, Whole) and _is_other(known, path, status):
            known = None  # The number of a file that is gone was given to a new one.
        known = known or self._begun(path)
        if known is None:
            return
        self._known[identity], self._at[path] = known, identity
        known.path = path
        now = status.st_size, status.st_mtime_ns
        if isinstance(known, Whole):
            yield from self._look_at_whole(known, now)
        elif now != known.seen:
            known.seen = now
            yield from self._read(known)
        else:
            known.idle += 1

    def _begun(self, path: str) -> Known | None:
        """Return a new file to follow, or None as long as its first line does not show what it is."""
        try:
            with open(path, "rb") as file:
                head = file.read(HEAD_SIZE)
        except OSError as error:
            self._tell(f"{path}: cannot be read: {reason_of(error)}.")
            return None
        if is_packed(head):
            return self._copy_of(path, _unpacked_head(path)) or Whole(path, head[:HEAD])
        if b"\n" not in head.lstrip() and len(head) < HEAD_SIZE:
            return None
        if not is_text(head, self._layout):
            return Whole(path, head[:HEAD])
        return self._copy_of(path, head) or self._new(path, path)

    def _copy_of(self, path: str, head: bytes) -> Known | None:
        """Return the copy that a new file is, if rotation has copied a file that is followed, or was.

        A copy of a file that was truncated or has vanished may have lines that were not read before that.
        """
        if path in self._at:  # A log that is begun anew may well begin in the same way.
            return None
        for tail in self._earlier:
            size = min(len(tail.head), len(head), HEAD)
            # A header alone is the same in many files.
            is_enough = size >= _LEAST_HEAD or (b"\n" in head[:size] and head[:1].isdigit())
            if not is_enough or not path.startswith(tail.name) or tail.path == path:
                continue
            if head[:size] == tail.head[:size]:
                if tail in self._gone:
                    return self._after(tail, path)
                tail.copies.append(path)
                return Whole(path, head[:HEAD], is_counted=True, is_copy=True)
        return None

    def _after(self, gone: Tail, path: str) -> Known:
        """Return the copy of a file that is gone: only what was not read of that file is left to count."""
        self._gone.remove(gone)
        if not _is_plain(path):
            return Whole(path, is_counted=True, is_copy=True)
        return replace(gone, path=path, file=None, seen=None, idle=0, copies=[])

    def _without_path(self, identity: Identity) -> Iterator[Counted]:
        """Count the rest of a file that has no path any more, and close it after a few looks."""
        known = self._known[identity]
        if isinstance(known, Tail):
            if known.file is not None:
                yield from self._read(known)
                known.idle += 1
                if known.idle < _LOOKS_AFTER_ROTATION:
                    return
                known.close()
            else:
                feed_from_copies(known)
            known.count_rest()
            yield known.count.take(0)
            self._gone = [*self._gone, known][-_MOST_OPEN:]
        del self._known[identity]  # The number may be given to a new file.

    def _look_at_whole(self, known: Whole, now: tuple[int, int]) -> Iterator[Counted]:
        if now == known.seen:
            known.idle += 1
            if not known.is_counted:
                known.is_counted = True
                yield from self._counted(known.path)
        elif known.is_counted:
            if not known.is_copy:
                self._tell(
                    f"{known.path}: has changed since it was counted. Only text is followed."
                )
            known.seen = now
        else:
            known.seen, known.idle = now, 0

    def _counted(self, path: str) -> Iterator[Counted]:
        """Count a file as a whole; one that is not a log gets a sentence."""
        fields = " ".join(self._layout.names) if self._layout.is_given else None
        try:
            for results in each_place(log_at(path).places, format=fields, inside=self._inside):
                yield from results
        except LogError as error:
            self._tell(str(error))
            damage = FileCounts(damage=frozenset([str(error)]))
            yield Counted(FlowCounts(files={path: damage}), [])

    def _read(self, tail: Tail) -> Iterator[Counted]:
        """Count what has been added to a file of text."""
        before = tail.place
        try:
            file = self._opened(tail)
            if os.fstat(file.fileno()).st_size < tail.place or not tail.is_in(file):
                yield from self._begun_anew(tail)
                before = 0
            file.seek(tail.place)
            while piece := file.read(READ_SIZE):
                tail.feed(piece)
        except OSError as error:
            tail.close()
            self._tell(f"{tail.path}: cannot be read: {reason_of(error)}.")
        tail.count_lines()
        if tail.place != before:
            tail.idle = 0
            yield tail.count.take(tail.place - before)

    def _opened(self, tail: Tail) -> BinaryIO:
        if tail.file is None:
            tail.file = open(tail.path, "rb", buffering=0)  # noqa: SIM115  (closed when others need it)
            self._open = [each for each in self._open if each.file is not None]
            if len(self._open) >= _MOST_OPEN:
                max(self._open, key=lambda each: each.idle).close()
            self._open.append(tail)
        return tail.file

    def _begun_anew(self, tail: Tail) -> Iterator[Counted]:
        """Begin a truncated file again at its first byte, after the rest that a copy of it may have."""
        is_saved = feed_from_copies(tail)
        if not is_saved:
            self._tell(
                f"{tail.name}: was truncated, and is read again from its beginning. Lines that were written "
                "just before may be missing."
            )
            if tail.reader.pending:
                tail.count.set_aside_line(tail.reader.pending, Reason.CUT_SHORT)
        else:
            tail.count_rest()
        yield tail.count.take(0)
        if not is_saved:
            gone = replace(tail, file=None, reader=LineReader(), line_start=tail.place)
            self._gone = [*self._gone, gone][-_MOST_OPEN:]
        fresh = self._new(tail.name, tail.path)
        tail.count, tail.reader = fresh.count, fresh.reader
        tail.place = tail.line_start = 0
        tail.head, tail.mark, tail.copies = b"", b"", []


def _as_json(identity: Identity, known: Known) -> dict[str, Any]:
    device, inode = identity
    place = {"path": known.path, "device": device, "inode": inode, "head": known.head.hex()}
    if isinstance(known, Whole):
        return {
            **place,
            "seen": known.seen,
            "is_counted": known.is_counted,
            "is_copy": known.is_copy,
        }
    layout, line, has_header, misfit = known.count.reached
    # Half a line is read again: only the bytes before it count as read.
    mark = known.mark[: len(known.mark) - (known.place - known.line_start)]
    return {
        **place,
        "name": known.name,
        "place": known.line_start,
        "mark": mark.hex(),
        "copies": known.copies,
        "layout": layout.names,
        "origin": layout.origin,
        "line": line,
        "has_header": has_header,
        "misfit": misfit,
    }


def _is_other(known: Whole, path: str, status: os.stat_result) -> bool:
    """Whether a file with a known number is not the one that was known: it has changed, and so has its head."""
    if known.seen in (None, (status.st_size, status.st_mtime_ns)):
        return False
    with suppress(OSError), open(path, "rb") as file:
        return path != known.path or not file.read(HEAD).startswith(known.head)
    return False


def _is_plain(path: str) -> bool:
    with suppress(OSError), open(path, "rb") as file:
        return not is_packed(file.read(HEAD))
    return False


def _unpacked_head(path: str) -> bytes:
    """Return the first bytes of a packed file, or nothing if it cannot be unpacked yet."""
    with suppress(LogError), closing(log_at(path).places[0].open()) as source:
        for file in unpacked(source):
            return next(iter(file.pieces()), b"")[:HEAD]
    return b""


def _siblings(path: str) -> list[str]:
    """Return the paths next to a file that begin with its path, where rotation may put it."""
    folder, name = os.path.split(path)
    with suppress(OSError), os.scandir(folder or os.curdir) as entries:
        return sorted(
            os.path.join(folder, entry.name)
            for entry in entries
            if entry.name.startswith(name) and entry.name != name
        )
    return []

"""A packed file -> the files in it, each in pieces. Packings may be nested.

The type of a file is detected from its content; its name is only for messages. Sources: RFC 1952 (gzip),
RFC 8878 (zstd).
"""

from __future__ import annotations

import codecs
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, NamedTuple

from flowtag_core.errors import DamagedLogError, LogError, OverBudgetError
from flowtag_core.sources.budget import Budget
from flowtag_core.sources.pieces import (
    MEMBER_END,
    READ_SIZE,
    File,
    Pieces,
    Source,
    peeked,
    seekable,
)

_PACKED_SIZE: Final = 1 << 16
# A byte of zstd may expand to 32 kB, and the output of one call must be bounded.
_ZSTD_SIZE: Final = 1 << 10
_ZSTD_HEADER: Final = 18
_ZSTD_WINDOW: Final = 1 << 28
"""The most bytes of earlier output that a frame may refer to; they must be kept in memory."""
_INNER_WINDOW: Final = 1 << 26
"""The limit for zstd inside zstd, where several windows are in memory at the same time."""
_MEMBER_COST: Final = 3_000
"""The cost of starting a gzip member or a zstd frame, in bytes of log that take as long to count."""
_MOST_LAYERS: Final = 3
_OFFICE: Final = (b"[Content_Types].xml", b"mimetypeapplication/vnd.oasis.opendocument")

_ZLIB: Final = type(zlib.decompressobj())


class _Packing(NamedTuple):
    """A packing: its name, a test for the first bytes of a file, and a function that unpacks it.

    Only a packing that is a layer counts toward _MOST_LAYERS.
    """

    name: str
    begins: Callable[[bytes], bool]
    open: Callable[[File], Iterator[File]]
    is_layer: bool = True


def unpacked(source: Source) -> Iterator[File]:
    """Yield each file in a source, or the source itself if it is not packed. Read them in order.

    Raises LogError if the source cannot be unpacked at all. If the packed data ends early or is invalid,
    the pieces yield everything before that and then raise DamagedLogError. They raise OverBudgetError if
    all files together expand to more than any real log.
    """
    file = File(source.name, source.pieces(), source=source, budget=source.budget)
    yield from _unpacked(file, 0)


def is_packed(head: bytes) -> bool:
    """Whether a file that begins with this head is packed, or text in UTF-16."""
    return bool(packing_of(head))


def packing_of(head: bytes) -> str:
    """Return the outermost packing of a file that begins with this head, such as `gzip`; empty if there is none."""
    return next((packing.name for packing in _PACKINGS if packing.begins(head)), "")


def _unpacked(file: File, layer: int) -> Iterator[File]:
    head, pieces = peeked(file.content)
    file = file.with_content(pieces)
    packing = next((packing for packing in _PACKINGS if packing.begins(head)), None)
    if packing is None:
        yield file
        return
    name = file.name
    if packing is _ZIP and any(mark in head for mark in _OFFICE):
        raise LogError(f"{name}: is an Office document, not a flow log. Save the sheet as CSV.")
    if layer == _MOST_LAYERS and packing.is_layer:
        raise LogError(f"{name}: is packed in more than {_MOST_LAYERS} layers. Unpack it first.")
    around = f"{file.wrapping}, {packing.name}" if file.wrapping else packing.name
    for inner in packing.open(file):
        if inner.refusal:
            yield inner
            continue
        try:
            yield from _unpacked(replace(inner, wrapping=around), layer + packing.is_layer)
        except OverBudgetError:
            raise
        except LogError as error:
            if inner.name == name:
                raise
            yield File(inner.name, iter(()), around, str(error))


def _of(file: File, pieces: Pieces) -> File:
    """Return a file of the same name with these unpacked pieces, which are charged to its budget."""
    return File(file.name, _charged(pieces, file.budget), budget=file.budget)


def _charged(pieces: Pieces, budget: Budget) -> Pieces:
    """Yield the pieces, charging each to the budget."""
    for piece in pieces:
        budget.stream(len(piece))
        yield piece


def _open_gzip(file: File) -> Iterator[File]:
    yield _of(file, _gunzip(file.content, file))


def _open_zstd(file: File) -> Iterator[File]:
    yield _of(file, _unzstd(file.content, file))


def _gunzip(pieces: Pieces, file: File) -> Pieces:
    """Yield the content of all gzip members, with MEMBER_END after each. `pieces` are the bytes of `file`.

    Raises DamagedLogError, after everything that could be unpacked, if a member is cut short, is invalid
    or is followed by anything but zero padding.
    """
    isal = _isal() if file.again(0) is not None else None
    reached = _Reached()
    if isal is None:
        yield from _members(pieces, file, zlib, reached)
        return
    try:
        yield from _members(pieces, file, isal, reached)
    except DamagedLogError:
        # isal discards its output right before the damage, so zlib unpacks this member again.
        again = file.again(reached.start) or iter(())
        rest = _members(again, file, zlib, _Reached(reached.start))
        yield from _behind(reached.given, rest)
        raise  # The file itself ended too early, between two members.


def _isal() -> Any:
    """Return the isal library, which is three times as fast as zlib, or None if it is not installed."""
    try:
        from isal import isal_zlib
    except ImportError:
        return None
    return isal_zlib


class _Reached:
    """The progress of unpacking: where the last member begins, and how many bytes of it were yielded."""

    def __init__(self, start: int = 0) -> None:
        self.start = start
        self.given = 0


def _members(pieces: Pieces, file: File, library: Any, reached: _Reached) -> Pieces:
    name, packed = file.name, reached.start
    member = None
    for piece in _sliced(pieces, _PACKED_SIZE):
        packed += len(piece)
        while piece:
            if member is None:
                piece = piece.lstrip(b"\0")
                member = library.decompressobj(wbits=31) if piece else None
                file.budget.stream(_MEMBER_COST)
                reached.start, reached.given = packed - len(piece), 0
                continue
            try:
                for text in _inflate(member, piece):
                    reached.given += len(text)
                    yield text
            except library.error as error:
                raise _apart(name, "gzip", packed) from error
            piece = member.unused_data
            if member.eof:
                yield MEMBER_END
                member = None
    if member is not None:
        if library is zlib and (text := member.flush()):
            yield text
        raise _cut_short(name, "gzip", packed)


def _behind(size: int, pieces: Pieces) -> Pieces:
    """Yield the pieces without their first `size` bytes, and without the member ends among those."""
    for piece in pieces:
        if size < len(piece) or not size:
            yield piece[size:]
        size = max(size - len(piece), 0)


def _sliced(pieces: Pieces, size: int) -> Pieces:
    """Yield smaller pieces: the rest of a piece is copied at each member end, and members may be tiny."""
    for piece in pieces:
        for start in range(0, len(piece), size):
            yield piece[start : start + size]


def _inflate(member: Any, packed: bytes) -> Pieces:
    """Unpack these bytes of one member in bounded pieces, up to its end or the damage."""
    text = b""
    while not member.eof and (packed or len(text) == READ_SIZE):
        before = member.copy() if isinstance(member, _ZLIB) else None
        try:
            text = member.decompress(packed, READ_SIZE)
        except zlib.error:
            # zlib discards the output of a call that fails, so go byte by byte up to the bad one.
            if before is not None:
                texts = (before.decompress(packed[i : i + 1]) for i in range(len(packed)))
                yield from filter(None, texts)
            raise
        if text:
            yield text
        packed = member.unconsumed_tail


def _unzstd(pieces: Pieces, file: File) -> Pieces:
    """Yield the content of all zstd frames; skippable frames have none.

    The end of a frame does not end a line: a parallel compressor may split a file into frames anywhere.
    Raises DamagedLogError as `_gunzip` does.
    """
    try:
        import zstandard
    except ImportError:
        raise LogError(
            f"{file.name}: is compressed with zstd, and the Python package zstandard is not installed. "
            "Install it: pip install zstandard."
        ) from None
    name, packed = file.name, 0
    window = _INNER_WINDOW if "zstd" in file.wrapping else _ZSTD_WINDOW
    frame = None
    begin = b""
    for piece in _sliced(pieces, _ZSTD_SIZE):
        packed += len(piece)
        while piece:
            if frame is None:
                file.budget.stream(_MEMBER_COST)
                unpacker = zstandard.ZstdDecompressor(max_window_size=window)
                frame, begin = unpacker.decompressobj(), b""
            begin += piece[: _ZSTD_HEADER - len(begin)]
            try:
                text = frame.decompress(piece)
            except zstandard.ZstdError as error:
                _refuse_large_window(name, begin, window)
                raise _apart(name, "zstd", packed) from error
            if text:
                yield text
            piece = frame.unused_data
            if frame.eof:
                frame = None
    if frame is not None:
        raise _cut_short(name, "zstd", packed)


def _refuse_large_window(name: str, begin: bytes, most: int) -> None:
    """Raise LogError if a zstd frame that begins like this needs a larger window than allowed."""
    import zstandard

    with suppress(zstandard.ZstdError):
        window = zstandard.get_frame_parameters(begin).window_size
        if window > most:
            raise LogError(
                f"{name}: needs a zstd window of {window >> 20:,} MB, and flowtag allows "
                f"at most {most >> 20} MB. Unpack it first: zstd -d --long=31."
            )


def _apart(name: str, kind: str, packed: int) -> DamagedLogError:
    return DamagedLogError(
        f"{name}: is damaged: the {kind} data is invalid at or before byte {packed:,}."
    )


def _cut_short(name: str, kind: str, packed: int) -> DamagedLogError:
    return DamagedLogError(
        f"{name}: is cut short: the {kind} data stops at byte {packed:,}, before its end."
    )


def _open_tar(file: File) -> Iterator[File]:
    from flowtag_core.sources.archives import tar_files  # rarely needed, and slow to import

    for inner in tar_files(file.name, file.content, file.budget):
        yield replace(inner, budget=file.budget)


def _open_zip(file: File) -> Iterator[File]:
    """Yield the files in a zip archive, in the order of the directory at its end."""
    from flowtag_core.sources.archives import zip_files

    is_given = file.source is not None
    with seekable(file) as whole:
        size = whole.seek(0, io.SEEK_END) if is_given else 0
        for inner in zip_files(file.name, whole, file.budget, size):
            yield replace(inner, budget=file.budget)


def _open_wide(file: File) -> Iterator[File]:
    """Yield the file with its text converted to UTF-8."""
    head, pieces = peeked(file.content)
    yield _of(file, _as_utf8(pieces, _wide(head)))


def _as_utf8(pieces: Pieces, encoding: str) -> Pieces:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for piece in pieces:
        text = decoder.decode(piece).encode("utf-8", "replace")
        if text or piece == MEMBER_END:
            yield text
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def _wide(head: bytes) -> str:
    """Return the encoding of UTF-16 text, by its BOM or NULs in its first letters; empty for other text."""
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if head.startswith(mark):
            return encoding
    first, second = head[:8:2], head[1:8:2]
    if len(second) < 4 or any(first) == any(second):
        return ""
    if all(first):
        return "utf-16-le"
    return "utf-16-be" if all(second) else ""


_ZIP: Final = _Packing(
    "zip", lambda head: head.startswith((b"PK\x03\x04", b"PK\x05\x06")), _open_zip
)
_PACKINGS: Final = (
    _Packing("gzip", lambda head: head.startswith(b"\x1f\x8b"), _open_gzip),
    _Packing(
        "zstd",
        lambda head: (
            head[:4] == b"\x28\xb5\x2f\xfd"
            or (head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F)
        ),
        _open_zstd,
    ),
    _ZIP,
    _Packing("tar", lambda head: head[257:262] == b"ustar", _open_tar),
    _Packing("UTF-16", lambda head: bool(_wide(head)), _open_wide, is_layer=False),
)

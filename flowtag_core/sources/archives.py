"""The files in a tar or zip archive. If it is damaged, everything before the damage is still read.

Sources: PKWARE's APPNOTE (zip), POSIX.1-2001 and the GNU tar manual (tar). The headers of a tar archive
are read here and not by `tarfile`, which loads records of any size into memory and expands sparse files.
"""

from __future__ import annotations

import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO, Final, NamedTuple, cast

from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.sources.budget import Budget
from flowtag_core.sources.pieces import READ_SIZE, File, Pieces

_ENCRYPTED: Final = 1
_LARGEST_MEMBER: Final = 1 << 50
_LARGEST_RECORD: Final = 1 << 20
"""The most bytes in a record that adds to the next member's header, such as a long name."""
_MOST_RECORDS: Final = 8
"""The most records of this kind before one member."""
_LONGEST_NAME: Final = 1 << 12
_LONG_NAME: Final = tarfile.GNUTYPE_LONGNAME
_PAX: Final = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_RECORDS: Final = (_LONG_NAME, tarfile.GNUTYPE_LONGLINK, tarfile.XGLTYPE, *_PAX)
_PAX_FIELD: Final = re.compile(rb"(\d{1,9}) ([^=\n]{1,100})=")
_PAX_COST: Final = 100
"""The cost of one byte of an extended header, in bytes of log that take as long to count."""
_SPARSE: Final = "is a sparse file, which flowtag does not unpack. Unpack it first."
_BOUNDED: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The usual compression methods. With others, a few bytes may expand to gigabytes in a single call."""
_OTHER_PACKINGS: Final = {zipfile.ZIP_BZIP2: "bzip2", zipfile.ZIP_LZMA: "LZMA"}
_MISLED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    ArithmeticError,
    LookupError,
    EOFError,
    NotImplementedError,
    OSError,
    ValueError,
)
"""The exceptions that the standard library raises for damaged or malicious archives."""


def tar_files(name: str, pieces: Pieces, budget: Budget) -> Iterator[File]:
    """Yield the files in a tar archive, in order. Anything but a regular file is skipped.

    Raises OverBudgetError if there are more entries than any real archive of its size has.
    """
    tape = _Tape(name, pieces)
    has_files = False
    while (member := _next_member(tape, budget)) is not None:
        content = _read(member, tape)
        if member.is_file and not _is_no_file(member.name):
            has_files = True
            yield File(
                f"{name}/{member.name}",
                content if not member.is_sparse else iter(()),
                refusal=f"{name}/{member.name}: {_SPARSE}" if member.is_sparse else "",
            )
        for _ in content:
            budget.check()
        tape.read(-member.size % tarfile.BLOCKSIZE)
    if tape.damage:
        raise tape.damage
    if not has_files:
        raise LogError(f"{name}: is a tar archive without files. Choose one that contains logs.")


class _Member(NamedTuple):
    """A member of a tar archive as its headers describe it; `size` is its stored size in bytes."""

    name: str
    size: int
    is_file: bool
    is_sparse: bool


def _next_member(tape: _Tape, budget: Budget) -> _Member | None:
    """Return the member that begins at the current position, or None at the end of the archive."""
    budget.entry()
    told: dict[str, str] = {}
    for _ in range(_MOST_RECORDS):
        block = tape.read(tarfile.BLOCKSIZE)
        header = _header(block)
        if header is None:
            if told:
                raise tape.broken()
            tape.check_end(block)
            return None
        size = int(told.get("size", header.size))
        if header.type not in _RECORDS:
            name = told.get("path", header.name)
            is_sparse = header.type == tarfile.GNUTYPE_SPARSE or "sparse" in told
            if not 0 <= size <= _LARGEST_MEMBER or len(name) > _LONGEST_NAME:
                raise tape.broken()
            if header.type == tarfile.GNUTYPE_SPARSE and block[482]:
                _skip_sparse_map(tape, budget)
            has_data = not (header.issym() or header.islnk() or header.isdev() or header.isdir())
            return _Member(name, size if has_data else 0, header.isreg(), is_sparse)
        if not 0 <= header.size <= _LARGEST_RECORD:
            raise tape.broken()
        record = tape.read(header.size)
        tape.read(-header.size % tarfile.BLOCKSIZE)
        if header.type == _LONG_NAME:
            told["path"] = _text(record.partition(b"\0")[0])
        elif header.type in _PAX:
            budget.stream(_PAX_COST * len(record))
            told |= _pax_fields(record)
    raise tape.broken()


def _header(block: bytes) -> tarfile.TarInfo | None:
    """Return the header in a block, or None if the block is not a header."""
    with suppress(tarfile.HeaderError, ValueError):
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    return None


def _pax_fields(record: bytes) -> dict[str, str]:
    """Return the fields `path`, `size` and `sparse` that an extended header sets."""
    told: dict[str, str] = {}
    at = 0
    while found := _PAX_FIELD.match(record, at):
        end = at + int(found[1])
        key, value = found[2], record[found.end() : end - 1]
        if key == b"path":
            told["path"] = _text(value)
        elif key == b"size":
            told["size"] = value.decode() if value.isdigit() and len(value) < 20 else "-1"
        elif key.startswith(b"GNU.sparse."):
            told["sparse"] = "yes"
        if end <= found.end():
            break
        at = end
    return told


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _skip_sparse_map(tape: _Tape, budget: Budget) -> None:
    """Skip the blocks after an old GNU header that list more parts of a sparse file."""
    for _ in range(_LARGEST_RECORD // tarfile.BLOCKSIZE):
        budget.check()
        block = tape.read(tarfile.BLOCKSIZE)
        if len(block) < tarfile.BLOCKSIZE or not block[504]:
            return
    raise tape.broken()


def _read(member: _Member, tape: _Tape) -> Pieces:
    """Yield the content of a tar member in pieces. Raises DamagedLogError if the archive ends within it."""
    left = member.size
    while left and (piece := tape.read(min(left, READ_SIZE))):
        left -= len(piece)
        yield piece
    if left:
        raise tape.damage or DamagedLogError(f"{tape.name}: is cut short in the middle of a file.")


class _Tape:
    """A tar archive that is read from front to back, up to the first damage, which `damage` keeps."""

    def __init__(self, name: str, pieces: Pieces) -> None:
        self.name = name
        self._pieces = pieces
        self._held, self._at = b"", 0
        self.damage: DamagedLogError | None = None

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, or fewer at the end."""
        if len(self._held) - self._at < size:
            self._more(size)
        text = self._held[self._at : self._at + size]
        self._at += len(text)
        return text

    def _more(self, size: int) -> None:
        """Buffer `size` bytes from the current position, or as many as there are."""
        parts = [self._held[self._at :]]
        there = len(parts[0])
        while there < size and not self.damage:
            try:
                parts.append(next(self._pieces))
            except StopIteration:
                break
            except DamagedLogError as damage:
                self.damage = damage
            else:
                there += len(parts[-1])
        self._held, self._at = b"".join(parts), 0

    def broken(self) -> DamagedLogError:
        """Return the error for a position at which no member can be recognized."""
        return self.damage or DamagedLogError(
            f"{self.name}: is damaged: nothing after the last complete file in it can be read."
        )

    def check_end(self, block: bytes) -> None:
        """Raise DamagedLogError unless the archive ends here, followed only by zeros."""
        is_empty = len(block) == tarfile.BLOCKSIZE
        while is_empty and block:
            is_empty = not block.strip(b"\0")
            block = self.read(READ_SIZE)
        if not is_empty:
            raise self.damage or DamagedLogError(
                f"{self.name}: is cut short or damaged: the tar archive does not end after its last "
                "complete file."
            )


def zip_files(name: str, file: BinaryIO, budget: Budget, size: int = 0) -> Iterator[File]:
    """Yield the files in a seekable zip archive. `size` is its size in bytes, or 0 if it was itself packed.

    Raises OverBudgetError if it has more files, or expands to more bytes, than any real archive of its size.
    """
    try:
        archive = zipfile.ZipFile(cast(BinaryIO, _Listed(file, budget, size)))
    except _MISLED as error:
        raise LogError(
            f"{name}: is a zip archive that is damaged or cut short: the list of files at its end "
            "cannot be read. Download the file again."
        ) from error
    with archive:
        members = [
            member
            for member in archive.infolist()
            if member.filename[-1:] not in ("", "/") and not _is_no_file(member.filename)
        ]
        if not members:
            raise LogError(
                f"{name}: is a zip archive without files. Choose one that contains logs."
            )
        for member in members:
            budget.entry()
            inner = f"{name}/{member.filename.replace(chr(92), '/')}"
            if member.flag_bits & _ENCRYPTED:
                refusal = f"{inner}: is encrypted. Unpack it with its password first."
                yield File(inner, iter(()), refusal=refusal)
            elif member.compress_type not in _BOUNDED:
                packing = _OTHER_PACKINGS.get(member.compress_type, "another method")
                refusal = f"{inner}: is packed with {packing}, not deflate. Unpack it first."
                yield File(inner, iter(()), refusal=refusal)
            else:
                yield File(inner, _unzip(archive, member, inner, budget))


class _Listed:
    """A zip archive whose list of files is charged to the budget before `zipfile` reads it whole.

    A read of at most `given` bytes, the size of the archive, is not charged.
    """

    def __init__(self, file: BinaryIO, budget: Budget, given: int) -> None:
        self._file, self._budget, self._given = file, budget, given

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        if size > self._given:
            self._budget.listing(size)
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _unzip(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, budget: Budget) -> Pieces:
    try:
        with archive.open(member) as content:
            # read() would discard what it unpacked before the damage.
            while piece := cast(Any, content).read1(READ_SIZE):
                budget.stream(len(piece))
                yield piece
    except _MISLED as error:
        raise DamagedLogError(f"{name}: is damaged: the zip data is invalid.") from error


def _is_no_file(name: str) -> bool:
    """Whether this is a file that an operating system adds to folders, such as .DS_Store."""
    parts = name.replace("\\", "/").split("/")
    return "__MACOSX" in parts or parts[-1] in (".DS_Store", "Thumbs.db") or parts[-1][:2] == "._"

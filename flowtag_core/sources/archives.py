"""The files in a tar or zip archive; where it is damaged, all that came before the damage.

Sources: PKWARE's APPNOTE (zip), POSIX.1-2001 (tar).
"""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final, cast

from flowtag_core.errors import DamagedLogError, LogError
from flowtag_core.sources.bombs import refuse_bomb
from flowtag_core.sources.pieces import READ_SIZE, File, Pieces

_TAR_SIZE: Final = 1 << 13  # less than tarfile reads at once
_ENCRYPTED: Final = 1
_LARGEST_MEMBER: Final = 1 << 50
_MISLED: Final = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    ArithmeticError,
    LookupError,
    EOFError,
    NotImplementedError,
    OSError,
    RecursionError,  # a tar archive of a thousand long names without a file
    ValueError,
)
"""What the standard library raises for archives that were damaged, or made to mislead it."""


def tar_files(name: str, pieces: Pieces) -> Iterator[File]:
    """The files of a tar archive, in order. Anything but a regular file is skipped."""
    tape = _Tape(name, pieces)
    has_files = False
    try:
        with tarfile.open(fileobj=cast(BinaryIO, tape), mode="r|") as archive:
            for member in archive:
                # What is larger than any file would be skipped for ever.
                if not 0 <= member.size <= _LARGEST_MEMBER:
                    raise tarfile.ReadError("a size that no file has")
                if member.isreg() and not _is_no_file(member.name):
                    has_files = True
                    content = cast(Any, archive.extractfile(member))
                    yield File(f"{name}/{member.name}", _read(content.read1, member, tape))
            tape.check_end(archive.offset)
    except _MISLED as error:
        raise tape.damage or DamagedLogError(
            f"{name}: is damaged: what follows the last whole file in it cannot be read."
        ) from error
    if tape.damage:
        raise tape.damage
    if not has_files:
        raise LogError(f"{name}: is a tar archive without files. Give one that has logs.")


def _read(read: Callable[[int], bytes], member: tarfile.TarInfo, tape: _Tape) -> Pieces:
    """A member of a tar archive, up to where the archive is cut."""
    size = 0
    try:
        while piece := read(_TAR_SIZE):
            size += len(piece)
            yield piece
    except _MISLED:
        yield tape.given_from(member.offset_data + size)  # what was read in the call that failed
    if size < member.size:
        raise tape.damage or DamagedLogError(f"{tape.name}: is cut short in the middle of a file.")


class _Tape:
    """Pieces as a file that is read from front to back; it ends at the damage, which it keeps."""

    def __init__(self, name: str, pieces: Pieces) -> None:
        self.name = name
        self._pieces = pieces
        self._held = b""
        self._given: deque[bytes] = deque([b"", b""], maxlen=2)
        self._size = 0
        self.damage: DamagedLogError | None = None

    def read(self, size: int) -> bytes:
        """The next bytes, fewer only at the end."""
        while len(self._held) < size:
            try:
                self._held += next(self._pieces)
            except StopIteration:
                break
            except DamagedLogError as damage:
                self.damage = damage
                break
        text, self._held = self._held[:size], self._held[size:]
        if text:
            self._given.append(text)
        self._size += len(text)
        return text

    def given_from(self, place: int) -> bytes:
        """The bytes given from this place on, as far back as two reads."""
        given = b"".join(self._given)
        start = self._size - len(given)
        return given[max(place - start, 0) :]

    def check_end(self, place: int) -> None:
        """Raise DamagedLogError where an archive does not end at this place, with zeros to the end.

        tarfile takes a header that is cut or broken for the end, and says nothing.
        """
        behind = self.given_from(place)
        is_empty = not behind.strip(b"\0") and not self._held.strip(b"\0")
        if not (len(behind) >= tarfile.BLOCKSIZE and is_empty):
            raise self.damage or DamagedLogError(
                f"{self.name}: is cut short or damaged: the tar archive does not end where its last whole "
                "file does."
            )


def zip_files(name: str, file: BinaryIO) -> Iterator[File]:
    """The files of a seekable zip archive."""
    try:
        archive = zipfile.ZipFile(file)
    except _MISLED as error:
        raise LogError(
            f"{name}: is a zip archive that is damaged or cut short: the list of its files, which "
            "stands at its end, cannot be read. Fetch the file again."
        ) from error
    with archive:
        members = [
            member
            for member in archive.infolist()
            if member.filename[-1:] not in ("", "/") and not _is_no_file(member.filename)
        ]
        if not members:
            raise LogError(f"{name}: is a zip archive without files. Give one that has logs.")
        for member in members:
            inner = f"{name}/{member.filename.replace(chr(92), '/')}"
            if member.flag_bits & _ENCRYPTED:
                refusal = f"{inner}: is encrypted. Unpack it with its password and give the file."
                yield File(inner, iter(()), refusal=refusal)
            else:
                yield File(inner, _unzip(archive, member, inner))


def _unzip(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Pieces:
    size = 0
    try:
        with archive.open(member) as content:
            # read() would discard what it unpacked before the damage.
            while piece := cast(Any, content).read1(READ_SIZE):
                size += len(piece)
                refuse_bomb(name, member.compress_size, size)
                yield piece
    except NotImplementedError as error:
        raise LogError(
            f"{name}: is packed in a way that Python does not know ({error}). Unpack it by hand."
        ) from error
    except _MISLED as error:
        raise DamagedLogError(
            f"{name}: is damaged: the zip data does not hold together."
        ) from error


def _is_no_file(name: str) -> bool:
    """Whether an operating system put it beside the user's files."""
    parts = name.replace("\\", "/").split("/")
    return "__MACOSX" in parts or parts[-1] in (".DS_Store", "Thumbs.db") or parts[-1][:2] == "._"

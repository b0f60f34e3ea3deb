"""Objects in a store -> places: `s3://bucket/prefix/`, and `gs://`, `az://` and `https://`.

obstore, which is written in Rust, reads them. It is imported only when a URI is given.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from importlib.util import find_spec
from typing import Any, BinaryIO, Final, NamedTuple, TypeVar, cast

from flowtag_core.errors import DamagedLogError, LogError, StoreError
from flowtag_core.sources.ahead import Ahead, Ranges, on_a_thread
from flowtag_core.sources.budget import Budget
from flowtag_core.sources.credentials import access_for
from flowtag_core.sources.pieces import READ_SIZE, Pieces
from flowtag_core.sources.regions import region_of
from flowtag_core.sources.store_errors import has_status, is_cut, on_change, sentence_on
from flowtag_core.sources.uris import parts_of, shown

T = TypeVar("T")

_RANGE: Final = 1 << 22
"""The bytes of a large object that one request asks for."""
_LAST: Final = 1 << 11
"""The bytes at the end of a piece that are searched for the end of a line."""
_TIMES: Final = {"timeout": "1h", "read_timeout": "30s", "connect_timeout": "5s"}
"""obstore's own limit of 30 s includes the body, which would cut large objects."""
_RETRIES: Final[Any] = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=20),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=3)},
}
_MOST_AT_ONCE: Final = 1 << 26
"""The most bytes of an object that is read as a whole: a lookup."""
_TRIES: Final = 3
"""How many times a range is asked for if its body is cut."""

_NO_LISTING: Final = "Check the URL; https:// reads single files, and cannot list."


class Object(NamedTuple):
    """An object in a store: its key, its size in bytes, and its version (an ETag)."""

    key: str
    size: int
    version: str | None


class Store:
    """The bucket of a URI. Raises StoreError if the store refuses; no message contains a secret.

    Raises LogError if the URI is not valid, or if credentials or the library are missing.
    """

    def __init__(self, uri: str) -> None:
        uri, self.scheme, self.bucket, self.key, query = parts_of(uri)
        self.root = f"{self.scheme}://{self.bucket}/"
        if find_spec("obstore") is None:
            raise LogError(f"{uri}: reading object stores needs obstore. Run: pip install obstore")
        self._region = ""
        self._store = self._opened(uri, query)

    def __reduce__(self) -> str:
        """Refuse to be pickled: the credentials are secret."""
        raise TypeError("A Store cannot be pickled. Send its URI.")

    def _opened(self, uri: str, query: str) -> Any:
        from obstore.store import HTTPStore, from_url

        client: Any = dict(_TIMES)
        if self.is_web:
            # The address of the file is used as that of the store; otherwise its query and its escapes would be lost.
            web = partial(HTTPStore, client_options=client, retry_config=_RETRIES)
            return self._answer(uri, lambda: web(f"{uri}{query}"))
        access = access_for(self.scheme, uri)
        self._region = access.options.get("region", "")
        if access.is_http:
            client["allow_http"] = True
        named = partial(from_url, client_options=client, retry_config=_RETRIES)
        return self._answer(uri, lambda: named(self.root, **access.options))

    @property
    def is_web(self) -> bool:
        """Whether this is a web server, which serves one file and cannot list."""
        return self.scheme == "https"

    def check(self, prefix: str) -> None:
        """Raise StoreError if a prefix cannot be listed; this asks for its first level."""
        on_a_thread(partial(self.level_now, prefix)).result()

    def objects(self, prefix: str) -> list[Object]:
        """Return the objects under a prefix, sorted by key, without empty ones that stand for folders."""
        return on_a_thread(partial(self.objects_now, prefix)).result()

    def objects_now(self, prefix: str) -> list[Object]:
        """Do the same on this thread, where Ctrl+C cannot interrupt it."""
        import obstore

        self._refuse_to_list(prefix)

        def ask() -> list[Object]:
            batches = obstore.list(self._store, prefix or None, chunk_size=1000)
            return [_object(each) for batch in batches for each in batch if _is_file(each)]

        # A store may list a key twice.
        return sorted({each.key: each for each in self._answer(self.root + prefix, ask)}.values())

    def level_now(self, prefix: str) -> tuple[list[Object], list[str]]:
        """Return the objects and the folders directly under a prefix, asked for on this thread."""
        import obstore

        self._refuse_to_list(prefix)
        ask = partial(obstore.list_with_delimiter, self._store, prefix or None)
        found = self._answer(self.root + prefix, ask)
        objects = [_object(each) for each in found["objects"] if _is_file(each)]
        return objects, [f"{folder.rstrip('/')}/" for folder in found["common_prefixes"]]

    def object_at(self, key: str) -> Object | None:
        """Return the object with a key, or None if there is none."""
        ask = self._file_at if self.is_web else self._object_at
        return on_a_thread(partial(ask, key)).result()

    def _object_at(self, key: str) -> Object | None:
        import obstore

        def ask() -> Object | None:
            with suppress(FileNotFoundError):
                meta = obstore.head(self._store, key)
                return Object(key, meta["size"], _quoted(meta["e_tag"]))
            return None

        return self._answer(self.root + key, ask, lambda error: self._fuller(key, error))

    def _fuller(self, key: str, error: Exception) -> Exception:
        """Return the error of a GET: the answer to HEAD has no body, and so no code."""
        import obstore
        from obstore.exceptions import BaseError

        try:
            obstore.get(self._store, key, options={"range": (0, 1)})
        except (BaseError, OSError, ValueError) as fuller:
            return fuller
        return error

    def _file_at(self, key: str) -> Object:
        """Return the file of a web server. A pre-signed URL allows only GET, so its first byte is asked for."""
        import obstore
        from obstore.exceptions import BaseError, NotSupportedError

        def ask() -> Object | None:
            try:
                meta = obstore.get(self._store, "", options={"range": (0, 1)}).meta
            except FileNotFoundError:
                return None
            except BaseError as error:
                if not (isinstance(error, NotSupportedError) or has_status(error, 416)):
                    raise
                # The server supports no ranges, or the file is empty.
                meta = obstore.get(self._store, "").meta
            return Object(key, meta["size"], _quoted(meta["e_tag"]))

        found = self._answer(self.root + key, ask)
        if found is None:
            raise LogError(f"{self.root}{key}: there is no such file (404). {_NO_LISTING}")
        return found

    def _refuse_to_list(self, prefix: str) -> None:
        if self.is_web:
            raise LogError(f"{self.root}{prefix}: is not a file. {_NO_LISTING}")

    def read(self, each: Object, first: int, behind: int) -> memoryview:
        """Return a range of an object's bytes, which is asked for again if it is cut.

        Raises StoreError, also if the object has changed, and DamagedLogError if it is shorter than it was.
        """
        import obstore

        options: dict[str, Any] = {}
        # A web server may send only whole files, which is enough for small ones.
        if not (self.is_web and behind - first == each.size):
            options["range"] = (first, behind)
        # A server never matches a weak version, so it is compared here.
        if each.version is not None and not each.version.startswith("W/"):
            options["if_match"] = each.version
        key = "" if self.is_web else each.key
        uri = f"{self.root}{each.key}"

        def ask() -> memoryview:
            found = obstore.get(self._store, key, options=cast("Any", options))
            if self.is_web and _object(found.meta)[1:] != each[1:]:
                raise StoreError(f"{uri}: {on_change()}")
            return memoryview(found.bytes())

        content = self._answer(uri, lambda: _insisted(ask))
        if len(content) != behind - first:
            end = first + len(content)
            raise DamagedLogError(f"{uri}: ends at byte {end:,} of {each.size:,}.")
        return content

    def _answer(
        self, uri: str, ask: Callable[[], T], fuller: Callable[[Exception], Exception] | None = None
    ) -> T:
        """Return what the store answers; `fuller` finds an error that says more. Raises StoreError.

        The original error is not attached, because its text may contain a signature.
        """
        from obstore.exceptions import BaseError

        try:
            return ask()
        except (BaseError, OSError, ValueError) as error:
            refusal = self._said(uri, fuller(error) if fuller else error)
        raise refusal

    def _said(self, uri: str, error: BaseException) -> StoreError:
        right = region_of(self.bucket, error) if self.scheme == "s3" else ""
        said = sentence_on(error, self.scheme, self.bucket, self._region, right)
        return StoreError(f"{uri}: {said}")


def _insisted(ask: Callable[[], T]) -> T:
    """Return an answer; if its body is cut, ask for it again."""
    from obstore.exceptions import BaseError

    tried = 0
    while True:
        try:
            return ask()
        except (BaseError, OSError, ValueError) as error:
            tried += 1
            if tried == _TRIES or not is_cut(error):
                raise
        time.sleep(0.2 * tried)


def _is_file(found: Any) -> bool:
    """Whether an object is a file. Consoles make empty objects for folders, whose names have no suffix."""
    return bool(found["size"] or "." in found["path"].rpartition("/")[2])


def _object(found: Any) -> Object:
    return Object(found["path"], found["size"], _quoted(found["e_tag"]))


def _quoted(version: str | None) -> str | None:
    """Return a version as If-Match needs it; Azure's listings leave out the quotes."""
    return version if version is None or version.endswith('"') else f'"{version}"'


class ObjectSource:
    """An object as a source; `ahead` asks for its ranges, and for those of the objects after it."""

    def __init__(self, name: str, number: int, each: Object, ahead: Ahead) -> None:
        self.name, self.size = name, each.size
        self.budget = Budget(name, lambda: each.size)
        self._number, self._ahead = number, ahead

    def pieces(self) -> Pieces:
        """Yield the object's bytes, in pieces that end with a line where possible."""
        return self._from(0)

    def _from(self, beginning: int) -> Pieces:
        firsts = range(beginning, self.size, _RANGE)
        return in_pieces(self._ahead.take(self._number, first) for first in firsts)

    def again(self, place: int) -> Pieces:
        """Reread the object from position `place`."""
        first = place - place % _RANGE
        skipped = first
        for piece in self._from(first):
            if skipped + len(piece) > place:
                yield piece[max(place - skipped, 0) :]
            skipped += len(piece)

    def whole(self) -> BinaryIO | None:
        """Return None: an object is not seekable, because each read would be a request."""
        return None

    def close(self) -> None:
        """Ask for no more of the object."""
        self._ahead.end(self._number)


def in_pieces(contents: Iterable[memoryview]) -> Pieces:
    """Yield bytes in pieces that end with a line where possible, so that few of them are copied again."""
    rest = b""
    for content in contents:
        at = 0
        while at < len(content):
            behind = min(at + READ_SIZE, len(content))
            last = bytes(content[max(behind - _LAST, at) : behind])
            beyond = len(last) - (last.rfind(b"\n") + 1 or len(last))
            yield b"".join((rest, content[at : behind - beyond]))
            rest, at = b"", behind - beyond
            if behind == len(content):
                rest, at = bytes(content[at:]), behind
    if rest:
        yield rest


def ranges_of(objects: Sequence[Object]) -> Ranges:
    """Return the ranges in which objects are asked for, in order."""
    return Ranges([(0, each.size) for each in objects], _RANGE)


def ranges_between(first: int, behind: int) -> Ranges:
    """Return the ranges in which the bytes from `first` to `behind` of one object are asked for, in order."""
    return Ranges([(first, behind)], _RANGE)


def requests_for(size: int) -> int:
    """Return how many requests fetch an object of this many bytes."""
    return -(-size // _RANGE)


class Content(io.BytesIO):
    """The bytes of an object, under its URI as a name."""

    def __init__(self, uri: str, content: bytes) -> None:
        super().__init__(content)
        self.name = uri


def content_of(uri: str) -> Content:
    """Return a small object, such as a lookup, as an open file. Raises LogError."""
    store, uri = Store(uri), shown(uri)
    found = store.object_at(store.key)
    if found is None:
        raise LogError(f"{uri}: there is no such object. Check the URI.")
    if found.size > _MOST_AT_ONCE:
        raise LogError(
            f"{uri}: has {found.size:,} bytes, which is too large for a lookup. Check the URI."
        )
    read = partial(store.read, found, 0, found.size)
    return Content(uri, bytes(on_a_thread(read).result()) if found.size else b"")

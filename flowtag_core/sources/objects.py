"""Objects in a store -> places: `s3://bucket/prefix/`, and `gs://`, `az://` and `https://`.

obstore, which is written in Rust, reads them. It is imported only when a URI is given.
"""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from importlib.util import find_spec
from typing import Any, BinaryIO, Final, NamedTuple, cast

from flowtag_core.errors import DamagedLogError, LogError, StoreError
from flowtag_core.sources.ahead import Ahead, Range, on_a_thread
from flowtag_core.sources.budget import Budget
from flowtag_core.sources.pieces import READ_SIZE, Pieces
from flowtag_core.sources.uris import URI

_RANGE: Final = 1 << 21
"""The bytes of a large object that one request asks for."""
_LAST: Final = 1 << 11
"""The bytes at the end of a piece that are searched for the end of a line."""
_TIMES: Final = {"timeout": "1h", "read_timeout": "30s", "connect_timeout": "5s"}
"""obstore's own limit of 30 s includes the body, which would cut large objects."""
_RETRIES: Final = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=20),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=3)},
}
_MOST_AT_ONCE: Final = 1 << 26
"""The most bytes of an object that is read as a whole: a lookup."""
_TRIES: Final = 3
"""How often a range is asked for if its body is cut."""
_CODE: Final = re.compile(r"<Code>(\w{1,60})</Code>")
_ODD_KEY: Final = re.compile(r"\AEncountered object with invalid path")
_STATUS: Final = re.compile(r"\b(?:status|code|error)[: ]+(\d{3})\b", re.IGNORECASE)


class Object(NamedTuple):
    """An object in a store: its key, its size in bytes, and its version (an ETag)."""

    key: str
    size: int
    version: str | None


class Store:
    """The bucket of a URI. Raises StoreError for what it cannot do; no message has a secret in it.

    Raises LogError if the URI, the credentials or the library are not there.
    """

    def __init__(self, uri: str) -> None:
        found = URI.match(uri)
        if found is None:
            raise LogError(f"{uri}: is not a URI such as s3://bucket/prefix/.")
        self.scheme, self.bucket, self.key = found[1].lower(), found[2], found[3]
        self.root = f"{self.scheme}://{self.bucket}/"
        if find_spec("obstore") is None:
            raise LogError(f"{uri}: reading object stores needs obstore. Run: pip install obstore")
        self._store = self._opened(uri)

    def _opened(self, uri: str) -> Any:
        from obstore.exceptions import BaseError
        from obstore.store import from_url

        options: dict[str, Any] = {"client_options": dict(_TIMES), "retry_config": _RETRIES}
        if self.scheme == "s3":
            endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
            if endpoint and endpoint.startswith("http://"):
                options["client_options"]["allow_http"] = True
            if provider := _credentials(uri):
                options["credential_provider"] = provider
        try:
            return from_url(self.root, **options)
        except (BaseError, ValueError) as error:
            raise self._said(uri, error) from None

    def check(self, prefix: str) -> None:
        """Raise StoreError if a prefix cannot be listed; this asks for its first level."""
        on_a_thread(partial(self.level_now, prefix)).result()

    def objects(self, prefix: str) -> list[Object]:
        """Return the objects under a prefix, sorted by key, without empty ones, which stand for folders."""
        return on_a_thread(partial(self.objects_now, prefix)).result()

    def objects_now(self, prefix: str) -> list[Object]:
        """Do the same on this thread, which Ctrl-C cannot interrupt then."""
        import obstore
        from obstore.exceptions import BaseError

        found: list[Object] = []
        try:
            for batch in obstore.list(self._store, prefix or None, chunk_size=1000):
                found += map(_object, filter(_has_bytes, batch))
        except (BaseError, OSError, ValueError) as error:
            raise self._said(self.root + prefix, error) from None
        return sorted(found)

    def level_now(self, prefix: str) -> tuple[list[Object], list[str]]:
        """Return the objects and the folders directly under a prefix, asked for on this thread."""
        import obstore
        from obstore.exceptions import BaseError

        try:
            found = obstore.list_with_delimiter(self._store, prefix or None)
        except (BaseError, OSError, ValueError) as error:
            raise self._said(self.root + prefix, error) from None
        objects = [_object(each) for each in found["objects"] if _has_bytes(each)]
        return objects, [f"{folder.rstrip('/')}/" for folder in found["common_prefixes"]]

    def object_at(self, key: str) -> Object | None:
        """Return the object with a key, or None if there is none."""
        return on_a_thread(partial(self._object_at, key)).result()

    def _object_at(self, key: str) -> Object | None:
        import obstore
        from obstore.exceptions import BaseError

        try:
            meta = obstore.head(self._store, key)
        except FileNotFoundError:
            return None
        except (BaseError, OSError, ValueError) as error:
            # The answer to HEAD has no body, and so no code: a listing says more.
            if self.scheme == "s3":
                self.objects_now(f"{key}/")
            raise self._said(self.root + key, error) from None
        return Object(key, meta["size"], meta["e_tag"])

    def read(self, each: Object, first: int, behind: int) -> memoryview:
        """Return a range of an object's bytes, asked for again if it is cut. Raises LogError if it has changed."""
        import obstore
        from obstore.exceptions import BaseError

        options: dict[str, Any] = {"range": (first, behind)}
        if each.version is not None:
            options["if_match"] = each.version
        tried = 0
        while True:
            try:
                found = obstore.get(self._store, each.key, options=cast("Any", options))
                return memoryview(found.bytes())
            except (BaseError, OSError, ValueError) as error:
                tried += 1
                if tried == _TRIES or not _is_cut(error):
                    raise self._said(self.root + each.key, error) from None
                time.sleep(0.2 * tried)

    def _said(self, uri: str, error: BaseException) -> StoreError:
        """Return what went wrong in one sentence, with the store's own code and the remedy."""
        text = str(error)
        code = found[1] if (found := _CODE.search(text)) else ""
        status = found[1] if (found := _STATUS.search(text)) else ""
        name = type(error).__name__
        known = {code, status, name} - {""}
        said = next((each for names, each in _SENTENCES if known & names), "") or _other(text)
        shown = f" ({code or status})" if code or status else ""
        return StoreError(f"{uri}: {said.format(bucket=self.bucket, shown=shown)}")


def _has_bytes(found: Any) -> bool:
    return bool(found["size"])


def _object(found: Any) -> Object:
    return Object(found["path"], found["size"], found["e_tag"])


_SENTENCES: Final[tuple[tuple[set[str], str], ...]] = (
    ({"NoSuchBucket"}, "there is no bucket {bucket}{shown}. Check its name."),
    (
        {
            *("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken"),
            *("401", "UnauthenticatedError"),
        },
        "the store does not accept these credentials{shown}. Renew them, or choose others with AWS_PROFILE.",
    ),
    (
        {"InvalidObjectState"},
        "is archived{shown} and cannot be read as it is. Restore it first, or leave it out with --since.",
    ),
    (
        {
            "PermanentRedirect",
            "AuthorizationHeaderMalformed",
            "301",
            "IllegalLocationConstraintException",
        },
        "the bucket is in another region{shown}. Set AWS_REGION to the bucket's region.",
    ),
    (
        {"PreconditionFailed", "PreconditionError", "412"},
        "has changed since it was listed{shown}. Run the command again.",
    ),
    (
        {"NoSuchKey", "NotFoundError", "FileNotFoundError", "404"},
        "there is no such object{shown}. Check the URI.",
    ),
    (
        {"AccessDenied", "AllAccessDisabled", "PermissionDeniedError", "PermissionError", "403"},
        "access is denied{shown}. These credentials need s3:ListBucket and s3:GetObject, or the equivalent.",
    ),
    ({"SlowDown", "503"}, "the store is too busy{shown}. Try again later."),
)


def _other(text: str) -> str:
    """Return a sentence on an error without a code."""
    if _ODD_KEY.search(text):
        return (
            "one of its keys has an empty part (//), a part . or .., or a control character, so they cannot be "
            "listed. Choose a prefix without it."
        )
    lower = text.lower()
    if "redirect" in lower:
        return "the bucket is in another region. Set AWS_REGION to the bucket's region."
    if "credential" in lower or "metadata" in lower or "token" in lower:
        return "no credentials were found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE."
    if "timed out" in lower or "timeout" in lower:
        return "the store does not answer in time. Check the network, and try again."
    if "connect" in lower or "dns" in lower or "resolve" in lower:
        return "the store cannot be reached. Check the URI, the network, and AWS_ENDPOINT_URL."
    return "the store's answer cannot be used. Check the URI, and try again."


def _is_cut(error: BaseException) -> bool:
    """Whether an answer began but did not end, so that asking again may help."""
    text = str(error).lower()
    if _CODE.search(str(error)) or _STATUS.search(text):
        return False
    return any(
        each in text for each in ("decoding", "body", "incomplete", "eof", "reset", "closed")
    )


def _credentials(uri: str) -> Any:
    """Return what gives obstore its credentials, None if it finds them itself. Raises LogError if there are none."""
    given = os.environ
    if given.get("AWS_SKIP_SIGNATURE", "").lower() in ("1", "true") or "AWS_ACCESS_KEY_ID" in given:
        return None
    if any(name.startswith("AWS_CONTAINER_CREDENTIALS") for name in given):
        return None
    if find_spec("boto3") is not None:
        import boto3
        from obstore.auth.boto3 import Boto3CredentialProvider

        try:
            session = boto3.session.Session()
            if session.get_credentials() is not None:
                return Boto3CredentialProvider(session)
        except Exception as error:  # noqa: BLE001  (botocore has dozens, for profiles, SSO and roles)
            raise LogError(
                f"{uri}: {type(error).__name__}: no credentials for AWS_PROFILE."
            ) from None
    elif "AWS_PROFILE" in given or os.path.exists(os.path.expanduser("~/.aws")):
        raise LogError(
            f"{uri}: reading credentials from a profile needs boto3. Run: pip install boto3"
        )
    if "AWS_WEB_IDENTITY_TOKEN_FILE" in given or _is_on_ec2():
        return None
    raise LogError(
        f"{uri}: no credentials were found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; "
        "AWS_SKIP_SIGNATURE=true reads a public bucket."
    )


def _is_on_ec2() -> bool:
    """Whether this machine is one of Amazon's, which gives credentials to what runs on it."""
    for file in ("/sys/class/dmi/id/sys_vendor", "/sys/devices/virtual/dmi/id/board_asset_tag"):
        try:
            with open(file, encoding="ascii", errors="replace") as text:
                said = text.read(100)
        except OSError:
            continue
        if said.startswith(("Amazon EC2", "i-")):
            return True
    return False


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
        rest = b""
        for first in range(beginning, self.size, _RANGE):
            behind = min(first + _RANGE, self.size)
            content = self._ahead.take(self._number, first)
            if len(content) != behind - first:
                raise DamagedLogError(
                    f"{self.name}: ends at byte {first + len(content):,} of {self.size:,}."
                )
            at = 0
            while len(content) - at > READ_SIZE:
                last = bytes(content[at + READ_SIZE - _LAST : at + READ_SIZE])
                end = at + READ_SIZE - _LAST + last.rfind(b"\n") + 1
                if end == at + READ_SIZE - _LAST:
                    end = at + READ_SIZE
                yield b"".join((rest, content[at:end]))
                rest, at = b"", end
            rest = b"".join((rest, content[at:]))
            if behind == self.size or b"\n" not in rest[-_LAST:]:
                yield rest
                rest = b""

    def again(self, place: int) -> Pieces:
        """Reread the object from position `place`."""
        first = place - place % _RANGE
        skipped = first
        for piece in self._from(first):
            if skipped + len(piece) > place:
                yield piece[max(place - skipped, 0) :]
            skipped += len(piece)

    def whole(self) -> BinaryIO | None:
        """Return None: an object is not seekable, or each read would be a request."""
        return None

    def close(self) -> None:
        """Do nothing: no request outlives its bytes."""


def ranges_of(objects: Sequence[Object]) -> list[Range]:
    """Return the ranges in which objects are asked for, in order."""
    return [
        Range(number, first, min(first + _RANGE, each.size))
        for number, each in enumerate(objects)
        for first in range(0, each.size, _RANGE)
    ]


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
    store = Store(uri)
    found = store.object_at(store.key)
    if found is None:
        raise LogError(f"{uri}: there is no such object. Check the URI.")
    if found.size > _MOST_AT_ONCE:
        raise LogError(f"{uri}: has {found.size:,} bytes, which is too large for a lookup.")
    read = partial(store.read, found, 0, found.size)
    return Content(uri, bytes(on_a_thread(read).result()) if found.size else b"")

"""URIs of object stores, and the days in keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final, NamedTuple

from flowtag_core.errors import LogError

SCHEMES: Final = ("s3", "gs", "az", "https")
URI: Final = re.compile(rf"({'|'.join(SCHEMES)})://([^/]+)/?(.*)", re.IGNORECASE | re.DOTALL)
"""A scheme, a bucket, and a key or prefix."""
_HIDDEN: Final = "..."
"""What is shown of a URI with a password."""
_ARN: Final = "arn:"
_BUCKET_ARN: Final = re.compile(r"arn:aws[a-z-]*:s3:::(.+)")
_CONSOLE: Final = re.compile(r"(?:[\w-]+\.)?(?:s3\.)?console\.aws\.amazon\.com\Z", re.IGNORECASE)
"""The server of a page that shows a bucket in the browser."""
_SIGNED: Final = re.compile(r"\?(?=.*\b(?:sig|X-Amz-Signature|X-Goog-Signature)=)", re.IGNORECASE)
"""The beginning of a query that is a secret."""
_OTHER: Final = re.compile(r"\s*([a-z][a-z0-9+.-]+):/", re.IGNORECASE)
"""What looks like a URI of any kind."""
_PORT: Final = re.compile(r":\d+\Z|(?<=\A\[)[0-9a-fA-F:]+(?=\](?::\d+)?\Z)")
"""The port of a server, and the digits of its address, if that has colons in it."""
_DAY_FOLDER: Final = re.compile(
    r"(?:^|/)(?:year=)?(\d{4})/(?:month=)?(\d{2})/(?:day=)?(\d{2})(?=/)"
)
"""The folder of a day in a key: `/2026/11/23/`, or Hive's `/year=2026/month=11/day=23/`."""
_DAY_NAME: Final = re.compile(r"_(\d{4})(\d{2})(\d{2})T\d{4}Z_")
"""The day in a file name: `_20261123T1005Z_`."""
_PERIOD: Final = re.compile(r"(?:^|/)(?:year=)?(\d{4})/(?:(?:month=)?(\d{2})/)?\Z")
"""The folder of a year or a month."""


class Days(NamedTuple):
    """The first and the last day of the files or objects to read, by the day in their names."""

    first: date | None = None
    last: date | None = None

    def have(self, name: str) -> bool:
        """Whether a file of this name is to be read. One without a day in its name always is."""
        day = day_of(name)
        is_early = day is not None and self.first is not None and day < self.first
        is_late = day is not None and self.last is not None and day > self.last
        return not is_early and not is_late


EVERY_DAY: Final = Days()


def is_uri(path: str) -> bool:
    """Whether a path is a URI of an object store."""
    return URI.match(path) is not None


def other_uri(path: str) -> str:
    """Return the scheme of what looks like a URI that flowtag does not read, empty if it does not."""
    found = None if is_uri(path) else _OTHER.match(path)
    return found[1] if found else ""


class Parts(NamedTuple):
    """A URI: as it may be shown, its scheme, bucket and key, and the query of a URL, which may be a secret."""

    shown: str
    scheme: str
    bucket: str
    key: str
    query: str


def parts_of(uri: str) -> Parts:
    """Return the parts of a URI. Raises LogError if it is not a URI, or contains a password."""
    path = shown(uri)
    found = URI.match(path)
    if found is None:
        raise LogError(f"{path}: is not a URI such as s3://bucket/prefix/.")
    if found[2] == _HIDDEN:
        raise LogError(
            f"{path}: contains a name or a password, which others may see. Write only the bucket, and set the "
            "credentials in the environment."
        )
    if path != uri and found[1].lower() != "https":
        raise LogError(f"{path}: has a signature in it, which only an https:// URL can have.")
    if found[2].startswith(_ARN):
        raise LogError(
            f"{path}: is an ARN. Write the name of the bucket, or the access point's alias."
        )
    if _CONSOLE.match(found[2]):
        raise LogError(f"{path}: is a page of AWS's console. Write s3://bucket/prefix/.")
    return Parts(path, found[1].lower(), found[2], found[3], uri.removeprefix(path))


def shown(path: str) -> str:
    """Return a path or URI without what may be secret: the query of a URL, and all of a URI with a password."""
    found = URI.match(path)
    if found is None:
        return path
    if signed := _SIGNED.search(path):
        path = path[: signed.start()]
    scheme, bucket = found[1].lower(), found[2]
    if scheme == "https":
        path = re.split(r"[?#]", path, maxsplit=1)[0]
        bucket = _PORT.sub("", re.split(r"[?#]", bucket, maxsplit=1)[0])
    if bucket.startswith(_ARN) and "@" not in path:
        return path
    return f"{scheme}://{_HIDDEN}" if "@" in bucket or ":" in bucket else path


def remedy_for(path: str) -> str:
    """Return what to write instead of a path or URI at which nothing was found."""
    if is_uri(path):
        before = re.split(r"[*?\[]", path, maxsplit=1)[0]
        is_pattern = before != path and not path.lower().startswith("https:")
        folder = before[: before.rfind("/") + 1]
        return f"A bucket has no patterns; write {folder}" if is_pattern else "Check the URI."
    if arn := _BUCKET_ARN.match(path):
        return f"Write s3://{arn[1]}"
    return "Check the path."


def day_of(key: str) -> date | None:
    """Return the day in a key, or None if there is none: that of its first folder of a day, or else of its name.

    Source: the names of AWS's flow logs in S3.
    """
    return next(_days(_DAY_FOLDER, key), None) or next(_days(_DAY_NAME, key), None)


def is_day_folder(prefix: str) -> bool:
    """Whether a prefix ends with the folder of a day, such as `/2026/11/23/`, and is in none."""
    before = prefix.rstrip("/")
    return day_of(prefix) is not None and next(_days(_DAY_FOLDER, before), None) is None


def _days(pattern: re.Pattern[str], key: str) -> Iterator[date]:
    for each in pattern.finditer(key):
        try:
            yield date(*map(int, each.groups()))
        except ValueError:
            continue


def is_earlier(prefix: str, day: date) -> bool:
    """Whether a prefix ends with the folder of a year or a month that was over before this day."""
    found = _PERIOD.search(prefix)
    if found is None:
        return False
    year, month = found.groups()
    return (int(year), int(month or 12)) < (day.year, day.month if month else 1)

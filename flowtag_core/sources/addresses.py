"""Addresses of files, with which other machines can open them: URIs and absolute paths."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import BinaryIO, Final, NamedTuple, cast

from flowtag_core.errors import LogError, reason_of
from flowtag_core.sources.ahead import Range
from flowtag_core.sources.objects import Object, Store
from flowtag_core.sources.pieces import Source
from flowtag_core.sources.places import Place, places_of
from flowtag_core.sources.stream import Stream, regular_size, start_of
from flowtag_core.sources.uris import is_uri, parts_of

_SETTINGS: Final = ("AWS_", "GOOGLE_", "AZURE_")
"""How the names of the settings that choose a store begin."""
_WEB: Final = "https://"


class Address(NamedTuple):
    """A file that other machines can open, without any credentials.

    `where` is a URI or an absolute path, `given` the path as the user gave it. `size` is in bytes, and `version` is
    that of an object (an ETag).
    """

    name: str
    where: str
    size: int
    version: str | None = None
    given: str = ""


def address_of(place: Place) -> Address | None:
    """Return the address of a place, or None if only this process can open it.

    That is so for standard input, for uploads, and for URLs, whose query may be a secret.
    """
    if place.size is None:
        return None
    if place.path is not None:
        return Address(
            place.name, os.path.abspath(place.path), place.size, None, os.fspath(place.path)
        )
    if isinstance(place.identity, str) and is_uri(place.identity):
        if place.identity.lower().startswith(_WEB):
            return None
        version = place.version if isinstance(place.version, str) else None
        # A text is sent only once if both names are the same Python object.
        name = place.identity if place.name == place.identity else place.name
        return Address(name, place.identity, place.size, version)
    return None


def places_at(addresses: Sequence[Address]) -> list[Place]:
    """Return the places at addresses, in order. Nothing is opened yet; reading an object asks for those after it."""
    uris = [each for each in addresses if is_uri(each.where)]
    objects = [object_of(each) for each in uris]

    def read(one: Range) -> memoryview:
        return store_of(uris[one.number]).read(objects[one.number], one.first, one.behind)

    away = iter(places_of([each.where for each in uris], objects, read))
    return [
        replace(next(away), name=each.name)
        if is_uri(each.where)
        else Place(
            each.name, partial(_open, each), each.size, each.where, each.where, path=each.where
        )
        for each in addresses
    ]


def object_of(address: Address) -> Object:
    """Return the object at a URI, as a store knows it."""
    return Object(_parts(address)[1], address.size, address.version)


def store_of(address: Address) -> Store:
    """Return the store of an object, opened with the credentials of this machine. Raises LogError."""
    settings = tuple(each for each in os.environ.items() if each[0].startswith(_SETTINGS))
    return _store(_parts(address)[0], settings)


@lru_cache(maxsize=64)
def _store(root: str, settings: tuple[tuple[str, str], ...]) -> Store:
    """Return the store that these settings choose; opening it again for each piece would take long."""
    del settings  # The store reads them from the environment.
    try:
        return Store(root)
    except LogError as error:
        raise LogError(f"{error} This is about the worker {socket.gethostname()}.") from error


def _parts(address: Address) -> tuple[str, str]:
    """Return the root of a store, such as `s3://bucket/`, and the key of the object in it."""
    _, scheme, bucket, key, _ = parts_of(address.where)
    return f"{scheme}://{bucket}/", key


def opened_file(address: Address) -> BinaryIO:
    """Open the file at a path. Raises LogError if it is missing on this machine, or has another size here."""
    try:
        file = open(address.where, "rb", buffering=0)  # noqa: SIM115  (the caller closes it)
    except FileNotFoundError as error:
        raise LogError(
            f"{address.name}: there is no such file on the worker {socket.gethostname()}. Put it at "
            f"{address.where} on every worker, or give a URI such as s3://bucket/prefix/."
        ) from error
    except (OSError, ValueError) as error:
        raise LogError(f"{address.given}: cannot be opened: {reason_of(error)}.") from error
    size = regular_size(cast(BinaryIO, file))
    if size != address.size:
        file.close()
        raise LogError(
            f"{address.name}: has {size or 0:,} bytes on the worker {socket.gethostname()}, and "
            f"{address.size:,} where flowtag was started. Every worker must see the same file."
        )
    return cast(BinaryIO, file)


def _open(address: Address, name: str) -> Source:
    file = opened_file(address)
    return Stream(name, file, address.size, start_of(file), close=file.close)

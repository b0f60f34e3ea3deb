"""Settings from flowtag.toml: next to the logs, in the current folder, or in the user's own folder.

lookup = "lookup.csv"                    # relative to the folder of flowtag.toml
format = "edge"                          # fields, or the name of a format below
internal = ["203.0.113.0/24"]            # ranges that count as inside the network

[formats]
edge = "version srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"

[alerts]                                 # limits for the alerts of flowtag follow
growth = 5

The command line overrides the file next to the logs, which overrides the one in the current folder, which
overrides the one in the user's configuration folder.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from flowtag_core.boundary import ranges_of
from flowtag_core.errors import FlowtagError, SettingsError, reason_of
from flowtag_core.shapes.layout import format_layout
from flowtag_core.sources.places import DASH

FILE: Final = "flowtag.toml"
_KEYS: Final = ("lookup", "format", "internal", "formats", "alerts")
_LARGEST: Final = 1 << 20


@dataclass(frozen=True)
class Settings:
    """The merged settings of all files that were found; empty if there are none.

    `formats` maps names to fields; `format` is one of these names or the fields themselves. `alerts`
    maps the names of limits for alerts to their values. `files` are the files that were read, the one next to the logs first.
    """

    lookup: str | None = None
    format: str | None = None
    internal: str | None = None
    formats: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    alerts: Mapping[str, object] = field(default_factory=dict)

    def fields(self, format: str | None) -> str | None:
        """Return the fields of the format with this name, or the text itself if it names fields.

        Raises SettingsError if the text is a single word, which cannot be fields, and not a name.
        """
        if format is None or format in self.formats:
            return self.formats[format] if format is not None else None
        if self.formats and re.fullmatch(r"[\w-]+", format):
            raise SettingsError(
                f"There is no format {format!r:.60} in {' or '.join(self.files)}, "
                f"only {', '.join(self.formats)}."
            )
        return format

    def beneath(self, format: str | None, internal: str | None) -> tuple[str | None, str]:
        """Return the fields and the ranges that apply if a command has these options, None if not given."""
        fields = self.fields(self.format if format is None else format)
        return fields, (self.internal if internal is None else internal) or ""


def settings_for(paths: Sequence[str]) -> Settings:
    """Return the settings for these logs: from the first log's folder, the current folder, the user's own.

    An earlier one overrides a later one. Raises SettingsError if a file cannot be read or has an invalid
    value.
    """
    import platformdirs

    own = platformdirs.user_config_dir("flowtag", appauthor=False, roaming=True)
    found = Settings()
    for folder in (_folder_of(paths[0] if paths else DASH), os.curdir, own):
        file = os.path.join(folder, FILE)
        if os.path.lexists(file) and not any(_is_same(file, other) for other in found.files):
            found = _beneath(found, _read(file))
    fields = found.fields(found.format)
    if fields is not None:
        _checked(" and ".join(found.files), "format", format_layout, fields)
    return found


def _folder_of(path: str) -> str:
    """Return the folder that a path is or lies in; for a pattern, that of its first match.

    For a pattern without matches it is the folder above the first wildcard.
    """
    if path == DASH:
        return os.curdir
    if not os.path.lexists(path) and glob.has_magic(path):
        path = min(glob.iglob(path, recursive=True), default=path)
    while not os.path.lexists(path) and glob.has_magic(path):
        path = os.path.dirname(path)
    return path if path and os.path.isdir(path) else os.path.dirname(path) or os.curdir


def _is_same(file: str, other: str) -> bool:
    try:
        return os.path.samefile(file, other)
    except OSError:
        return False


def _beneath(near: Settings, far: Settings) -> Settings:
    """Merge the settings of two files; those of `near` win."""
    return Settings(
        far.lookup if near.lookup is None else near.lookup,
        far.format if near.format is None else near.format,
        far.internal if near.internal is None else near.internal,
        {**far.formats, **near.formats},
        near.files + far.files,
        {**far.alerts, **near.alerts},
    )


def _read(file: str) -> Settings:
    import tomllib

    try:
        with open(file, "rb") as stream:
            content = stream.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise SettingsError(
                f"{file}: is larger than {_LARGEST >> 20} MB, too large for a settings file."
            )
        said = tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {reason_of(error)}.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: is not UTF-8 text. Save it as UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{file}: is not valid TOML: {error}.") from error
    for key in said:
        if key not in _KEYS:
            raise SettingsError(
                f"{file}: {key!r:.60} is not a setting. Use one of {', '.join(_KEYS)}."
            )
    formats = _formats(file, said.get("formats", {}))
    lookup = _text(file, said, "lookup")
    if lookup is not None:
        lookup = os.path.join(os.path.dirname(file), os.path.expanduser(lookup))
    internal = _internal(file, said["internal"]) if "internal" in said else None
    alerts = _alerts(file, said["alerts"]) if "alerts" in said else {}
    return Settings(lookup, _text(file, said, "format"), internal, formats, (file,), alerts)


def _formats(file: str, said: Any) -> dict[str, str]:
    if not isinstance(said, dict):
        raise SettingsError(
            f'{file}: formats must be a table with one line per format: name = "fields".'
        )
    for name in said:
        fields = _text(file, said, name, "formats.")
        _checked(file, f"formats.{name}", format_layout, str(fields))
    return said


def _internal(file: str, ranges: Any) -> str:
    if isinstance(ranges, str):
        ranges = [ranges]
    if not isinstance(ranges, list) or not all(isinstance(each, str) for each in ranges):
        raise SettingsError(
            f'{file}: internal must be a list of address ranges such as ["203.0.113.0/24"].'
        )
    joined = ",".join(ranges)
    _checked(file, "internal", ranges_of, joined)
    return joined


def _alerts(file: str, limits: Any) -> dict[str, object]:
    from flowtag_core.tagging.alerts import limits_of

    if not isinstance(limits, dict):
        raise SettingsError(f"{file}: alerts must be a table with one line per limit: growth = 5.")
    _checked(file, "alerts", limits_of, limits)
    return limits


def _text(file: str, said: Mapping[str, Any], key: str, table: str = "") -> str | None:
    text = said.get(key)
    if text is not None and (not isinstance(text, str) or not text):
        raise SettingsError(f"{file}: {table}{key} must be non-empty text in quotes.")
    return text


def _checked(file: str, key: str, check: Callable[[Any], object], value: object) -> None:
    """Check a value; raises SettingsError, with the file and the key, if it is invalid."""
    try:
        check(value)
    except FlowtagError as error:
        raise SettingsError(f"{file}: {key}: {error}") from error

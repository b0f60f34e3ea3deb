"""Counts, sizes, names and lists in words, for sentences and tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from flowtag_core.iana import WITH_PORTS, protocol_name

FEW: Final = 5
"""The number of sentences that people can read at a glance."""
_MADE_INTO_MORE: Final = re.compile(
    r"([-<>~=](?=[-<>=])|:(?=/)|www(?=\.)|@|\w(?=@))", re.IGNORECASE
)
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!$:~<>|&@/])")


def duration(seconds: float) -> str:
    """Return a duration in everyday units: `4 s`, `2 min 05 s`, `1 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def few(sentences: Sequence[str], most: int = FEW) -> list[str]:
    """Return the first sentences, and one that says how many more there are."""
    more = len(sentences) - most
    return [*sentences[:most], f"... and {more:,} more"] if more > 0 else list(sentences)


def joined(heads: Sequence[str]) -> str:
    """Join short phrases in one line with a capital at the start: `No lookup yet \u00b7 2 damaged files`."""
    line = " \u00b7 ".join(heads)
    return line[:1].upper() + line[1:]


def few_words(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, and how many more there are: `a, b, c and 2 more`."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def pair_name(port: int, protocol: int) -> str:
    """Return the name of a port and protocol, `443/tcp`, or just `icmp` if the protocol has no ports."""
    name = protocol_name(protocol)
    return f"{port}/{name}" if port or protocol in WITH_PORTS else name


def short(text: str, most: int = 60) -> str:
    """Return the text, truncated to about `most` characters."""
    return text if len(text) <= most else text[:most] + "..."


def short_path(path: str, most: int = 28) -> str:
    """Return the path, or the end of a long path, starting at a folder or file name if possible."""
    if len(path) <= most:
        return path
    end = path[-most:]
    return "..." + (end[end.index("/") :] if "/" in end else end)


def file_name(name: str) -> str:
    """Return the last part of a path as a CSV file name that is valid on any operating system."""
    last = re.split(r"[/\\]", name)[-1]
    plain = re.sub(r"[^\w .-]", "_", last).removesuffix(".gz").strip(" .") or "lookup"
    return plain if plain.lower().endswith(".csv") else f"{plain}.csv"


def unicode(text: str) -> str:
    """Escape whatever is not valid Unicode in a text, because a file name can be any bytes."""
    return text.encode(errors="backslashreplace").decode()


def literal(text: str) -> str:
    """Return Markdown that shows the text as it is, so that names and tags are never markup.

    Streamlit turns `<-` into an arrow, `--` into a long dash and addresses into links, even if each
    character is escaped. An invisible word joiner prevents that. Invalid Unicode is escaped.
    """
    text = " ".join(unicode(text).split())
    return _MARKUP.sub(r"\\\1", _MADE_INTO_MORE.sub("\\1\u2060", text))


def compact(count: int) -> str:
    """Return a count in a few digits: `999,999`, `1.36 M`, `17.1 G`, `2.05 T`."""
    if count < 1_000_000:
        return f"{count:,}"
    return _scaled(count, ("M", "G", "T", "P", "E"), 1_000_000)


def quantity(count: int, measure: str) -> str:
    """Return a count of a measure in a few digits, bytes with their unit: `14.0 GB`, `314,004`."""
    return size(count) if measure == "bytes" else compact(count)


def size(count: int) -> str:
    """Return a number of bytes in a suitable unit: `960 B`, `171 MB`, `1.20 GB`."""
    return f"{count:,} B" if count < 1000 else _scaled(count, ("kB", "MB", "GB", "TB", "PB"), 1000)


def _scaled(count: int, units: Sequence[str], unit: int) -> str:
    """Return the count with three digits, in the largest unit that is not larger than it."""
    scaled, name = count / unit, units[0]
    for larger in units[1:]:
        if scaled < 999.5:
            break
        scaled, name = scaled / 1000, larger
    digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
    return f"{scaled:,.{digits}f} {name}"


def measured(count: int, measure: str, shown: str = "") -> str:
    """Return a count with its measure: `1 flow`, `2 flows`. If given, `shown` replaces the digits."""
    return f"{shown or f'{count:,}'} {measure.removesuffix('s') if count == 1 else measure}"


def share(part: int, whole: int) -> str:
    """Return a share in percent: `44.9%`, or `<0.1%` if it would otherwise be rounded to nothing."""
    percent = 100 * part / max(whole, 1)
    return "<0.1%" if 0 < percent < 0.05 else f"{percent:.1f}%"


def listed(words: Sequence[str]) -> str:
    """Return a list of words as in a sentence: `a, b and c`."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def number(count: int, noun: str) -> str:
    """Return a count with its noun, in the plural unless the count is 1: `1 rule`, `2 rules`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"

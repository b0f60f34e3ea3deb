"""Counts, sizes, names and lists in words, for sentences and tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from flowtag_core.iana import WITH_PORTS, protocol_name

FEW: Final = 5
"""Sentences that are read at a glance."""
_MADE_INTO_MORE: Final = re.compile(
    r"([-<>~=](?=[-<>=])|:(?=/)|www(?=\.)|@|\w(?=@))", re.IGNORECASE
)
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!$:~<>|&@/])")


def duration(seconds: float) -> str:
    """Seconds as people say them: `4 s`, `2 min 05 s`, `1 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def few(sentences: Sequence[str], most: int = FEW) -> list[str]:
    """The first sentences, and one on how many more there are."""
    more = len(sentences) - most
    return [*sentences[:most], f"... and {more:,} more"] if more > 0 else list(sentences)


def joined(heads: Sequence[str]) -> str:
    """Short phrases in one line, the first with a capital: `No lookup yet \u00b7 2 rows need checking`."""
    line = " \u00b7 ".join(heads)
    return line[:1].upper() + line[1:]


def few_words(names: Sequence[str], most: int = 3) -> str:
    """The first names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def pair_name(port: int, protocol: int) -> str:
    """`443/tcp`; a protocol that has no ports is named without one: `icmp`."""
    name = protocol_name(protocol)
    return f"{port}/{name}" if port or protocol in WITH_PORTS else name


def short(text: str, most: int = 60) -> str:
    """The text, cut to about so many characters."""
    return text if len(text) <= most else text[:most] + "..."


def short_path(path: str, most: int = 28) -> str:
    """The path, of a long one the end, from a folder on if it can be: that is where the name is."""
    if len(path) <= most:
        return path
    end = path[-most:]
    return "..." + (end[end.index("/") :] if "/" in end else end)


def file_name(name: str) -> str:
    """The last part of a name, fit to be that of a CSV on any machine: a name is never a path."""
    last = re.split(r"[/\\]", name)[-1]
    plain = re.sub(r"[^\w .-]", "_", last).removesuffix(".gz").strip(" .") or "lookup"
    return plain if plain.lower().endswith(".csv") else f"{plain}.csv"


def unicode(text: str) -> str:
    """The text with everything escaped that is no Unicode: a file name may be any bytes."""
    return text.encode(errors="backslashreplace").decode()


def literal(text: str) -> str:
    """The text as Markdown that shows it unchanged: names and tags are text, never markup.

    Streamlit makes arrows of `<-`, a long dash of `--` and links of addresses even where each sign
    is escaped; a word joiner, which is not seen, keeps them apart. What is not Unicode is escaped.
    """
    text = " ".join(unicode(text).split())
    return _MARKUP.sub(r"\\\1", _MADE_INTO_MORE.sub("\\1\u2060", text))


def compact(count: int) -> str:
    """A count in few digits: `999,999`, `1.36 M`, `17.1 G`, `2.05 T`."""
    if count < 1_000_000:
        return f"{count:,}"
    return _scaled(count, ("M", "G", "T", "P", "E"), 1_000_000)


def quantity(count: int, measure: str) -> str:
    """A count of a measure in few digits, bytes in the unit that fits: `14.0 GB`, `314,004`."""
    return size(count) if measure == "bytes" else compact(count)


def size(count: int) -> str:
    """Bytes in the unit that fits: `960 B`, `171 MB`, `1.2 GB`."""
    return f"{count:,} B" if count < 1000 else _scaled(count, ("kB", "MB", "GB", "TB", "PB"), 1000)


def _scaled(count: int, units: Sequence[str], unit: int) -> str:
    """The count in the largest unit that is not larger than it, three digits."""
    scaled, name = count / unit, units[0]
    for larger in units[1:]:
        if scaled < 999.5:
            break
        scaled, name = scaled / 1000, larger
    digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
    return f"{scaled:,.{digits}f} {name}"


def measured(count: int, measure: str, shown: str = "") -> str:
    """A count of a measure, `1 flow` or `2 flows`; `shown` is the count where it is shortened."""
    return f"{shown or f'{count:,}'} {measure.removesuffix('s') if count == 1 else measure}"


def number(count: int, noun: str) -> str:
    """The count with its noun, in the plural where it is not one: `1 rule`, `2 rules`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"

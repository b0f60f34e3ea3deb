"""Compares flowtag with the oracle on generated logs; run as python -m tests.fuzz.compare."""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import flowtag_core
from flowtag_core.counts import ACTIONS, BOUNDARIES, FileCounts, FlowCounts, Table
from flowtag_core.tagging.lookup import Lookup, Trouble

from . import oracle
from .generate import generate

SHOWN_OF_A_FACT = 3
KINDS = {Trouble.UNUSABLE: "unusable", Trouble.LOSES: "conflict", Trouble.NEVER_APPLIES: "never"}
"""The oracle's names for the problems of rows; it ignores tags that look like formulas."""
NOTICES = {"has no header": "no header", "Windows-1252": "cp1252"}

Facts = dict[str, Mapping[Any, Any]]
"""The name of a fact -> its entries; both sides agree if all entries do."""


def differences(seed: int, lines: int, folder: Path) -> list[str]:
    """Return a sentence for each difference between flowtag and the oracle; writes files into the folder."""
    log = generate(seed, lines)
    (folder / "lookup.csv").write_bytes(log.lookup)
    lookup = flowtag_core.load_lookup_table(folder / "lookup.csv")
    other_lookup = oracle.load_lookup(log.lookup)
    found = list(_sentences("lookup", _lookup_facts(lookup), _oracle_lookup_facts(other_lookup)))
    ways = {
        "plain file": {"log.txt": log.text},
        "gzip file": {"log.gz": log.packed},
        "log in parts": {f"part-{number}.txt": part for number, part in enumerate(log.parts)},
    }
    for way, files in ways.items():
        for name, content in files.items():
            (folder / name).write_bytes(content)
        counts = flowtag_core.parse_flow_log(*(folder / name for name in files), names=files)
        other = _oracle_facts(oracle.count(files), other_lookup)
        found += _sentences(way, _facts(counts, lookup), other)
    return found


def _sentences(way: str, flowtag: Facts, other: Facts) -> Iterator[str]:
    """Yield a sentence for each of the first entries in which a fact differs."""
    for fact in sorted({*flowtag, *other}):
        ours, theirs = flowtag.get(fact, {}), other.get(fact, {})
        keys = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
        for key in keys[:SHOWN_OF_A_FACT]:
            has, should = ours.get(key, "nothing"), theirs.get(key, "nothing")
            yield f"{way}, {fact}, {key}: flowtag has {has}, the oracle {should}"
        if len(keys) > SHOWN_OF_A_FACT:
            yield f"{way}, {fact}: {len(keys) - SHOWN_OF_A_FACT:,} more entries differ"


def _facts(counts: FlowCounts, lookup: Lookup) -> Facts:
    result = io.BytesIO()
    flowtag_core.write_results(flowtag_core.map_tags(counts, lookup), result)
    faults = Counter((fault.file, fault.line, fault.reason.value) for fault in counts.faults)
    facts = {"faults": faults, **_result_facts(result.getvalue())}
    for name, file in counts.files.items():
        facts |= _file_facts(name, file)
    tables = counts.requests, counts.replies, counts.replies_by_service
    for name, table in zip(oracle.TABLES, tables, strict=True):
        facts |= _table_facts(name, table.width, _rows(table))
    return facts


def _oracle_facts(files: oracle.Files, lookup: oracle.Lookup) -> Facts:
    faults = Counter(oracle.first_faults(files))
    facts = {"faults": faults, **_result_facts(oracle.result_csv(files, lookup))}
    for name, file in files.items():
        facts |= _file_facts(name, file)
    for name in oracle.TABLES:
        facts |= _table_facts(name, *oracle.table(files, name))
    return facts


def _file_facts(name: str, file: FileCounts | oracle.FileCounts) -> Facts:
    """Return the equation of one file, term by term, and how well the fields of its flows were read."""
    terms = ("records", "headers", "blank", "flows")
    return {
        f"equation of {name}": {term: getattr(file, term) for term in terms},
        f"set aside in {name}": {str(reason): count for reason, count in file.set_aside.items()},
        f"unreadable in {name}": +file.unreadable,
        f"lacking in {name}": +file.lacking,
        f"odd words in {name}": +file.odd_words,
    }


def _table_facts(name: str, width: int, rows: oracle.Table) -> Facts:
    """Return the shape of one table, its sums, and all of its rows."""
    actions: Counter[str] = Counter()
    for (_, _, _, _, action), (flows, _, _) in rows.items():
        actions[action] += flows
    packets = sum(packets for _, packets, _ in rows.values())
    volume = sum(volume for _, _, volume in rows.values())
    shape = {"minutes": width, "rows": len(rows), "packets": packets, "bytes": volume}
    return {f"table of {name}": shape, f"actions of {name}": actions, f"rows of {name}": rows}


def _rows(table: Table) -> oracle.Table:
    keys = (column.tolist() for column in (table.window, table.protocol, table.port))
    boundaries = [BOUNDARIES[boundary] for boundary in table.boundary.tolist()]
    actions = [ACTIONS[action] for action in table.action.tolist()]
    values = (column.tolist() for column in (table.flows, table.packets, table.bytes))
    return dict(
        zip(zip(*keys, boundaries, actions, strict=True), zip(*values, strict=True), strict=True)
    )


def _result_facts(csv: bytes) -> Facts:
    """Return how often each line occurs in the result, and a checksum that also depends on their order."""
    lines = Counter(csv.decode().split("\n"))
    return {"lines of the result": lines, "bytes of the result": {"checksum": zlib.crc32(csv)}}


def _lookup_facts(lookup: Lookup) -> Facts:
    problems = Counter((p.line, KINDS[p.trouble]) for p in lookup.problems if p.trouble in KINDS)
    notices = [
        kind for text, kind in NOTICES.items() for notice in lookup.notices if text in notice
    ]
    rules = {rule.line: (rule.ports.low, rule.ports.high, rule.tag) for rule in lookup.rules}
    return {"problems": problems, "notices": Counter(notices), "rules": rules}


def _oracle_lookup_facts(lookup: oracle.Lookup) -> Facts:
    rules = {rule.line: (rule.low, rule.high, rule.tag) for rule in lookup.rules}
    problems, notices = Counter(lookup.problems), Counter(lookup.notices)
    return {"problems": problems, "notices": notices, "rules": rules}


def main() -> int:
    """Compare as many logs as the command line says; return 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.compare", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="how many logs (3)")
    parser.add_argument("--lines", type=int, default=20_000, help="how many lines each (20000)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
    given = parser.parse_args()
    unlike = 0
    for seed in range(given.first, given.first + given.seeds):
        with tempfile.TemporaryDirectory() as folder:
            found = differences(seed, given.lines, Path(folder))
        unlike += bool(found)
        print(f"seed {seed}:", f"{len(found)} differences" if found else "all facts agree")
        print("".join(f"  {sentence}\n" for sentence in found), end="", flush=True)
    print(f"{given.seeds} logs of {given.lines:,} lines, {unlike} with differences")
    return 1 if unlike else 0


if __name__ == "__main__":
    sys.exit(main())

"""The page: streamlit run dashboard.py. It reads top to bottom like the page itself.

Widgets and guards only; what is counted, tagged and drawn comes from flowtag_core.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

import flowtag_core
from flowtag_core.counts import FlowCounts
from flowtag_core.errors import FlowtagError
from flowtag_core.reading.counting import Progress, distinct, parse_flow_log
from flowtag_core.showing import charts, notes, tables
from flowtag_core.showing.notes import literal, number
from flowtag_core.tagging.lookup import Lookup, parse_protocol
from flowtag_core.tagging.lookup_file import (
    load_lookup_table,
    looks_like_csv,
    looks_like_lookup,
    parse_lookup,
)
from flowtag_core.tagging.report import map_tags, result_csv

SAMPLE = Path(flowtag_core.__file__).parent / "sample"
NO_LOOKUP = parse_lookup("dstport,protocol,tag\n", name="no lookup")
HEAD = 1 << 16

NUMBER = st.column_config.NumberColumn(format="localized")
PLAIN_NUMBER = st.column_config.NumberColumn(format="%d")
TEXT = st.column_config.TextColumn(width="medium")
SHARE = st.column_config.ProgressColumn(format="%.1f%%", min_value=0, max_value=100)


@dataclass
class Loaded:
    """What a session holds: the counts of each log, the lookup, and what to say of the last drop."""

    logs: dict[str, FlowCounts] = field(default_factory=dict)
    lookup: Lookup | None = None
    sample_lookup: Lookup | None = None  # while the sample is shown
    refused: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


def take(files: Iterable[BinaryIO], before: Loaded) -> Loaded:
    """What the session holds with these files, each read once: logs and lookups, told by content.

    Nothing that is there is changed: a click meanwhile runs this script, and so this, once more.
    """
    loaded = Loaded(dict(before.logs), before.lookup, before.sample_lookup)
    bar = st.progress(0.0)
    for file in files:
        head = file.read(HEAD)
        file.seek(0)
        try:
            if looks_like_lookup(head):
                take_lookup(load_lookup_table(file, name=name_of(file)), loaded)
            else:
                take_log(file, head, loaded, bar)
        except FlowtagError as error:
            loaded.refused.append(str(error))
    bar.empty()
    return loaded


def take_lookup(lookup: Lookup, loaded: Loaded) -> None:
    """The last lookup counts; that it takes another's place is said."""
    if loaded.lookup is not None:
        loaded.told.append(f"{lookup.name} takes the place of {loaded.lookup.name}.")
    loaded.lookup = lookup


def take_log(file: BinaryIO, head: bytes, loaded: Loaded, bar: DeltaGenerator) -> None:
    """Count one log under a name that no other has, and keep it unless it is of no use."""
    *_, name = distinct([*loaded.logs, name_of(file)])

    def show(progress: Progress) -> None:
        part = min(progress.bytes_read / progress.size, 1.0) if progress.size else 0.0
        bar.progress(part, f"{literal(name)}: {progress.lines:,} lines")

    counts = parse_flow_log(file, names=[name], progress=show)
    if notes.is_of_no_use(counts):
        if looks_like_csv(head):
            file.seek(0)
            load_lookup_table(file, name=f"{name}: if this should be a lookup")
        loaded.refused += notes.cautions(counts)
        return
    if loaded.sample_lookup is not None:
        # The first log of one's own takes the sample's place, and its lookup goes with it.
        loaded.logs = {}
        loaded.lookup = None if loaded.lookup is loaded.sample_lookup else loaded.lookup
        loaded.sample_lookup = None
    loaded.logs[name] = counts


def name_of(file: BinaryIO) -> str:
    """What a dropped file is called: a text to show, never a path."""
    return PurePosixPath(file.name.replace("\\", "/")).name.strip() or "file"


def forget(uploads: Iterable[Any]) -> None:
    """Let the server drop the uploaded bytes; only their counts are kept."""
    context = get_script_run_ctx()
    for upload in uploads:
        if context is not None:
            context.uploaded_file_mgr.remove_file(context.session_id, upload.file_id)


def selected_rows(event: Any, table: pd.DataFrame) -> list[pd.Series]:
    """The row in which a cell of the table is selected, if it is still there."""
    rows = [row for row, _ in event["selection"]["cells"]]
    return [table.iloc[row] for row in rows if row < len(table)]


def start_over() -> None:
    state.loaded = Loaded()


def show_lookup(lookup: Lookup) -> None:
    """How many rules there are, and every row that does not do what it seems to."""
    title = f"Lookup: {number(len(lookup), 'rule')}"
    with st.expander(title, expanded=bool(lookup.problems or lookup.notices)):
        for sentence in lookup.notices:
            st.text(sentence)
        problems = tables.problem_table(lookup)
        if len(problems):
            st.text(f"{lookup.name}: {number(len(problems), 'row')} in doubt")
            st.dataframe(problems, hide_index=True, alt="Problems of the lookup")
        else:
            st.text(f"{lookup.name}: no row is in doubt")


st.set_page_config("flowtag", layout="wide")
state = st.session_state
if "loaded" not in state:
    start_over()
    state.drops = 0
    state.taken = set()

# Uploads are taken before the drop zone is drawn, and the zone is drawn anew, empty: as long as
# it holds files, Streamlit copies all of their bytes at every click. What was dropped while the
# last files were counted is still in the zone before.
zones = [f"logs_and_lookup_{drop}" for drop in (state.drops - 1, state.drops)]
dropped = [upload for zone in zones for upload in state.get(zone) or []]
uploads = [upload for upload in dropped if upload.file_id not in state.taken]
if uploads:
    state.loaded = take(uploads, state.loaded)
    state.taken |= {upload.file_id for upload in uploads}
    state.drops += 1
    forget(uploads)
    st.rerun()
loaded: Loaded = state.loaded

st.title("Flow log tag mapper")
st.write("Which application does each flow belong to, and which flows belong to none yet?")

with st.container(border=True):
    st.file_uploader(
        "Drop flow logs and a lookup CSV here, together or one by one",
        accept_multiple_files=True,
        key=f"logs_and_lookup_{state.drops}",
        help="Flow logs as text or gzip; a lookup with the columns dstport, protocol and tag. "
        "Files are told apart by what is in them. Nothing leaves this machine.",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Try the sample", key="sample", icon=":material/science:"):
            with ExitStack() as stack:
                files = [stack.enter_context(path.open("rb")) for path in sorted(SAMPLE.iterdir())]
                state.loaded = take(files, Loaded())
            state.loaded.sample_lookup = state.loaded.lookup
            st.rerun()
        if loaded.logs or loaded.lookup:
            st.button("Start over", key="start_over", on_click=start_over)
        names = [*loaded.logs, *([loaded.lookup.name] if loaded.lookup else [])]
        st.text(notes.listed(names) or "14 flows and 11 rules. Nothing leaves this machine.")

for sentence in loaded.refused:
    st.error(literal(sentence))
for sentence in loaded.told:
    st.info(literal(sentence))

if not loaded.logs:
    if loaded.lookup:
        st.info("The lookup is loaded. Now drop a flow log.")
        show_lookup(loaded.lookup)
    st.stop()

counts: FlowCounts = sum(loaded.logs.values(), FlowCounts())
lookup = loaded.lookup or NO_LOOKUP
report = map_tags(counts, lookup)
theme = st.context.theme.type or "light"

for sentence in notes.cautions(counts):
    st.warning(literal(sentence))

if not loaded.lookup:
    st.info("Without a lookup everything is Untagged. Drop a CSV with dstport, protocol and tag.")

tags = tables.tag_table(report)
ports = tables.port_table(report)
with st.container(horizontal=True):
    st.metric("Untagged", f"{tags['Share'].iloc[-1]:.1f}%", border=True)
    st.metric("Flows", f"{report.total:,}", border=True)
    st.metric("Tags in use", f"{len(tags) - 1:,}", border=True)
    st.metric("Port/protocol pairs", f"{len(report.port):,}", border=True)
    st.metric("Set aside", f"{counts.total.set_aside.total():,}", border=True)

left, right = st.columns(2)
with left:
    st.subheader("Tags")
    picked = st.dataframe(
        tags,
        key="tags",
        hide_index=True,
        column_config={"Tag": TEXT, "Flows": NUMBER, "Share": SHARE},
        on_select="rerun",
        selection_mode="single-cell",
        alt="Flows of each tag",
    )
    st.caption("Select a cell of this table or the next to see which rule gives the tag.")
    for row in selected_rows(picked, tags):
        st.text(notes.why_tag(lookup, row["Tag"]))
with right:
    st.subheader("Flows by tag")
    st.altair_chart(charts.tag_chart(report, theme), theme="streamlit", alt="Flows by tag, bars")

left, right = st.columns(2)
with left:
    st.subheader("Ports and protocols")
    picked = st.dataframe(
        ports,
        key="ports",
        hide_index=True,
        column_config={"Port": PLAIN_NUMBER, "Tag": TEXT, "Flows": NUMBER, "Share": SHARE},
        on_select="rerun",
        selection_mode="single-cell",
        alt="Flows of each port and protocol",
    )
    for row in selected_rows(picked, ports):
        st.text(notes.why_port(lookup, row["Port"], parse_protocol(row["Protocol"])))
    if len(ports) < len(report.port):
        st.caption(f"The largest {len(ports):,} of {len(report.port):,}; the CSV has all.")
with right:
    st.subheader("Flows by port and protocol")
    st.altair_chart(charts.port_chart(report, theme), theme="streamlit", alt="Flows by port, bars")

st.download_button(
    "Result CSV",
    data=lambda report=report: b"".join(result_csv(report)),
    file_name="flowtag-result.csv",
    mime="text/csv",
    key="result_csv",
    on_click="ignore",
    icon=":material/download:",
)

with st.expander("What was read and what was set aside", expanded=bool(counts.total.faults)):
    st.text(notes.equation(counts.total))
    for sentence in notes.remarks(counts):
        st.text(sentence)
    reasons, faults = tables.reason_table(counts), tables.fault_table(counts)
    if len(reasons):
        st.dataframe(reasons, hide_index=True, alt="Records set aside by reason")
    if len(faults):
        st.text(f"{number(counts.total.faults, 'line')} with a fault; the first {len(faults):,}:")
        st.dataframe(faults, hide_index=True, alt="Lines with a fault")

show_lookup(lookup)

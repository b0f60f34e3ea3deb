"""The page: streamlit run dashboard.py. It reads top to bottom like the page itself.

Widgets and guards only; what is counted, tagged and drawn comes from flowtag_core.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import pandas as pd
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

import flowtag_core
from flowtag_core.counts import FlowCounts
from flowtag_core.errors import FlowtagError
from flowtag_core.reading.counting import Progress, distinct, parse_flow_log
from flowtag_core.showing import charts, notes, tables
from flowtag_core.showing.notes import literal
from flowtag_core.tagging.lookup import parse_protocol
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
SHARE = st.column_config.ProgressColumn(format="%.1f%%", min_value=0, max_value=100)


def take(files: Iterable[BinaryIO]) -> None:
    """Tell logs from lookups by content, read each once, and keep what came of it."""
    state.refused = []
    bar = st.progress(0.0)
    for file in files:
        head = file.read(HEAD)
        file.seek(0)
        name = name_of(file)
        try:
            if looks_like_lookup(head):
                state.lookup = load_lookup_table(file, name=name)
            elif not count(file, name, bar) and looks_like_csv(head):
                file.seek(0)
                load_lookup_table(file, name=f"{name}: if this should be a lookup")
        except FlowtagError as error:
            state.refused.append(str(error))
    bar.empty()


def count(file: BinaryIO, name: str, bar: Any) -> int:
    """Count one log under a name that no other log has; its number of flows is returned."""
    if state.sample_lookup is not None:
        # The first log of one's own takes the sample's place, and its lookup goes with it.
        state.logs = {}
        state.lookup = None if state.lookup is state.sample_lookup else state.lookup
        state.sample_lookup = None
    *_, name = distinct([*state.logs, name])

    def show(progress: Progress) -> None:
        part = min(progress.bytes_read / progress.size, 1.0) if progress.size else 0.0
        bar.progress(part, f"{literal(name)}: {progress.lines:,} lines")

    state.logs[name] = parse_flow_log(file, names=[name], progress=show)
    return state.logs[name].total.flows


def name_of(file: BinaryIO) -> str:
    """What a dropped file is called: a text to show, never a path."""
    return PurePosixPath(file.name.replace("\\", "/")).name or "file"


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
    state.logs, state.lookup, state.sample_lookup, state.refused = {}, None, None, []


st.set_page_config("flowtag", layout="wide")
state = st.session_state
if "logs" not in state:
    start_over()
    state.drops = 0

# Uploads are taken before the drop zone is drawn, and the zone is drawn anew, empty: as long as
# it holds files, Streamlit copies all of their bytes at every click.
uploads = state.get(f"logs_and_lookup_{state.drops}")
if uploads:
    take(uploads)
    forget(uploads)
    state.drops += 1
    st.rerun()

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
            start_over()
            with ExitStack() as stack:
                take([stack.enter_context(path.open("rb")) for path in sorted(SAMPLE.iterdir())])
            state.sample_lookup = state.lookup
            st.rerun()
        if state.logs or state.lookup:
            st.button("Start over", key="start_over", on_click=start_over)
        names = [*state.logs, *([state.lookup.name] if state.lookup else [])]
        st.text(
            ", ".join(names) if names else "14 flows and 11 rules. Nothing leaves this machine."
        )

for sentence in state.refused:
    st.error(literal(sentence))

if not state.logs:
    if state.lookup:
        st.info(f"{len(state.lookup):,} lookup rules are loaded. Now drop a flow log.")
    st.stop()

counts: FlowCounts = sum(state.logs.values(), FlowCounts())
lookup = state.lookup or NO_LOOKUP
report = map_tags(counts, lookup)
theme = st.context.theme.type or "light"

for sentence in notes.cautions(counts):
    st.warning(literal(sentence))

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
        column_config={"Flows": NUMBER, "Share": SHARE},
        on_select="rerun",
        selection_mode="single-cell",
        alt="Flows of each tag",
    )
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
        column_config={"Port": PLAIN_NUMBER, "Flows": NUMBER, "Share": SHARE},
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
        st.text(f"The first {len(faults):,} of {counts.total.faults:,} lines with a fault")
        st.dataframe(faults, hide_index=True, alt="Lines with a fault")

with st.expander(f"Lookup: {len(lookup):,} rules", expanded=bool(lookup.problems)):
    for sentence in lookup.notices:
        st.text(sentence)
    problems = tables.problem_table(lookup)
    if len(problems):
        st.text(f"{len(problems):,} rows do not do what they seem to")
        st.dataframe(problems, hide_index=True, alt="Problems of the lookup")
    else:
        st.text(f"{lookup.name}: no row is in doubt" if state.lookup else "No lookup yet")

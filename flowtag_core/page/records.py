"""The records section: the equation, and the lines with a fault."""

from __future__ import annotations

from typing import Final

import streamlit as st

from flowtag_core.counting import compiled
from flowtag_core.counts import FlowCounts
from flowtag_core.showing import log_notes, tables, words

NUMBER: Final = st.column_config.NumberColumn(format="localized")


def records(counts: FlowCounts) -> None:
    """Draw the equation of all files and of each file, and the first lines with a fault."""
    total = counts.total
    title = f"Records: {total.records:,} read, {total.set_aside.total():,} not counted"
    with st.expander(title, expanded=bool(total.faults)):
        st.text(log_notes.equation(total))
        files = tables.file_table(counts)
        if len(files) > 1:
            st.dataframe(
                files,
                hide_index=True,
                key="files",
                column_config=dict.fromkeys(files.columns[1:], NUMBER),
                alt="How each file's records were counted",
            )
        for sentence in words.few([*log_notes.cautions(counts), *log_notes.remarks(counts)], 30):
            st.text(sentence)
        if sentence := compiled.no_kernel():
            st.text(sentence)
        faults = tables.fault_table(counts)
        if len(faults):
            st.text(log_notes.samples(total.faults, len(faults)))
            st.dataframe(
                faults,
                hide_index=True,
                key="faults",
                column_config={"Line": NUMBER},
                alt="Lines with a fault",
            )

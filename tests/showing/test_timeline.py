"""The timeline has every flow once, on an axis that leaves out long times without any."""

import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import load_lookup_table, parse_flow_log
from flowtag_core.counts import WIDTHS
from flowtag_core.showing.legend import legend
from flowtag_core.showing.timeline import MOST_SLOTS, axis_of, chart
from flowtag_core.tagging.course import outward, over_time
from flowtag_core.tagging.report import select, tagged
from tests.logs import LOOKUP, line
from tests.showing.made import course

starts = st.lists(
    st.one_of(st.integers(28_000_000, 28_000_500), st.integers(16_000_000, 68_000_000)),
    min_size=1,
    max_size=240,
)


@given(starts, st.sampled_from(WIDTHS[:-1]))
def test_every_window_has_its_slot_and_the_axis_is_never_too_long(minutes, width):
    windows = course(minutes, width)
    axis = axis_of(windows)
    assert (np.diff(axis.start) > 0).all()
    assert np.isin(windows.start, axis.start).all()
    assert len(axis.start) <= MOST_SLOTS
    if (windows.start[-1] - windows.start[0]) // (width * 60) < MOST_SLOTS:
        assert not len(axis.cuts)
        assert (np.diff(axis.start) == width * 60).all()
    # A slot that is cut away is one without flows; the first behind each cut has some.
    assert np.isin(axis.start[axis.cuts], windows.start).all()


@given(starts, st.floats(-5, 500), st.floats(0, 500))
def test_what_is_dragged_over_is_whole_windows_and_is_found_again(minutes, left, length):
    axis = axis_of(course(minutes))
    time = axis.time(left, left + length)
    if time is None:
        assert length <= 0.2 or left + length <= 0.2 or left >= len(axis.start) - 0.2
        return
    assert axis.start[0] <= time[0] < time[1] <= axis.start[-1] + 60
    assert outward(time, 1) == time
    first, behind = axis.places(time)
    assert axis.time(first, behind) == time
    if 0 <= left < len(axis.start):
        assert first <= left + 0.1
        assert behind >= min(left + length - 0.1, len(axis.start))


flows = st.lists(
    st.tuples(
        st.sampled_from([25, 53, 443, 9092]),
        st.one_of(st.integers(1_700_000_000, 1_700_040_000), st.integers(10**9, 4 * 10**9)),
        st.integers(0, 10**6),
    ),
    min_size=1,
    max_size=30,
)


@given(flows)
def test_the_bars_of_the_timeline_hold_every_flow_of_known_time_once(rows):
    log = b"\n".join(
        line(dstport=str(port), start=str(start), volume=str(volume))
        for port, start, volume in rows
    )
    selection = select(parse_flow_log(io.BytesIO(log + b"\n" + line(start="-", volume="7"))))
    report = tagged(selection, load_lookup_table(io.BytesIO(LOOKUP)), "bytes")
    when = over_time(selection, report)
    assert when.unknown == 7
    colours = legend(report, report)
    drawn = chart(when, report, colours, axis_of(when))
    bars = drawn.layer[0].data
    assert bars["count"].sum() == sum(volume for _, _, volume in rows)
    assert (bars["end"] - bars["slot"] == 1).all()
    for name, colour in zip(colours.names, colours.colours, strict=True):
        assert set(bars["colour"][bars["name"] == name]) <= {colour}

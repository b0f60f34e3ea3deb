"""The timeline contains every flow once, on an axis in which long gaps are shortened."""

import io
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import load_lookup_table, parse_flow_log
from flowtag_core.counts import WIDTHS
from flowtag_core.showing import times
from flowtag_core.showing.legend import Colours, legend
from flowtag_core.showing.timeline import (
    MOST_SLOTS,
    axis_of,
    ceiling_of,
    chart,
    heading,
    labels_of,
    quiet_line,
)
from flowtag_core.tagging.course import outward, over_time
from flowtag_core.tagging.report import select, tagged
from tests.logs import LOOKUP, line
from tests.showing import made
from tests.showing.made import course
from tests.showing.test_times import BERLIN, TOKYO, UTC, moment, time, weighed

T0 = moment("2026-11-23")
starts = st.lists(
    st.one_of(st.integers(28_000_000, 28_000_500), st.integers(16_000_000, 68_000_000)),
    min_size=1,
    max_size=240,
)


@given(starts, st.sampled_from(WIDTHS[:-1]))
def test_every_window_has_a_slot_and_the_axis_is_never_too_long(minutes, width):
    windows = course(minutes, width)
    axis = axis_of(windows)
    assert (np.diff(axis.start) > 0).all()
    assert np.isin(windows.start, axis.start).all()
    assert len(axis.start) <= MOST_SLOTS
    # Only slots without flows are cut away. The slots next to a cut have flows.
    opens, ends = axis.cuts.T
    assert np.isin(axis.start[ends], windows.start).all()
    assert np.isin(axis.start[opens - 1], windows.start).all()
    is_cut = np.isin(np.arange(1, len(axis.start)), ends)
    assert (np.diff(axis.start)[~is_cut] == width * 60).all()


@given(starts, st.sampled_from(WIDTHS[:-1]))
def test_a_long_gap_is_three_slots_wide_however_long_it_is(minutes, width):
    windows = course(minutes, width)
    axis = axis_of(windows)
    empty = np.diff(windows.start) // (width * 60) - 1
    longest = max(6, len(windows.start) // 8)
    if len(windows.start) + np.where(empty > longest, 3, empty).sum() <= MOST_SLOTS:
        assert len(axis.cuts) == (empty > longest).sum()
        assert (np.diff(axis.cuts) == 3).all()
        assert axis.gaps == (empty[empty > longest] * width * 60).tolist()
    else:
        assert len(axis.cuts) > (empty > longest).sum()


def test_one_stray_flow_from_years_ago_takes_up_less_than_three_percent_of_the_axis():
    days = range(T0 // 60, T0 // 60 + 3 * 1440, 30)
    axis = axis_of(course([T0 // 60 - 3_000_000, *days], 30))
    (first,) = axis.cuts[:, 1].tolist()
    assert first / len(axis.start) < 0.03


def test_short_gaps_are_shortened_too_if_there_are_too_many_slots():
    windows = course(range(0, 240 * 7, 7))
    axis = axis_of(windows)
    assert len(axis.start) == MOST_SLOTS - 1
    assert len(axis.cuts) == 239
    assert set(np.diff(axis.cuts).ravel()) == {1}


@given(starts, st.floats(-5, 500), st.floats(0, 500))
def test_a_drag_selects_whole_windows_and_can_be_restored_from_their_time(minutes, left, length):
    windows = course(minutes)
    axis = axis_of(windows)
    time = axis.time(axis.base + left, axis.base + left + length)
    if time is None:
        assert length <= 0.2 or left + length <= 0.2 or left >= len(axis.start) - 0.2
        return
    assert axis.start[0] <= time[0] < time[1] <= axis.start[-1] + 60
    assert outward(time, 1) == time
    first, behind = axis.places(time)
    assert axis.time(first, behind) == time
    # The time includes every window that was touched.
    place = np.searchsorted(axis.start, windows.start)
    touched = windows.start[(place + 0.9 > left) & (place + 0.1 < left + length)]
    assert ((time[0] <= touched) & (touched < time[1])).all()


def test_a_drag_that_ends_in_a_shortened_gap_moves_to_where_the_flows_stop_or_start_again():
    days = [T0 + day * times.DAY for day in range(3)]
    windows = course([day // 60 + minute for day in days for minute in range(10)])
    axis = axis_of(windows)
    assert axis.cuts.tolist() == [[10, 13], [23, 26]]
    whole = [(day, day + 600) for day in days]

    def dragged(left, right):
        return axis.time(axis.base + left, axis.base + right)

    assert dragged(0, 12) == dragged(0, 10.05) == whole[0]
    assert dragged(11.5, 24.5) == dragged(13, 23) == whole[1]
    assert dragged(5, 24) == (days[0] + 300, whole[1][1])
    # A drag within the gap selects the whole gap.
    assert dragged(11, 12) == dragged(10, 13) == (whole[0][1], days[1])


@pytest.mark.parametrize(
    ("counts", "ceiling"),
    [
        ([100] * 20 + [15_000], 120),
        ([3412] * 200 + [15_000, 90_000], 3800),
        ([7] * 20 + [1000], 8),
        ([100] * 20 + [300], None),
        ([100] * 20 + [900] * 2, None),
        ([10, 2000], None),
        ([0] * 20 + [9], None),
        ([0] * 20, None),
        ([5], None),
        ([], None),
    ],
)
def test_a_scale_is_capped_a_little_above_the_ordinary_bars_if_a_peak_flattens_them(
    counts, ceiling
):
    assert ceiling_of(weighed(range(len(counts)), counts)) == ceiling


def test_the_muted_note_says_what_is_left_out_and_always_names_the_zone():
    minute = T0 // 60
    one = course([minute])
    assert quiet_line(one, "flows", axis_of(one)) == "1-minute bars \u00b7 UTC"
    stray = course([minute - 30 * 98_000, *range(minute, minute + 600, 30)], 30)
    assert quiet_line(replace(stray, unknown=120), "flows", axis_of(stray), TOKYO, 3900) == (
        "30-minute bars \u00b7 a quiet gap of 5.6 years shortened \u00b7 peaks capped at 3,900 \u00b7 "
        "120 flows have no known time and are not shown \u00b7 Asia/Tokyo (UTC+9)"
    )
    several = course([minute, minute + 100, minute + 3000])
    assert quiet_line(replace(several, unknown=1), "bytes", axis_of(several)) == (
        "1-minute bars \u00b7 2 quiet gaps shortened, the longest 2 days \u00b7 "
        "1 byte has no known time and is not shown \u00b7 UTC"
    )


def test_the_muted_note_says_if_no_time_is_known():
    empty, apart = course([]), replace(course([0]), width=0)
    assert quiet_line(empty, "flows", None) == "No flows"
    assert quiet_line(replace(empty, unknown=5), "flows", None) == (
        "5 flows have no known time and are not shown"
    )
    assert quiet_line(apart, "flows", axis_of(apart)) == (
        "The times are too far apart to show separately"
    )


def test_the_heading_escapes_names_and_truncates_them():
    rules = "dstport,protocol,tag\n443,tcp,<b>&'\n25,tcp,a-name-of-more-than-22-characters\n"
    log = b"\n".join(line(dstport=port) for port in ("443", "25"))
    tags = tagged(
        select(parse_flow_log(io.BytesIO(log))), load_lookup_table(io.BytesIO(rules.encode()))
    )
    said = heading(tags, legend(tags, tags, Colours()), "1 < 2")
    assert "&lt;b&gt;&amp;&#x27;</span>" in said
    assert "a-name-of-more-than-22...</span>" in said
    assert 'title="a-name-of-more-than-22-characters"' in said
    assert '<span class="quiet">1 &lt; 2</span>' in said
    assert "<b>" not in said


def labels(text, width, zone=UTC, minutes=None):
    first, behind = (moment // 60 for moment in time(text, zone))
    axis = axis_of(course(minutes or range(first, behind, width), width))
    return axis, labels_of(axis, zone)


def test_the_axis_shows_days_at_midnight_and_clock_times_in_between():
    _, said = labels("2026-11-23T00:00/2026-11-26T00:00", 30)
    assert said == {
        0: "23 Nov 2026",
        24: "12:00",
        48: "24 Nov",
        72: "12:00",
        96: "25 Nov",
        120: "12:00",
    }
    _, said = labels("2026-11-23T10:00/2026-11-23T10:40", 1)
    assert [*said.values()] == ["23 Nov 2026 10:00", *(f"10:{n:02}" for n in range(5, 40, 5))]
    _, said = labels("2026-12-30T00:00/2027-01-03T00:00", 60)
    assert [*said.values()][::2] == ["30 Dec 2026", "31 Dec", "1 Jan 2027", "2 Jan"]


@pytest.mark.parametrize("zone", [BERLIN, TOKYO, ZoneInfo("Asia/Kathmandu")], ids=str)
@pytest.mark.parametrize("width", [30, 60, 240, 720, 1440])
@pytest.mark.parametrize("day", ["2026-03-27", "2026-10-23", "2026-06-01"])
def test_days_begin_at_local_midnight_even_if_the_clocks_change(zone, width, day):
    first = datetime.fromisoformat(day)
    until = first + timedelta(days=5)
    axis, said = labels(f"{first.isoformat()}/{until.isoformat()}", width, zone)
    days = {place: label for place, label in said.items() if " " in label}
    midnights = [moment((first + timedelta(days=n)).isoformat(), zone) for n in range(5)]
    # Midnight may be in the middle of a window.
    places = [(at - int(axis.start[0])) / (width * 60) for at in midnights]
    shown = [round(place, 3) for place in places if place >= 0]
    assert [place for place in days if place in shown] == shown
    assert days[shown[-1]] == times.day_of_year(midnights[-1], zone)


def test_the_end_of_a_shortened_gap_is_labeled_and_nothing_near_it():
    minute = T0 // 60
    stray = moment("2021-04-17T12:00") // 60
    _, said = labels("2026-11-23/2026-11-26", 30, UTC, [stray, *range(minute, minute + 4320, 30)])
    assert [*said.items()][:2] == [(4, "23 Nov 2026"), (28, "12:00")]


def test_the_axis_has_no_labels_if_all_time_is_in_one_window():
    apart = replace(course([0]), width=0)
    report = made.report(443)
    drawn = chart(
        replace(apart, pair=np.array([0]), window=np.array([0]), count=np.array([3])),
        report,
        legend(report, report, Colours()),
        axis_of(apart),
    )
    assert drawn.to_dict(validate=True)
    assert len(drawn.layer[3].data) == 0


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
def test_the_bars_of_the_timeline_contain_every_flow_with_a_known_time_once(rows):
    log = b"\n".join(
        line(dstport=str(port), start=str(start), volume=str(volume))
        for port, start, volume in rows
    )
    selection = select(parse_flow_log(io.BytesIO(log + b"\n" + line(start="-", volume="7"))))
    report = tagged(selection, load_lookup_table(io.BytesIO(LOOKUP)), "bytes")
    when = over_time(selection, report)
    assert when.unknown == 7
    colours = legend(report, report, Colours())
    drawn = chart(when, report, colours, axis_of(when))
    bars = drawn.layer[0].data
    assert bars["count"].sum() == sum(volume for _, _, volume in rows)
    assert (bars["end"] - bars["slot"] == 1).all()
    for name, colour in zip(colours.names, colours.colours, strict=True):
        assert set(bars["colour"][bars["name"] == name]) <= {colour}


def test_a_capped_scale_marks_the_peaks_and_shows_their_full_numbers():
    log = b"\n".join(
        line(dstport="443", start=str(T0 + 60 * minute))
        for minute in range(20)
        for _ in range(500 if minute == 7 else 10)
    )
    selection = select(parse_flow_log(io.BytesIO(log)))
    report = tagged(selection, load_lookup_table(io.BytesIO(LOOKUP)))
    when = over_time(selection, report)
    axis, ceiling = axis_of(when), ceiling_of(when)
    assert ceiling == 12
    for theme in ("light", "dark"):
        drawn = chart(
            when,
            report,
            legend(report, report, Colours()),
            axis,
            theme=theme,
            zone=TOKYO,
            ceiling=ceiling,
        )
        assert drawn.to_dict(validate=True)
        bars, _, _, _, peaks = drawn.layer
        assert bars.to_dict()["encoding"]["y"]["scale"]["domain"] == [0, 12]
        assert peaks.data.to_dict("list") == {
            "slot": [axis.base + 7.5],
            "time": ["23 Nov 2026 09:07 \u2013 09:08"],
            "number": ["500"],
        }
        assert "500" in set(bars.data["number"])
        assert bars.data["time"][0] == "23 Nov 2026 09:00 \u2013 09:01"
    assert len(chart(when, report, legend(report, report, Colours()), axis).layer) == 4


def later(minutes, by, kept):
    """The course of the same log `by` minutes later, of which only the last `kept` minutes are kept."""
    last = max(minutes) + by
    return course([each for each in {*minutes, last} if each > last - kept])


@given(
    st.lists(st.integers(28_000_000, 28_000_100), min_size=1, max_size=60),
    st.integers(1, 5),
    st.integers(3, 200),
)
def test_as_time_goes_on_slots_keep_their_places_and_only_the_data_of_the_chart_change(
    minutes, by, kept
):
    before, after = course(minutes), later(minutes, by, kept)
    one, other = axis_of(before), axis_of(after)
    if not one.is_like(other):  # A gap is shortened, or no window is left.
        both = np.intersect1d(one.start, other.start)
        assert not len(both) or len(one.cuts) + len(other.cuts)
        return
    for start in np.intersect1d(before.start, after.start).tolist():
        time = start, start + 60
        assert one.places(time) == other.places(time)
        assert other.time(*one.places(time)) == time
    report = made.report(443)
    specs = []
    for windows, axis in ((before, one), (after, other)):
        rows = np.zeros(len(windows.start), int)
        full = replace(windows, pair=rows, window=np.arange(len(rows)), count=rows + 1)
        spec = chart(full, report, legend(report, report, Colours()), axis, (5, 7)).to_dict()
        del spec["datasets"]
        for layer in spec["layer"]:
            del layer["data"]
        specs.append(spec)
    assert specs[0] == specs[1]


@given(st.integers(1, 240), st.integers(200, 1400))
def test_labels_do_not_overlap_and_stay_between_the_ends(count, room):
    windows = course(range(28_000_000, 28_000_000 + count))
    axis, report = axis_of(windows), made.report(443)
    drawn = chart(windows, report, legend(report, report, Colours()), axis, room=room)
    slots = max(count, 12)
    spare, behind = (slots - count) / 2, -1.0
    for place, label, align in drawn.layer[3].data.itertuples(index=False):
        at, width = (place - axis.base + spare) * room / slots, 6 * len(label)
        left = at - {"left": 0, "center": 0.5, "right": 1}[align] * width
        assert behind <= left
        behind = left + width
    assert behind <= room + 1 or room < 60

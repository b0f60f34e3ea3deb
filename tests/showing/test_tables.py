import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import load_lookup_table, map_tags, parse_flow_log
from flowtag_core.showing import charts, log_notes, tables, words
from flowtag_core.showing.legend import AMBER, GREY, MOST_TAGS, legend
from tests.logs import LOOKUP, line


def report(*ports):
    log = b"\n".join(line(dstport=str(port)) for port in ports)
    return map_tags(parse_flow_log(io.BytesIO(log)), load_lookup_table(io.BytesIO(LOOKUP)))


def bars(chart):
    """(name, number) of each bar, in order."""
    (rows,) = chart.to_dict()["datasets"].values()
    return [(row["name"], row["label"]) for row in rows]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_chart_has_a_bar_for_each_tag_and_untagged_last(theme):
    found = report(25, 443, 443, 8080)
    assert bars(charts.tag_chart(found, legend(found, found, theme), theme)) == [
        ("web", "2"),
        ("mail", "1"),
        ("Untagged", "1"),
    ]


def test_an_empty_report_has_an_empty_chart_and_table():
    assert bars(charts.tag_chart(report(), legend(report(), report()))) == [("Untagged", "0")]
    assert charts.port_chart(report(), legend(report(), report())).to_dict()
    ports, pairs = tables.port_table(report(), 0)
    assert len(ports) == len(pairs) == 0


def test_beyond_fifteen_ports_the_rest_is_one_bar_and_all_flows_are_in_the_chart():
    ports = [*[443] * 9, *range(2000, 2100)]
    whole = report(*ports)
    found = bars(charts.port_chart(whole, legend(whole, whole)))
    assert found[0] == ("443/tcp", "9")
    assert len(found) == charts.MOST_BARS + 1
    assert found[-1] == ("Other (86 pairs)", "86 (not to scale)")
    assert sum(int(number.split()[0]) for _, number in found) == len(ports)


tag_numbers = st.lists(st.integers(0, 40), max_size=60)


def many_tags(numbers):
    """A report in which port 0 has tag 0 and so on, each as often as it is among the numbers."""
    rules = b"dstport,protocol,tag\n" + b"".join(b"%d,tcp,t%d\n" % (n, n) for n in range(30))
    log = b"\n".join(line(dstport=str(number)) for number in numbers)
    return map_tags(parse_flow_log(io.BytesIO(log)), load_lookup_table(io.BytesIO(rules)))


@given(tag_numbers, tag_numbers, st.sampled_from(["light", "dark"]))
def test_each_tag_of_the_legend_has_a_colour_of_its_own_and_the_bars_hold_all(a, b, theme):
    part, whole = many_tags(a), many_tags(a + b)
    tag = next((tag for tag in list(part.tag_counts)[10:] if tag != "Untagged"), None)
    found = legend(part, whole, theme, tag)
    assert len(set(found.colours)) == len(found.colours) == len(found.names)
    assert (found.names[-1], found.colours[-1]) == ("Untagged", AMBER[theme])
    others = [name for name in found.names if name.startswith("Other")]
    assert (GREY[theme] in found.colours) == bool(others)
    assert len(found.names) <= MOST_TAGS + 2
    assert tag is None or tag in found.names
    drawn = bars(charts.tag_chart(part, found, theme))
    assert sum(int(label.split()[0]) for _, label in drawn) == len(a)
    for name, label in drawn:
        if name not in others:
            assert int(label) == part.tag_counts.get(name, 0)


def test_a_tag_keeps_its_colour_when_the_order_by_count_changes():
    before, after = many_tags([1, 2, 2, 3, 3, 3]), many_tags([1, 1, 1, 2, 2, 3])
    one, other = legend(before, before), legend(after, after)
    assert one.names[:3] == other.names[2::-1] == ("t3", "t2", "t1")
    assert one.colours[:3] == other.colours[2::-1]


def test_tables_are_sorted_by_count_and_shares_are_percent():
    ports, pairs = tables.port_table(report(25, 443, 443, 443), 4)
    assert pairs == [(443, 6), (25, 6)]
    assert ports["Port"].tolist() == [443, 25]
    assert ports["Share"].tolist() == [75.0, 25.0]
    assert tables.tag_table(report(25, 443, 443, 443))["Tag"].tolist() == [
        "web",
        "mail",
        "Untagged",
    ]


def test_a_protocol_without_ports_is_named_without_one():
    assert words.pair_name(443, 6) == "443/tcp"
    assert words.pair_name(0, 6) == "0/tcp"
    assert words.pair_name(0, 1) == "icmp"


@pytest.mark.parametrize(
    "text", ["**b** _i_ `c`", "<b>&amp;", ":red[x] :smile:", "$x$", "[a](b) ![c](d)"]
)
def test_markdown_shows_a_literal_text_unchanged(text):
    escaped = words.literal(text)
    assert escaped.replace("\\", "").replace("\u2060", "") == text
    assert all(
        escaped[place - 1] == "\\" for place, char in enumerate(escaped) if char in "*_`<&:$[!"
    )


def test_a_long_list_of_sentences_is_cut():
    assert words.few(["a", "b"]) == ["a", "b"]
    cut = words.few([str(number) for number in range(40)])
    assert cut == ["0", "1", "2", "3", "4", "... and 35 more"]


def test_a_file_whose_faults_are_beyond_the_samples_is_named_all_the_same():
    logs = [io.BytesIO(b"short\n" * 1500), io.BytesIO(b"short\n")]
    counts = parse_flow_log(*logs, names=["a.log", "b.log"])
    first, second = log_notes.cautions(counts)
    assert first.startswith("a.log: not one flow was found; line 1 is set aside as too few fields.")
    assert second.startswith("b.log: not one flow was found. If")


def test_of_a_long_path_the_end_is_shown_from_a_folder_on():
    assert words.short_path("logs/a.log") == "logs/a.log"
    assert words.short_path("flowtag_core/sample/deep/lookup.csv") == ".../sample/deep/lookup.csv"
    assert words.short_path("x" * 40) == "..." + "x" * 28


def test_sizes_counts_and_durations_are_said_in_few_digits():
    sizes = {0: "0 B", 999: "999 B", 1000: "1.00 kB", 999_600: "1.00 MB", 171_000_000: "171 MB"}
    assert {count: words.size(count) for count in sizes} == sizes
    counts = {999_999: "999,999", 1_357_747: "1.36 M", 17_100_000_000: "17.1 G"}
    assert {count: words.compact(count) for count in counts} == counts
    durations = {0.4: "0 s", 59: "59 s", 125: "2 min 05 s", 4200: "1 h 10 min"}
    assert {seconds: words.duration(seconds) for seconds in durations} == durations

import io

import pytest

from flowtag_core import load_lookup_table, map_tags, parse_flow_log
from flowtag_core.showing import charts, notes, tables
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
    assert bars(charts.tag_chart(report(25, 443, 443, 8080), theme)) == [
        ("web", "2"),
        ("mail", "1"),
        ("Untagged", "1"),
    ]


def test_an_empty_report_has_an_empty_chart_and_table():
    assert bars(charts.tag_chart(report())) == [("Untagged", "0")]
    assert charts.port_chart(report()).to_dict()
    assert len(tables.port_table(report(), 0)) == 0


def test_beyond_fifteen_ports_the_rest_is_one_bar_and_all_flows_are_in_the_chart():
    ports = [*[443] * 9, *range(2000, 2100)]
    found = bars(charts.port_chart(report(*ports)))
    assert found[0] == ("443/tcp", "9")
    assert len(found) == charts.MOST_BARS + 1
    assert found[-1] == ("Other (86 pairs)", "86 (not to scale)")
    assert sum(int(number.split()[0]) for _, number in found) == len(ports)


def test_tables_are_sorted_by_count_and_shares_are_percent():
    ports = tables.port_table(report(25, 443, 443, 443), 4)
    assert ports["Port"].tolist() == [443, 25]
    assert ports["Share"].tolist() == [75.0, 25.0]
    assert tables.tag_table(report(25, 443, 443, 443))["Tag"].tolist() == [
        "web",
        "mail",
        "Untagged",
    ]


def test_a_protocol_without_ports_is_named_without_one():
    assert notes.pair_name(443, 6) == "443/tcp"
    assert notes.pair_name(0, 6) == "0/tcp"
    assert notes.pair_name(0, 1) == "icmp"


@pytest.mark.parametrize(
    "text", ["**b** _i_ `c`", "<b>&amp;", ":red[x] :smile:", "$x$", "[a](b) ![c](d)"]
)
def test_markdown_shows_a_literal_text_unchanged(text):
    escaped = notes.literal(text)
    assert escaped.replace("\\", "").replace("\u2060", "") == text
    assert all(
        escaped[place - 1] == "\\" for place, char in enumerate(escaped) if char in "*_`<&:$[!"
    )


def test_a_long_list_of_sentences_is_cut():
    assert notes.few(["a", "b"]) == ["a", "b"]
    cut = notes.few([str(number) for number in range(40)])
    assert cut == ["0", "1", "2", "3", "4", "... and 35 more"]


def test_a_file_whose_faults_are_beyond_the_samples_is_named_all_the_same():
    logs = [io.BytesIO(b"short\n" * 1500), io.BytesIO(b"short\n")]
    counts = parse_flow_log(*logs, names=["a.log", "b.log"])
    first, second = notes.cautions(counts)
    assert first.startswith("a.log: not one flow was found; line 1 is set aside as too few fields.")
    assert second.startswith("b.log: not one flow was found. If")


def test_of_a_long_path_the_end_is_shown_from_a_folder_on():
    assert notes.short_path("logs/a.log") == "logs/a.log"
    assert notes.short_path("flowtag_core/sample/deep/lookup.csv") == ".../sample/deep/lookup.csv"
    assert notes.short_path("x" * 40) == "..." + "x" * 28


def test_sizes_counts_and_durations_are_said_in_few_digits():
    sizes = {0: "0 B", 999: "999 B", 1000: "1.00 kB", 999_600: "1.00 MB", 171_000_000: "171 MB"}
    assert {count: notes.size(count) for count in sizes} == sizes
    counts = {999_999: "999,999", 1_357_747: "1.36 M", 17_100_000_000: "17.1 G"}
    assert {count: notes.compact(count) for count in counts} == counts
    durations = {0.4: "0 s", 59: "59 s", 125: "2 min 05 s", 4200: "1 h 10 min"}
    assert {seconds: notes.duration(seconds) for seconds in durations} == durations

"""Numbers, names and lists are written as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.showing import words
from flowtag_core.showing.words import file_name


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


def test_a_long_list_of_sentences_is_truncated():
    assert words.few(["a", "b"]) == ["a", "b"]
    cut = words.few([str(number) for number in range(40)])
    assert cut == ["0", "1", "2", "3", "4", "... and 35 more"]


def test_a_long_path_is_shortened_to_its_end_starting_at_a_folder():
    assert words.short_path("logs/a.log") == "logs/a.log"
    assert words.short_path("flowtag_core/sample/deep/lookup.csv") == ".../sample/deep/lookup.csv"
    assert words.short_path("x" * 40) == "..." + "x" * 28


def test_sizes_counts_and_durations_have_few_digits():
    sizes = {0: "0 B", 999: "999 B", 1000: "1.00 kB", 999_600: "1.00 MB", 171_000_000: "171 MB"}
    assert {count: words.size(count) for count in sizes} == sizes
    counts = {999_999: "999,999", 1_357_747: "1.36 M", 17_100_000_000: "17.1 G"}
    assert {count: words.compact(count) for count in counts} == counts
    durations = {0.4: "0 s", 59: "59 s", 125: "2 min 05 s", 4200: "1 h 10 min"}
    assert {seconds: words.duration(seconds) for seconds in durations} == durations


@pytest.mark.parametrize("name", ["../../etc/x.csv", "C:\\a\\x.csv", "dir/x.csv"])
def test_a_file_name_is_never_a_path(name):
    assert file_name(name) == "x.csv"


SCALES = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}


def read(text):
    """Return the number that a text such as `1.36 M` or `171 MB` stands for."""
    digits, _, unit = text.partition(" ")
    return float(digits.replace(",", "")) * SCALES[unit.removesuffix("B")]


@given(st.one_of(st.integers(0, 10**7), st.integers(0, (1 << 63) - 1)))
def test_a_compact_count_is_short_and_off_by_at_most_half_a_percent(count):
    for text in (words.compact(count), words.size(count) if count < 10**17 else "0"):
        if text != "0":
            assert read(text) == pytest.approx(count, rel=0.005)
            assert len(text) <= 7
    assert count >= 1_000_000 or words.compact(count) == f"{count:,}"


@given(st.integers(0, 10**17 - 1))
def test_bytes_have_a_unit_and_other_measures_are_plain_counts(count):
    assert words.quantity(count, "bytes") == words.size(count)
    for measure in ("flows", "packets"):
        assert words.quantity(count, measure) == words.compact(count)


def test_quantities_look_like_14_gb_or_314_004():
    assert words.quantity(14_000_000_000, "bytes") == "14.0 GB"
    assert words.quantity(314_004, "flows") == "314,004"
    assert words.quantity(999_999_999_999_999, "bytes") == "1.00 PB"


def test_phrases_are_joined_in_one_line_that_starts_with_a_capital():
    assert words.joined([]) == ""
    assert words.joined(["no lookup yet"]) == "No lookup yet"
    assert words.joined(["counts are a lower bound", "2 damaged files", "NaN"]) == (
        "Counts are a lower bound · 2 damaged files · NaN"
    )
    assert words.joined(["1 damaged file"]) == "1 damaged file"


@given(st.integers(0, 10**6))
def test_a_duration_is_off_by_less_than_its_last_unit(seconds):
    parts = words.duration(seconds).split()
    units = {"s": 1, "min": 60, "h": 3600}
    said = sum(
        int(digits) * units[unit] for digits, unit in zip(parts[::2], parts[1::2], strict=True)
    )
    assert 0 <= seconds - said < units[parts[-1]]


def test_a_duration_is_rounded_before_it_is_split_into_units():
    assert [words.duration(seconds) for seconds in (59.6, 119.7, 3599.5)] == [
        "1 min 00 s",
        "2 min 00 s",
        "1 h 00 min",
    ]


def test_a_few_names_are_listed_and_the_rest_are_counted():
    assert words.few_words([]) == ""
    assert words.few_words(["a", "b", "c"]) == "a, b, c"
    assert words.few_words(["a", "b", "c", "d"]) == "a, b, c and 1 more"
    assert words.few_words([str(number) for number in range(2000)], 1) == "0 and 1,999 more"


def test_a_noun_is_in_the_plural_unless_the_count_is_one():
    assert [words.number(count, "rule") for count in (0, 1, 2, 1000)] == [
        "0 rules",
        "1 rule",
        "2 rules",
        "1,000 rules",
    ]


def test_a_text_is_truncated_only_if_it_is_too_long():
    assert words.short("x" * 60) == "x" * 60
    assert words.short("x" * 61) == "x" * 60 + "..."


@given(st.text(st.sampled_from("ab/.")))
def test_a_shortened_path_keeps_its_end_and_starts_at_a_folder_if_possible(path):
    short = words.short_path(path, 8)
    assert path.endswith(short.removeprefix("...") if len(path) > 8 else short)
    assert len(short) <= 11
    if len(path) > 8 and "/" in path[-8:]:
        assert short.startswith(".../")


@given(st.text(max_size=30))
def test_a_file_name_is_a_valid_csv_name_on_any_operating_system(name):
    made = file_name(name)
    assert made.lower().endswith(".csv")
    assert not set(made) & set('/\\:*?"<>|\n\0')
    assert made[0] not in " ."
    assert file_name(made) == made


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("lookup.csv.gz", "lookup.csv"),
        ("LOOKUP.CSV", "LOOKUP.CSV"),
        ("services", "services.csv"),
        ("Größe (1).csv", "Größe _1_.csv"),
        ("..", "lookup.csv"),
        ("", "lookup.csv"),
        ("a/", "lookup.csv"),
    ],
)
def test_a_file_name_changes_as_little_as_possible(name, made):
    assert file_name(name) == made


def test_invalid_unicode_is_escaped_and_the_rest_is_unchanged():
    assert words.unicode("é😀\udcff") == "é😀\\udcff"
    assert words.literal("a\udcff\n b") == "a\\\\udcff b"

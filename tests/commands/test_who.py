"""`flowtag who` shows, prints or writes who the flows that fit come from and go to, and says what is wrong."""

import csv
import gzip
import io
import itertools
import json
import os
import re
import struct
import subprocess
import sys

import pytest

from flowtag_core.commands.verbs import run as main
from flowtag_core.commands.who import parser
from flowtag_core.showing.who import LISTS
from flowtag_core.tagging.questions import QUESTIONS
from tests.commands.made import LOG, SAMPLE_LOOKUP, on_posix, run
from tests.conftest import ROOT
from tests.logs import LOOKUP, line, text
from tests.tagging import test_questions as planted

TITLES = [
    "Who talks to whom",
    "Top sources",
    "Top destinations",
    "Top ports",
    "Top interfaces",
]
MINUTE = 1_700_000_040
"""The first second of a minute."""
FLOWS = [
    line(start=str(MINUTE)),
    line(start=str(MINUTE + 60), dstport="25", volume="5000"),
    line(start=str(MINUTE + 120), srcaddr="8.8.8.8", dstport="22", action="REJECT"),
    line(start=str(MINUTE + 180), dstaddr="8.8.4.4", dstport="1500", protocol="17"),
    line(start=str(MINUTE + 240), dstport="0", srcport="0", protocol="1"),
    line(start=str(MINUTE + 300), srcaddr="2001:db8::1", dstaddr="fd00::1", dstport="9092"),
    line(
        start=str(MINUTE + 360),
        srcport="443",
        dstport="50000",
        srcaddr="10.0.0.2",
        dstaddr="10.0.0.1",
    ),
    line(start="-", srcaddr="-", dstaddr="-", action="DROP", dstport="9092"),
]


@pytest.fixture
def log(lookup):
    """A log with eight flows, next to a lookup."""
    path = lookup.with_name("a.log")
    path.write_bytes(text(FLOWS))
    return path


@pytest.fixture
def who(log, lookup, capsys):
    """A function that runs the command on the log and returns its JSON."""

    def ask(*words):
        words = [str(lookup) if word == "LOOKUP" else str(word) for word in words]
        assert main(["who", str(log), *words, "--json"]) == 0
        printed, told = capsys.readouterr()
        assert told == ""
        return json.loads(printed)

    return ask


@pytest.fixture
def refused(log, lookup, capsys):
    """A function that runs the command on the log, which fails, and returns what it says."""

    def ask(*words):
        words = [str(lookup) if word == "LOOKUP" else str(word) for word in words]
        try:
            code = main(["who", str(log), *words])
        except SystemExit as ended:
            code = ended.code
        printed, told = capsys.readouterr()
        assert (code, printed) == (2, "")
        assert "Traceback" not in told
        assert "bug" not in told
        return told

    return ask


def tables(printed):
    """Return the printed tables: the cells of each row, and of the head, by title."""
    found, rows = {}, None
    for row in printed.splitlines():
        title = re.fullmatch(rf"({'|'.join(TITLES)})( \(.*\))? *", row)
        if title:
            rows = found[title[1]] = []
        elif not row.strip():
            rows = None
        elif rows is not None:
            rows.append(re.split(r" {2,}", row.strip()))
    return found


def ports_of(told):
    return {row["port"] for row in told["lists"]["ports"]}


def test_the_lists_are_printed_as_tables_below_the_sums_of_all_flows(log, capsys):
    assert main(["who", str(log)]) == 0
    printed, told = capsys.readouterr()
    assert told == ""
    assert printed.splitlines()[0].rstrip() == "8 flows, 10.9 kB, 12.5% rejected."
    found = tables(printed)
    assert list(found) == TITLES
    assert found["Who talks to whom"][:2] == [
        ["Source", "Destination", "Flows", "Bytes", "Rejected", "First", "Last"],
        [
            *("10.0.0.1", "10.0.0.2", "3", "6.68 kB", "0%"),
            *("14 Nov 2023 22:14 UTC", "14 Nov 2023 22:18 UTC"),
        ],
    ]
    assert found["Top sources"][1][:6] == ["10.0.0.1", "4", "7.52 kB", "0%", "2", "4"]
    assert ["8.8.8.8", "1", "840 B", "100%", "1", "1"] in [row[:6] for row in found["Top sources"]]
    assert {row[0] for row in found["Top ports"][1:]} > {"9092/tcp", "icmp", "1500/udp"}
    assert found["Top interfaces"][1][:2] == ["eni-0a1b2c3d", "8"]


def test_the_first_lines_that_fit_are_shown_with_their_numbers(log, capsys):
    assert main(["who", str(log), "--port", "9092/tcp"]) == 0
    printed = capsys.readouterr().out.splitlines()
    begin = printed.index("First lines")
    assert printed[begin + 1 : begin + 3] == [
        f"{log}:{number}: {FLOWS[number - 1].decode()}" for number in (6, 8)
    ]


@on_posix
def test_the_sample_and_standard_input_can_be_asked():
    done = run("who", LOG)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"14 flows, 111 kB, 14.3% rejected.")
    done = run("who", "-", "--json", input=text(FLOWS))
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["flows"] == 8


def test_several_logs_and_folders_add_up(who, log):
    folder = log.with_name("logs")
    folder.mkdir()
    (folder / "b.log.gz").write_bytes(gzip.compress(text(FLOWS)))
    assert who(folder)["flows"] == 16


@pytest.mark.parametrize(
    ("words", "flows"),
    [
        ((), 8),
        (("--action", "REJECT"), 1),
        (("--action", "other"), 1),
        (("--boundary", "inbound"), 2),
        (("--boundary", "outbound"), 1),
        (("--boundary", "unknown"), 1),
        (("--boundary", "internal", "--internal", "8.8.8.0/24"), 5),
        (("--action", "ACCEPT", "--boundary", "internal"), 4),
        (("--service", "--port", "443/tcp"), 2),
        (("--port", "443/tcp"), 1),
    ],
)
def test_each_option_narrows_the_flows(who, words, flows):
    assert who(*words)["flows"] == flows


@pytest.mark.parametrize(
    ("words", "ports"),
    [
        (["22/tcp"], {"22/tcp"}),
        (["22/TCP"], {"22/tcp"}),
        (["22/6"], {"22/tcp"}),
        (["022/tcp"], {"22/tcp"}),
        (["0-1000/tcp"], {"22/tcp", "25/tcp", "443/tcp"}),
        (["22-25/tcp"], {"22/tcp", "25/tcp"}),
        (["22-22/tcp"], {"22/tcp"}),
        (["1000-1999/udp"], {"1500/udp"}),
        (["icmp"], {"icmp"}),
        (["1"], {"icmp"}),
        (["0/icmp"], {"icmp"}),
        (["22/tcp", "1500/udp", "icmp"], {"22/tcp", "1500/udp", "icmp"}),
        (["0-65535/tcp"], {"22/tcp", "25/tcp", "443/tcp", "9092/tcp", "50000/tcp"}),
    ],
)
def test_a_port_is_written_with_its_protocol_and_may_be_a_range_or_repeated(who, words, ports):
    told = who(*(word for port in words for word in ("--port", port)))
    assert ports_of(told) == ports


@pytest.mark.parametrize(
    "port",
    (
        "443 tcp/443 443/ /tcp tcp 443-/tcp 443/300 443/http https */tcp 1--2/tcp 1-2-3/tcp 443,80/tcp "
        "443/tcp,80/tcp \u00b2/tcp +1/tcp"
    ).split(),
)
def test_what_is_not_a_port_with_a_protocol_is_refused_with_an_example(refused, port):
    told = refused(f"--port={port}")
    assert f"argument --port: {port!r} is not a port with a protocol." in told
    assert "443/tcp" in told


def test_a_range_of_ports_that_ends_before_it_begins_is_refused(refused):
    assert "'9-3/tcp' is not valid. Ports are from 0 to 65535, the smaller one first" in refused(
        "--port", "9-3/tcp"
    )
    assert "is not valid. Ports are from 0 to 65535" in refused("--port", "65536/tcp")


@pytest.mark.parametrize(
    ("words", "ports"),
    [
        (("--tag", "web"), {"443/tcp"}),
        (("--tag", "games"), {"1500/udp"}),
        (("--untagged",), {"22/tcp", "icmp", "9092/tcp", "50000/tcp"}),
        (("--untagged", "--port", "20-30/tcp"), {"22/tcp"}),
        (("--untagged", "--service"), {"22/tcp", "icmp", "9092/tcp"}),
    ],
)
def test_only_ports_with_a_tag_or_without_one_are_shown(who, words, ports):
    assert ports_of(who("--lookup", "LOOKUP", *words)) == ports


def test_the_lookup_may_be_in_the_settings_next_to_the_log(who, log):
    log.with_name("flowtag.toml").write_text('lookup = "lookup.csv"\n')
    assert ports_of(who("--tag", "mail")) == {"25/tcp"}


@pytest.mark.parametrize("words", [("--tag", "web"), ("--untagged",), ("--ask", "untagged")])
def test_tags_need_a_lookup(refused, words):
    assert "need --lookup, or a lookup in flowtag.toml" in refused(*words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--tag", "nope", "--lookup", "LOOKUP"), "lookup.csv: has no tag 'nope'."),
        (("--tag", "WEB", "--lookup", "LOOKUP"), "lookup.csv: has no tag 'WEB'."),
        (("--tag", "web", "--untagged", "--lookup", "LOOKUP"), "contradict each other"),
        (("--tag", "web", "--lookup", "nowhere.csv"), "nowhere.csv: there is no such file."),
        (("--tag", "web", "--lookup", LOG), "needs the three columns dstport, protocol and tag"),
        (("--names", "nowhere.csv"), "nowhere.csv: cannot be read: "),
        (("--names", SAMPLE_LOOKUP), "Begin the file with: cidr,name"),
        (("--ask", "everything"), "choose from 'rejected', 'untagged', 'admin', 'scan', 'out'"),
        (("--by", "name"), "choose from 'flows', 'packets', 'bytes', 'destinations', 'ports'"),
        (("--top", "0"), "is not a number from 1 to 1,000,000"),
        (("--top", "1000001"), "is not a number from 1 to 1,000,000"),
        (("--top=-1",), "is not a number from 1 to 1,000,000"),
        (("--top", "ten"), "is not a number from 1 to 1,000,000"),
        (("--from", "tomorrow"), "--from: 'tomorrow' is not a valid time."),
        (("--from", "2026-11-24", "--to", "2026-11-23"), "--to must be after --from"),
        (("--format", "version action"), "not both dstport and protocol"),
        (("--internal", "example.com"), "is not an address range"),
        (("-o", "-", "--json"), "both write to standard output"),
        (("-o", ""), "is not a file name"),
        (("-o", "no/such/folder/out.csv"), "there is no folder"),
        (("nowhere.log",), "nowhere.log: there is no such file."),
        (("",), "one of the paths is empty"),
        ((SAMPLE_LOOKUP,), "is a lookup, not a flow log"),
        (("--tga", "web"), "unrecognized arguments: --tga"),
        (("--tag",), "expected one argument"),
    ],
)
def test_an_impossible_run_exits_2_and_says_why(refused, words, said):
    assert said in refused(*words)


def test_without_a_log_it_says_what_to_give(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["who"])
    assert "give at least one LOG" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "flows"),
    [
        ("10.0.0.1", 5),
        ("8.8.4.4", 1),
        ("::ffff:8.8.4.4", 1),
        ("2001:db8::1", 1),
        ("2001:DB8:0:0:0:0:0:1", 1),
        ("fd00:0000::0001", 1),
    ],
)
def test_the_flows_of_an_address_are_found_in_both_directions_however_it_is_written(
    who, address, flows
):
    assert who("--address", address)["flows"] == flows


@pytest.mark.parametrize(
    ("words", "flows"),
    [
        (("--from", "2023-11-14"), 7),
        (("--from", "2023-11-14T22:16"), 5),
        (("--from", "2023-11-14T23:16+01:00"), 5),
        (("--to", "2023-11-14T22:16"), 2),
        (("--to", "2023-11-14"), 7),
        (("--from", "2023-11-14T22:15", "--to", "2023-11-14T22:17"), 2),
        (("--from", f"{MINUTE}", "--to", f"{MINUTE + 60}"), 1),
    ],
)
def test_only_flows_that_begin_in_the_time_are_shown_and_none_whose_time_is_unknown(
    who, words, flows
):
    assert who(*words)["flows"] == flows


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_repeated_and_its_answer_is_the_first_row(log, lookup, capsys, name):
    log.write_bytes(text(planted.flows()))
    lookup.write_text(planted.LOOKUP)
    assert main(["who", str(log), "--lookup", str(lookup), "--ask", name]) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[0].rstrip() == QUESTIONS[name].text
    title, rows = next(iter(tables(printed).items()))
    answer = planted.ANSWERS[name]
    assert title == TITLES[LISTS.index(QUESTIONS[name].answer)]
    assert tuple(rows[1][: len(answer)]) == answer


def test_a_question_is_narrowed_by_other_options(log, who):
    log.write_bytes(text(planted.flows()))
    assert who("--ask", "admin")["flows"] == 25
    assert who("--ask", "admin", "--port", "3389/tcp")["flows"] == 5
    assert who("--ask", "admin", "--address", "47.0.0.1")["flows"] == 20
    assert who("--ask", "rejected", "--top", "1")["lists"]["sources"][0]["source"] == "45.0.0.1"
    told = who("--ask", "out", "--by", "flows")
    assert told["lists"]["pairs"][0]["destination"] == "52.0.0.2"


@pytest.mark.parametrize("by", ["flows", "packets", "bytes", "destinations", "ports"])
def test_the_lists_are_sorted_by_what_was_asked_for(who, by):
    told = who("--by", by)
    for name, rows in told["lists"].items():
        measure = by if name == "sources" or by not in ("destinations", "ports") else "flows"
        values = [row[measure] for row in rows]
        assert values == sorted(values, reverse=True)


def test_at_most_so_many_rows_of_each_list_are_shown_and_the_title_says_of_how_many(
    who, log, capsys
):
    assert {len(rows) for rows in who("--top", "1")["lists"].values()} == {1}
    assert main(["who", str(log), "--top", "1"]) == 0
    printed = capsys.readouterr().out
    assert "Who talks to whom (1 of 6)" in printed
    assert re.search(r"^Top interfaces *$", printed, re.MULTILINE)
    log.write_bytes(text(line(dstport=str(port)) for port in range(30)))
    assert len(who()["lists"]["ports"]) == 10
    assert len(who("--top", "10000")["lists"]["ports"]) == 30


def test_addresses_are_shown_with_their_names_and_bad_rows_are_listed(log, capsys, tmp_path):
    names = tmp_path / "names.csv"
    names.write_text("cidr,name\n10.0.0.0/8,office\n10.0.0.2,db\nnowhere,x\n8.8.8.8,\n")
    assert main(["who", str(log), "--names", str(names)]) == 0
    printed, told = capsys.readouterr()
    assert tables(printed)["Who talks to whom"][1][:2] == ["10.0.0.1 office", "10.0.0.2 db"]
    assert [row.split(": ")[0] for row in told.splitlines()] == [f"{names}:4", f"{names}:5"]
    assert main(["who", str(log), "--names", str(names), "--json"]) == 0
    (first, *_) = json.loads(capsys.readouterr().out)["lists"]["pairs"]
    assert (first["source_name"], first["destination_name"]) == ("office", "db")


def test_the_written_json_is_the_printed_one_and_the_csv_has_the_same_rows(log, capsys, tmp_path):
    names, path = tmp_path / "names.csv", tmp_path / "out.csv"
    names.write_text("cidr,name\n10.0.0.0/8,=office\n")
    words = ["who", str(log), "--names", str(names)]
    assert main([*words, "-o", str(path.with_suffix(".json")), "--json"]) == 0
    told = json.loads(path.with_suffix(".json").read_text())
    assert json.loads(capsys.readouterr().out) == told
    assert main([*words, "-o", str(path)]) == 0
    printed, said = capsys.readouterr()
    assert printed == ""
    assert said.splitlines() == [
        "8 flows, 10.9 kB, 12.5% rejected.",
        f"The lists are in {path}.",
    ]
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))
    assert [row["list"] for row in rows] == [
        name for name, some in told["lists"].items() for _ in some
    ]
    for row, said in zip(rows, itertools.chain(*told["lists"].values()), strict=True):
        for name in ("flows", "packets", "bytes", "accepted", "rejected"):
            assert int(row[name]) == said[name]
        for name in ("source", "destination", "port", "interface"):
            assert row[name] == said.get(name, "")
        assert (row["destinations"], row["ports"]) == (
            str(said.get("destinations", "")),
            str(said.get("ports", "")),
        )
    assert rows[0]["source_name"] == "'=office"
    assert main([*words, "-o", "-"]) == 0
    assert capsys.readouterr().out.encode() == path.read_bytes()


def test_a_reader_that_stops_early_or_a_closed_output_causes_no_traceback(log):
    pytest.importorskip("fcntl")
    command = f"{sys.executable} -m flowtag_core who {log} "
    for rest, code in (("| true", 0), ("-o - | true", 0), (">&-", 2), ("--json > /dev/full", 2)):
        done = subprocess.run(
            command + rest, shell=True, cwd=ROOT, capture_output=True, check=False
        )
        assert done.returncode == code
        assert b"Traceback" not in done.stderr
        assert b"bug" not in done.stderr


@pytest.mark.parametrize("target", ["a.log", "lookup.csv", "names.csv", "flowtag.toml", "link"])
def test_an_output_that_is_an_input_is_refused_and_stays_as_it_is(refused, log, tmp_path, target):
    names, settings = tmp_path / "names.csv", tmp_path / "flowtag.toml"
    names.write_text("cidr,name\n10.0.0.0/8,office\n")
    settings.write_text('internal = ["203.0.113.0/24"]\n')
    os.link(log, tmp_path / "link")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    words = ["--lookup", "LOOKUP", "--tag", "web", "--names", names, "-o", tmp_path / target]
    also = f" ({log})" if target == "link" else ""
    assert f"{tmp_path / target}: is an input too{also}. Name another file." in refused(*words)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_output_in_an_input_folder_is_refused_if_it_is_read_and_otherwise_written(
    log, lookup, capsys
):
    folder = log.parent / "logs"
    folder.mkdir()
    (folder / "a.log").write_bytes(log.read_bytes())
    assert main(["who", str(folder), "-o", str(folder / "a.log")]) == 2
    assert "is an input too" in capsys.readouterr().err
    assert (folder / "a.log").read_bytes() == log.read_bytes()
    assert main(["who", str(folder), "-o", str(folder / "new.csv")]) == 0
    assert (folder / "new.csv").read_bytes().startswith(b"list,source,")
    assert lookup.read_bytes() == LOOKUP


def test_a_damaged_log_is_shown_up_to_the_damage_and_exits_1(log, capsys):
    packed = log.with_name("b.log.gz")
    packed.write_bytes(gzip.compress(text(line(start=f"{MINUTE + n}") for n in range(999)))[:-9])
    for words in ((), ("--json",), ("-o", str(log.with_name("out.csv"))), ("-q",)):
        assert main(["who", str(packed), *words]) == 1
        printed, told = capsys.readouterr()
        assert f"{packed}: is cut short" in told
        assert bool(printed) == ("-o" not in words)
    assert main(["who", str(packed), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["flows"] > 900
    assert "is cut short" in said["damage"][0]


def test_control_characters_never_reach_the_terminal(log, capsys, tmp_path):
    hostile = tmp_path / "\x1b[31mred\n\u202e.log" if os.name == "posix" else tmp_path / "b.log"
    hostile.write_bytes(line() + b" \x1b[2J\x07\r\xff\n")
    names = tmp_path / "names.csv"
    names.write_text(
        "cidr,name\n10.0.0.0/8,\x1b]0;title\x07\u202e\n\x1b[2J,x\n[bold]red[/],:smile:\n"
    )
    tag = tmp_path / "\x1b[2Jlookup.csv" if os.name == "posix" else tmp_path / "b.csv"
    tag.write_bytes(LOOKUP)
    for words in (
        (str(log),),
        (str(log), "--json"),
        (str(log), "--lookup", str(tag), "--tag", "\x1b[2J"),
        (str(log), "--names", f"{tag}\x1b"),
        (str(log), "--from", "\x1b[2J\r"),
        (f"{log}\x1b[2J",),
    ):
        main(["who", str(hostile), "--names", str(names), *words])
        shown = "".join(capsys.readouterr())
        assert all(char.isprintable() or char == "\n" for char in shown)
        assert shown


def test_a_name_is_shown_as_it_is_in_one_line_and_never_as_markup(log, capsys, tmp_path):
    names = tmp_path / "names.csv"
    names.write_text('cidr,name\n10.0.0.1,[bold]a[/] :smile: http://x\n10.0.0.2,"b\nc"\n')
    assert main(["who", str(log), "--names", str(names)]) == 0
    found = tables(capsys.readouterr().out)
    assert found["Who talks to whom"][1][:2] == [
        "10.0.0.1 [bold]a[/] :smile: http://x",
        "10.0.0.2 b\\nc",
    ]


def test_after_two_dashes_every_word_is_a_log(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "--json").write_bytes(text(FLOWS))
    assert main(["who", "--", "--json"]) == 0
    assert capsys.readouterr().out.startswith("8 flows")


def test_help_names_every_option_every_question_and_the_exit_codes(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["who", "--help"])
    told = capsys.readouterr().out
    assert told == parser().format_help()
    for question in QUESTIONS.values():
        assert question.text in told
    for word in ("LOG", "--port", "--address", "--names", "--internal", "--ask", "exit code"):
        assert word in told
    assert max(map(len, told.splitlines())) <= 82


def test_a_terminal_that_cannot_show_a_name_gets_it_escaped(log, capsys, tmp_path, monkeypatch):
    names = tmp_path / "names.csv"
    names.write_text("cidr,name\n10.0.0.1,\u6f22\n", encoding="utf-8")
    shown = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", shown)
    assert main(["who", str(log), "--names", str(names)]) == 0
    assert b"10.0.0.1 \\u6f22" in shown.buffer.getvalue()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("words", [(), ("--json",), ("-o", "-")])
def test_if_no_flows_match_it_says_so_and_exits_0(log, capsys, words):
    assert main(["who", str(log), "--port", "9999/tcp", *words]) == 0
    printed = capsys.readouterr().out
    assert (
        printed.startswith("list,")
        if "-o" in words
        else "No flows match." in printed or '"flows": 0' in printed
    )


@pytest.mark.parametrize(
    "address",
    ["foo", "10.0.0.0/8", "-", "unknown", "", "010.0.0.1", "fe80::1%eth0", "eni-0a1b2c3d"],
)
def test_what_is_not_an_address_is_refused(log, capsys, address):
    log.write_bytes(line(srcaddr="-", dstaddr="-"))
    with pytest.raises(SystemExit, match="2"):
        main(["who", str(log), f"--address={address}"])
    assert "is not an IP address" in capsys.readouterr().err


def test_an_output_that_is_the_lookup_in_the_settings_is_refused(log, lookup):
    log.with_name("flowtag.toml").write_text('lookup = "lookup.csv"\n')
    before = lookup.read_bytes()
    assert main(["who", str(log), "--untagged", "--port", "443/tcp", "-o", str(lookup)]) == 2
    assert main(["who", str(log), "--tag", "web", "-o", str(lookup)]) == 2
    assert lookup.read_bytes() == before


def test_the_lookup_in_the_settings_is_not_read_as_a_log_of_its_folder(log, capsys):
    log.with_name("flowtag.toml").write_text('lookup = "lookup.csv"\n')
    assert main(["who", str(log.parent), "--tag", "web"]) == 0
    assert capsys.readouterr().err == ""


@on_posix
@pytest.mark.parametrize("columns", [80, 100, 200])
def test_a_terminal_shows_no_escapes_and_every_address_whole(log, columns):
    import fcntl
    import pty
    import termios

    ends, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    log.write_bytes(line(srcaddr="110.100.100.101", dstaddr="210.200.200.201"))
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment.pop("COLUMNS", None)
    command = [sys.executable, "-m", "flowtag_core", "who", str(log)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=side, stderr=subprocess.PIPE, env=environment
    ) as running:
        os.close(side)
        told = b""
        while True:
            try:
                told += os.read(ends, 1 << 16)
            except OSError:
                break
        assert running.wait() == 0
    os.close(ends)
    assert b"\x1b" not in told
    assert b"x1b" not in told
    lists_shown = told.partition(b"First lines")[0]
    assert lists_shown.count(b"110.100.100.101") == lists_shown.count(b"210.200.200.201") == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full")
def test_a_full_disk_gives_one_sentence(log):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "flowtag_core", "who", str(log)],
            cwd=ROOT,
            stdout=full,
            stderr=-1,
            check=False,
        )
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert b"standard output could not be written: No space left" in done.stderr


@on_posix
@pytest.mark.parametrize(
    "rest", ["{log} >> {log}", "{log} -o - >> {log}", "{log} --json >> {log}", "- < {log} >> {log}"]
)
def test_standard_output_that_is_an_input_is_refused(log, rest):
    before = log.read_bytes()
    command = f"{sys.executable} -m flowtag_core who {rest.format(log=log)}"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, log.read_bytes()) == (2, before)


def test_a_missing_lookup_is_an_error_even_if_it_is_not_needed(log):
    assert main(["who", str(log), "--lookup", "nowhere.csv"]) == 2


def test_a_question_is_never_widened_by_another_option(log, capsys):
    log.write_bytes(line(srcaddr="8.8.8.8"))
    assert main(["who", str(log), "--ask", "rejected", "--action", "ACCEPT"]) in (0, 2)
    assert "8.8.8.8" not in capsys.readouterr().out


@pytest.mark.parametrize("port", ["1-/tcp", "443-/tcp", "-/tcp", "9" * 5000 + "/tcp"])
def test_half_a_range_is_refused(log, capsys, port):
    with pytest.raises(SystemExit, match="2"):
        main(["who", str(log), f"--port={port}"])
    assert "is not a port with a protocol" in capsys.readouterr().err


def test_lines_that_cannot_be_counted_and_files_given_twice_are_mentioned(log, capsys):
    log.write_bytes(line() + b"\nshort\n")
    main(["who", str(log), str(log)])
    printed, told = capsys.readouterr()
    assert "2 lines could not be read, so flows may be missing" in printed
    assert "was given more than once" in told

"""Each look of `flowtag follow` writes the result, the state and the alerts, or says why not and tries again."""

import gzip
import json
import os
import time

from flowtag_core.commands.live_result import LiveResult, _screen, ending, line
from flowtag_core.reading.follow import Follower
from flowtag_core.reading.live import Live
from flowtag_core.reading.state import load
from flowtag_core.tagging.lookup_file import load_lookup_table
from tests.commands.made import append, on_posix, tags
from tests.logs import line as flow

pytestmark = on_posix


def followed(log, **options):
    lookup = str(log.with_name("lookup.csv"))
    out = str(log.with_name("out.csv"))
    live = Live(Follower([str(log)]))
    return LiveResult(live, lookup, load_lookup_table(lookup), out, **options)


def test_a_changed_lookup_is_loaded_again_and_a_broken_one_leaves_the_previous_one_in_use(
    log, capsys
):
    shown = followed(log)
    shown.look(9)
    lookup = log.with_name("lookup.csv")
    lookup.write_text("dstport,protocol,tag\n443,tcp,site\n")
    shown.look(9)
    assert tags(log.parent) == {"site": "1", "Untagged": "0"}
    lookup.write_text("nonsense\n")
    shown.look(9)
    assert "The previous lookup is still used." in capsys.readouterr().err
    append(log, flow())
    shown.look(9)
    assert tags(log.parent) == {"site": "2", "Untagged": "0"}
    lookup.unlink()
    shown.look(9)
    shown.live.follower.close()
    assert "there is no such file" in capsys.readouterr().err


def test_a_result_or_a_state_that_cannot_be_written_is_reported_and_tried_again(log, capsys):
    folder = log.with_name("later")
    shown = followed(log, state=str(folder / "kept"))
    shown.output = str(folder / "out.csv")
    shown.look(9)
    assert capsys.readouterr().err.count("flowtag will try again.") == 2
    folder.mkdir()
    shown.look(9)
    shown.live.follower.close()
    assert sorted(os.listdir(folder)) == ["kept", "out.csv"]


def test_nothing_is_written_if_nothing_is_new(log):
    shown = followed(log, state=str(log.with_name("kept")))
    shown.look(9)
    written = [log.with_name(name) for name in ("out.csv", "kept")]
    for path in written:
        os.utime(path, (1, 1))
    shown.look(9)
    shown.live.follower.close()
    assert [path.stat().st_mtime for path in written] == [1, 1]


def test_the_live_table_shows_tags_as_plain_text(log):
    log.with_name("lookup.csv").write_text("dstport,protocol,tag\n443,tcp,[red]web[/]\x1b]0;x\n")
    shown = followed(log)
    shown.look(9)
    shown.live.follower.close()
    assert " 1 flow, " in line(shown)
    assert "Untagged 0.0%, 14 Nov 2023 22:13 \u2013 22:14 UTC, lag " in line(shown)
    from rich.console import Console

    console = Console(width=100, record=True, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    console.print(_screen(shown))
    drawn = console.export_text()
    assert "[red]web[/]" in drawn
    assert "\\x1b" in drawn
    assert "\x1b" not in drawn
    assert drawn.splitlines()[0].strip() == "1 flow, Untagged 0.0%"
    console.file.close()


def hours_of(log, hours, end=1_700_006_400, **fields):
    """Append one flow per minute for this many hours before `end`."""
    starts = range(end - 3600 * hours, end, 60)
    append(log, *(flow(start=str(start), **fields) for start in starts))


def test_with_keep_the_result_covers_the_last_hours_and_says_which(log):
    hours_of(log, 30)
    shown = followed(log, keep=60)
    shown.look(9)
    assert tags(log.parent) == {"web": "60", "Untagged": "0"}
    sections = (log.parent / "out.csv").read_text().split("\n\n")
    assert sections[2] == "Time Covered (UTC):\nFrom,To\n2023-11-14T23:00,2023-11-15T00:00\n"
    assert "14 Nov 2023 23:00 \u2013 15 Nov 2023 00:00 UTC" in line(shown)
    shown.live.follower.close()
    assert "which covers 14 Nov 2023 23:00" in list(ending(shown))[-1]
    assert next(iter(ending(shown))).startswith("Stopped. 1,801 records")


def test_without_keep_the_result_has_two_sections_and_everything(log):
    hours_of(log, 30)
    shown = followed(log)
    shown.look(9)
    shown.live.follower.close()
    assert tags(log.parent) == {"web": "1801", "Untagged": "0"}
    assert (log.parent / "out.csv").read_text().count("\n\n") == 1
    assert shown.covered == (1_699_898_400, 1_700_006_400)


def new_port(log):
    append(log, *[flow(dstport="9092", start="1700006400")] * 10)


def test_alerts_are_appended_as_json_lines_and_given_once_even_after_a_restart(log, capsys):
    hours_of(log, 3)
    alerts, kept = log.with_name("alerts"), log.with_name("kept")
    shown = followed(log, alerts=str(alerts), state=str(kept))
    shown.look(9)
    assert not alerts.exists()
    new_port(log)
    shown.look(9)
    shown.live.follower.close()
    (found,) = map(json.loads, alerts.read_text().splitlines())
    assert (found["kind"], found["port"], found["protocol"]) == ("new port", 9092, "tcp")
    assert (found["flows"], found["before"], found["from"]) == (10, 0, "2023-11-15T00:00Z")
    assert f"Alert: {found['text']}" in capsys.readouterr().err
    again = followed(log, alerts=str(alerts), state=str(kept))
    again.resume(str(kept))
    append(log, *[flow(dstport="9092", start="1700006460")] * 10)
    again.look(9)
    again.live.follower.close()
    assert len(alerts.read_text().splitlines()) == 1


def test_alerts_that_cannot_be_written_wait_with_a_message(log, capsys):
    hours_of(log, 3)
    folder = log.with_name("later")
    shown = followed(log, alerts=str(folder / "alerts"))
    shown.look(9)
    new_port(log)
    shown.look(9)
    assert capsys.readouterr().err.count("flowtag will try again.") == 1
    folder.mkdir()
    shown.look(9)
    shown.live.follower.close()
    assert len((folder / "alerts").read_text().splitlines()) == 1


def test_a_backlog_is_searched_for_alerts_block_by_block(log, capsys):
    hours_of(log, 6)
    append(log, *[flow(dstport="9092", start="1699999200")] * 10)
    shown = followed(log)
    shown.look(9)
    assert "9092/tcp (Untagged) is new: 10 flows in the ten minutes from 14 Nov 22:00 UTC" in (
        capsys.readouterr().err
    )
    shown.live.follower.close()


def test_the_first_line_that_cannot_be_counted_is_said_once_for_each_file(log, capsys):
    append(log, b"short", b"shorter")
    shown = followed(log)
    shown.look(9)
    append(log, b"again")
    shown.look(9)
    shown.live.follower.close()
    said = capsys.readouterr().err
    assert said.count(f"{log}:2: too few fields: short") == 1
    assert "again" not in said
    assert "1 flow, 0/s, Untagged 0.0%, 3 lines with a fault" in line(shown)


def test_a_log_in_another_layout_is_told_how_to_read_it(log, capsys):
    log.write_bytes(b"443 6 ACCEPT\n" * 9)
    shown = followed(log)
    shown.look(9)
    shown.live.follower.close()
    assert "no flows were found" in capsys.readouterr().err
    assert "no flows were found" in "".join(ending(shown))


def test_problems_of_the_lookup_and_a_successful_reload_are_said(log, capsys):
    lookup = log.with_name("lookup.csv")
    shown = followed(log)
    shown.look(9)
    lookup.write_text("dstport,protocol,tag\n443,tcp,web\n99999,tcp,x\n")
    shown.look(9)
    said = capsys.readouterr().err
    assert f"{lookup}: loaded again, 1 rule." in said
    assert "port '99999'" in said
    shown.is_quiet = True
    lookup.write_text("dstport,protocol,tag\n443,tcp,web\n99999,tcp,x\n9,9,y\n")
    shown.look(9)
    assert "loaded again" not in capsys.readouterr().err
    lookup.unlink()
    os.mkfifo(lookup)
    shown.look(9)
    assert "is not a file any more. The previous lookup is still used." in capsys.readouterr().err
    shown.live.follower.close()


def test_a_result_that_was_deleted_is_written_again(log):
    shown = followed(log)
    shown.look(9)
    log.with_name("out.csv").unlink()
    shown.look(9)
    shown.live.follower.close()
    assert tags(log.parent)["web"] == "1"


def test_at_the_end_nothing_is_promised_and_what_is_not_counted_is_named(log, capsys):
    (log.parent / "logs").mkdir()
    (log.parent / "logs" / "b.gz").write_bytes(gzip.compress(flow() + b"\n")[:-9])
    shown = followed(log.parent / "logs")
    shown.output = str(log.with_name("nowhere") / "out.csv")
    shown.look(9, is_last=True)
    shown.live.follower.close()
    assert "again" not in capsys.readouterr().err
    told = "".join(ending(shown))
    assert "b.gz: is incomplete or too new, and is not counted." in told
    assert "The result is in" not in told


def test_alerts_go_to_standard_output_and_quiet_says_nothing_else(log, capsys):
    hours_of(log, 3)
    shown = followed(log, alerts="-", is_quiet=True)
    shown.look(9)
    new_port(log)
    shown.look(9)
    shown.live.follower.close()
    said = capsys.readouterr()
    assert json.loads(said.out)["kind"] == "new port"
    assert said.err == ""


def test_the_line_says_how_far_behind_flowtag_is(log, monkeypatch):
    shown = followed(log)
    shown.look(0)
    assert line(shown).endswith("catching up")
    assert "There is more to count" in " ".join(ending(shown))
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000 + 100)
    shown.look(9)
    assert "lag 1 min 00 s" in line(shown)
    shown.look(9)
    assert not line(shown).endswith("catching up")
    shown.live.follower.close()


def test_what_is_polled_between_two_looks_is_in_the_state_at_once_and_in_the_next_result(log):
    kept = log.with_name("kept")
    shown = followed(log, state=str(kept))
    shown.look(9)
    append(log, flow())
    shown.poll()
    assert load(str(kept)).counts.total.flows == 2
    assert tags(log.parent)["web"] == "1"
    append(log, flow())
    shown.poll()
    assert load(str(kept)).counts.total.flows == 2  # It was written a moment ago.
    shown.look(9)
    shown.live.follower.close()
    assert shown.live.added.total.flows == 2
    assert load(str(kept)).counts.total.flows == 3
    assert tags(log.parent)["web"] == "3"

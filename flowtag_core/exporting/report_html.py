"""Handout -> one HTML file that needs nothing else: no script, no network, no other file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import flowtag_core
from flowtag_core.exporting.svg import svg
from flowtag_core.showing import charts, coverage, log_notes, report_tables, story, timeline, times
from flowtag_core.showing.handout import Handout
from flowtag_core.showing.legend import Colours, Legend
from flowtag_core.showing.legend import legend as legend_of
from flowtag_core.showing.words import few_words, number, short_path, size, unicode
from flowtag_core.showing.workbench import looks_like_replies

_THEME: Final = "report"
_WIDTHS: Final = {"wide": (880, 560), "narrow": (300, 210)}
"""The widths in pixels of the timeline's and of the other bars, for a desktop and for a phone."""
_LONGEST_NAME: Final = 60
_FOLDER: Final = Path(__file__).parent


def report_html(handout: Handout) -> Iterator[bytes]:
    """Yield the report in pieces. In it, text from logs, lookups and file names is never markup.

    Raises OutputError if its charts cannot be drawn.
    """
    content = _content(handout)
    for piece in _template().generate(content):
        yield piece.encode()


@cache
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FileSystemLoader(_FOLDER),
        # A file name may contain bytes that are not UTF-8.
        finalize=lambda value: unicode(value) if type(value) is str else value,
    )
    return environment.get_template("report.html")


def _content(handout: Handout) -> dict[str, Any]:
    """Return the variables of the template. Only those in `html` are markup."""
    from markupsafe import Markup

    view, findings = handout.view, handout.findings
    counts = view.counts
    # Other colors than on the page, where a tag keeps the color that it first had: here all are distinct.
    legend = legend_of(view.report, view.report, Colours(), view.tag)
    html = {
        "css": (_FOLDER / "report.css").read_text(encoding="utf-8"),
        "bar": coverage.bar(view.parts) if view.report.total else "",
        "timeline": _timeline(handout, legend),
        "tag_bars": _tag_bars(handout, legend),
    }
    return {
        "version": flowtag_core.__version__,
        "days": story.days(handout),
        "about": list(_about(handout)),
        "story": story.story(handout),
        "measure": view.report.measure,
        "numbers": view.numbers,
        "timeline_note": _timeline_note(handout),
        "legend": list(zip(legend.names, legend.colours, strict=True)),
        "tags": report_tables.tag_table(handout, legend),
        "untagged": report_tables.untagged_table(view),
        "replies": int(looks_like_replies(counts, view.report).sum()),
        "has_flows": bool(len(view.report.port)),
        "has_replies": any(part.kind == "replies" for part in view.parts),
        "zone": times.zone_name(handout.zone, handout.covered or (0, 1)),
        "boundaries": report_tables.boundary_table(view),
        "inside": log_notes.inside(counts),
        "let_in": report_tables.let_in_table(view),
        "ports": report_tables.port_table(handout, legend),
        "findings": findings,
        "who": [
            report_tables.who_table(each, handout.zone)
            for each in (findings.lists if findings else ())
        ],
        "equation": log_notes.equation(counts.total),
        "messages": handout.messages,
        "files": report_tables.file_table(counts),
        "faults": report_tables.fault_table(counts),
        "problems": report_tables.problem_table(view.lookup),
        **{name: Markup(value) for name, value in html.items()},  # noqa: S704 (made by flowtag alone)
    }


def _about(handout: Handout) -> Iterator[tuple[str, str]]:
    """Yield what the report was made from, as terms and their descriptions."""
    view = handout.view
    counts, lookup = view.counts, view.lookup
    yield "Created", times.moment(int(handout.made.timestamp()))
    names = [short_path(name, _LONGEST_NAME) for name in counts.files]
    yield "Logs", f"{number(len(names), 'file')}, {size(counts.total.size)}: {few_words(names)}"
    yield "Lookup", f"{short_path(lookup.name, _LONGEST_NAME)}, {number(len(lookup), 'rule')}"
    if counts.internal:
        yield "Internal ranges", few_words(counts.internal, 5)
    yield "Counted by", view.report.measure
    yield "Filters", "; ".join(story.filters(handout)) or "none"


def _timeline(handout: Handout, legend: Legend) -> str:
    course, report = handout.view.course, handout.view.report
    if not len(course.start):
        return ""
    axis = timeline.axis_of(course)

    def drawn(name: str, width: int) -> str:
        made = timeline.chart(
            course, report, legend, axis, theme=_THEME, zone=handout.zone, room=width
        )
        return svg(made, width, f"timeline-{name}")

    return _for_each(drawn, 0)


def _tag_bars(handout: Handout, legend: Legend) -> str:
    view = handout.view
    if not view.report.total:
        return ""
    bars = charts.tag_bars(view.report, view.service, legend, _THEME)

    def drawn(name: str, width: int) -> str:
        made = charts.chart(bars, view.report.measure, _THEME, width)
        return svg(made, width, f"tags-{name}")

    return _for_each(drawn, 1)


def _for_each(drawn: Callable[[str, int], str], place: int) -> str:
    """Return a chart for each kind of window; the style sheet shows the one that fits."""
    return "".join(
        f'<div class="{name}">{drawn(name, widths[place])}</div>'
        for name, widths in _WIDTHS.items()
    )


def _timeline_note(handout: Handout) -> str:
    course = handout.view.course
    axis = timeline.axis_of(course) if len(course.start) else None
    return timeline.quiet_line(course, handout.view.report.measure, axis, handout.zone)

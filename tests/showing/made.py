"""Small reports, courses and views for tests, and helpers that read charts and HTML."""

from html.parser import HTMLParser

import numpy as np

from flowtag_core.counts import FileCounts, FlowCounts, tabulate
from flowtag_core.showing.view import view_of
from flowtag_core.tagging.course import Course
from flowtag_core.tagging.report import map_tags
from tests.logs import line
from tests.tagging.made import load, parse

EMPTY = np.empty(0, np.int32)


def report(*ports):
    log = b"\n".join(line(dstport=str(port)) for port in ports)
    return map_tags(parse(log), load())


def rows_of(chart):
    """Return the rows of a chart's data, each as a dict."""
    (rows,) = chart.to_dict(validate=True)["datasets"].values()
    return rows


def many_tags(numbers):
    """Return a report with a flow for each number: to that port, with tag `t0` for port 0 up to `t29`."""
    rules = b"dstport,protocol,tag\n" + b"".join(b"%d,tcp,t%d\n" % (n, n) for n in range(30))
    log = b"\n".join(line(dstport=str(number)) for number in numbers)
    return map_tags(parse(log), load(rules))


def course(minutes, width=1):
    """Return a course with flows in these minutes since 1970."""
    start = np.unique(np.array(minutes, np.int64) // width * width * 60)
    return Course(start, width, EMPTY, EMPTY, EMPTY.astype(np.int64), 0)


def counts_of(*rows):
    """Return the counts of flows, each given as (minute, protocol, port, action, packets, bytes)."""
    columns = np.array(rows, np.int64).reshape(-1, 6).T
    return FlowCounts(tabulate(*columns), files={"a": FileCounts(flows=len(rows))})


def small_view(tag="web", measure="flows", **filters):
    """Return a view of three flows in three minutes: two to 443/tcp, which has the tag, one to 9092/tcp."""
    log = parse(
        line(dstport="443", start="1620140700"),
        line(dstport="443", start="1620140820", action="REJECT", volume="0"),
        line(dstport="9092", start="1620140760"),
    )
    lookup = load(f'dstport,protocol,tag\n443,tcp,"{tag.replace(chr(34), chr(34) * 2)}"\n')
    return view_of(log, lookup, measure, **filters)


class Seen(HTMLParser):
    """The texts, tags and attributes that a browser would parse from HTML, in order."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

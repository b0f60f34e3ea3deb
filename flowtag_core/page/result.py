"""The result CSV of a tab, made once after each change of its logs or its lookup."""

from __future__ import annotations

from dataclasses import dataclass

from flowtag_core.exporting.result_csv import result_csv
from flowtag_core.page.logs import Logs
from flowtag_core.tagging.lookup import Lookup
from flowtag_core.tagging.report import map_tags


@dataclass
class Result:
    """The last CSV, with the logs and the lookup that it was made from."""

    _made: tuple[Logs, Lookup, bytes] | None = None

    def of(self, logs: Logs, lookup: Lookup) -> bytes:
        """The CSV of all flows, tagged by a lookup, without filters."""
        made = self._made
        if made is None or made[0] is not logs or made[1] is not lookup:
            made = logs, lookup, b"".join(result_csv(map_tags(logs.counts, lookup)))
            self._made = made
        return made[2]

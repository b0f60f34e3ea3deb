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

    def made(self, logs: Logs, lookup: Lookup) -> bytes | None:
        """Return the CSV if it is already made from these; None if it is not."""
        if self._made is None:
            return None
        its_logs, its_lookup, content = self._made
        return content if its_logs is logs and its_lookup is lookup else None

    def of(self, logs: Logs, lookup: Lookup) -> bytes:
        """Return the CSV of all flows, tagged by a lookup, without filters."""
        content = self.made(logs, lookup)
        if content is None:
            content = b"".join(result_csv(map_tags(logs.counts, lookup)))
            self._made = logs, lookup, content
        return content

"""A table has the columns that fit, each as wide as its largest number."""

import pandas as pd
import pytest

from flowtag_core.page.columns import fitted
from flowtag_core.showing.tables import SWATCH

TABLE = pd.DataFrame(
    {
        SWATCH: ["data:,"],
        "Tag": ["web"],
        "Bytes": [123_456_789_012_345],
        "Share": [62.5],
        "Rejected": [1.0],
        "Trend": [[1, 2]],
    }
)


def shown(room, table=TABLE):
    frame, columns = fitted(table, "bytes", room, {"Tag": 100})
    assert [*frame] == [*columns]
    return columns


def test_with_enough_room_all_columns_of_the_table_are_shown():
    columns = shown(1000)
    assert [*columns] == [*TABLE]
    assert columns["Bytes"]["type_config"]["format"] == "localized"
    assert columns["Share"]["type_config"]["max_value"] == 62.5
    assert columns["Bytes"]["width"] >= 7.6 * len("123,456,789,012,345")


@pytest.mark.parametrize(
    ("room", "last"), [(560, "Rejected"), (500, "Share"), (400, "Bytes"), (364, "Bytes")]
)
def test_in_a_narrow_window_the_least_important_columns_are_left_out(room, last):
    columns = shown(room)
    assert [*columns][-1] == last
    assert columns["Bytes"]["type_config"]["format"] == "localized"


def test_a_number_that_does_not_fit_is_in_a_larger_unit():
    assert shown(300)["Bytes"]["type_config"]["format"] == "bytes"
    flows = TABLE.rename(columns={"Bytes": "Flows"})
    _, columns = fitted(flows, "flows", 300, {"Tag": 100})
    assert columns["Flows"]["type_config"]["format"] == "compact"


def test_a_table_may_draw_a_column_in_its_own_way():
    _, columns = fitted(TABLE, "bytes", 1000, {"Tag": 100}, {"Tag": "mine", "Other": "none"})
    assert columns["Tag"] == "mine"
    assert "Other" not in columns

from __future__ import annotations

import pyarrow as pa

from winnow.core.database import connect


def test_connections_do_not_see_each_others_tables() -> None:
    one, other = connect(), connect()
    for connection, value in ((one, 1), (other, 2)):
        connection.register("rows", pa.table({"value": [value]}))
        connection.execute("CREATE TEMP TABLE cuts AS SELECT * FROM rows")
    assert one.sql("SELECT * FROM cuts JOIN rows USING (value)").fetchall() == [(1,)]
    assert other.sql("SELECT * FROM cuts JOIN rows USING (value)").fetchall() == [(2,)]


def test_a_division_by_zero_is_null_on_every_connection() -> None:
    for _ in range(2):
        assert connect().sql("SELECT 1 / 0, 0.0 / 0.0, 1 // 0").fetchall() == [(None, None, None)]

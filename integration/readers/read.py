#!/usr/bin/env python3
"""Print every row of an Iceberg table as an outside engine reads it.

One JSON object a row, columns by name, lines sorted, so that two engines (or an
engine and a dump made in Go: dump.go) can be compared with diff, column by
column. Values that JSON or an engine's own text would blur have one form each:

    int, long       integer               bool, string    as they are
    float, double   "f64:" + 16 hex digits of the IEEE 754 double
    decimal         "12.30", with all digits of its scale
    binary, fixed   "0x" + hex            uuid            "xxxxxxxx-xxxx-..."
    date            "2026-01-31"          time            "13:05:00.000001"
    timestamp       "2026-01-31T13:05:00.000001", timestamptz with Z, in UTC
    list            array                 struct          object
    map             array of [key, value], sorted

Usage: read.py --uri http://127.0.0.1:PORT --warehouse dev --token T --engine duckdb|pyiceberg NAMESPACE.TABLE
The token may come from SLUICE_CATALOG_TOKEN. S3 warehouses: --property s3.endpoint=... s3.access-key-id=... and so on.
--count prints the number of rows only. Exit code 1: the engine cannot read the table.
"""

import argparse
import datetime
import json
import os
import struct
import sys
import uuid

os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")

import pyarrow as pa

EPOCH = datetime.date(1970, 1, 1).toordinal()
DAY = 86_400_000_000
PER_MICRO = {"s": 1_000_000, "ms": 1000, "us": 1}


def micros(value, unit):
    if unit == "ns":
        return value // 1000
    return value * PER_MICRO[unit]


def clock(us):
    s, us = divmod(us, 1_000_000)
    return f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}.{us:06}"


def day(n):
    try:
        return datetime.date.fromordinal(EPOCH + n).isoformat()
    except (ValueError, OverflowError):  # years that Python's calendar does not have
        return f"day:{n}"


def form(t):
    """The function from a cell of Arrow type t, or its integers, to its form."""
    if isinstance(t, pa.BaseExtensionType):
        if t.extension_name == "arrow.uuid":
            return lambda v: str(v if isinstance(v, uuid.UUID) else uuid.UUID(bytes=v))
        return form(t.storage_type)
    if pa.types.is_floating(t):
        return lambda v: "f64:" + struct.pack(">d", v).hex()
    if pa.types.is_decimal(t):
        return lambda v: f"{v:.{t.scale}f}"
    if pa.types.is_binary(t) or pa.types.is_large_binary(t) or pa.types.is_fixed_size_binary(t) or pa.types.is_binary_view(t):
        return lambda v: "0x" + v.hex()
    if pa.types.is_date32(t):
        return day
    if pa.types.is_time(t):
        return lambda v: clock(micros(v, t.unit))
    if pa.types.is_timestamp(t):
        zone = "Z" if t.tz else ""

        def moment(v):
            d, us = divmod(micros(v, t.unit), DAY)
            return f"{day(d)}T{clock(us)}{zone}"

        return moment
    return lambda v: v


def cells(column):
    """The cells of an Arrow array in their forms."""
    t = column.type
    if pa.types.is_dictionary(t):
        return cells(column.dictionary_decode())
    if pa.types.is_map(t):
        keys, items = cells(column.keys), cells(column.items)
        return nested(column, lambda a, b: sorted(([keys[i], items[i]] for i in range(a, b)), key=json.dumps))
    if pa.types.is_list(t) or pa.types.is_large_list(t):
        values = cells(column.values)
        return nested(column, lambda a, b: values[a:b])
    if pa.types.is_struct(t):
        fields = [(f.name, cells(column.field(i))) for i, f in enumerate(t)]
        valid = column.is_valid().to_pylist()
        return [{n: c[i] for n, c in fields} if ok else None for i, ok in enumerate(valid)]
    f = form(t)
    if pa.types.is_date32(t) or pa.types.is_time32(t):
        column = column.cast(pa.int32())
    elif pa.types.is_temporal(t):  # 64-bit integers: the calendar of Python is smaller than Iceberg's
        column = column.cast(pa.int64())
    elif isinstance(t, pa.BaseExtensionType):
        column = column.storage
    return [None if v is None else f(v) for v in column.to_pylist()]


def nested(column, take):
    offsets = column.offsets.to_pylist()
    valid = column.is_valid().to_pylist()
    return [take(offsets[i], offsets[i + 1]) if ok else None for i, ok in enumerate(valid)]


def lines(batches):
    for batch in batches:
        names = batch.schema.names
        columns = [cells(c) for c in batch.columns]
        for row in zip(*columns):
            yield json.dumps(dict(zip(names, row)), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def pyiceberg(a):
    from pyiceberg.catalog.rest import RestCatalog

    options = {"uri": a.uri, "warehouse": a.warehouse, **a.property}
    if a.token:
        options["token"] = a.token
    table = RestCatalog("sluice", **options).load_table(a.table)
    return table.scan().to_arrow().to_batches()


def extension(con, name):
    """Load an extension from its Python package, or from DuckDB's own store."""
    try:
        import importlib

        package = importlib.import_module(f"duckdb_extension_{name}")
        folder = os.path.join(os.path.dirname(package.__file__), "extensions")
        for root, _, files in os.walk(folder):
            for f in files:
                if f.endswith(".duckdb_extension"):
                    con.execute(f"LOAD '{os.path.join(root, f)}'")
                    return
    except ImportError:
        pass
    con.execute(f"INSTALL {name}; LOAD {name}")


def quote(s):
    return "'" + s.replace("'", "''") + "'"


def attached(uri, warehouse, token, p):
    """A DuckDB connection with the catalog attached as lake; p are properties."""
    import duckdb

    con = duckdb.connect()
    for name in ("avro", "httpfs", "iceberg"):
        extension(con, name)
    if "s3.endpoint" in p:
        scheme, host = p["s3.endpoint"].split("://")
        con.execute(
            "CREATE SECRET s (TYPE s3, KEY_ID %s, SECRET %s, REGION %s, ENDPOINT %s, URL_STYLE 'path', USE_SSL %s)"
            % (quote(p.get("s3.access-key-id", "")), quote(p.get("s3.secret-access-key", "")), quote(p.get("s3.region", "auto")), quote(host), str(scheme == "https").lower())
        )
    access = f"TOKEN {quote(token)}" if token else "AUTHORIZATION_TYPE 'none'"
    con.execute(f"ATTACH {quote(warehouse)} AS lake (TYPE iceberg, ENDPOINT {quote(uri)}, {access}, ACCESS_DELEGATION_MODE 'none')")
    return con


def duckdb(a):
    con = attached(a.uri, a.warehouse, a.token, a.property)
    *space, name = a.table.split(".")
    ident = lambda s: '"' + s.replace('"', '""') + '"'
    query = f"SELECT * FROM lake.{ident('.'.join(space))}.{ident(name)}"
    return con.execute(query).to_arrow_table().to_batches()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--uri", required=True)
    p.add_argument("--warehouse", default="")
    p.add_argument("--token", default=os.environ.get("SLUICE_CATALOG_TOKEN", ""))
    p.add_argument("--engine", choices=["duckdb", "pyiceberg"], required=True)
    p.add_argument("--property", nargs="*", default=[], metavar="KEY=VALUE")
    p.add_argument("--count", action="store_true")
    p.add_argument("table", metavar="NAMESPACE.TABLE")
    a = p.parse_args()
    a.property = dict(x.split("=", 1) for x in a.property)
    try:
        batches = {"duckdb": duckdb, "pyiceberg": pyiceberg}[a.engine](a)
    except Exception as e:
        print(f"read.py: {a.engine} cannot read {a.table}: {type(e).__name__}: {e}", file=sys.stderr)
        return 1
    if a.count:
        print(sum(b.num_rows for b in batches))
        return 0
    for line in sorted(lines(batches)):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())

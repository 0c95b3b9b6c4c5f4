#!/usr/bin/env python3
"""Makes CSV, or what `recur pack` makes, of a Parquet file, batch by batch: from_parquet.py FILE.parquet [OUT.csv | --pack DIR] [--columns a,b,c]

Without OUT.csv it writes to standard output, which another program may read: recur train reads CSV packed by gzip too
(from_parquet.py FILE.parquet | gzip > FILE.csv.gz). Times are written by ISO 8601, what is missing is an empty field. With --pack DIR
the rows become shards in a new folder, of numbers as float64 and of texts as numbers into a list; recur train takes it as data.path
(data.format: csv), and nothing may be missing. Needs pyarrow; --pack needs numpy too.
"""
import argparse
import hashlib
import io
import json
import os
import sys

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("file")
parser.add_argument("output", nargs="?", default="-")
parser.add_argument("--columns", help="names with commas between them (default: all)")
parser.add_argument("--pack", metavar="DIR", help="a folder of shards to make in place of CSV")
options = parser.parse_args()
if options.pack and options.output != "-":
    sys.exit("from_parquet.py: --pack DIR takes the place of OUT.csv; give one of them")


class Packer:
    """Writes rows as `recur pack` does: shard-000000.npy and so on, and index.json at last."""

    shard_bytes = 64 << 20

    def __init__(self, folder, schema):
        try:
            import numpy
        except ImportError:
            sys.exit("from_parquet.py: numpy is missing: pip install numpy")
        os.makedirs(folder, exist_ok=True)
        if os.listdir(folder):
            sys.exit(f"from_parquet.py: {folder} holds files already; name a folder that is not there yet")
        self.numpy, self.folder, self.shards, self.pending, self.count, self.rows = numpy, folder, [], [], 0, 0
        self.columns = [{"name": field.name} for field in schema]
        self.codes = [{} if pyarrow.types.is_string(field.type) or pyarrow.types.is_large_string(field.type) else None
                      for field in schema]
        for field, codes in zip(schema, self.codes):
            kind = field.type
            if codes is None and not (pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind) or pyarrow.types.is_boolean(kind)):
                sys.exit(f"from_parquet.py: column {field.name!r} is {kind}, neither numbers nor texts; choose others by --columns")

    def write(self, table):
        block = self.numpy.empty((table.num_rows, len(self.columns)), "<f8")
        for place, (column, codes) in enumerate(zip(table.columns, self.codes)):
            values = column.to_pylist() if codes is not None else column.cast(pyarrow.float64()).to_numpy()
            if codes is not None:
                if None in values:
                    self.refuse(place, values.index(None), "the value is missing, and a packed table has no gaps")
                values = [codes.setdefault(value, len(codes)) for value in values]
            block[:, place] = values
            wrong = self.numpy.flatnonzero(~self.numpy.isfinite(block[:, place]))
            if len(wrong):
                self.refuse(place, wrong[0], "the value is missing or no finite number, and a packed table has no gaps")
        self.rows += len(block)
        limit = max(1, self.shard_bytes // (8 * len(self.columns)))
        while len(block):
            part = block[:limit - self.count]
            self.pending.append(part)
            self.count += len(part)
            block = block[len(part):]
            if self.count == limit:
                self.flush()

    def refuse(self, place, row, what):
        sys.exit(f"from_parquet.py: {options.file}, row {self.rows + int(row) + 1}, column {self.columns[place]['name']!r}: {what}")

    def flush(self):
        if not self.count:
            return
        stream = io.BytesIO()
        self.numpy.save(stream, self.numpy.concatenate(self.pending))
        data, name = stream.getvalue(), f"shard-{len(self.shards):06}.npy"
        with open(os.path.join(self.folder, name), "xb") as file:
            file.write(data)
        self.shards.append({"file": name, "rows": self.count, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
        self.pending, self.count = [], 0

    def close(self):
        self.flush()
        for column, codes in zip(self.columns, self.codes):
            if codes is not None:
                column["texts"] = list(codes)
        index = {"format": "recur pack", "version": 1, "kind": "table", "columns": self.columns, "shards": self.shards}
        path = os.path.join(self.folder, "index.json")
        with open(path + ".part", "w", encoding="utf-8") as file:
            json.dump(index, file, indent=2, sort_keys=True, ensure_ascii=False)
        os.replace(path + ".part", path)


try:
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet
except ImportError:
    sys.exit("from_parquet.py: pyarrow is missing: pip install pyarrow")

try:
    source = pyarrow.parquet.ParquetFile(options.file)
    names = options.columns.split(",") if options.columns else source.schema_arrow.names
    missing = [name for name in names if name not in source.schema_arrow.names]
    if missing:
        sys.exit(f"from_parquet.py: {options.file} has no column {missing[0]!r}; it has {', '.join(source.schema_arrow.names)}")
    nested = [name for name in names if pyarrow.types.is_nested(source.schema_arrow.field(name).type)]
    if nested:
        sys.exit(f"from_parquet.py: column {nested[0]!r} is nested, which CSV has no fields for; choose others by --columns")
    schema = pyarrow.schema([source.schema_arrow.field(name) for name in names])
    schema = pyarrow.schema([
        # Texts that are kept as numbers of a dictionary.
        pyarrow.field(field.name, field.type.value_type) if pyarrow.types.is_dictionary(field.type) else field
        for field in schema])
    if options.pack:
        packer = Packer(options.pack, schema)
        for batch in source.iter_batches(columns=names):
            packer.write(pyarrow.Table.from_batches([batch]).select(names).cast(schema))
        packer.close()
        sys.exit()
    output = sys.stdout.buffer if options.output == "-" else options.output
    with pyarrow.csv.CSVWriter(output, schema) as writer:
        for batch in source.iter_batches(columns=names):
            table = pyarrow.Table.from_batches([batch]).select(names).cast(schema)
            writer.write_table(table)
except (OSError, pyarrow.ArrowException) as error:
    sys.exit(f"from_parquet.py: {options.file}: {error}")

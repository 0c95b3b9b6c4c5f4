#!/usr/bin/env python3
"""Makes CSV of a Parquet file, batch by batch: from_parquet.py FILE.parquet [OUT.csv] [--columns a,b,c]

Without OUT.csv it writes to standard output, which another program may read: recur train reads CSV packed by gzip too
(from_parquet.py FILE.parquet | gzip > FILE.csv.gz). Times are written by ISO 8601, what is missing is an empty field. Needs pyarrow.
"""
import argparse
import sys

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("file")
parser.add_argument("output", nargs="?", default="-")
parser.add_argument("--columns", help="names with commas between them (default: all)")
options = parser.parse_args()

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
    output = sys.stdout.buffer if options.output == "-" else options.output
    with pyarrow.csv.CSVWriter(output, schema) as writer:
        for batch in source.iter_batches(columns=names):
            table = pyarrow.Table.from_batches([batch]).select(names).cast(schema)
            writer.write_table(table)
except (OSError, pyarrow.ArrowException) as error:
    sys.exit(f"from_parquet.py: {options.file}: {error}")

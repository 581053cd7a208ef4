"""Asks the questions of docs/QUESTIONS.md, and compares the answers with what tokgate reports.

usage: questions.py duckdb|spark|clickhouse|trino FOLDER COMMITS
FOLDER/place has the rows, FOLDER/*.report.json what tokgate says, and so many commits were measured.
"""

import glob
import json
import re
import sys

STATS = ["p50", "p90", "p95", "p99"]


def queries(engine):
    """The blocks of the page for an engine, by name."""
    page = open("docs/QUESTIONS.md").read()
    blocks = re.findall(r"```sql\n-- (\w+): (\w+)\n(.*?)```", page, re.S)
    return {name: text for of, name, text in blocks if of == engine}


def reported(folder):
    """What tokgate says: (run, case) to its metrics."""
    said = {}
    for path in glob.glob(f"{folder}/*.report.json"):
        report = json.load(open(path))
        for case in report["cases"]:
            said[report["run_id"], case["case"]] = case["metrics"]
    return said


def same(what, found, said):
    """Both are of the same samples: they differ by rounding alone."""
    if not abs(found - said) <= 1e-12 * abs(said):
        sys.exit(f"{what}: {found!r} is not {said!r}")


def percentiles(rows, said, metric):
    """Compares rows of (run, case, n, percentiles)."""
    compared = 0
    for run, case, n, values in rows:
        metrics = said[run, case][metric]
        if n != metrics["n"]:
            sys.exit(f"{run} {case}: {n} samples of {metric}, and tokgate has {metrics['n']}")
        for stat, value in zip(STATS, values):
            if stat in metrics:
                same(f"{run} {case} {metric}.{stat}", value, metrics[stat]["value"])
                compared += 1
    if compared < 4 * len(said) - 4:
        sys.exit(f"only {compared} percentiles of {metric} were compared")
    print(f"{metric}: {compared} percentiles over {sum(row[2] for row in rows)} samples are those of tokgate")


def duckdb(folder, measured):
    import duckdb

    database, ask = duckdb.connect(), queries("duckdb")
    said = reported(folder)
    print(f"DuckDB {duckdb.__version__}")
    database.execute(ask["tables"].replace("PLACE", f"{folder}/place"))
    percentiles(database.execute(ask["ttft"]).fetchall(), said, "ttft")
    percentiles(database.execute(ask["itl"]).fetchall(), said, "itl")
    costs(database.execute(ask["cost"]).fetchall(), said)
    commits = database.execute(ask["commits"]).fetchall()
    told = [(row[2], row[3], row[5], row[6]) for row in commits]
    print(*told, sep="\n")
    if len({commit for _, commit, _, _ in told}) != measured:
        sys.exit(f"{measured} commits were measured")
    seconds = database.execute(ask["seconds"]).fetchall()
    print(f"seconds: {len(seconds)} rows, {sum(row[4] for row in seconds)} tokens")


def costs(rows, said):
    """Compares rows of (run, case, model, dollars for a thousand tokens)."""
    for run, case, _, usd in rows:
        same(f"{run} {case} cost", usd, said[run, case]["cost_per_1k"]["value"]["value"])
    if len(rows) != len(said):
        sys.exit(f"{len(rows)} costs, and tokgate has {len(said)}")
    print("cost_per_1k: the same")


def statements(text):
    return [part for part in text.split(";") if part.strip()]


def clickhouse(folder, _):
    import chdb
    from chdb.session import Session

    session, ask, said = Session(), queries("clickhouse"), reported(folder)
    rows = lambda text: [json.loads(line) for line in str(session.query(text, "JSONCompactEachRow")).splitlines() if line]
    print(f"ClickHouse {rows('SELECT version()')[0][0]}, of chdb {chdb.__version__}")
    for table in statements(ask["tables"].replace("PLACE", f"{folder}/place")):
        session.query(table)
    for metric in ["ttft", "itl"]:
        percentiles(rows(ask[metric]), said, metric)
    costs(rows(ask["cost"]), said)
    session.close()


def trino(folder, _):
    """Nothing runs Trino here: its dialect is parsed strictly, and what it asks is asked of DuckDB."""
    import duckdb
    import sqlglot

    ask, said = queries("trino"), reported(folder)
    made = [sqlglot.parse_one(text, read="trino", error_level="raise") for text in statements(ask["tables"])]
    if any(type(table) is not sqlglot.exp.Create for table in made):
        sys.exit("a table is not made by CREATE TABLE")
    known = {table.this.this.name: {column.name for column in table.find_all(sqlglot.exp.ColumnDef)} for table in made}
    database = duckdb.connect()
    for name, columns in known.items():
        files = f"read_parquet('{folder}/place/rows/{name}/**/*.parquet', hive_partitioning = false)"
        # Only what the table has, so that a column that it lacks is found.
        listed = ", ".join(f'"{column}"' for column in sorted(columns))
        database.execute(f"CREATE VIEW {name} AS SELECT {listed} FROM {files}")
    query = sqlglot.parse_one(ask["ttft"], read="trino", error_level="raise")
    for table in query.find_all(sqlglot.exp.Table):
        table.set("catalog", None)
        table.set("db", None)
    found = {}
    for run, case, n, _, value in database.execute(query.sql(dialect="duckdb")).fetchall():
        found.setdefault((run, case, n), []).append(value)
    print(f"Trino's dialect by sqlglot {sqlglot.__version__}, asked of DuckDB {duckdb.__version__}: no Trino was run")
    percentiles([(*of, values) for of, values in found.items()], said, "ttft")


def spark(folder, _):
    import pyspark
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = session.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    session = session.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    ask, said = queries("spark"), reported(folder)
    print(f"Spark {pyspark.__version__}")
    for table in statements(ask["tables"].replace("PLACE", f"{folder}/place")):
        session.sql(table)
    for metric in ["ttft", "itl"]:
        percentiles([tuple(row) for row in session.sql(ask[metric]).collect()], said, metric)
    session.stop()


engines = {"duckdb": duckdb, "spark": spark, "clickhouse": clickhouse, "trino": trino}
engines[sys.argv[1]](sys.argv[2], int(sys.argv[3]))

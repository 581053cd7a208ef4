"""Compares the figures of `tokgate merge --figures` with those of an SQL engine over the same files.

usage: hundred_million.py duckdb|spark TOLD.json FOLDER
TOLD.json is what `tokgate merge --format json` printed, FOLDER where the rows lie. Percentiles of type 7 are
`quantile_cont` in DuckDB and `percentile` in Spark. Prints both numbers of each figure, and fails where one
differs by more than the last digits of the interpolation.
"""

import json
import sys

# Both engines interpolate in another order of operations, which moves the last bit or two.
ALLOWED = 1e-14
# Sums of a hundred million terms in another order differ by their rounding.
ALLOWED_OF_SUMS = 1e-9
PERCENTILES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
REQUESTS, EVENTS = "rows/requests/**/*.parquet", "rows/events/**/*.parquet"
# Which column of which table has the samples of a metric, and its unit in seconds.
SAMPLES = {
    "itl": (EVENTS, "gap_ns", "counts"),
    "ttft": (REQUESTS, "ttft_ns", "outcome = 'success' and phase = 'measured'"),
    "e2e": (REQUESTS, "e2e_ns", "outcome = 'success' and phase = 'measured'"),
}
SUMS = {
    "tok_s": "sum(completion_tokens) / ((max(done_ns) - min(sent_ns)) / 1e9)",
    "req_s": "count(*) / ((max(done_ns) - min(sent_ns)) / 1e9)",
}


def duckdb_asks(folder):
    import duckdb

    connection = duckdb.connect(config={"threads": 2, "memory_limit": "8GB", "temp_directory": folder + "/.duckdb"})
    quantiles = lambda x, ps: ", ".join(f"quantile_cont({x}, {p})" for p in ps)

    def ask(files, columns, condition):
        source = f"read_parquet('{folder}/{files}', hive_partitioning = false)"
        return list(connection.execute(f"select {columns} from {source} where {condition}").fetchone())

    return ask, quantiles


def spark_asks(folder):
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").config("spark.driver.memory", "5g")
    builder = builder.config("spark.ui.enabled", "false").config("spark.local.dir", folder + "/.spark")
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")

    def ask(files, columns, condition):
        kind = files.split("/")[1]
        frame = session.read.option("recursiveFileLookup", "true").parquet(f"{folder}/rows/{kind}")
        frame.createOrReplaceTempView(kind)
        return list(session.sql(f"select {columns} from {kind} where {condition}").first())

    return ask, lambda x, ps: ", ".join(f"percentile({x}, {p}D)" for p in ps)


def main(engine, told, folder):
    with open(told, encoding="utf-8") as file:
        figures = json.load(file)["figures"][0]["result"]["figures"]
    ours = {figure["metric"]: figure for figure in figures}
    ask, quantiles = {"duckdb": duckdb_asks, "spark": spark_asks}[engine](folder)
    apart = []

    def compare(name, theirs, allowed):
        mine = ours[name]["value"]
        difference = abs(mine - float(theirs)) / max(abs(mine), 1e-300)
        print(f"{engine:7} {name:10} tokgate {mine!r:24} {engine} {float(theirs)!r:24} {'equal' if mine == theirs else difference}")
        if difference > allowed:
            apart.append(name)

    for metric, (files, column, condition) in SAMPLES.items():
        seconds = f"(cast({column} as double) / 1e9)"
        condition = f"{condition} and {column} is not null"
        columns = f"count(*), min({seconds}), max({seconds}), avg({seconds}), {quantiles(seconds, PERCENTILES.values())}"
        count, low, high, mean, *percentiles = ask(files, columns, condition)
        if count != ours[f"{metric}.p50"]["n"]:
            apart.append(f"{metric}: {count} samples, and {ours[f'{metric}.p50']['n']} ours")
        compare(f"{metric}.min", low, 0)
        compare(f"{metric}.max", high, 0)
        compare(f"{metric}.mean", mean, ALLOWED_OF_SUMS)
        for name, theirs in zip(PERCENTILES, percentiles):
            compare(f"{metric}.{name}", theirs, ALLOWED)
    for metric, formula in SUMS.items():
        [theirs] = ask(REQUESTS, formula, SAMPLES["ttft"][2])
        compare(metric, theirs, ALLOWED)
    if apart:
        sys.exit(f"differ: {', '.join(apart)}")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Folders of results, read by the Python package hdrhistogram: a second opinion on the files.

    python3 read_back.py read FOLDER     prints what latency.hlog holds, as JSON: count, maximum and percentiles by tag,
                                         and fails if a distribution (*.hgrm) says otherwise
    python3 read_back.py write FILE      writes a log as this package does (tests/golden/hdr/python.hlog)
"""

import json
import pathlib
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader, HistogramLogWriter

RANGE = (1, 60_000_000_000, 3)
PERCENTILES = ("50", "90", "99", "99.9", "100")


def by_tag(path):
    """Every tag's histogram: the sum of its lines."""
    reader = HistogramLogReader(str(path), HdrHistogram(*RANGE))
    tags = {}
    while (line := reader.get_next_interval_histogram()) is not None:
        tags.setdefault(line.get_tag(), HdrHistogram(*RANGE)).add(line)
    reader.close()
    return tags


def recorded(histogram):
    """Every value that was counted, in microseconds as the distributions print them, and how many samples are no longer."""
    steps = histogram.get_recorded_iterator()
    highest = histogram.get_highest_equivalent_value
    return [(f"{highest(step.value_iterated_to) / 1000:.3f}", step.total_count_to_this_value) for step in steps]


def check(text, histogram):
    """Whether each row of a distribution has the first value that reaches its percentile."""
    counts = recorded(histogram)
    total = histogram.get_total_count()
    rows = [line.split() for line in text.splitlines()[2:] if not line.startswith("#")]
    for value, fraction, count, *_ in rows:
        place = [number for number, _ in counts].index(value)
        before = counts[place - 1][1] if place else 0
        needed = float(fraction) * total
        is_first = place == 0 or before < needed - 1e-6
        if counts[place][1] != int(count) or not is_first or needed > int(count) + 1e-6:
            sys.exit(f"{value} {fraction} {count}: not so here")
    if rows[-1][:3] != [counts[-1][0], "1.000000000000", str(total)]:
        sys.exit("the last row is not the longest latency")


def read(folder):
    found = {}
    for tag, histogram in by_tag(folder / "latency.hlog").items():
        distribution = folder / f"{tag}.hgrm"
        if distribution.exists():  # Warm-ups have none.
            check(distribution.read_text(), histogram)
        found[tag] = {"count": histogram.get_total_count(), "max": histogram.get_max_value()}
        found[tag] |= {name: histogram.get_value_at_percentile(float(name)) for name in PERCENTILES}
    json.dump(found, sys.stdout)


def write(path):
    with open(path, "w", encoding="ascii") as file:
        log = HistogramLogWriter(file)
        log.output_comment("[by the Python package hdrhistogram]")
        log.output_log_format_version()
        log.output_legend()
        for tag, values in (("squares", [n * n for n in range(1, 10_001)]), ("one", [123_456_789])):
            histogram = HdrHistogram(*RANGE)
            for value in values:
                histogram.record_value(value)
            file.write(f"Tag={tag},")
            log.output_interval_histogram(histogram, 1.5, 3.5)


if __name__ == "__main__":
    {"read": read, "write": write}[sys.argv[1]](pathlib.Path(sys.argv[2]))

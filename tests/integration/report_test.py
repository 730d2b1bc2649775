#!/usr/bin/python3
"""`potline report` and the plant's part of `top`: figures against sums done by hand, alarms once though two nodes keep them,
overrides and who engaged them, and nothing of a reason becomes markup or a formula."""
import csv
import html.parser
import io
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

POTLINE = os.path.join(os.environ["POTLINE_BIN"], "potline")
PATIENCE = 60
FARADAY = 9.3214647e-8
EVERY, DAY = 120, 86400
DAYS = 2
BEGIN = 20000 * DAY  # a midnight, UTC
POTS = {"line1.pot01": (4.2, 0.94), "line1.pot02": (4.4, 0.92), "line2.pot01": (4.3, 0.93)}
REASON = '=cmd|<b>"crew" at the pot</b>'
GRAPH = """
potline: 1
name: plant
checkpoint: 200ms
nodes:
  in: { op: source.csv, path: "${FOLDER}/in.csv", layout: long, time: time_ns }
  wishes: { op: source.zmq, socket: pull, bind: "ipc://${FOLDER}/wishes", encoding: json, kind: setpoints, idle: 100ms }
  kpi: { op: kpi, from: in, hold: 3m, per: [ day ], shifts: [ "00:00" ], targets: { kwh_per_t: 13500, current_efficiency: 94 } }
  hot: { op: threshold, from: in, rules: [ { name: high, tags: "*.voltage", above: 5 } ] }
  list: { op: alarms, from: hot, alarms: [ { match: high, priority: high, consequence: a, action: b, respond: 5m } ] }
  safe: { op: guard, from: [ wishes, in ], limits: [ { tags: "*.set", low: 0, high: 1 } ] }
  gone: { op: sink.null, from: safe }
  gold: { op: sink.lake, zone: gold, from: [ kpi ] }
  again: { op: sink.lake, zone: gold, from: [ list ] }
"""


def plant_rows():
    """Steady pots; one has three voltages that are too high, at different times."""
    for second in range(0, DAYS * DAY + 6 * 3600 + EVERY, EVERY):
        for pot, (volts, efficiency) in POTS.items():
            made = efficiency * FARADAY * 180e3 * second
            high = pot == "line1.pot02" and second in (3600, 7200, 90000)
            for signal_name, value in (("voltage", 6.0 if high else volts), ("current", 180.0),
                                       ("metal_level", 20 + made / (2300 * 32.4) * 100)):
                yield (BEGIN + second) * 10**9, f"{pot}.{signal_name}", repr(value)


def tool(*arguments, code=0):
    done = subprocess.run([POTLINE, *arguments], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == code, (arguments, done.returncode, done.stdout[-500:], done.stderr[-1500:])
    return done.stdout if code == 0 else done.stderr


def moment(day):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(BEGIN + day * DAY))


def report(data, form, first=0, last=DAYS):
    return tool("report", "--data", data, "--from", moment(first), "--to", moment(last), "--format", form)


def cells(text):
    """{(section, row): {column: value}}"""
    told = {}
    for row in csv.DictReader(io.StringIO(text)):
        told.setdefault((row["section"], int(row["row"])), {})[row["column"]] = row["value"]
    return told


def until(what):
    end = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.2)
    return found


def near(text, expected, share):
    assert abs(float(text) - expected) <= share * expected, (text, expected)


def check_figures(told):
    title = "Energy, emissions, anode effects, throughput"
    rows = {row["Of"]: row for (section, _), row in told.items() if section == title}
    assert set(rows) == {"line1", "line2", "plant"}, rows
    for asset, row in rows.items():
        pots = [values for pot, values in POTS.items() if asset in ("plant", pot.split(".")[0])]
        energy = sum(volts * 180 * 24 * DAYS for volts, _ in pots)  # kWh
        metal = sum(efficiency * FARADAY * 180 * DAY * DAYS for _, efficiency in pots)  # t
        near(row["Energy, MWh"], energy / 1000, 2e-3)
        near(row["Metal, t"], metal, 3e-3)
        near(row["kWh/t"], energy / metal, 3e-3)
        near(row["Throughput, t/d"], metal / DAYS, 3e-3)
        near(row["Current efficiency, %"], 100 * sum(e for _, e in pots) / len(pots), 3e-3)
        near(row["CO2e, kg/t"], 1000 * 0.41 * 0.976 * 44 / 12, 1e-2)
        assert float(row["Anode effects by pot-day"]) == 0 and row["Periods"].startswith("2 ")


def check_alarms(told):
    rows = [row for (section, _), row in told.items() if section == "Alarms by priority"]
    assert rows == [{"Priority": "high", "Times": "3"}], rows


def check_people(data):
    """Decisions are of now, so the span is."""
    told = cells(tool("report", "--data", data, "--format", "csv", "--from", "2020-01-01T00:00:00Z"))
    rows = [row for (section, _), row in told.items() if section == "Overrides"]
    assert [(row["Of"], row["Why"]) for row in rows] == [("line1", "'" + REASON), ("line2", "done")], rows
    assert rows[0]["To"] == "still engaged" and rows[1]["To"].endswith("Z"), rows


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert not {"src", "href"} & dict(attrs).keys(), "a page stands alone"

    def handle_data(self, data):
        self.text.append(data)


def check_page(data):
    page = Page()
    page.feed(tool("report", "--data", data, "--from", moment(0)))
    assert page.tags.count("polyline") == 5 * 3 and "b" not in page.tags and REASON in page.text, page.tags
    assert "| plant |" in report(data, "markdown")
    path = os.path.join(data, "..", "page.html")
    tool("report", "--data", data, "--from", moment(0), "--to", moment(1), "--out", path)
    assert os.path.getsize(path) > 2000
    assert "no figures" in report(data, "html", -9, -8)


def check_usage(data):
    assert "--data" in tool("report", code=2)
    assert "before" in tool("report", "--data", data, "--from", moment(2), "--to", moment(1), code=2)
    assert "day" in tool("report", "--data", data, "--period", "dai", code=2)
    assert "report" in tool("report", "--data", os.path.join(data, "nothing"), code=1)


def check_top(data):
    """So far today, with the target; the alarms, the most urgent first."""
    top = subprocess.Popen([POTLINE, "shell", "--data", data, "-c", "top 200ms"], stdout=subprocess.PIPE, text=True)
    lines = []
    for line in top.stdout:
        lines.append(line)
        if "sort: b busy" in line:
            break
    top.send_signal(signal.SIGINT)
    top.communicate(timeout=PATIENCE)
    text = "".join(lines)
    volts = sum(volts for volts, _ in POTS.values()) / sum(e for _, e in POTS.values())
    near(re.search(r"today: (\d+) \(13500\) kWh/t", text).group(1), 2979.98 * volts, 2e-2)
    assert re.search(r"  high high@line1.pot02.voltage, (returned|unacknowledged)", text), text


def complete(data):
    """Both days of the plant are told; before, there may be no folder yet."""
    done = subprocess.run([POTLINE, "report", "--data", data, "--from", moment(0), "--to", moment(DAYS), "--format", "csv"],
                          capture_output=True, text=True, timeout=PATIENCE)
    assert "runtime error" not in done.stderr and "Sanitizer" not in done.stderr, done.stderr[-2000:]
    told = cells(done.stdout) if done.returncode == 0 else {}
    return any(row.get("Of") == "plant" and row.get("Periods", "").startswith("2 ") for row in told.values())


def main():
    folder = tempfile.mkdtemp()
    data = f"{folder}/data"
    with open(f"{folder}/in.csv", "w", newline="") as file:
        csv.writer(file).writerows([("time_ns", "tag", "value"), *plant_rows()])
    with open(f"{folder}/graph.yaml", "w") as file:
        file.write(GRAPH)
    engine = subprocess.Popen([POTLINE, "run", f"{folder}/graph.yaml", "--data", data, "--quiet"],
                              env={**os.environ, "FOLDER": folder, "POTLINE_HTTP": "off"})
    try:
        until(lambda: complete(data))
        told = cells(report(data, "csv"))
        check_figures(told)
        check_alarms(told)
        check_top(data)
        for command in (f"override engage line1 --anyway --reason '{REASON}'", "override engage line2 --anyway --reason done",
                        "override release line2 --reason done"):
            tool("shell", "--data", data, "-c", command)
        check_people(data)
        check_page(data)
        check_usage(data)
    finally:
        engine.terminate()
        engine.wait(PATIENCE)
    check_figures(cells(report(data, "csv")))  # the same from the folder alone
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()

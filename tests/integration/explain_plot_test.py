#!/usr/bin/python3
"""`potline explain event ID --plot --image FILE` of an anomaly: the signals that it names, each with its share, before and from
then on, and what was usual; on the terminal, as SVG and as PNG."""
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

POTLINE = os.path.join(os.environ.get("POTLINE_BIN", "build/release/bin"), "potline")
GRAPH = """
potline: 1
name: plotted
tags: [ { match: "*.flow", unit: m3/h } ]
nodes:
  in: { op: source.csv, path: "${IN}", layout: wide, prefix: unit.pump. }
  together: { op: detect.process, from: in, train: 200, signals: 2, level: false, scatter: true, threshold: 6 }
  work: { op: tickets, from: together.events }
  gold: { op: sink.lake, zone: gold, from: [together.events, work] }
"""


def main():
    if not shutil.which("gnuplot"):
        print("skipped: gnuplot is not there")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="potline-plot-") as work:
        place = lambda name: os.path.join(work, name)
        dice = random.Random(1)
        with open(place("graph.yaml"), "w", encoding="utf-8") as file:
            file.write(GRAPH)
        with open(place("in.csv"), "w", encoding="utf-8") as file:
            file.write("time,flow,power\n")
            for row in range(500):
                flow = 100 + dice.gauss(0, 1) + (30 if 450 <= row < 480 else 0)
                file.write(f"2026-01-01T00:{row // 60:02}:{row % 60:02}Z,{flow:.4f},{50 + dice.gauss(0, 1):.4f}\n")

        def call(*words, code=0):
            done = subprocess.run([POTLINE, *words], capture_output=True, text=True, timeout=200, check=False,
                                  env=dict(os.environ, IN=place("in.csv"), POTLINE_HTTP="off"))
            assert done.returncode == code, f"{words}: {done.returncode}: {done.stderr}{done.stdout[-1000:]}"
            return done

        call("run", place("graph.yaml"), "--data", place("data"), "--until-eof", "-q")
        events = [json.loads(line) for line in call("export", "--data", place("data"), "--zone", "gold", "--format",
                                                    "ndjson").stdout.splitlines()]
        event = next(e for e in events if e["kind"] == "detect.began" and e["time"].startswith("2026-01-01T00:07:30"))
        share = event["body"]["tags"][0]["share"]
        explain = ("explain", "event", event["id"], "--data", place("data"), "--rows", "1")
        text = call(*explain, "--plot", "--image", place("it.svg")).stdout
        assert f"unit.pump.flow: {100 * share:.0f} % of it" in text, text
        assert "s since 2026-01-01T00:07:30Z" in text and "usual: upper end of 99 %" in text, text
        high = re.search(r"^ *([0-9.]+) \|", text.split("% of it")[1], re.M)
        assert 125 < float(high.group(1)) < 140, high  # what it was raised to
        body = event["body"]
        for line in (f"score       {body['score']:.4g}, an anomaly from 0.5 on; from 2026-01-01T00:07:30Z", f"why         {body['explanation']}",
                     f"perhaps     {body['cause']}", f"by          {100 * share:3.0f} %  unit.pump.flow"):
            assert line in text, (line, text)
        assert text.split("% of it\n")[1].startswith(body["explanation"][:20]), text
        drawn = "".join(ElementTree.parse(place("it.svg")).getroot().itertext())
        assert f"unit.pump.flow: {100 * share:.0f} % of it" in drawn and "m3/h" in drawn and "from then on" in drawn
        call(*explain, "--image", place("it.png"))
        with open(place("it.png"), "rb") as file:
            assert file.read(8) == b"\x89PNG\r\n\x1a\n"
        refused = call(*explain, "--image", place("it.gif"), code=1)
        assert "neither .png nor .svg" in refused.stderr, refused.stderr
        # Of a ticket that has been opened, and of an anomaly that is over: from the same time on.
        for kind in ("ticket.opened", "detect.ended"):
            other = next(e for e in events if e["kind"] == kind)
            text = call("explain", "event", other["id"], "--data", place("data"), "--rows", "1", "--plot").stdout
            assert "s since 2026-01-01T00:07:30Z" in text and "from 2026-01-01T00:07:30Z" in text, text
            assert ("to do" in text) == (kind == "ticket.opened") and (" within" in text) == (kind == "detect.ended"), text
        print(f"{event['body']['explanation']}: plotted, {len(event['body']['tags'])} signals")


if __name__ == "__main__":
    main()

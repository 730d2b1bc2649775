#!/usr/bin/python3
"""Files that are damaged, absurd or named twice: `potline model calibrate` refuses each with file and line, exit code 2, and says
what is expected; and what it fitted without meeting it is never called good.
"""
import json
import math
import os
import subprocess
import tempfile

from modelling import POTLINE, potline


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


EVENTS = "t_s,kind,value,unit\n25,alumina_shot,7,kg\n1200,beam_ACD_change,0.03,cm\n"


def pot(work, change=None, events=EVENTS):
    """A pot's record: 40 voltages, one of them changed."""
    path = os.path.join(work, "voltage.csv")
    rows = [[50.0 * i, 4.4 + 0.01 * math.sin(i / 5)] for i in range(40)]
    if change:
        rows[change[0]][change[1]] = change[2]
    write(path, "t_s,U_V\n" + "".join(f"{t},{u}\n" for t, u in rows))
    write(os.path.join(work, "events.csv"), events)
    return path


def refused(model, path, *says):
    done = potline("calibrate", model, "--data", path, code=2)
    for text in says:
        assert text in done.stderr and not done.stdout, (text, done)
    return done.stderr


def events(work):
    """The file beside is named whole, with its line, whatever is wrong with it."""
    name = os.path.join(work, "events.csv")
    for text, says in ((EVENTS.replace("alumina_shot", "alumina_shoot"), f"{name}:2: a time, alumina_shot or beam_ACD_change"),
                       ("25,alumina_shot,7,kg\n", f"{name}:1: the columns t_s,kind,value are expected"),
                       (EVENTS.replace(",", ";"), f"{name}:1: the columns t_s,kind,value are expected"),
                       (EVENTS.replace("7,kg", "-7,kg"), f"{name}:2: alumina_shot of -7 kg: 0 to 1000 kg"),
                       (EVENTS.replace("7,kg", "7000,g"), f'{name}:2: alumina_shot has the unit "g": kg is expected'),
                       (EVENTS.replace("0.03,cm", "300,cm"), f"{name}:3: beam_ACD_change of 300 cm: -10 to 10 cm"),
                       (EVENTS.replace("25,", "nan,"), f"{name}:2: nan s is no time"),
                       ("", f"{name} is empty")):
        said = refused("CellModel", pot(work, events=text), says)
        assert said.rstrip("\n").isprintable(), said
    none = potline("calibrate", "CellModel", "--data", pot(work, events="t_s,kind,value\n"), "--fit", "distance", "--share", "1", code=1)
    assert "all that judge" in none.stdout, none  # no shots are shots of none: the pot runs out of alumina
    discharge = os.path.join(work, "0.5C_T.csv")
    write(discharge, "t_s,dT_K\n" + "".join(f"{i},{i / 100}\n" for i in range(60)))
    for rate in ("0.5", "0.1"):
        write(os.path.join(work, f"{rate}C_U.csv"), "t_s,U_V\n0,4\n100,x\n200,3\n300,2.9\n")
    refused("FourierHeatModel", discharge, f"{os.path.join(work, '')}0.", "C_U.csv:3: a number is missing")


def absurd(work):
    """No value that cannot have been measured is fitted to."""
    name = os.path.join(work, "voltage.csv")
    for value in (100000, 9999, 1e300, -60):
        refused("CellModel", pot(work, (16, 1, value)), f"{name}:18: U_V is {value:g} V, which is no measurement: -10 to 150")
    refused("CellModel", pot(work, (16, 0, 10)), f"{name}:18: t_s goes back, from 750 to 10 s")
    path = write(os.path.join(work, "cell.csv"), "f_Hz,Zre_ohm,Zim_ohm\n100,1,-1\n-5,1,-1\n1,2,-1\n")
    refused("ElectrodeKineticsModel", path, f"{path}:3: f_Hz is -5 Hz")
    path = write(os.path.join(work, "rod.csv"), "t_s,T1_C,T2_C,T3_C,T4_C,T5_C,T6_C\n0,25,25,25,25,25,25\n5,26,25,25,25,25,25\n4,26,25,25,25,25,-300\n")
    refused("FourierHeatModel", path, f"{path}:4: t_s goes back")
    write(path, "t_s,T1_C,T2_C,T3_C,T4_C,T5_C,T6_C\n0,25,25,25,25,25,-300\n")
    refused("FourierHeatModel", path, f"{path}:2: T6_C is -300 degC")


def verdict(work):
    """What is not met where it was fitted to is not good, whatever the rest is met by."""
    path = pot(work, (16, 1, 140))
    done = potline("calibrate", "CellModel", "--data", path, code=1)
    assert "MISS" in done.stdout.split("all that judge")[1].split("\n")[0] and "what was fitted to is itself missed" in done.stdout, done.stdout
    said = json.loads(potline("calibrate", "CellModel", "--data", path, "--json", code=1).stdout)
    assert not said["good"] and said["fitted"] > said["target"] and not said["files"][0]["good"], said
    # Half of a cell's points without noise, and half a volt above: neither part is met.
    rows = "".join(f"{1 + i},{1.44 + 0.0225 * math.log(1 + i) + 0.0103 * (1 + i) + 0.05 * (i % 4 < 2):.6f}\n" for i in range(40))
    path = write(os.path.join(work, "cell.csv"), "I_A,U_V\n" + rows)
    assert "itself missed" in potline("calibrate", "ElectrodeKineticsModel", "--data", path, code=1).stdout


def parts(work):
    """Of several files that judge, all together decide; one that is missed by itself is named in the same line."""
    def cell(name, off):
        return write(os.path.join(work, name), "I_A,U_V\n" + "".join(
            f"{0.5 + i},{1.44 + 0.0225 * math.log(0.5 + i) + 0.0103 * (0.5 + i) + off:.6f}\n" for i in range(30)))
    call = ["calibrate", "ElectrodeKineticsModel", "--data", cell("a.csv", 0), "--judge", cell("b.csv", 0.002), "--judge", cell("c.csv", 0.013)]
    done = potline(*call)
    assert "good; missed by itself: c.csv\n" in done.stdout, done.stdout
    said = json.loads(potline(*call, "--json").stdout)
    assert said["good"] and [f["good"] for f in said["files"]] == [True, True, False], said


def zeros(work):
    """Bytes of 0 are said, where they are, and nothing behind them is lost silently."""
    good = "I_A,U_V\n" + "".join(f"{i + 1},{1.5 + i / 100}\n" for i in range(20))
    path = os.path.join(work, "zeros.csv")
    refused("ElectrodeKineticsModel", write(path, "\0" * 8 + "\n" + good), f"{path}:1: a byte of 0")
    rows = good.split("\n")
    refused("ElectrodeKineticsModel", write(path, "\n".join(rows[:5] + ["\0" * 6] + rows[5:])), f"{path}:6: a byte of 0")
    with open(path, "wb") as file:
        file.write(good.encode("utf-16"))
    refused("ElectrodeKineticsModel", path, "a byte of 0")


def twice(work):
    path = write(os.path.join(work, "once.csv"), "I_A,U_V\n" + "".join(f"{i + 1},{1.5 + i / 100}\n" for i in range(20)))
    again = os.path.join(work, "link.csv")
    os.symlink(path, again)
    for other in (path, again, f"{path},base=1.4"):
        done = potline("calibrate", "ElectrodeKineticsModel", "--data", path, "--data", other, code=2)
        assert "one run is not two" in done.stderr and not done.stdout, done


def hints(work):
    path = write(os.path.join(work, "unit.csv"), "I_A,I_std_A,U_mV,U_std_V\n1,0,1500,0\n")
    assert 'column U_V (V) is missing; "U_mV" is there: did you mean U_V?' in refused("ElectrodeKineticsModel", path, path)
    quoted = write(os.path.join(work, "quoted.csv"), '"I_A","U_V"\n' + "".join(
        f'"{1 + i}","{1.44 + 0.0225 * math.log(1 + i) + 0.0103 * (1 + i):.6f}"\n' for i in range(30)))
    assert json.loads(potline("calibrate", "ElectrodeKineticsModel", "--data", quoted, "--json").stdout)["files"][0]["points"] == 30
    folder = os.path.join(work, "salt_runs")
    os.mkdir(folder)
    rows = "".join(f"{i / 100},{25 + max(0, i - 100) / 200},{4 * (i >= 100) * (i < 900)},{500}\n" for i in range(1000))
    probe = write(os.path.join(folder, "x.txt"), rows)
    assert "nothing tells medium" in refused("FourierHeatModel", probe, f"{probe},medium=salt")
    assert "no default; one of salt, argon" in potline("show", "FourierHeatModel").stdout


def search(work):
    """A search that was cut off says so."""
    path = write(os.path.join(work, "cut.csv"), "I_A,U_V\n" + "".join(
        f"{1 + i},{1.44 + 0.0225 * math.log(1 + i) + 0.0103 * (1 + i):.6f}\n" for i in range(30)))
    cut = subprocess.run([POTLINE, "model", "calibrate", "ElectrodeKineticsModel", "--data", path, "--evaluations", "10"], capture_output=True, text=True)
    assert "The search did not end by itself: more runs (--evaluations, of which 10 were allowed)" in cut.stdout, cut
    assert "did not end by itself" not in potline("calibrate", "ElectrodeKineticsModel", "--data", path).stdout
    z = [(f, 64 + 46 / (1 + 2j * math.pi * f * 0.4)) for f in (10 ** (3 - i / 8) for i in range(40))]
    z[20] = (z[20][0], z[20][1] * 1.6)
    path = write(os.path.join(work, "spectrum.csv"), "f_Hz,Zre_ohm,Zim_ohm\n" + "".join(f"{f},{v.real},{v.imag}\n" for f, v in z))
    said = potline("calibrate", "ElectrodeKineticsModel", "--data", path, "--experiment", "impedance-arc").stdout
    assert "error -1 frequencies, limit 4 frequencies" in said, said


def main():
    for check in (events, absurd, verdict, parts, zeros, twice, hints, search):
        with tempfile.TemporaryDirectory() as work:
            check(work)
            print(check.__name__)


main()

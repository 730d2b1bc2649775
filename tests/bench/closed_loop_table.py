"""Tables of tests/bench/closed_loop: figures of a run by the plant's own meters, and what an arm is worth beside the baseline."""
import math

# IPCC 2006, volume 3, 4.4: Tier 2, centre-worked prebake; warming potentials of the fifth report. Grid as in optimize.setpoints.
CF4, C2F6, GWP_CF4, GWP_C2F6, GRID = 0.143, 0.121, 6630, 11100, 0.3
ANODES = 1000 * 0.41 * 0.976 * 44 / 12
ALUMINIUM = 0.33557273  # kg/kAh
METERS = ("energy_kwh", "produced_kg", "charge_kah", "effects", "effect_s", "alf3_kg", "fed_kg")
FIGURES = [("kWh/t", "energy"), ("kg CO2e/t", "co2e"), ("of it PFC", "pfc"), ("anode effects/pot-day", "effects"), ("t/pot-day", "throughput"),
           ("current efficiency %", "efficiency"), ("V", "voltage"), ("distance mm", "acd"), ("superheat K", "superheat"),
           ("iron and silicon wt%", "impurity_made"), ("line current kA", "current")]
# Of what each arm brings: its heading, and whether it is told as a share of the baseline's.
BROUGHT = [("kWh/t", "energy", False), ("energy %", "energy", True), ("CO2e %", "co2e", True), ("effects/pot-day", "effects", False),
           ("metal %", "throughput", True), ("efficiency", "efficiency", False)]


def figures_of(result):
    pots = result["truth"].values()
    total = {meter: sum(p[meter] for p in pots) for meter in METERS}
    tonnes, days = total["produced_kg"] / 1000, sum(p["days"] for p in pots)
    energy = total["energy_kwh"] / tonnes
    pfc = CF4 * total["effect_s"] / 60 / days * (GWP_CF4 + C2F6 * GWP_C2F6)
    figures = {"energy": energy, "pfc": pfc, "co2e": ANODES + GRID * energy + pfc, "effects": total["effects"] / days,
               "throughput": tonnes / days, "efficiency": 100 * total["produced_kg"] / (total["charge_kah"] * ALUMINIUM)}
    for name in ("voltage", "acd", "superheat", "impurity_made", "current"):
        figures[name] = sum(p[name] for p in pots) / len(pots)
    return figures


def within(t, freedom):
    """The share of Student's t from -t to t (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(freedom))
    term = total = math.cos(angle) if freedom % 2 else 1
    for i in range(2 + freedom % 2, freedom - 1, 2):
        term *= (i - 1) / i * math.cos(angle) ** 2
        total += term
    if freedom % 2 == 0:
        return math.sin(angle) * total
    return 2 / math.pi * (angle + (math.sin(angle) * total if freedom > 1 else 0))


def student(freedom):
    """The 97.5 % quantile."""
    low, high = 1.9, 13
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle, freedom) < 0.95 else (low, middle)
    return high


def mean_and_half(values):
    """Half of the 95 % confidence interval; NaN of a single one."""
    n = len(values)
    mean = sum(values) / n
    if n < 2:
        return mean, math.nan
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1))
    return mean, student(n - 1) * deviation / math.sqrt(n)


def broken_of(result):
    broken = {}
    for pot in result["truth"].values():
        for name, minutes in pot["broken"].items():
            broken[name] = broken.get(name, 0) + minutes
    return broken


def told(counts):
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


def interval(half, form=".3g"):
    return f"+- {half:{form}}" if half == half else "-"


def print_figures(before, after):
    print(f"{'':24}{'baseline':>12}{'with it':>12}{'difference':>12}{'95 % CI':>12}{'%':>9}{'95 % CI':>12}")
    for text, name in FIGURES:
        mean, half = mean_and_half([a[name] - b[name] for a, b in zip(after, before)])
        base = sum(b[name] for b in before) / len(before)
        share = f"{100 * mean / base:9.2f}{interval(100 * half / base):>12}" if base else ""
        print(f"{text:24}{base:12.5g}{base + mean:12.5g}{mean:12.4g}{interval(half):>12}{share}")


def print_broken(pairs):
    """Pot-minutes outside of limits by the plant's truth. Returns how many more than the baseline's, of each pot that has more: what
    another one has less makes up for nothing."""
    sums, names = ({}, {}), sorted({name for pair in pairs for result in pair for name in broken_of(result)})
    for which, label in enumerate(("baseline", "with it")):
        for pair in pairs:
            for name, minutes in broken_of(pair[which]).items():
                sums[which][name] = sums[which].get(name, 0) + minutes
        minutes = sum(p["days"] * 1440 for pair in pairs for p in pair[which]["truth"].values())
        print(f"pot-minutes outside of limits by truth, {label}: {told(sums[which])}; of {minutes:.0f}")
    for name in names:
        mean, half = mean_and_half([broken_of(after).get(name, 0) - broken_of(before).get(name, 0) for before, after in pairs])
        print(f"  {name}: {mean:+.1f} {interval(half)} a seed")
    return sum(max(minutes - before["truth"][asset]["broken"].get(name, 0), 0) for before, after in pairs
               for asset, pot in after["truth"].items() for name, minutes in pot["broken"].items())


def print_arm(options, results, practice, arm, seeds):
    """And returns what print_levers wants of it."""
    pairs = [(results[practice, "baseline", seed], results[practice, arm, seed]) for seed in seeds]
    before, after = [figures_of(p[0]) for p in pairs], [figures_of(p[1]) for p in pairs]
    print(f"\n{practice}, {arm}: {len(seeds)} seeds of {options.lines} x {options.pots} pots, hours {options.begin:g} to {options.hours:g}")
    print_figures(before, after)
    more = print_broken(pairs)
    loops = [pair[1] for pair in pairs]
    unsafe, written = (sum(of(r["writes"]) for r in loops) for of in (lambda w: len(w["unsafe"]), lambda w: w["count"]))
    kinds = {}
    for r in loops:
        for source in ("runs", "guard"):
            for kind, count in r[source].items():
                kinds[kind] = kinds.get(kind, 0) + count
    print(f"written {written}, refused by the plant {sum(r['writes']['refused'] for r in loops)}, unsafe {unsafe}; {told(kinds)}")
    return {"practice": practice, "arm": arm, "before": before, "after": after, "unsafe": unsafe, "more": more,
            "written": all(r["writes"]["count"] for r in loops)}


def print_levers(rows):
    """What each arm brings, one beside the other."""
    if len(rows) < 2:
        return
    print(f"\n{'what it brings':22}{'seeds':>6}" + "".join(f"{text:>20}" for text, _, _ in BROUGHT) + f"{'min. beyond':>13}{'unsafe':>8}")
    for row in rows:
        cells = ""
        for _, name, share in BROUGHT:
            base = sum(b[name] for b in row["before"]) / len(row["before"])
            mean, half = mean_and_half([a[name] - b[name] for a, b in zip(row["after"], row["before"])])
            scale = 100 / base if share and base else 1
            cells += f"{mean * scale:>+11.3g} {interval(half * scale, '.2g'):<8}"
        print(f"{row['practice'] + ', ' + row['arm']:22}{len(row['before']):6}{cells}{row['more']:13}{row['unsafe']:8}")
    print("mean difference of pairs to the baseline with its 95 % confidence interval; min. beyond: pot-minutes outside of limits more than "
          "without the loop, summed over the pots that have more")

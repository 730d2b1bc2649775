"""What else there was while something was measured: the machine's load, and how much of its CPU time the host took for others.

    host = Host()
    ...
    print(f"{host}; ...")      # 2 CPUs, load 8.1, 20 % of CPU time stolen by the host
"""
import os


def cpu_times():
    """(stolen, all) ticks since the machine began (proc(5): the 8th column of `cpu` is steal; guests are in user already)."""
    with open("/proc/stat") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    return ticks[7], sum(ticks)


class Host:
    def __init__(self):
        self.before = cpu_times()

    def stolen(self):
        """Of the CPU time since then, the host's share."""
        part, whole = (now - was for now, was in zip(cpu_times(), self.before))
        return part / whole if whole else 0.0

    def __str__(self):
        return f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {100 * self.stolen():.0f} % of CPU time stolen by the host"

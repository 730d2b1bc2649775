# The clean-window job in awk. Nanoseconds do not fit a double: the window is cut from the text, all but ten digits.
BEGIN {
    FS = ","
    low["voltage"] = 0;      high["voltage"] = 10
    low["current"] = 0;      high["current"] = 400
    low["bath_temp"] = 800;  high["bath_temp"] = 1100
    low["anode_pos"] = 0;    high["anode_pos"] = 1000
    low["noise"] = 0;        high["noise"] = 500
}
function flush_window(tag) {
    printf "%s0000000000,%s,%d,%.6f,%.6f,%.6f,%.6f\n", window[tag], tag, n[tag], sum[tag] / n[tag], min[tag], max[tag], last[tag] > OUT
}
{
    tag = $2
    if (!(tag in signal)) { parts = split(tag, part, "."); signal[tag] = part[parts] }
    if ($3 == "" || $3 == "NaN") next
    value = $3 + 0
    if (value < low[signal[tag]] || value > high[signal[tag]]) next
    at = substr($1, 1, length($1) - 10)
    if (at != window[tag]) {
        if (tag in n) flush_window(tag)
        window[tag] = at; n[tag] = 0; sum[tag] = 0; min[tag] = value; max[tag] = value
    }
    n[tag]++; sum[tag] += value; last[tag] = value
    if (value < min[tag]) min[tag] = value
    if (value > max[tag]) max[tag] = value
}
END { for (tag in n) flush_window(tag) }

-- A sensor whose rows are bad too often: wiring, a thermocouple at its end, interference. Bad rows are what other rules
-- leave out, so this one takes any quality.
rule {
  name = "sensor-health",
  doc = "Too many rows of a signal are bad.",
  on = "samples",
  quality = "any",
  params = {
    limit = { 20, low = 1, high = 100, unit = "%", doc = "Share of bad rows." },
    rows = { 300, low = 5, high = 10000, unit = "rows", doc = "About how many rows the share is taken over." },
  },
  memory = { share = 0, seen = 0 },
  severity = 300,
  message = "{tag}: about {share:0} % of its rows are bad (limit {limit} %)",
  when = function(quality, limit, rows, share, seen)
    local bad = quality == "bad" and 100 or 0
    seen = seen + 1
    share = share + (bad - share) / (seen < rows and seen or rows)
    return seen >= rows and share > limit, share, seen
  end,
  clear = function(share, limit) return share < limit / 2 end,
}

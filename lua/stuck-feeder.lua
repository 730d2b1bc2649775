-- The total of alumina fed does not grow: the feeder is blocked, or its bin is empty. An anode effect follows within an
-- hour or two.
rule {
  name = "stuck-feeder",
  doc = "No alumina has been fed for too long.",
  on = "samples",
  tags = "*.feed_total",
  params = {
    longest = { 600, low = 30, high = 7200, unit = "s", doc = "Longest time without a shot, underfeeding included." },
    shot = { 0.2, low = 0, high = 10, unit = "kg", doc = "Growth that counts as a shot." },
  },
  memory = { total = 0, since = 0 },
  severity = 700,
  message = "{asset}: nothing fed, still {value:1} kg in total",
  when = function(value, time, longest, shot, total, since)
    -- A total that falls has been reset.
    if since == 0 or value >= total + shot or value < total then return false, value, time end
    return time - since > longest, total, since
  end,
}

-- Bath temperature by itself, for pots whose liquidus nobody knows.
rule {
  name = "bath-hot",
  doc = "Bath too hot.",
  on = "samples",
  tags = "*.bath_temp",
  params = {
    limit = { 985, low = 950, high = 1050, unit = "degC", doc = "Highest bath temperature." },
    hysteresis = { 3, low = 0, high = 20, unit = "K", doc = "How far back it must be." },
  },
  hold = "1m",
  severity = 600,
  message = "{asset}: bath at {value:1} degC, limit {limit} degC",
  when = "value > limit",
  clear = "value <= limit - hysteresis",
}

rule {
  name = "bath-cold",
  doc = "Bath too cold.",
  on = "samples",
  tags = "*.bath_temp",
  params = {
    limit = { 940, low = 900, high = 960, unit = "degC", doc = "Lowest bath temperature." },
    hysteresis = { 3, low = 0, high = 20, unit = "K", doc = "How far back it must be." },
  },
  hold = "1m",
  severity = 600,
  message = "{asset}: bath at {value:1} degC, limit {limit} degC",
  when = "value < limit",
  clear = "value >= limit + hysteresis",
}

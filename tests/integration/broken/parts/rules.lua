-- a comment with hodl = in it
rule {
  name = "hot",
  hodl = "1m",
  mesage = "x",
  params = { limit = { 3, lo = 2 } },
  when = function(value, limt, qualty)
    return value > limt
  end,
}

local f = function(a) return a end
rule { name = "cold", tags = "*.bath_temp", on = "sample", when = "valeu > 3", hold = "10 parsecs" }
rule {
  name = "three", severity = 5000,
  message = "{tag} {valu}",
  when = "value > limit",
  params = {
    limit = 5 },
}
rul { name = "four" }
rule { name = "five" }

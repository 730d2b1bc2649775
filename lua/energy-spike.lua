-- A pot that suddenly takes more power than it did: a wrong beam move, an anode that lost contact, a rectifier's step.
rule {
  name = "energy-spike",
  doc = "Power of a pot far above its own mean.",
  on = "samples",
  tags = "*.voltage",
  with = "current",
  fresh = "1m",
  params = {
    excess = { 15, low = 1, high = 500, unit = "%", doc = "Above the pot's own mean power." },
    tau = { 1800, low = 60, high = 86400, unit = "s", doc = "Time constant of that mean." },
    effect = { 8, low = 5, high = 40, unit = "V", doc = "From here on it is an anode effect, which has a rule of its own." },
    settle = { 60, low = 1, high = 100000, unit = "rows", doc = "How many rows the mean is learned from first." },
  },
  memory = { usual = 0, seen = 0 },
  hold = "10s",
  release = "30s",
  severity = 500,
  message = "{asset}: {value:2} V at {current:1} kA, usual power is {usual:0} kW",
  when = function(value, current, dt, excess, tau, effect, settle, usual, seen)
    if value > effect then return false, usual, seen end
    local power = value * current
    if seen == 0 then return false, power, 1 end
    local high = seen >= settle and power > usual * (1 + excess / 100)
    -- What is far off must not pull the mean along with it at once.
    local share = seen < settle and 1 / (seen + 1) or dt / (tau + dt)
    if high then share = share / 10 end
    return high, usual + share * (power - usual), seen + 1
  end,
}

-- Anode effects: alumina runs out at the anodes, voltage jumps to 15 V and more, and PFC gases form.

-- The voltage of a cell near the effect climbs as alumina falls: by the cell's curve, 0.03 V a percent at 3 % of alumina
-- but 1 V a percent at 2 %. So the slope of the pseudo-resistance (U - 1.65 V) / I tells some minutes before. Current is
-- taken out, or every move of the rectifier would look like a slope. An anode change is a jump, no slope: the smoothing
-- begins anew behind one.
rule {
  name = "anode-effect-risk",
  doc = "Pseudo-resistance climbs: alumina runs low.",
  on = "samples",
  tags = "*.voltage",
  with = "current",
  fresh = "1m",
  params = {
    slope = { 0.0008, low = 0.0001, high = 1, unit = "uohm/s", doc = "Climb of the smoothed resistance that is a risk." },
    tau = { 90, low = 1, high = 600, unit = "s", doc = "Time constant of the smoothing." },
    jump = { 0.3, low = 0.01, high = 100, unit = "uohm", doc = "So far from the smoothed resistance is no slope." },
    extrapolation = { 1.65, low = 1, high = 2, unit = "V", doc = "Voltage at no current." },
    effect = { 8, low = 5, high = 40, unit = "V", doc = "From here on it is the effect itself, not its risk." },
  },
  memory = { near = 0, far = 0, climb = 0, jumped = 0 },
  hold = "1m",
  release = "2m",
  severity = 600,
  message = "{asset}: resistance climbs by {climb:4} uohm/s (limit {slope}): feed",
  when = function(value, current, time, dt, slope, tau, jump, extrapolation, effect, near, far, climb, jumped)
    if current < 1 then return false, 0, 0, 0, 0 end -- the line is off
    local resistance = (value - extrapolation) / current * 1000
    if dt <= 0 or dt > 10 * tau or far == 0 then return false, resistance, resistance, 0, 0 end
    near = near + dt / (15 + dt) * (resistance - near) -- over 15 s: what a jump is seen by
    if math.abs(near - far) > jump then jumped = time end
    if time - jumped < 30 then return false, near, near, 0, jumped end -- until `near` has arrived
    local share = dt / (tau + dt)
    local step = share * (near - far)
    climb = climb + share * (step / dt - climb)
    return value < effect and climb > slope, near, far + step, climb, jumped
  end,
}

-- The effect itself. A lone row may be a broken contact; three seconds are none.
rule {
  name = "anode-effect",
  doc = "Voltage far above its limit: alumina has run out.",
  on = "samples",
  tags = "*.voltage",
  quality = "any", -- out of range is what an effect looks like
  params = {
    limit = { 8.0, low = 4, high = 40, unit = "V", doc = "Voltage above which it is an effect." },
    hysteresis = { 2.0, low = 0, high = 10, unit = "V", doc = "How far back it must be." },
  },
  hold = "3s",
  severity = 900,
  message = "{asset}: anode effect, {value:1} V (limit {limit} V)",
  when = "value > limit",
  clear = "value < limit - hysteresis",
}

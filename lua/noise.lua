-- Voltage noise: waves of the metal pad, an anode too near the metal, carbon in the bath. Current efficiency is lost.
-- What an anode effect does to the deviation of a voltage is no such noise: from then on the rule pauses, and begins anew.
rule {
  name = "noise",
  doc = "A pot is noisy.",
  on = "samples",
  tags = "*.noise",
  with = "voltage",
  params = {
    limit = { 60, low = 5, high = 500, unit = "mV", doc = "Smoothed noise." },
    tau = { 60, low = 1, high = 3600, unit = "s", doc = "Time constant of the smoothing." },
    effect = { 8, low = 5, high = 40, unit = "V", doc = "From here on it is an anode effect." },
    pause = { 900, low = 0, high = 7200, unit = "s", doc = "How long after an anode effect nothing is said." },
  },
  memory = { smooth = 0, seen = 0, last = 0 },
  hold = "1m",
  release = "1m",
  severity = 400,
  message = "{asset}: noise {smooth:0} mV, limit {limit} mV",
  when = function(value, voltage, time, dt, limit, tau, effect, pause, smooth, seen, last)
    if voltage > effect then last = time end
    if time - last < pause then return false, 0, 0, last end
    seen = seen + 1 -- the mean of all rows at first, so that the first one counts for no more than others
    smooth = smooth + math.max(dt / (tau + dt), 1 / seen) * (value - smooth)
    return seen >= 10 and smooth > limit, smooth, seen, last
  end,
  clear = function(smooth, limit) return smooth < 0.8 * limit end,
}

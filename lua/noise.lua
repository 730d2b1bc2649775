-- Voltage noise: waves of the metal pad, an anode too near the metal, carbon in the bath. Current efficiency is lost.
rule {
  name = "noise",
  doc = "A pot is noisy.",
  on = "samples",
  tags = "*.noise",
  params = {
    limit = { 60, low = 5, high = 500, unit = "mV", doc = "Smoothed noise." },
    tau = { 60, low = 1, high = 3600, unit = "s", doc = "Time constant of the smoothing." },
  },
  memory = { smooth = 0, seen = 0 },
  hold = "1m",
  release = "1m",
  severity = 400,
  message = "{asset}: noise {smooth:0} mV, limit {limit} mV",
  when = function(value, dt, limit, tau, smooth, seen)
    seen = seen + 1 -- the mean of all rows at first, so that the first one counts for no more than others
    smooth = smooth + math.max(dt / (tau + dt), 1 / seen) * (value - smooth)
    return seen >= 10 and smooth > limit, smooth, seen
  end,
  clear = function(smooth, limit) return smooth < 0.8 * limit end,
}

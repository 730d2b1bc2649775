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
  memory = { smooth = 0, begun = 0 },
  hold = "1m",
  release = "1m",
  severity = 400,
  message = "{asset}: noise {smooth:0} mV, limit {limit} mV",
  when = function(value, dt, limit, tau, smooth, begun)
    smooth = begun == 0 and value or smooth + dt / (tau + dt) * (value - smooth)
    return smooth > limit, smooth, 1
  end,
  clear = function(smooth, limit) return smooth < 0.8 * limit end,
}

-- Superheat: bath temperature above the liquidus. Below 5 K the ledge grows and alumina dissolves badly, above 15 K the
-- ledge melts and current efficiency falls. The liquidus follows the bath's composition, which is measured once a day or
-- so: set it from the laboratory's figures (`rules set superheat liquidus 955`).
rule {
  name = "superheat",
  doc = "Superheat out of its window.",
  on = "samples",
  tags = "*.bath_temp",
  params = {
    liquidus = { 956, low = 900, high = 1010, unit = "degC", doc = "Of the bath as it is." },
    least = { 5, low = 0, high = 30, unit = "K", doc = "Superheat below which the bath freezes." },
    most = { 15, low = 1, high = 60, unit = "K", doc = "Superheat above which the ledge melts." },
    hysteresis = { 1, low = 0, high = 10, unit = "K", doc = "How far inside it must be again." },
  },
  hold = "10m",
  release = "1m",
  severity = 600,
  message = "{asset}: bath at {value:1} degC, liquidus {liquidus} degC, superheat window {least} to {most} K",
  when = "value - liquidus < least or value - liquidus > most",
  clear = "value - liquidus >= least + hysteresis and value - liquidus <= most - hysteresis",
}

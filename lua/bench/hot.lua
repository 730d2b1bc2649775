-- A rule for every row, as the benchmark of scripted rules has it (tests/bench/run, V3).
rule {
  name = "hot",
  doc = "{tag} at {value}",
  each = true,
  when = function(tag, value) return value > 985.0 end,
}

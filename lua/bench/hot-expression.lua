-- The same as hot.lua as the text of an expression, which runs a column at a time without Lua.
rule {
  name = "hot",
  doc = "{tag} at {value}",
  each = true,
  when = "value > 985.0",
}

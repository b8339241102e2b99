-- REAPER embeds Lua 5.3 (6.x) or 5.4 (7.x) and lends scripts these two tables.
self = false -- methods may leave it alone
std = "lua53"
max_line_length = 110
globals = { "gfx" }
read_globals = { "reaper" }

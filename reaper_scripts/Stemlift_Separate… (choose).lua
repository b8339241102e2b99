-- @description Stemlift: Separate… (choose)
-- @version 0.1.0
-- @author Stemlift
-- @about
--   Asks for model, stems, range and layout, then separates the selected items.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
local use = dofile(folder .. "lib/load.lua")(folder)
use("dialog").run()

-- @description Stemlift: Instrumental
-- @version 0.1.0
-- @author Stemlift
-- @about
--   One click: everything but the vocals of the selected items on a new track, by the best model for it.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
local use = dofile(folder .. "lib/load.lua")(folder)
use("separate").stems("instrumental")

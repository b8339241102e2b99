-- @description Stemlift: Queue
-- @version 0.1.0
-- @author Stemlift
-- @about
--   Shows what runs, waits or failed, and stems not imported yet: cancel, try again, import, show folder.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
local use = dofile(folder .. "lib/load.lua")(folder)
use("queue").run()

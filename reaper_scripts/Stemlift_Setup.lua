-- @description Stemlift: Setup
-- @version 0.1.0
-- @author Stemlift
-- @about
--   Checks the installation, registers the actions, shows how to get the right-click entry,
--   and collects a support bundle.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
local use = dofile(folder .. "lib/load.lua")(folder)
use("setup").run()

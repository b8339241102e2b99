-- @description Stemlift: Import stems
-- @version 0.1.0
-- @author Stemlift
-- @about
--   Brings in the stems of a finished job, or of a folder with stems.json, as new aligned tracks.

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
local use = dofile(folder .. "lib/load.lua")(folder)
use("import").run()

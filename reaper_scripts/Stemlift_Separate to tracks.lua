-- @description Stemlift: Separate to tracks
-- @version 0.1.0
-- @author Stemlift
-- @about
--   Separates the selected items into all stems of the model and puts them on new tracks, in place.
--   Settings are those last chosen in Separate… (choose). Needs Stemlift: `stemlift reaper install`.
-- @provides
--   [nomain] lib/*.lua

local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
local use = dofile(folder .. "lib/load.lua")(folder)
use("separate").now({ stems = use("json").array() })

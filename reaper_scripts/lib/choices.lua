-- What the user chose last, kept by REAPER between sessions.

return function(use)
  local json = use("json")
  local paths = use("paths")

  local choices = {}

  local KEY = "choices"

  local function defaults()
    return {
      model = "auto",
      stems = json.array(),
      remainder = "other",
      -- "": the model's own.
      mask = "",
      layout = "folder",
      original = "mute",
      take_fx = "copy",
      handles = 1.0,
      within_time_selection = false,
      also_same_source = false,
    }
  end

  -- The last choices; what is missing or of another kind is as at first.
  function choices.load()
    local chosen = defaults()
    local kept = json.decode(reaper.GetExtState(paths.EXT, KEY))
    if type(kept) == "table" then
      for key, value in pairs(chosen) do
        if type(kept[key]) == type(value) then
          chosen[key] = kept[key]
        end
      end
    end
    chosen.stems = json.array(chosen.stems)
    return chosen
  end

  function choices.save(chosen)
    reaper.SetExtState(paths.EXT, KEY, json.encode(chosen), true)
  end

  -- The last choices with others in the place of some of them.
  function choices.with(others)
    local chosen = choices.load()
    for key, value in pairs(others) do
      chosen[key] = value
    end
    chosen.stems = json.array(chosen.stems)
    return chosen
  end

  return choices
end

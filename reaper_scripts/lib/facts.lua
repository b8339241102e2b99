-- What Stemlift needs to know of the selection and the project; the schema is that of
-- `stemlift-reaper plan`. Nothing is decided here.

return function(use)
  local json = use("json")
  local paths = use("paths")
  local files = use("files")
  local project = use("project")

  local facts = {}

  local HAS_COLOUR = 0x1000000
  local FIXED_LANES = 2
  -- Of items that are not selected.
  local MOST_OFFERED = 500

  local function whole(number)
    return math.floor(number + 0.5)
  end

  -- nil where the value is not a number that JSON can hold.
  local function finite(number)
    if number and number == number and math.abs(number) < math.huge then
      return number
    end
    return nil
  end

  -- The file at the bottom: below sections and reversed sources.
  local function bottom(source)
    local parent = reaper.GetMediaSourceParent(source)
    while parent do
      source = parent
      parent = reaper.GetMediaSourceParent(source)
    end
    return source
  end

  -- Of a file which is there and was set offline, its kind or SWS tells.
  local function is_online(source, path)
    local offline = reaper.GetMediaSourceType(source):find("^_OFFLINE")
    if offline or (path ~= "" and not files.exists(path)) then
      return false
    end
    if reaper.APIExists("CF_GetMediaSourceOnline") then
      return reaper.CF_GetMediaSourceOnline(source)
    end
    return true
  end

  local function path_of(take)
    if reaper.TakeIsMIDI(take) then
      return ""
    end
    local source = reaper.GetMediaItemTake_Source(take)
    return source and reaper.GetMediaSourceFileName(bottom(source)) or ""
  end

  local function source_facts(take)
    local source = reaper.GetMediaItemTake_Source(take)
    if not source then
      return { kind = "EMPTY" }
    end
    if reaper.TakeIsMIDI(take) then
      return { kind = "MIDI" }
    end
    local file = bottom(source)
    local path = path_of(take)
    local length, in_quarter_notes = reaper.GetMediaSourceLength(file)
    length = finite(length)
    if in_quarter_notes or (length and length <= 0) then
      length = nil
    end
    return {
      path = path,
      kind = reaper.GetMediaSourceType(source),
      length = length,
      sample_rate = whole(reaper.GetMediaSourceSampleRate(file)),
      channels = whole(reaper.GetMediaSourceNumChannels(file)),
      online = is_online(file, path),
    }
  end

  local function lane_plays(item, track)
    if reaper.GetMediaTrackInfo_Value(track, "I_FREEMODE") ~= FIXED_LANES then
      return true
    end
    -- -1 and 0: hidden or silent; 1 and 2: plays, alone or with others.
    return reaper.GetMediaItemInfo_Value(item, "C_LANEPLAYS") > 0
  end

  local function item_facts(item, selected)
    local track = reaper.GetMediaItemTrack(item)
    local take = reaper.GetActiveTake(item)
    return {
      guid = project.item_guid(item),
      track = reaper.GetTrackGUID(track),
      chunk = project.chunk(item) or "",
      active_take = whole(reaper.GetMediaItemInfo_Value(item, "I_CURTAKE")),
      source = take and source_facts(take) or nil,
      lane_plays = lane_plays(item, track),
      selected = selected,
    }
  end

  local function colour_of(track)
    local native = whole(reaper.GetMediaTrackInfo_Value(track, "I_CUSTOMCOLOR"))
    if native & HAS_COLOUR == 0 then
      return nil
    end
    local red, green, blue = reaper.ColorFromNative(native & 0xFFFFFF)
    return json.array({ red, green, blue })
  end

  local function track_facts(track, index)
    local value = reaper.GetMediaTrackInfo_Value
    local _, name = reaper.GetSetMediaTrackInfo_String(track, "P_NAME", "", false)
    local sends = reaper.GetTrackNumSends(track, 0) + reaper.GetTrackNumSends(track, 1)
    return {
      guid = reaper.GetTrackGUID(track),
      index = index,
      name = name,
      depth = whole(value(track, "I_FOLDERDEPTH")),
      colour = colour_of(track),
      channels = whole(value(track, "I_NCHAN")),
      has_fx = reaper.TrackFX_GetCount(track) > 0,
      has_sends = sends > 0,
      has_envelopes = reaper.CountTrackEnvelopes(track) > 0,
      fixed_lanes = value(track, "I_FREEMODE") == FIXED_LANES,
    }
  end

  -- All tracks, in order.
  function facts.tracks(handle)
    local found = json.array()
    for i = 0, reaper.CountTracks(handle) - 1 do
      found[#found + 1] = track_facts(reaper.GetTrack(handle, i), i)
    end
    return found
  end

  local function time_selection(handle)
    local from, to = reaper.GetSet_LoopTimeRange2(handle, false, false, 0, 0, false)
    return to > from and json.array({ from, to }) or nil
  end

  -- The selected items, and others of the same files: all, or those that can be offered stems.
  local function items_facts(handle, with_same_source)
    local found = json.array()
    local chosen, sources = {}, {}
    for i = 0, reaper.CountSelectedMediaItems(handle) - 1 do
      local item = reaper.GetSelectedMediaItem(handle, i)
      local each = item_facts(item, true)
      chosen[each.guid] = true
      if each.source and each.source.path then
        sources[each.source.path] = true
      end
      found[#found + 1] = each
    end
    sources[""] = nil
    local left = with_same_source and math.huge or MOST_OFFERED
    for _, item in ipairs(next(sources) and project.items(handle) or {}) do
      local take = reaper.GetActiveTake(item)
      local same = take and not chosen[project.item_guid(item)] and sources[path_of(take)]
      if same and left > 0 then
        found[#found + 1] = item_facts(item, false)
        left = left - 1
      end
    end
    return found
  end

  -- The GUIDs of the items whose active take plays a file: the selected ones of them; where none
  -- is selected, those that are not muted.
  function facts.playing(handle, path)
    local selected, heard = {}, {}
    for _, item in ipairs(project.items(handle)) do
      local take = reaper.GetActiveTake(item)
      if take and files.same_path(path_of(take), path) then
        if reaper.IsMediaItemSelected(item) then
          selected[#selected + 1] = project.item_guid(item)
        elseif reaper.GetMediaItemInfo_Value(item, "B_MUTE") == 0 then
          heard[#heard + 1] = project.item_guid(item)
        end
      end
    end
    return #selected > 0 and selected or heard
  end

  function facts.has_time_selection(handle)
    return time_selection(handle) ~= nil
  end

  function facts.selected_count(handle)
    return reaper.CountSelectedMediaItems(handle)
  end

  -- Without what is left to the model.
  local function asked(choices)
    local found = {}
    for key, value in pairs(choices) do
      found[key] = value
    end
    found.mask = found.mask ~= "" and found.mask or nil
    return found
  end

  local function request_for(handle, path, choices, items)
    return {
      version = paths.SCHEMA,
      reaper = reaper.GetAppVersion(),
      project = {
        path = path,
        media_folder = reaper.GetProjectPathEx(handle),
        time_selection = time_selection(handle),
      },
      tracks = facts.tracks(handle),
      items = items,
      choices = asked(choices),
    }
  end

  -- The request; nil where no item is selected.
  function facts.read(handle, path, choices)
    if facts.selected_count(handle) == 0 then
      return nil
    end
    return request_for(handle, path, choices, items_facts(handle, choices.also_same_source))
  end

  -- The request for the items with these GUIDs, of which some may be gone.
  function facts.read_items(handle, path, choices, guids)
    local there, found = project.items_by_guid(handle), json.array()
    for _, guid in ipairs(guids) do
      if there[guid] then
        found[#found + 1] = item_facts(there[guid], true)
      end
    end
    choices.stems = json.array(choices.stems)
    return request_for(handle, path, choices, found)
  end

  return facts
end

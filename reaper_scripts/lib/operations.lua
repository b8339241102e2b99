-- Changing the project as a plan says: all of it within one undo step, or nothing.

return function(use)
  local errors = use("errors")
  local project = use("project")

  local operations = {}

  local HAS_COLOUR = 0x1000000
  local ALL_STATE = -1
  local BUILD_MISSING_PEAKS = 40047

  -- A new track changes nothing on the way to its parent; a pan law of 1 is 0 dB.
  -- What the user made the default of new tracks may be otherwise.
  local PLAIN = { D_VOL = 1, D_PAN = 0, D_PANLAW = 1, B_MAINSEND = 1 }

  -- Of the track that the items come from: when its items sound.
  local TIMING = { "C_BEATATTACHMODE", "D_PLAY_OFFSET", "I_PLAY_OFFSET_FLAG" }

  local MIXER = {
    "D_VOL",
    "D_PAN",
    "D_WIDTH",
    "D_DUALPANL",
    "D_DUALPANR",
    "I_PANMODE",
    "D_PANLAW",
    "B_PHASE",
    "B_MUTE",
    "I_SOLO",
    "B_SOLO_DEFEAT",
    "B_MAINSEND",
    "C_MAINSEND_OFFS",
  }

  local SEND = {
    "D_VOL",
    "D_PAN",
    "D_PANLAW",
    "B_MUTE",
    "B_PHASE",
    "B_MONO",
    "I_SENDMODE",
    "I_SRCCHAN",
    "I_DSTCHAN",
    "I_MIDIFLAGS",
  }

  local TO_TRACKS, TO_HARDWARE = 0, 1

  local function must(done, what)
    if not done then
      error({ sentence = what }, 0)
    end
    return done
  end

  local function copy_sends(from, to, category)
    for i = 0, reaper.GetTrackNumSends(from, category) - 1 do
      local target = nil
      if category == TO_TRACKS then
        target = reaper.GetTrackSendInfo_Value(from, category, i, "P_DESTTRACK")
      end
      local made = reaper.CreateTrackSend(to, target)
      must(made >= 0, "A send of the track could not be copied.")
      for _, key in ipairs(SEND) do
        local value = reaper.GetTrackSendInfo_Value(from, category, i, key)
        reaper.SetTrackSendInfo_Value(to, category, made, key, value)
      end
    end
  end

  local function copy_values(from, to, keys)
    for _, key in ipairs(keys) do
      reaper.SetMediaTrackInfo_Value(to, key, reaper.GetMediaTrackInfo_Value(from, key))
    end
  end

  local function copy_mixer(from, to)
    copy_values(from, to, MIXER)
    copy_sends(from, to, TO_TRACKS)
    copy_sends(from, to, TO_HARDWARE)
  end

  -- Without the effects that REAPER may give to new tracks by default.
  function operations.new_track(handle, index)
    local count = reaper.CountTracks(handle)
    must(index <= count, "The project has fewer tracks than before.")
    if reaper.APIExists("InsertTrackInProject") then
      reaper.InsertTrackInProject(handle, index, 0)
    else
      reaper.InsertTrackAtIndex(index, false)
    end
    must(reaper.CountTracks(handle) == count + 1, "A new track could not be made.")
    return must(reaper.GetTrack(handle, index), "A new track could not be found.")
  end

  local function track_of(context, guid)
    return must(context.tracks[guid], "A track of the selection is gone.")
  end

  local function item_of(context, guid)
    return must(context.items[guid], "A selected item is gone.")
  end

  local DO = {}

  function DO.insert_track(context, operation)
    local track = operations.new_track(context.handle, operation.index)
    context.new_tracks[operation.key] = track
    reaper.GetSetMediaTrackInfo_String(track, "P_NAME", operation.name, true)
    reaper.SetMediaTrackInfo_Value(track, "I_NCHAN", operation.channels or 2)
    reaper.SetMediaTrackInfo_Value(track, "I_FOLDERDEPTH", operation.depth)
    local colour = operation.colour
    if colour then
      local native = reaper.ColorToNative(colour[1], colour[2], colour[3]) | HAS_COLOUR
      reaper.SetMediaTrackInfo_Value(track, "I_CUSTOMCOLOR", native)
    end
    if (operation.source_track or "") ~= "" then
      copy_values(track_of(context, operation.source_track), track, TIMING)
    end
    if (operation.copy_from or "") ~= "" then
      copy_mixer(track_of(context, operation.copy_from), track)
    else
      for key, value in pairs(PLAIN) do
        reaper.SetMediaTrackInfo_Value(track, key, value)
      end
    end
  end

  function DO.set_track_depth(context, operation)
    local track = track_of(context, operation.track)
    reaper.SetMediaTrackInfo_Value(track, "I_FOLDERDEPTH", operation.depth)
  end

  function DO.insert_item(context, operation)
    local track = context.new_tracks[operation.track_key] or track_of(context, operation.track_key)
    local item = must(reaper.AddMediaItemToTrack(track), "A new item could not be made.")
    must(
      reaper.SetItemStateChunk(item, operation.chunk, false),
      "REAPER did not take a stem's item."
    )
  end

  function DO.replace_item(context, operation)
    local item = item_of(context, operation.item)
    must(reaper.SetItemStateChunk(item, operation.chunk, false), "REAPER did not take a stem's item.")
  end

  function DO.mute_item(context, operation)
    local item = item_of(context, operation.item)
    must(reaper.SetMediaItemInfo_Value(item, "B_MUTE", 1), "An item could not be muted.")
  end

  local function each_of(context, list)
    for _, operation in ipairs(list) do
      local step = must(DO[operation["do"]], "The plan has an unknown step.")
      step(context, operation)
    end
  end

  local function said(problem)
    if type(problem) == "table" then
      return problem.sentence
    end
    -- Lua puts the place in the script before what went wrong.
    return (tostring(problem):gsub("^.-%.lua:%d+: ", ""))
  end

  -- Do `act` within one undo step called `label`; nil and a problem where the project is as it was.
  function operations.in_one_step(handle, label, act)
    reaper.Undo_BeginBlock2(handle)
    reaper.PreventUIRefresh(1)
    local fine, problem = pcall(act)
    reaper.PreventUIRefresh(-1)
    local name = fine and label or label .. " (failed)"
    reaper.Undo_EndBlock2(handle, name, ALL_STATE)
    if fine then
      reaper.UpdateArrange()
      reaper.Main_OnCommand(BUILD_MISSING_PEAKS, 0)
      return true
    end
    -- Where nothing had changed there may be no step, and the one before is the user's.
    if reaper.Undo_CanUndo2(handle) == name then
      reaper.Undo_DoUndo2(handle)
    end
    reaper.UpdateArrange()
    return nil,
      errors.new(
        "IMPORT_FAILED",
        "The stems could not be put into the project; it is as it was before. " .. said(problem),
        "Try again with Stemlift_Queue; if it stays so, make a support bundle with Stemlift_Setup."
      )
  end

  -- Carry out the operations of a plan in order.
  function operations.carry_out(handle, list, label)
    local context = {
      handle = handle,
      items = project.items_by_guid(handle),
      tracks = project.tracks_by_guid(handle),
      new_tracks = {},
    }
    return operations.in_one_step(handle, label, function()
      each_of(context, list)
    end)
  end

  return operations
end

-- Carrying out a plan in the project: all of it within one undo step, or nothing.

return function(use)
  local chunks = use("chunks")
  local errors = use("errors")
  local facts = use("facts")
  local files = use("files")
  local paths = use("paths")
  local project = use("project")
  local status = use("status")

  local apply = {}

  local HAS_COLOUR = 0x1000000
  local ALL_STATE = -1
  local BUILD_MISSING_PEAKS = 40047

  -- A new track changes nothing on the way to its parent; a pan law of 1 is 0 dB.
  local PLAIN = { D_VOL = 1, D_PAN = 0, D_PANLAW = 1 }

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
  function apply.new_track(handle, index)
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
    local track = apply.new_track(context.handle, operation.index)
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

  local function carry_out(context, operations)
    for _, operation in ipairs(operations) do
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
  function apply.in_one_step(handle, label, act)
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
  function apply.operations(handle, operations, label)
    local context = {
      handle = handle,
      items = project.items_by_guid(handle),
      tracks = project.tracks_by_guid(handle),
      new_tracks = {},
    }
    return apply.in_one_step(handle, label, function()
      carry_out(context, operations)
    end)
  end

  local function stem_is_there(path, handle)
    if files.is_absolute(path) then
      return files.exists(path)
    end
    return files.exists(files.join(project.base(handle), path))
      or files.exists(files.join(reaper.GetProjectPathEx(handle), path))
  end

  -- The files that the items have already, which are not ours to miss.
  local function files_before(expects)
    local found = {}
    for _, expected in ipairs(expects) do
      for _, path in ipairs(chunks.files(expected.fingerprint)) do
        found[path] = true
      end
    end
    return found
  end

  -- The files that the operations bring, as their chunks name them. expects: as in the plan.
  function apply.stem_files(operations, expects)
    local before = files_before(expects)
    local is_new, found = {}, {}
    for _, operation in ipairs(operations) do
      if operation["do"] == "insert_track" then
        is_new[operation.key] = true
      end
      local all_are_stems = is_new[operation.track_key]
      for _, path in ipairs(operation.chunk and chunks.files(operation.chunk) or {}) do
        if all_are_stems or not before[path] then
          found[#found + 1] = path
        end
      end
    end
    return found
  end

  -- A problem where a stem's file is gone; else nil. expects: as in the plan.
  function apply.missing_stem(handle, operations, expects)
    for _, path in ipairs(apply.stem_files(operations, expects)) do
      if not stem_is_there(path, handle) then
        return errors.new(
          "STEM_MISSING",
          "The file of a stem is not there any more: " .. path,
          "Separate the items again."
        )
      end
    end
    return nil
  end

  local function base_when_asked(request)
    local path = request.project.path
    return path ~= "" and files.folder_of(path) or request.project.media_folder
  end

  -- A stem of a job, absolute; nil where it has none, or they are gone.
  function apply.a_stem(job)
    local plan = job.status and job.status.plan
    if type(plan) ~= "table" then
      return nil
    end
    local base = base_when_asked(job.asked.request)
    for _, path in ipairs(apply.stem_files(plan.operations, plan.expects)) do
      local absolute = files.is_absolute(path) and path or files.join(base, path)
      if files.exists(absolute) then
        return absolute
      end
    end
    return nil
  end

  local function changed(sentence)
    return errors.new(
      "PROJECT_CHANGED",
      sentence .. " The stems are ready, but nothing was changed.",
      "Undo that change and choose Import in Stemlift_Queue, or bring the stems in as new tracks "
        .. "with Stemlift_Import."
    )
  end

  -- A problem where an item is not what the plan was made for; else nil.
  local function not_as_expected(handle, plan, request)
    local items = project.items_by_guid(handle)
    local then_base, now_base = base_when_asked(request), project.base(handle)
    for _, expected in ipairs(plan.expects) do
      local item = items[expected.item]
      if not item or not reaper.ValidatePtr2(handle, item, "MediaItem*") then
        return changed("A separated item is not in the project any more.")
      end
      if reaper.GetTrackGUID(reaper.GetMediaItemTrack(item)) ~= expected.track then
        return changed("A separated item lies on another track now.")
      end
      local chunk = project.chunk(item) or ""
      if not chunks.same(expected.fingerprint, then_base, chunk, now_base) then
        return changed("A separated item was edited meanwhile.")
      end
    end
    return nil
  end

  -- Where the project of a job is: "here", "elsewhere" (open, not in front) or "closed".
  function apply.whereabouts(job)
    local asked = job.asked
    local handle = project.find(asked.project_id or "", asked.request.project.path or "")
    if not handle then
      return "closed"
    end
    return handle == project.current() and "here" or "elsewhere", handle
  end

  local function parked_for(where)
    if where == "closed" then
      return errors.new(
        "PROJECT_CLOSED",
        "The stems are ready, but their project is not open.",
        "Open it, then choose Import in Stemlift_Queue."
      )
    end
    return errors.new(
      "PROJECT_IN_BACK",
      "The stems are ready; their project is open in another tab.",
      "Switch to it, and they come in."
    )
  end

  local PLACES_TRACKS = { insert_track = true, set_track_depth = true }

  -- Whether the plan's places and folders are those of the tracks as they are now.
  local function fits_tracks(plan, asked, now)
    local places = false
    for _, operation in ipairs(plan.operations) do
      places = places or PLACES_TRACKS[operation["do"]]
    end
    local same = #asked == #now
    for i, track in ipairs(asked) do
      same = same and track.guid == now[i].guid and track.depth == now[i].depth
    end
    return same or not places
  end

  -- Always nil and what to say of it; the stems come in when the new plan is there.
  local function plan_again(job, tracks)
    local install, problem = job.install, nil
    if not install then
      install, problem = paths.install()
    end
    if not install then
      return nil, problem
    end
    local written, why = status.plan_again(job, tracks, install)
    if written then
      return nil, errors.new("PLANNING_AGAIN", "The project's tracks changed meanwhile.", "")
    end
    return nil,
      errors.new(
        "WRITE_FAILED",
        "The job cannot be written to " .. job.folder .. ": " .. (why or "unknown cause") .. ".",
        "Free some space or make the folder writable, then try again."
      )
  end

  -- Bring the stems of a job that is done into its project. True; else nil and a problem, which
  -- is also kept in `job.parked`: the project is then as it was.
  function apply.import(job)
    if status.is_imported(job) then
      return true
    end
    local where, handle = apply.whereabouts(job)
    local plan = job.status.plan
    local problem
    if where ~= "here" then
      problem = parked_for(where)
    elseif type(plan) ~= "table" then
      problem = errors.new("PLAN_MISSING", "The job has no plan.", "Separate the items again.")
    else
      problem = not_as_expected(handle, plan, job.asked.request)
        or apply.missing_stem(handle, plan.operations, plan.expects)
    end
    local done
    if not problem then
      local tracks = facts.tracks(handle)
      if fits_tracks(plan, job.asked.request.tracks, tracks) then
        done, problem = apply.operations(handle, plan.operations, plan.undo_label)
      else
        done, problem = plan_again(job, tracks)
      end
    end
    job.parked = problem and problem.reason ~= "PLANNING_AGAIN" and problem or nil
    if done then
      status.mark_imported(job)
    end
    return done, problem
  end

  return apply
end

-- Bringing the stems of a job into its project: whether they may come in, and where they are.

return function(use)
  local chunks = use("chunks")
  local errors = use("errors")
  local facts = use("facts")
  local files = use("files")
  local operations = use("operations")
  local paths = use("paths")
  local project = use("project")
  local status = use("status")

  local apply = {}

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
  function apply.stem_files(list, expects)
    local before = files_before(expects)
    local is_new, found = {}, {}
    for _, operation in ipairs(list) do
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
  function apply.missing_stem(handle, list, expects)
    for _, path in ipairs(apply.stem_files(list, expects)) do
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

  -- The operations for a project that was saved into another folder since: files are found from
  -- where it was. Those that are gone from there may have moved along with it.
  local function in_their_place(list, then_base, now_base)
    if then_base == now_base then
      return list
    end
    local found = {}
    for i, operation in ipairs(list) do
      local copy = {}
      for key, value in pairs(operation) do
        copy[key] = value
      end
      if copy.chunk then
        copy.chunk = chunks.with_absolute_files(copy.chunk, then_base, files.exists)
      end
      found[i] = copy
    end
    return found
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

  local PLACES_TRACKS = { insert_track = true, set_track_depth = true, insert_item = true }

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
    local list, problem
    if where ~= "here" then
      problem = parked_for(where)
    elseif type(plan) ~= "table" then
      problem = errors.new("PLAN_MISSING", "The job has no plan.", "Separate the items again.")
    else
      local then_base, now_base = base_when_asked(job.asked.request), project.base(handle)
      list = in_their_place(plan.operations, then_base, now_base)
      problem = not_as_expected(handle, plan, job.asked.request)
        or apply.missing_stem(handle, list, plan.expects)
    end
    local done
    if not problem then
      local tracks = facts.tracks(handle)
      if fits_tracks(plan, job.asked.request.tracks, tracks) then
        done, problem = operations.carry_out(handle, list, plan.undo_label)
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

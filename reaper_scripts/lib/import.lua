-- Stems that are there already, as new tracks at the end of the project: those of a finished
-- job, or of a folder with stems.json, as the watched folder makes it. The latter also for items
-- that play the song.

return function(use)
  local apply = use("apply")
  local choices = use("choices")
  local chunks = use("chunks")
  local errors = use("errors")
  local facts = use("facts")
  local files = use("files")
  local manifest = use("manifest")
  local operations = use("operations")
  local paths = use("paths")
  local progress = use("progress")
  local project = use("project")
  local separate = use("separate")
  local status = use("status")
  local Window = use("window")

  local import = {}

  local LABEL = "Stemlift: import stems"

  -- Of a plan, only what is new: as siblings after the last track, nothing else touched.
  local function only_new(plan, first_index)
    local list, is_new = {}, {}
    local index = first_index
    for _, operation in ipairs(plan.operations) do
      local kind = operation["do"]
      if kind == "insert_track" then
        list[#list + 1] = {
          ["do"] = kind,
          key = operation.key,
          index = index,
          name = operation.name,
          colour = operation.colour,
          depth = 0,
          channels = operation.channels,
        }
        is_new[operation.key] = true
        index = index + 1
      elseif kind == "insert_item" and is_new[operation.track_key] then
        list[#list + 1] = operation
      end
    end
    return list
  end

  local function first_position(list)
    local first = nil
    for _, operation in ipairs(list) do
      if operation["do"] == "insert_item" then
        local position = chunks.position(operation.chunk)
        first = first and math.min(first, position) or position
      end
    end
    return first or 0
  end

  -- The operations with each item's chunk changed.
  local function with_chunks(list, change)
    local found = {}
    for i, operation in ipairs(list) do
      found[i] = operation
      if operation["do"] == "insert_item" then
        found[i] = {
          ["do"] = "insert_item",
          track_key = operation.track_key,
          chunk = change(operation.chunk),
        }
      end
    end
    return found
  end

  -- The stems of a finished job, at their own places or from the edit cursor.
  function import.job(job, at_cursor)
    local handle = project.current()
    local request = job.asked.request
    local base = request.project.path ~= "" and files.folder_of(request.project.path)
      or request.project.media_folder
    local list = only_new(job.status.plan, reaper.CountTracks(handle))
    if #list == 0 then
      return nil,
        errors.new(
          "NO_NEW_TRACKS",
          "The stems of this job are takes of an item, which only that item can have.",
          "Separate the item again."
        )
    end
    local shift = at_cursor and reaper.GetCursorPositionEx(handle) - first_position(list) or 0
    -- Stems that are gone from there may have moved along with their project.
    list = with_chunks(list, function(chunk)
      local placed = chunks.with_absolute_files(chunk, base, files.exists)
      return chunks.moved(chunks.with_new_ids(placed), shift)
    end)
    local problem = apply.missing_stem(handle, list, {})
    if problem then
      return nil, problem
    end
    local done
    done, problem = operations.carry_out(handle, list, LABEL)
    if done and not status.is_imported(job) then
      status.mark_imported(job)
    end
    return done, problem
  end

  -- Where a file's time stamp puts it on the timeline; nil where it has none.
  local function stamped_position(handle, source)
    if not reaper.APIExists("GetMediaFileMetadata") then
      return nil
    end
    local found, samples = reaper.GetMediaFileMetadata(source, "BWF:TimeReference")
    local rate = reaper.GetMediaSourceSampleRate(source)
    if found == 0 or not tonumber(samples) or rate <= 0 then
      return nil
    end
    return math.max(0, tonumber(samples) / rate - reaper.GetProjectTimeOffset(handle, false))
  end

  local function insert_stem(handle, stem, by_time_stamp)
    local source = reaper.PCM_Source_CreateFromFile(stem.path)
    local length = source and reaper.GetMediaSourceLength(source) or 0
    if length <= 0 then
      error({ sentence = "REAPER cannot read " .. stem.path }, 0)
    end
    local track = operations.new_track(handle, reaper.CountTracks(handle))
    reaper.GetSetMediaTrackInfo_String(track, "P_NAME", stem.name, true)
    local item = reaper.AddMediaItemToTrack(track)
    local take = reaper.AddTakeToMediaItem(item)
    reaper.SetMediaItemTake_Source(take, source)
    reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", files.name_of(stem.path), true)
    local position = by_time_stamp and stamped_position(handle, source)
    reaper.SetMediaItemInfo_Value(item, "D_POSITION", position or reaper.GetCursorPositionEx(handle))
    reaper.SetMediaItemInfo_Value(item, "D_LENGTH", length)
    reaper.SetMediaItemInfo_Value(item, "B_LOOPSRC", 0)
    reaper.SetMediaItemInfo_Value(item, "D_FADEINLEN", 0)
    reaper.SetMediaItemInfo_Value(item, "D_FADEOUTLEN", 0)
  end

  -- The stems of a manifest on new tracks, at the edit cursor or by their time stamps.
  function import.stems(stems, by_time_stamp)
    local handle = project.current()
    return operations.in_one_step(handle, LABEL, function()
      for _, stem in ipairs(stems) do
        insert_stem(handle, stem, by_time_stamp)
      end
    end)
  end

  -- A job that gives the stems of a manifest to the items with these GUIDs, as if they had been
  -- separated just now; the watch, or nil and a problem.
  function import.onto_items(found, guids, install)
    local handle, path = project.current()
    local chosen = choices.with({
      within_time_selection = false,
      also_same_source = false,
      stems = {},
      mask = "",
    })
    local job, problem = status.create(install, {
      project_id = project.keep_id(handle),
      title = files.name_of(found.song),
      request = facts.read_items(handle, path or "", chosen, guids),
      manifest = found.path,
    })
    if not job then
      return nil, problem
    end
    status.start(job, install)
    return progress.watch(job, install)
  end

  -- "items", "stamp", "cursor", or "cancel".
  local function ask_for_place(count)
    if count > 0 then
      local items = count == 1 and "An item of the project plays" or count .. " items of the project play"
      local answer = errors.ask_three(
        items
          .. " this song.\n\nYes: the stems come in there, as if they had just been separated. "
          .. "No: at another place."
      )
      if answer ~= "no" then
        return answer == "yes" and "items" or "cancel"
      end
    end
    local answer = errors.ask_three(
      "Place the stems by their time stamps?\n\n"
        .. "Yes: where they were in their source's session. No: at the edit cursor."
    )
    return answer == "yes" and "stamp" or answer == "no" and "cursor" or "cancel"
  end

  local function ask_for_manifest(install)
    local chosen, path =
      reaper.GetUserFileNameForRead("", "Choose the " .. manifest.FILE .. " of a result folder", "json")
    if not chosen then
      return
    end
    local found, problem = manifest.read(path)
    if found then
      local guids = found.song ~= "" and facts.playing(project.current(), found.song) or {}
      local where = ask_for_place(#guids)
      if where == "items" then
        problem = select(2, import.onto_items(found, guids, install))
      elseif where ~= "cancel" then
        problem = select(2, import.stems(found.stems, where == "stamp"))
      end
    end
    if problem then
      errors.show(problem)
    end
  end

  local function ask_where(job)
    local answer = errors.ask_three(
      "Place the stems where their items were?\n\nYes: at those places. No: from the edit cursor."
    )
    if answer == "cancel" then
      return
    end
    local done, problem = import.job(job, answer == "no")
    if not done then
      errors.show(problem)
    end
  end

  local function is_finished(job)
    return job.status ~= nil and job.status.phase == "done" and type(job.status.plan) == "table"
  end

  -- A window with the finished jobs, the newest first, and a button for a folder of stems.
  function import.run()
    separate.allow_again()
    local install = paths.ready()
    if not install then
      return
    end
    local lister = status.lister(install.jobs_folder, true)
    status.look_again(lister)
    local window = Window.open("import", "Stemlift: import stems", 460, 320)

    -- True while the user has not chosen.
    local function turn()
      if not window:begin() then
        return false
      end
      local act = nil
      if window:buttons_row({ "A folder of stems (" .. manifest.FILE .. ")…" }) then
        act = function()
          ask_for_manifest(install)
        end
      end
      local jobs = {}
      for _, job in ipairs(status.read_on(lister)) do
        jobs[#jobs + 1] = is_finished(job) and job or nil
      end
      window:line(#jobs > 0 and "Finished jobs:" or "There is no finished job.")
      for _, job in ipairs(jobs) do
        local when = os.date("%Y-%m-%d %H:%M", math.floor(job.asked.created or 0))
        local mark = job.state == "imported" and " (imported)" or ""
        if window:buttons_row({ job.title .. ", " .. when .. mark }) then
          act = function()
            ask_where(job)
          end
        end
      end
      local open = not window.escape
      window:finish()
      if act then
        window:close()
        act()
        return false
      end
      return open
    end

    local function loop()
      if turn() then
        reaper.defer(loop)
      end
    end
    reaper.atexit(function()
      window:close()
    end)
    loop()
  end

  return import
end

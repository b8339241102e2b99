-- Jobs as folders: what is asked (job.json), what the helper says of it (status.json), and the
-- marks that only the scripts set: cancel, imported and forgotten.

return function(use)
  local json = use("json")
  local files = use("files")
  local paths = use("paths")
  local process = use("process")
  local errors = use("errors")
  local shapes = use("shapes")

  local status = {}

  -- A helper that lives writes every second or two.
  local STALE = 10
  -- After a machine slept, a live helper needs a moment to write again.
  local BENEFIT = 3
  -- Between two looks no more than this counts: the machine may have slept.
  local LONGEST_TURN = 1

  local ENDED = { done = true, nothing = true, cancelled = true, failed = true }

  local function file(job, name)
    return files.join(job.folder, name)
  end

  -- What the file `imported` says while other items can still have the stems.
  local OFFERS = "offers"

  -- A job as a folder that is there; nil while its job file is not whole.
  function status.open(folder)
    local job = { folder = folder, id = files.name_of(folder), status = nil, parked = nil }
    job.asked = json.decode(files.read(file(job, "job.json")) or "")
    if not shapes.is_job(job.asked) then
      return nil
    end
    job.title = job.asked.title or job.id
    return job
  end

  -- Write a job's folder; nil and a problem where that cannot be done.
  function status.create(install, asked)
    local id = process.new_id()
    local folder = files.join(install.jobs_folder, id)
    asked.version = paths.SCHEMA
    asked.id = id
    asked.created = os.time()
    reaper.RecursiveCreateDirectory(folder, 0)
    local written, why = files.write(files.join(folder, "job.json"), json.encode(asked))
    if not written then
      files.remove(files.join(folder, "job.json"))
      return nil,
        errors.new(
          "WRITE_FAILED",
          "The job cannot be written to " .. folder .. ": " .. (why or "unknown cause") .. ".",
          "Free some space or make the folder writable, then try again."
        )
    end
    return { folder = folder, id = id, asked = asked, title = asked.title }
  end

  -- Start the helper, the first time or again.
  function status.start(job, install)
    files.remove(file(job, "cancel"))
    job.cancelling = false
    job.install = install
    job.problem = nil
    job.parked = nil
    job.started = true
    job.silent, job.polled = 0, nil
    job.before = files.read(file(job, "status.json"))
    job.seen = nil
    job.status = nil
    job.state = "starting"
    process.start(install, { "run", job.folder })
  end

  -- Start the helper for a new plan with the project's tracks as they are now; the stems stay.
  function status.plan_again(job, tracks, install)
    local before = job.asked.request.tracks
    job.asked.request.tracks = tracks
    local written, why = files.replace(file(job, "job.json"), json.encode(job.asked))
    if written then
      -- Nobody shall take the old plan for one that fits these tracks.
      files.remove(file(job, "status.json"))
      status.start(job, install)
    else
      job.asked.request.tracks = before
    end
    return written, why
  end

  function status.cancel(job)
    job.cancelling = files.write(file(job, "cancel"), "") == true
    return job.cancelling
  end

  local function imported_key(job)
    return "imported_" .. job.id
  end

  function status.is_imported(job)
    return files.exists(file(job, "imported")) or reaper.GetExtState(paths.EXT, imported_key(job)) ~= ""
  end

  -- REAPER itself remembers it where it cannot be written, or the stems would come in twice.
  function status.mark_imported(job)
    local offers = job.status and job.status.offers
    local some = type(offers) == "table" and #offers > 0
    if not files.write(file(job, "imported"), some and OFFERS or "") then
      reaper.SetExtState(paths.EXT, imported_key(job), "1", false)
    end
  end

  -- Other items have the stems by now, or shall not have them.
  function status.settle(job)
    files.write(file(job, "imported"), "")
  end

  local function is_forgotten(job)
    return files.exists(file(job, "forgotten")) or not files.exists(file(job, "job.json"))
  end

  -- The mark alone hides it, also where the program does not start; the program then removes the
  -- folder, and stops what a helper left behind. False where it cannot be written.
  function status.forget(job, install)
    if not files.write(file(job, "forgotten"), "") then
      return false
    end
    if install then
      process.start(install, { "forget", job.folder })
    end
    job.state = "forgotten"
    return true
  end

  local function mismatch(found)
    return errors.new(
      "VERSIONS_DIFFER",
      string.format(
        "Stemlift's program speaks version %s of the scripts' language, these scripts version %d.",
        tostring(found.version),
        paths.SCHEMA
      ),
      "Run `stemlift reaper install`, then start REAPER again."
    )
  end

  local function damaged()
    return errors.new(
      "STATUS_BROKEN",
      "What Stemlift's program said of this job cannot be read: its status.json is damaged.",
      "Try again: it goes on where it was."
    )
  end

  local function take_in(job, text)
    if text == job.seen then
      return
    end
    local found = json.decode(text)
    if type(found) ~= "table" then
      return
    end
    job.seen = text
    job.before = nil
    job.silent = 0
    local other = type(found.version) == "number" and found.version ~= paths.SCHEMA
    job.problem = other and mismatch(found) or not shapes.is_status(found) and damaged() or nil
    job.status = not job.problem and found or nil
  end

  -- Seconds of watching without news. No clock is asked: it may be set, and runs while all sleep.
  local function count_silence(job)
    local now = reaper.time_precise()
    local turn = math.min(now - (job.polled or now), LONGEST_TURN)
    job.polled = now
    job.silent = (job.silent or 0) + turn
  end

  local function is_late(job)
    if job.silent > process.PATIENCE then
      return true
    end
    return not job.started and os.time() - (job.asked.created or 0) > process.PATIENCE
  end

  local function is_stale(job)
    if job.silent > STALE then
      return true
    end
    return job.silent > BENEFIT and os.time() - (job.status.updated or 0) > STALE
  end

  -- Read what is new. Afterwards `job.state` is one of "starting", "not started", "alive",
  -- "stale", "problem", "imported", "forgotten" or a phase that is an end.
  function status.poll(job)
    count_silence(job)
    local text = files.read(file(job, "status.json"))
    if text and text ~= job.before then
      take_in(job, text)
    end
    if is_forgotten(job) then
      job.state = "forgotten"
    elseif status.is_imported(job) then
      job.state = "imported"
      job.settled = files.read(file(job, "imported")) ~= OFFERS
    elseif job.problem then
      job.state = "problem"
    elseif not job.status then
      job.state = is_late(job) and "not started" or "starting"
    elseif ENDED[job.status.phase] then
      job.state = job.status.phase
    elseif is_stale(job) then
      job.state = "stale"
    else
      job.state = "alive"
    end
    return job.state
  end

  local LIVE = { starting = true, alive = true }

  function status.is_live(job)
    return LIVE[job.state] == true
  end

  local AGAIN = { ["not started"] = true, stale = true, failed = true, cancelled = true, problem = true }

  function status.can_retry(job)
    return AGAIN[job.state] == true
  end

  -- Not one that runs: that is cancelled. What is imported leaves the list by itself.
  function status.can_forget(job)
    return status.can_retry(job) or job.state == "done"
  end

  -- What to tell the user of a job that does not go on; nil where nothing is wrong.
  function status.trouble(job)
    if job.parked then
      return job.parked
    elseif job.state == "problem" then
      return job.problem
    elseif job.state == "not started" then
      local program = job.install or { program = "" }
      return process.no_start(program)
    elseif job.state == "stale" then
      return errors.new(
        "HELPER_LOST",
        "Stemlift's program stopped before the stems were there.",
        "Try again: it goes on where it was."
      )
    elseif job.state == "failed" or job.state == "cancelled" then
      return job.status and job.status.error or nil
    end
    return nil
  end

  -- Seconds that one turn may spend on reading jobs: many old ones must not hold REAPER up.
  local BUDGET = 0.01

  local function newest_first(one, other)
    local a, b = one.asked.created or 0, other.asked.created or 0
    return a > b or (a == b and one.id > other.id)
  end

  local function is_id(name)
    return #name == 16 and not name:find("%X")
  end

  -- The jobs of a folder, read little by little with `status.read_on`. Of those that are imported
  -- all, or only those whose stems other items can have.
  function status.lister(jobs_folder, with_imported)
    return { folder = jobs_folder, with_imported = with_imported, known = {}, waiting = {}, jobs = {} }
  end

  -- See which jobs came and went.
  function status.look_again(lister)
    local there = {}
    lister.waiting = {}
    for _, name in ipairs(files.folders_in(lister.folder)) do
      there[name] = true
      if is_id(name) and lister.known[name] == nil then
        lister.waiting[#lister.waiting + 1] = name
      end
    end
    for i = #lister.jobs, 1, -1 do
      local id = lister.jobs[i].id
      if not there[id] then
        lister.known[id] = nil
        table.remove(lister.jobs, i)
      end
    end
  end

  -- Read some of those that are not known yet.
  function status.read_on(lister)
    local begun = reaper.time_precise()
    while #lister.waiting > 0 and reaper.time_precise() - begun < BUDGET do
      local name = table.remove(lister.waiting)
      local folder = files.join(lister.folder, name)
      local imported = files.exists(files.join(folder, "imported"))
        and files.read(files.join(folder, "imported")) ~= OFFERS
      local wanted = lister.with_imported or not imported
      local job = wanted and status.open(folder)
      -- A folder whose job file is not complete yet is looked at again.
      if job or not wanted then
        lister.known[name] = true
      end
      if job and status.poll(job) ~= "forgotten" then
        lister.jobs[#lister.jobs + 1] = job
        table.sort(lister.jobs, newest_first)
      end
    end
    return lister.jobs
  end

  return status
end

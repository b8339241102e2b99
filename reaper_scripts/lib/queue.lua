-- The queue: jobs that run, wait or failed, and those whose stems are not in a project yet.

return function(use)
  local apply = use("apply")
  local files = use("files")
  local paths = use("paths")
  local progress = use("progress")
  local separate = use("separate")
  local status = use("status")
  local words = use("words")
  local Window = use("window")

  local queue = {}

  -- Seconds between two looks at the folder of jobs, and at the jobs in it.
  local LIST_PERIOD = 2.0
  local LOOK_PERIOD = 0.2

  local HIDDEN = { imported = true, cancelled = true, nothing = true }

  -- Of those, nothing new is to be expected at every look.
  local QUIET = { imported = true, cancelled = true, nothing = true, done = true, failed = true }

  local function poll(jobs, all)
    for _, job in ipairs(jobs) do
      if job.state ~= "imported" and (all or not QUIET[job.state]) then
        status.poll(job)
      end
      -- The user asked for it, and it had to be planned again first.
      if job.wanted and job.state == "done" then
        job.wanted = false
        apply.import(job)
        status.poll(job)
      end
    end
  end

  local function look(state, now)
    local list_now = not state.listed or now - state.listed >= LIST_PERIOD
    if list_now then
      state.listed = now
      status.look_again(state.lister)
    end
    if not state.looked or now - state.looked >= LOOK_PERIOD then
      state.looked = now
      poll(state.lister.jobs, list_now)
    end
    for _, job in ipairs(status.read_on(state.lister)) do
      job.install = state.install
    end
  end

  function queue.shown(jobs)
    local found = {}
    for _, job in ipairs(jobs) do
      if not HIDDEN[job.state] then
        found[#found + 1] = job
      end
    end
    return found
  end

  local function draw_job(window, job)
    window:line(job.title)
    local means = words.means(job)
    window:line(words.doing(job) .. (means ~= "" and " · " .. means or ""))
    if status.is_live(job) then
      window:bar(words.fraction(job))
    end
    local trouble = status.trouble(job)
    if trouble then
      window:paragraph(trouble.message .. " " .. (trouble.remedy or ""), "warning")
    end
    local actions = progress.actions(job)
    local labels = { table.unpack(actions) }
    labels[#labels + 1] = "Show folder"
    local chosen = window:buttons_row(labels)
    if chosen == "Show folder" then
      files.reveal(apply.a_stem(job) or files.join(job.folder, "job.json"))
    elseif chosen then
      actions[chosen](job)
      status.poll(job)
    end
    window:gap(8)
  end

  -- False where the user closes the window.
  local function draw(state)
    local window = state.window
    if not window:begin() then
      return false
    end
    local jobs = queue.shown(state.lister.jobs)
    if #jobs == 0 then
      window:line("Nothing runs, waits or failed, and no stems are left to import.")
    end
    for _, job in ipairs(jobs) do
      draw_job(window, job)
    end
    local open = not window.escape
    window:finish()
    return open
  end

  function queue.run()
    separate.allow_again()
    local install = paths.ready()
    if not install then
      return
    end
    local state = {
      install = install,
      lister = status.lister(install.jobs_folder, false),
      window = Window.open("queue", "Stemlift: queue", 520, 420),
    }
    local function loop()
      look(state, reaper.time_precise())
      if draw(state) then
        reaper.defer(loop)
      end
    end
    reaper.atexit(function()
      state.window:close()
    end)
    loop()
  end

  return queue
end

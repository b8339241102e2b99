-- The queue: jobs that run, wait or failed, and those whose stems are not in a project yet.

return function(use)
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

  -- Jobs stay as they are known, so that what was learnt of them is not lost.
  local function list(state)
    local known = {}
    for _, job in ipairs(state.jobs) do
      known[job.id] = job
    end
    state.jobs = {}
    for i, job in ipairs(status.all(state.install.jobs_folder)) do
      state.jobs[i] = known[job.id] or job
      state.jobs[i].install = state.install
      status.poll(state.jobs[i])
    end
  end

  local function look(state, now)
    if not state.listed or now - state.listed >= LIST_PERIOD then
      state.listed = now
      list(state)
    end
    if not state.looked or now - state.looked >= LOOK_PERIOD then
      state.looked = now
      for _, job in ipairs(state.jobs) do
        status.poll(job)
      end
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
      files.reveal(files.join(job.folder, "job.json"))
    elseif chosen then
      actions[chosen](job)
    end
    window:gap(8)
  end

  -- False where the user closes the window.
  local function draw(state)
    local window = state.window
    if not window:begin() then
      return false
    end
    local jobs = queue.shown(state.jobs)
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
      jobs = {},
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

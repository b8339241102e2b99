-- The queue: jobs that run, wait or failed, those whose stems are not in a project yet, and those
-- whose stems other items of the project in front can have.

return function(use)
  local apply = use("apply")
  local errors = use("errors")
  local files = use("files")
  local offers = use("offers")
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

  local FORGET = "Forget"
  local LEAVE = "Leave them alone"
  local SHOW = "Show folder"

  local HIDDEN = { cancelled = true, nothing = true, forgotten = true }

  -- Of those, nothing new is to be expected at every look.
  local QUIET = { imported = true, cancelled = true, nothing = true, done = true, failed = true }

  local function poll(jobs, all)
    for _, job in ipairs(jobs) do
      if all or not QUIET[job.state] then
        status.poll(job)
      end
      if all then
        offers.look(job)
      end
      -- The user asked for it, and it had to be planned again first.
      if job.wanted and job.state == "done" then
        local done, problem = apply.import(job)
        job.wanted = not done and problem.reason == "PLANNING_AGAIN"
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
      if not job.install then
        job.install = state.install
        job.wanted = state.wanted[job.id]
        offers.look(job)
      end
    end
  end

  function queue.shown(jobs)
    local found = {}
    for _, job in ipairs(jobs) do
      local over = job.state == "imported" and offers.count(job) == 0
      if not HIDDEN[job.state] and not over then
        found[#found + 1] = job
      end
    end
    return found
  end

  local STEMS_WAIT = "Its stems wait to be imported. They stay where they are, but nobody will offer to "
    .. "import them any more.\n\nForget it?"

  local function forget(job)
    if job.state == "done" and not errors.ask(STEMS_WAIT) then
      return
    end
    if not status.forget(job, job.install) then
      errors.say("The job could not be forgotten: its folder cannot be written.")
    end
  end

  local ACTIONS = {
    [FORGET] = forget,
    [LEAVE] = status.settle,
    [SHOW] = function(job)
      files.reveal(apply.a_stem(job) or files.join(job.folder, "job.json"))
    end,
  }

  local function labels_of(job, actions)
    local labels = { table.unpack(actions) }
    if offers.count(job) > 0 then
      labels[#labels + 1] = LEAVE
    end
    if status.can_forget(job) then
      labels[#labels + 1] = FORGET
    end
    labels[#labels + 1] = SHOW
    return labels
  end

  local function draw_job(state, job)
    local window = state.window
    window:paragraph(job.title)
    local means = words.means(job)
    window:line(words.doing(job) .. (means ~= "" and " · " .. means or ""))
    if status.is_live(job) then
      window:bar(words.fraction(job))
    end
    local trouble = status.trouble(job)
    if trouble then
      local said = string.format("%s %s (%s)", trouble.message, trouble.remedy or "", trouble.reason)
      window:paragraph(said, "warning")
    end
    if offers.count(job) > 0 then
      window:paragraph(offers.sentence(job))
    end
    local actions = progress.actions(job)
    local chosen = window:buttons_row(labels_of(job, actions))
    if chosen then
      local act = ACTIONS[chosen] or actions[chosen]
      local new = act(job)
      if new then
        -- Its stems come in without another click, as long as this window is open.
        state.wanted[new.id] = true
        state.listed = nil
      end
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
      draw_job(state, job)
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
      wanted = {},
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

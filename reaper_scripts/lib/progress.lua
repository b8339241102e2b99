-- Watching jobs: the progress window, and bringing stems in when they are ready.
-- One script of the running ones watches; another that starts a job hands it over. Closing the
-- window leaves the jobs running and the watch on: the window comes back only for bad news.

return function(use)
  local apply = use("apply")
  local errors = use("errors")
  local offers = use("offers")
  local paths = use("paths")
  local status = use("status")
  local words = use("words")
  local Window = use("window")

  local progress = {}

  local WATCHED = "watched"
  local HANDED_OVER = "handed_over"
  -- Seconds between two looks at the status files.
  local PERIOD = 0.15
  -- A watch that was not seen for so long is over.
  local ALIVE = 1.5
  -- How long good news stay in the window.
  local LINGER = 1.5

  function progress.is_watched()
    local seen = tonumber(reaper.GetExtState(paths.EXT, WATCHED))
    local age = seen and reaper.time_precise() - seen
    return age ~= nil and age >= 0 and age < ALIVE
  end

  local function hand_over(job)
    local list = reaper.GetExtState(paths.EXT, HANDED_OVER)
    reaper.SetExtState(paths.EXT, HANDED_OVER, list .. job.folder .. "\n", false)
  end

  local function handed_over()
    local list = reaper.GetExtState(paths.EXT, HANDED_OVER)
    if list == "" then
      return {}
    end
    reaper.SetExtState(paths.EXT, HANDED_OVER, "", false)
    local found = {}
    for folder in list:gmatch("[^\n]+") do
      found[#found + 1] = status.open(folder)
    end
    return found
  end

  -- Good news without notes go by themselves.
  local function is_over(job, now)
    if job.dismissed or job.state == "forgotten" then
      return true
    end
    local good = job.state == "imported" and #words.notes(job) == 0 and offers.count(job) == 0
    if good or (job.state == "cancelled" and not job.status.error) then
      job.over_since = job.over_since or now
      return now - job.over_since > LINGER
    end
    return false
  end

  local function needs_a_look(job)
    return status.trouble(job) ~= nil or job.state == "nothing"
  end

  local function waits_for_its_tab(job)
    return job.parked ~= nil and job.parked.reason == "PROJECT_IN_BACK"
  end

  -- True where there is news that the user should see.
  local function look_at(job)
    local before = job.state
    status.poll(job)
    if job.state ~= "done" then
      return before ~= job.state and needs_a_look(job)
    end
    -- A project in another tab is looked for at every turn; a changed one only when asked.
    local reason = job.parked and job.parked.reason
    if reason == nil or reason == "PROJECT_IN_BACK" then
      apply.import(job)
      status.poll(job)
    end
    return job.parked ~= nil and job.parked.reason ~= reason
  end

  local function cancel(job)
    if status.cancel(job) then
      return
    end
    errors.say("The job could not be told to stop: its folder cannot be written.")
  end

  local function retry(job)
    local install, problem = paths.install()
    if install then
      status.start(job, install)
    else
      errors.show(problem)
    end
  end

  -- The buttons that fit a job's state, and what they do; what starts another job returns it.
  function progress.actions(job)
    local found = {}
    local function add(label, act)
      found[#found + 1] = label
      found[label] = act
    end
    if status.is_live(job) and not job.cancelling then
      add("Cancel", cancel)
    end
    if status.can_retry(job) then
      add("Try again", retry)
    end
    if offers.count(job) > 0 then
      add(offers.LABEL, function(each)
        local install, problem = paths.install()
        local new
        if install then
          new, problem = offers.give(each, install)
        end
        if new then
          hand_over(new)
          status.poll(each)
        else
          errors.show(problem)
        end
        return new
      end)
    end
    if job.state == "done" then
      add("Import now", function(each)
        local where, handle = apply.whereabouts(each)
        if where == "elsewhere" then
          reaper.SelectProjectInstance(handle)
        end
        local done, problem = apply.import(each)
        each.wanted = not done and problem.reason == "PLANNING_AGAIN"
        if not done and not each.wanted then
          errors.show(problem)
        end
      end)
    end
    return found
  end

  -- A job's part of a window; true where the user wants no more of it.
  local function draw_job(window, job, install)
    window:paragraph(job.title)
    window:line(words.doing(job))
    window:bar(words.fraction(job))
    local means = words.means(job)
    if means ~= "" then
      window:line(means)
    end
    local notes = words.notes(job)
    notes[#notes + 1] = install and paths.other_version(install) or nil
    for _, note in ipairs(notes) do
      window:paragraph(note, "warning")
    end
    local trouble = status.trouble(job)
    if trouble then
      window:paragraph(trouble.message, "warning")
      if (trouble.remedy or "") ~= "" then
        window:paragraph(trouble.remedy)
      end
      window:line("(" .. trouble.reason .. ")")
    end
    if offers.count(job) > 0 then
      window:line(offers.sentence(job))
    end
    local actions = progress.actions(job)
    local labels = { table.unpack(actions) }
    if not status.is_live(job) then
      labels[#labels + 1] = "Close"
    end
    local chosen = window:buttons_row(labels)
    window:gap(8)
    if chosen == "Close" then
      job.dismissed = true
    elseif chosen then
      actions[chosen](job)
    end
  end

  local function escape(jobs)
    for _, job in ipairs(jobs) do
      if status.is_live(job) then
        cancel(job)
      else
        job.dismissed = true
      end
    end
  end

  local function draw(watch)
    local window = watch.window
    if not window:begin() then
      watch.window = nil
      return
    end
    for _, job in ipairs(watch.jobs) do
      draw_job(window, job, watch.install)
    end
    if window.escape then
      escape(watch.jobs)
    end
    window:finish()
  end

  local function adopt(watch)
    local known = {}
    for _, job in ipairs(watch.jobs) do
      known[job.folder] = true
    end
    for _, job in ipairs(handed_over()) do
      if not known[job.folder] then
        job.started = true
        job.install = watch.install
        watch.jobs[#watch.jobs + 1] = job
        watch.wanted = true
      end
    end
  end

  local function look(watch, now)
    watch.looked = now
    adopt(watch)
    for i = #watch.jobs, 1, -1 do
      local job = watch.jobs[i]
      if look_at(job) then
        watch.wanted = true
      end
      if is_over(job, now) then
        table.remove(watch.jobs, i)
      elseif not (watch.window or watch.wanted or status.is_live(job) or waits_for_its_tab(job)) then
        -- The user closed the window on it, and there is nothing to wait for.
        table.remove(watch.jobs, i)
      end
    end
  end

  local function turn(watch)
    local now = reaper.time_precise()
    reaper.SetExtState(paths.EXT, WATCHED, (string.format("%.3f", now):gsub(",", ".")), false)
    if not watch.looked or now - watch.looked >= PERIOD then
      look(watch, now)
    end
    if #watch.jobs == 0 then
      if watch.window then
        watch.window:close()
      end
      return false
    end
    if watch.wanted and not watch.window then
      watch.window = Window.open("progress", "Stemlift", 460, 230)
    end
    watch.wanted = false
    if watch.window then
      draw(watch)
    end
    return true
  end

  -- So that the next script goes on with what this one watched.
  local function leave(watch)
    reaper.SetExtState(paths.EXT, WATCHED, "", false)
    for _, job in ipairs(watch.jobs) do
      hand_over(job)
    end
    if watch.window then
      watch.window:close()
    end
  end

  -- Watch `job` until it is over, or hand it to the script that watches already.
  function progress.watch(job, install)
    if progress.is_watched() then
      hand_over(job)
      return nil
    end
    local watch = { jobs = { job }, install = install, wanted = true }
    local function loop()
      if turn(watch) then
        reaper.defer(loop)
      end
    end
    reaper.atexit(function()
      leave(watch)
    end)
    loop()
    return watch
  end

  return progress
end

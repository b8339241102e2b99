-- What a job is doing, in words.

return function(use)
  local status = use("status")

  local words = {}

  local PHASES = {
    starting = "Starting Stemlift…",
    planning = "Looking at the items…",
    waiting = "Waiting for another job…",
    running = "Separating…",
    done = "The stems are ready",
    imported = "The stems are in the project",
    nothing = "There is nothing to separate",
    cancelled = "Cancelled",
    failed = "It failed",
    stale = "It stopped",
    ["not started"] = "It did not start",
    problem = "It cannot go on",
    forgotten = "Forgotten",
  }

  local SKIPPED = {
    midi = "MIDI",
    empty = "empty",
    offline = "offline",
    subproject = "subproject",
    lane = "in a lane that does not play",
    outside = "outside of the range",
    no_audio = "without audio",
  }

  function words.time(seconds)
    local whole = math.max(0, math.floor(seconds + 0.5))
    local hours, minutes = whole // 3600, whole // 60 % 60
    if hours > 0 then
      return string.format("%d:%02d:%02d", hours, minutes, whole % 60)
    end
    return string.format("%d:%02d", minutes, whole % 60)
  end

  local function capital(text)
    return text:sub(1, 1):upper() .. text:sub(2)
  end

  -- One line: what it does, how far it is, how long it will take.
  function words.doing(job)
    local found = job.status
    if job.cancelling and status.is_live(job) then
      return "Cancelling…"
    elseif job.state ~= "alive" or not found then
      return PHASES[job.state] or "…"
    end
    local parts = { PHASES[found.phase] or found.phase }
    if (found.stage or "") ~= "" then
      parts[1] = capital(found.stage)
    end
    if found.phase == "running" then
      parts[#parts + 1] = string.format("%d %%", math.floor((found.fraction or 0) * 100))
      if found.seconds_left then
        parts[#parts + 1] = words.time(found.seconds_left) .. " left"
      end
    end
    if (found.jobs_total or 0) > 1 then
      parts[#parts + 1] = string.format("%d of %d ranges done", found.jobs_done, found.jobs_total)
    end
    return table.concat(parts, " · ")
  end

  -- One line: by what; "" while that is not known.
  function words.means(job)
    local found = job.status or {}
    local parts = {}
    for _, each in ipairs({ found.model or "", found.device or "" }) do
      if each ~= "" then
        parts[#parts + 1] = each
      end
    end
    return table.concat(parts, " · ")
  end

  -- How many items were left alone, and why; "" where none was.
  function words.skipped(job)
    local counts, order = {}, {}
    for _, each in ipairs(job.status and job.status.skipped or {}) do
      if not counts[each.reason] then
        order[#order + 1] = each.reason
      end
      counts[each.reason] = (counts[each.reason] or 0) + 1
    end
    for i, reason in ipairs(order) do
      order[i] = string.format("%d %s", counts[reason], SKIPPED[reason] or reason)
    end
    return #order > 0 and "Left alone: " .. table.concat(order, ", ") .. "." or ""
  end

  -- All that the user should read besides, sentence by sentence.
  function words.notes(job)
    local found = job.status or {}
    local notes = {}
    local skipped = words.skipped(job)
    if skipped ~= "" then
      notes[1] = skipped
    end
    local told = { found.warnings or {}, type(found.plan) == "table" and found.plan.notices or {} }
    for _, sentences in ipairs(told) do
      for _, sentence in ipairs(sentences) do
        notes[#notes + 1] = sentence
      end
    end
    return notes
  end

  function words.fraction(job)
    if job.state == "imported" or job.state == "done" then
      return 1
    end
    return job.status and job.status.fraction or 0
  end

  return words
end

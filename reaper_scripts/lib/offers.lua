-- Other items that play what was separated: they can have the same stems, without another job.

return function(use)
  local errors = use("errors")
  local facts = use("facts")
  local json = use("json")
  local project = use("project")
  local status = use("status")

  local offers = {}

  offers.LABEL = "Give them the stems too"

  local NONE = {}

  local function offered(job)
    local found = job.offered or (job.status and job.status.offers)
    return job.state == "imported" and not job.settled and type(found) == "table" and found or NONE
  end

  -- How many items a job offers its stems to; 0 once they were given.
  function offers.count(job)
    return #offered(job)
  end

  -- Of the items that a job offered its stems to when it came in, those of the project in front
  -- that are there now and heard: `job.offered`. Looked up again only where the project changed.
  function offers.look(job)
    local all = job.status and job.status.offers
    if job.state ~= "imported" or job.settled or type(all) ~= "table" then
      return
    end
    local asked = job.asked
    local handle = project.find(asked.project_id or "", asked.request.project.path or "")
    if handle ~= project.current() then
      job.offered, job.looked_at = NONE, nil
      return
    end
    local change = reaper.GetProjectStateChangeCount(handle)
    if job.looked_at == change then
      return
    end
    job.looked_at, job.offered = change, {}
    local there = project.items_by_guid(handle)
    for _, guid in ipairs(all) do
      if there[guid] and reaper.GetMediaItemInfo_Value(there[guid], "B_MUTE") == 0 then
        job.offered[#job.offered + 1] = guid
      end
    end
  end

  function offers.sentence(job)
    local count = offers.count(job)
    if count == 1 then
      return "1 other item plays the same."
    end
    return count .. " other items play the same."
  end

  -- A new job, with the stems of `job` for those items; nil and a problem.
  function offers.give(job, install)
    local asked = job.asked
    local handle = project.find(asked.project_id or "", asked.request.project.path or "")
    if not handle then
      return nil,
        errors.new("PROJECT_CLOSED", "The project of these items is not open.", "Open it first.")
    end
    local path = project.path(handle)
    local request = facts.read_items(handle, path, asked.request.choices, offered(job))
    if #request.items == 0 then
      return nil,
        errors.new("ITEMS_GONE", "The other items are not there any more.", "Separate what is there.")
    end
    local before = asked.request.project.time_selection
    request.project.time_selection = type(before) == "table" and json.array(before) or nil
    local new, problem = status.create(install, {
      project_id = asked.project_id,
      title = job.title .. ": other items",
      request = request,
      reuse = job.id,
    })
    if new then
      status.settle(job)
      status.start(new, install)
    end
    return new, problem
  end

  return offers
end

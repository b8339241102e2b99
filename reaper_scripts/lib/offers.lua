-- Other items that play what was separated: they can have the same stems, without another job.

return function(use)
  local errors = use("errors")
  local facts = use("facts")
  local json = use("json")
  local project = use("project")
  local status = use("status")

  local offers = {}

  offers.LABEL = "Give them the stems too"

  -- How many items a job offers its stems to; 0 once they were given.
  function offers.count(job)
    local found = job.status and job.status.offers
    if job.state ~= "imported" or job.given or type(found) ~= "table" then
      return 0
    end
    return #found
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
    local request = facts.read_items(handle, path, asked.request.choices, job.status.offers)
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
      job.given = true
      status.start(new, install)
    end
    return new, problem
  end

  return offers
end

-- Whether a job's files have what the scripts rely on. A file that somebody or something damaged
-- shall not end a script that shows twenty other jobs.

return function()
  local shapes = {}

  local function list(each)
    return { each = each }
  end

  local function maybe(shape)
    return { maybe = shape }
  end

  local JOB = {
    title = maybe("string"),
    project_id = maybe("string"),
    created = maybe("number"),
    request = {
      project = { path = "string", media_folder = "string" },
      tracks = list({ guid = "string", depth = "number" }),
      items = list({ guid = "string" }),
    },
  }

  local PLAN = {
    undo_label = "string",
    operations = list({ ["do"] = "string", chunk = maybe("string") }),
    expects = list({ item = "string", track = "string", fingerprint = "string" }),
    notices = maybe(list("string")),
  }

  local STATUS = {
    phase = "string",
    updated = "number",
    stage = maybe("string"),
    fraction = maybe("number"),
    seconds_left = maybe("number"),
    device = maybe("string"),
    model = maybe("string"),
    jobs_done = maybe("number"),
    jobs_total = maybe("number"),
    warnings = maybe(list("string")),
    skipped = maybe(list({ reason = "string" })),
    offers = maybe(list("string")),
    error = maybe({ reason = "string", message = "string", remedy = "string" }),
    plan = maybe(PLAN),
  }

  local fits

  local function all_fit(values, shape)
    for _, value in ipairs(values) do
      if not fits(value, shape) then
        return false
      end
    end
    return true
  end

  function fits(value, shape)
    if type(shape) == "string" then
      return type(value) == shape
    elseif shape.maybe then
      return value == nil or fits(value, shape.maybe)
    elseif type(value) ~= "table" then
      return false
    elseif shape.each then
      return all_fit(value, shape.each)
    end
    for key, inner in pairs(shape) do
      if not fits(value[key], inner) then
        return false
      end
    end
    return true
  end

  function shapes.is_job(found)
    return fits(found, JOB)
  end

  function shapes.is_status(found)
    return fits(found, STATUS)
  end

  return shapes
end

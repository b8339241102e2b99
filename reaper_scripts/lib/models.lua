-- The models as the program lists them, and what the user is told of each.

return function(use)
  local process = use("process")

  local models = {}

  -- The program may have to start the server first.
  local PATIENCE = 60.0

  function models.ask(install)
    return process.ask(install, { "models" })
  end

  -- The list, nil while there is none yet, or nil and a problem.
  function models.answer(question)
    local found, problem = process.json_answer(question, PATIENCE)
    if not found then
      return nil, problem
    end
    return found
  end

  function models.find(list, name)
    for _, model in ipairs(list or {}) do
      if model.name == name or (name == "auto" and model.auto) then
        return model
      end
    end
    return nil
  end

  -- One line: what it is, how fast, under which licence, whether it is there.
  function models.line(model)
    local parts = { model.title or model.name }
    if (model.speed or "") ~= "" then
      parts[#parts + 1] = tostring(model.speed)
    end
    parts[#parts + 1] = models.licence(model)
    if not model.installed then
      parts[#parts + 1] = "is fetched first"
    end
    return table.concat(parts, " · ")
  end

  -- Whether music that was made with it may be sold.
  local COMMERCIAL_USE = {
    allowed = "music made with it may be sold",
    forbidden = "music made with it may NOT be sold",
    unknown = "nobody says whether music made with it may be sold",
  }

  function models.licence(model)
    local licence = (model.licence or "") ~= "" and model.licence or "unknown licence"
    return licence .. ": " .. (COMMERCIAL_USE[model.commercial_use] or COMMERCIAL_USE.unknown)
  end

  return models
end

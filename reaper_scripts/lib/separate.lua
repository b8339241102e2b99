-- From a click to a running job: read the selection, write the job, start the helper, watch.

return function(use)
  local choices = use("choices")
  local errors = use("errors")
  local facts = use("facts")
  local files = use("files")
  local json = use("json")
  local paths = use("paths")
  local progress = use("progress")
  local project = use("project")
  local status = use("status")

  local separate = {}

  local AGAIN_AFTER_ENDING = 1 | 2

  -- Run again while it runs, a script ends and starts anew: what it watched is handed over.
  function separate.allow_again()
    if reaper.APIExists("set_action_options") then
      reaper.set_action_options(AGAIN_AFTER_ENDING)
    end
  end

  local function title_of(request)
    local selected = 0
    local name = nil
    for _, item in ipairs(request.items) do
      if item.selected then
        selected = selected + 1
        local path = item.source and item.source.path or ""
        name = name or (path ~= "" and files.name_of(path) or nil)
      end
    end
    name = name or "Selection"
    if selected == 1 then
      return name
    end
    return string.format("%s and %d more", name, selected - 1)
  end

  function separate.nothing_selected()
    return errors.new(
      "NOTHING_SELECTED",
      "No item is selected.",
      "Select one or more audio items, then choose Separate to tracks again."
    )
  end

  -- Separate the selected items as `chosen` says; the watch, nil where there is none.
  function separate.selection(chosen, install)
    local handle, path = project.current()
    local request = facts.read(handle, path or "", chosen)
    if not request then
      errors.show(separate.nothing_selected())
      return nil
    end
    local job, problem = status.create(install, {
      project_id = project.keep_id(handle),
      title = title_of(request),
      request = request,
    })
    if not job then
      errors.show(problem)
      return nil
    end
    status.start(job, install)
    return progress.watch(job, install)
  end

  -- One click: the last choices with `others` in their place.
  function separate.now(others)
    separate.allow_again()
    local install = paths.ready()
    if install then
      separate.selection(choices.with(others), install)
    end
  end

  -- One click for these stems, by whatever model is best for them.
  function separate.stems(...)
    separate.now({ stems = json.array({ ... }), model = "auto", mask = "" })
  end

  return separate
end

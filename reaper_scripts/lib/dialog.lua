-- The dialog of Separate… (choose): model, stems, mask, remainder, range, layout, and so on.

return function(use)
  local choices = use("choices")
  local errors = use("errors")
  local facts = use("facts")
  local json = use("json")
  local models = use("models")
  local paths = use("paths")
  local project = use("project")
  local separate = use("separate")
  local Window = use("window")

  local dialog = {}

  local MIX_MINUS_VOCALS = "instrumental"
  local STEMS_UNTIL_KNOWN = { "vocals", "drums", "bass", "other" }

  local FIELDS = {
    {
      key = "remainder",
      label = "The remainder",
      values = {
        { "other", "Added to the stem other" },
        { "separate", "A stem of its own" },
        { "off", "Left out" },
      },
    },
    {
      key = "within_time_selection",
      label = "Range",
      values = { { false, "The whole items" }, { true, "Only the time selection" } },
    },
    {
      key = "layout",
      label = "Stems go to",
      values = {
        { "folder", "New tracks inside the item's track" },
        { "flat", "New tracks after the item's track" },
        { "takes", "Takes of the item" },
      },
    },
    {
      key = "original",
      label = "The original",
      values = { { "mute", "Mute it" }, { "keep", "Leave it as it is" } },
    },
    {
      key = "handles",
      label = "Handles",
      values = { { 0.0, "None" }, { 0.5, "0.5 s" }, { 1.0, "1 s" }, { 2.0, "2 s" }, { 5.0, "5 s" } },
    },
    {
      key = "take_fx",
      label = "Take effects",
      values = { { "copy", "Copy to every stem" }, { "leave_out", "Leave them out" } },
    },
    {
      key = "also_same_source",
      label = "Other items",
      values = { { false, "Leave alone" }, { true, "Also those of the same source" } },
    },
  }

  local MASK_NAMES = { binary = "Binary", ratio = "Ratio (soft)", complex = "Complex" }

  local function label_of(field, value)
    for _, each in ipairs(field.values) do
      if each[1] == value then
        return each[2]
      end
    end
    return tostring(value)
  end

  local function choose(field, chosen)
    local entries = {}
    for i, each in ipairs(field.values) do
      entries[i] = { each[2], each[1] == chosen[field.key] }
    end
    local index = Window.menu(entries)
    if index then
      chosen[field.key] = field.values[index][1]
    end
  end

  local function choose_model(state)
    local entries = { { "Automatic: the best for the stems", state.chosen.model == "auto" } }
    for _, model in ipairs(state.models or {}) do
      entries[#entries + 1] = { models.line(model), model.name == state.chosen.model }
    end
    local index = Window.menu(entries)
    if index then
      state.chosen.model = index == 1 and "auto" or state.models[index - 1].name
    end
  end

  local function stems_of(state)
    local model = models.find(state.models, state.chosen.model)
    local known = model and model.stems or STEMS_UNTIL_KNOWN
    local found, has = {}, {}
    for _, stem in ipairs(known) do
      found[#found + 1] = stem
      has[stem] = true
    end
    if has.vocals and not has[MIX_MINUS_VOCALS] then
      found[#found + 1] = MIX_MINUS_VOCALS
    end
    return found
  end

  -- Of a model that is named and leaves the choice; what is automatic may be another tomorrow.
  local function masks_of(state)
    local chosen = state.chosen.model
    local model = chosen ~= "auto" and models.find(state.models, chosen) or nil
    return model and model.masks or {}
  end

  local function mask_field(state)
    local values = { { "", "The model's own" } }
    for _, mask in ipairs(masks_of(state)) do
      values[#values + 1] = { mask, MASK_NAMES[mask] or mask }
    end
    return { key = "mask", label = "Mask", values = values }
  end

  -- No mask that the model does not have.
  local function keep_possible_mask(state)
    for _, mask in ipairs(masks_of(state)) do
      if mask == state.chosen.mask then
        return
      end
    end
    state.chosen.mask = ""
  end

  local function wanted_stems(chosen)
    local wanted = {}
    for _, stem in ipairs(chosen.stems) do
      wanted[stem] = true
    end
    return wanted
  end

  -- Those stems only that the model has; none means all.
  local function keep_possible(state)
    local wanted = wanted_stems(state.chosen)
    local kept = json.array()
    for _, stem in ipairs(stems_of(state)) do
      if wanted[stem] then
        kept[#kept + 1] = stem
      end
    end
    state.chosen.stems = kept
  end

  local function toggle(state, stem)
    local wanted = wanted_stems(state.chosen)
    wanted[stem] = not wanted[stem]
    local kept = json.array()
    for _, each in ipairs(stems_of(state)) do
      if wanted[each] then
        kept[#kept + 1] = each
      end
    end
    state.chosen.stems = kept
  end

  local function model_label(state)
    local chosen = state.chosen.model
    local model = models.find(state.models, chosen)
    if chosen == "auto" then
      return model and "Automatic (" .. (model.title or model.name) .. ")" or "Automatic"
    end
    return model and (model.title or model.name) or chosen
  end

  local function draw_model(state)
    local window = state.window
    if window:choice("Model", model_label(state)) then
      choose_model(state)
      keep_possible_mask(state)
    end
    local model = models.find(state.models, state.chosen.model)
    if model then
      window:paragraph(models.line(model))
    elseif state.problem then
      window:paragraph(errors.text(state.problem), "warning")
    elseif not state.models then
      window:line("Reading the list of models…")
    end
  end

  local function draw_stems(state)
    local window = state.window
    local wanted = wanted_stems(state.chosen)
    local labels = { { "all", #state.chosen.stems == 0 } }
    for _, stem in ipairs(stems_of(state)) do
      labels[#labels + 1] = { stem, wanted[stem] }
    end
    window:line("Stems")
    local clicked = window:buttons_row(labels)
    if clicked == "all" then
      state.chosen.stems = json.array()
    elseif clicked then
      toggle(state, clicked)
    end
  end

  local function draw_mask(state)
    if #masks_of(state) == 0 then
      return
    end
    local field = mask_field(state)
    if state.window:choice(field.label, label_of(field, state.chosen.mask)) then
      choose(field, state.chosen)
    end
  end

  local function draw_fields(state)
    for _, field in ipairs(FIELDS) do
      local label = label_of(field, state.chosen[field.key])
      if field.key == "within_time_selection" and not facts.has_time_selection(project.current()) then
        label = "The whole items (no time selection)"
      end
      if state.window:choice(field.label, label) then
        choose(field, state.chosen)
      end
    end
  end

  -- "go", "cancel", or nil while the user has not said.
  local function draw(state)
    local window = state.window
    if not window:begin() then
      return "cancel"
    end
    local count = facts.selected_count(project.current())
    window:line(count == 1 and "1 item is selected" or count .. " items are selected")
    window:gap(4)
    draw_model(state)
    draw_stems(state)
    draw_mask(state)
    draw_fields(state)
    window:gap(6)
    local clicked = window:buttons_row({ { "Separate", true }, "Cancel" })
    local said = nil
    if clicked == "Separate" or window.enter then
      said = "go"
    elseif clicked == "Cancel" or window.escape then
      said = "cancel"
    end
    window:finish()
    return said
  end

  local function take_in_models(state)
    if state.models or state.problem then
      return
    end
    local list, problem = models.answer(state.question)
    state.models, state.problem = list, problem
    if list then
      if state.chosen.model ~= "auto" and not models.find(list, state.chosen.model) then
        state.chosen.model = "auto"
      end
      keep_possible(state)
      keep_possible_mask(state)
    end
  end

  -- Ask the user, then separate the selected items.
  function dialog.run()
    separate.allow_again()
    local install = paths.ready()
    if not install then
      return
    end
    if facts.selected_count(project.current()) == 0 then
      errors.show(separate.nothing_selected())
      return
    end
    local state = {
      chosen = choices.load(),
      question = models.ask(install),
      window = Window.open("dialog", "Stemlift: separate to tracks", 470, 540),
    }
    local function loop()
      take_in_models(state)
      local said = draw(state)
      if not said then
        reaper.defer(loop)
        return
      end
      state.window:close()
      if said == "go" then
        choices.save(state.chosen)
        separate.selection(state.chosen, install)
      end
    end
    reaper.atexit(function()
      state.window:close()
    end)
    loop()
  end

  return dialog
end

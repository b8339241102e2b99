-- Setup: is everything there, the actions, the right-click entry step by step, a support bundle.

return function(use)
  local errors = use("errors")
  local files = use("files")
  local finding = use("finding")
  local paths = use("paths")
  local process = use("process")
  local separate = use("separate")
  local Window = use("window")

  local setup = {}

  local CUSTOMIZE_MENUS = 40905
  local SHOW_ACTION_LIST = 40605
  -- A doctor that starts the server, and a bundle, take a while.
  local PATIENCE = 90.0

  -- What connecting mends.
  local LOST = { NOT_INSTALLED = true, INSTALL_FILE_BROKEN = true, PROGRAM_MISSING = true }

  setup.MAIN = "Stemlift_Separate to tracks.lua"

  setup.SCRIPTS = {
    setup.MAIN,
    "Stemlift_Separate… (choose).lua",
    "Stemlift_Vocals.lua",
    "Stemlift_Instrumental.lua",
    "Stemlift_Drums.lua",
    "Stemlift_Bass.lua",
    "Stemlift_Acapella and instrumental.lua",
    "Stemlift_Queue.lua",
    "Stemlift_Import.lua",
    "Stemlift_Setup.lua",
  }

  local CLICKS = {
    "REAPER lets nobody but you add to its right-click menu. Once, four clicks:",
    "The window Customize menus/toolbars is open now. In it:",
    "1. At the top left choose Media item context.",
    "2. Click Add…, then Action….",
    "3. Type separate to tracks, choose Script: " .. setup.MAIN .. ", click Select.",
    "4. Click Save.",
    "If REAPER shows another name for the new entry, right-click it in that window's list before "
      .. "you save, choose Rename and type Separate to tracks.",
    "From now on: right-click an item, Separate to tracks.",
  }

  local FALLBACKS = {
    "Without the right-click menu:",
    "A toolbar button: right-click a toolbar, Customize toolbar…, Add…, choose Script: " .. setup.MAIN .. ".",
    "A shortcut: in the action list, which is open now, choose Script: "
      .. setup.MAIN
      .. ", click Add… under Shortcuts and press the key.",
  }

  -- Make every script an action; the ids by the names of the scripts, and the names that failed.
  function setup.register()
    local ids, failed = {}, {}
    for i, name in ipairs(setup.SCRIPTS) do
      local path = use("folder") .. name
      local command = files.exists(path)
          and reaper.AddRemoveReaScript(true, 0, path, i == #setup.SCRIPTS)
        or 0
      if command ~= 0 then
        ids[name] = "_" .. (reaper.ReverseNamedCommandLookup(command) or "")
      else
        failed[#failed + 1] = name
      end
    end
    return ids, failed
  end

  -- This REAPER, which may be a portable one that the program would not find.
  local function here()
    return "--resource-path", reaper.GetResourcePath()
  end

  local function check(state)
    state.problem = paths.too_old()
    state.lines = nil
    if not state.problem then
      state.install, state.problem = paths.install()
    end
    state.question = state.install and process.ask(state.install, { "doctor", here() }) or nil
    state.lost = state.problem ~= nil and LOST[state.problem.reason] == true
    state.found = state.lost and finding.program() or nil
  end

  -- The scripts came without the program, or it moved.
  local function connect(state)
    local program = state.found or finding.ask()
    if program then
      state.connecting = process.ask(finding.as_install(program), { "connect", here() })
      state.said = { "Connecting " .. program .. "…" }
    else
      state.said = {
        "That is not the program. Install Stemlift first, in a terminal, then try again.",
      }
    end
  end

  local function take_in(state)
    if state.question then
      local text, problem = process.text_answer(state.question, PATIENCE)
      if text or problem then
        state.lines, state.problem, state.question = text, problem, nil
      end
    end
    if state.connecting then
      local found, problem = process.json_answer(state.connecting, PATIENCE)
      if found then
        state.said = { "The scripts know the program now." }
        check(state)
      elseif problem then
        state.said = { errors.text(problem) }
      end
      if found or problem then
        state.connecting = nil
      end
    end
    if state.bundling then
      local found, problem = process.json_answer(state.bundling, PATIENCE)
      if found then
        state.said = { "The support bundle is " .. state.bundle .. ". It holds no audio." }
        files.reveal(state.bundle)
      elseif problem then
        state.said = { errors.text(problem) }
      end
      if found or problem then
        state.bundling = nil
      end
    end
  end

  local function bundle(state)
    if not state.install then
      errors.show(state.problem)
      return
    end
    local folder = reaper.GetResourcePath()
    state.bundle = files.join(folder, "Stemlift-support-" .. os.date("%Y%m%d-%H%M%S") .. ".zip")
    state.bundling = process.ask(state.install, { "bundle", state.bundle, here() })
    state.said = { "Collecting the support bundle…" }
  end

  local function register(state)
    local ids, failed = setup.register()
    local main = ids[setup.MAIN]
    state.said = {}
    if main then
      state.said[1] = "The actions are in REAPER's action list; the main one is " .. main .. "."
    end
    if #failed > 0 then
      state.said[#state.said + 1] = "Not registered: " .. table.concat(failed, ", ") .. "."
    end
    return main ~= nil
  end

  local function menu(state)
    if register(state) then
      reaper.Main_OnCommand(CUSTOMIZE_MENUS, 0)
      state.said = CLICKS
    end
  end

  local function fallbacks(state)
    if register(state) then
      reaper.Main_OnCommand(SHOW_ACTION_LIST, 0)
      state.said = FALLBACKS
    end
  end

  local CONNECT = "Connect the program"

  local BUTTONS = {
    { CONNECT, connect },
    { "Check again", check },
    { "Register the actions", register },
    { "Right-click menu…", menu },
    { "Toolbar or shortcut…", fallbacks },
    { "Support bundle…", bundle },
  }

  local function draw_checks(state)
    local window = state.window
    if state.install then
      window:paragraph("Program: " .. state.install.program)
      local note = paths.other_version(state.install)
      if note then
        window:paragraph(note, "warning")
      end
    end
    if state.problem then
      window:paragraph(errors.text(state.problem), "warning")
      if state.found then
        window:paragraph("It is here: " .. state.found .. ". " .. CONNECT .. " tells the scripts.")
      elseif state.lost then
        window:paragraph("If it is installed, " .. CONNECT .. " lets you choose it.")
      end
    elseif state.question then
      window:line("Checking…")
    elseif state.lines then
      window:paragraph((state.lines:gsub("%s+$", "")))
    end
  end

  -- False where the user closes the window.
  local function draw(state)
    local window = state.window
    if not window:begin() then
      return false
    end
    local labels = {}
    for _, each in ipairs(BUTTONS) do
      if each[1] ~= CONNECT or state.lost then
        labels[#labels + 1] = each[1]
      end
    end
    local chosen = window:buttons_row(labels)
    window:gap(6)
    for _, line in ipairs(state.said or {}) do
      window:paragraph(line)
    end
    if state.said then
      window:gap(8)
    end
    draw_checks(state)
    for _, each in ipairs(BUTTONS) do
      if each[1] == chosen then
        each[2](state)
      end
    end
    local open = not window.escape
    window:finish()
    return open
  end

  function setup.run()
    separate.allow_again()
    local state = { window = Window.open("setup", "Stemlift: setup", 560, 440) }
    check(state)
    local function loop()
      take_in(state)
      if draw(state) then
        reaper.defer(loop)
      end
    end
    reaper.atexit(function()
      state.window:close()
    end)
    loop()
  end

  return setup
end

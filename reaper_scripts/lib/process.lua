-- Starting Stemlift's program beside REAPER, and getting its answers, without ever waiting for it.
-- ExecProcess is no shell, so the program writes its answer to a file that it is told.

return function(use)
  local files = use("files")
  local errors = use("errors")
  local json = use("json")

  local process = {}

  -- A program that has not answered by then does not start.
  process.PATIENCE = 15.0

  -- In quotes; a quote within gets a backslash, and backslashes before a quote are doubled, as
  -- C programs split a command line.
  local function quote(argument)
    return '"' .. argument:gsub('(\\*)"', '%1%1\\"'):gsub("(\\+)$", "%1%1") .. '"'
  end

  -- Whether it really runs shows only in what it writes.
  function process.start(install, arguments)
    local words = {}
    -- In a sandbox, what leads out of it.
    for _, word in ipairs(install.launcher) do
      words[#words + 1] = quote(word)
    end
    words[#words + 1] = quote(install.windowless)
    for _, argument in ipairs(arguments) do
      words[#words + 1] = quote(argument)
    end
    if install.home and install.home ~= "" then
      words[#words + 1] = "--home"
      words[#words + 1] = quote(install.home)
    end
    reaper.ExecProcess(table.concat(words, " "), -2)
  end

  -- 16 hex digits; both halves of a GUID count, since either may be the same on one machine.
  function process.new_id()
    local digits = reaper.genGuid():gsub("%X", "")
    local one, other = tonumber("0x" .. digits:sub(1, 16)), tonumber("0x" .. digits:sub(17))
    return string.format("%016x", one ~ other)
  end

  function process.no_start(install, patience)
    return errors.new(
      "PROGRAM_DOES_NOT_START",
      string.format(
        "Stemlift's program gave no sign of life within %d seconds: %s",
        patience or process.PATIENCE,
        install.program
      ),
      "Run Stemlift_Setup, or `stemlift reaper doctor` in a terminal, to see why."
    )
  end

  -- Ask the program; poll with `answer`.
  function process.ask(install, arguments)
    reaper.RecursiveCreateDirectory(install.jobs_folder, 0)
    local file = files.join(install.jobs_folder, "answer-" .. process.new_id())
    local words = { table.unpack(arguments) }
    words[#words + 1] = "--output"
    words[#words + 1] = file
    process.start(install, words)
    return { install = install, file = file, since = reaper.time_precise() }
  end

  -- The text, nil while there is none yet, or nil and a problem.
  function process.answer(question, patience)
    if question.problem then
      return nil, question.problem
    end
    local text = files.read(question.file)
    if text then
      files.remove(question.file)
      return text
    end
    if reaper.time_precise() - question.since > (patience or process.PATIENCE) then
      question.problem = process.no_start(question.install, patience)
      return nil, question.problem
    end
    return nil
  end

  local function error_in(found)
    return type(found) == "table" and type(found.error) == "table" and found.error or nil
  end

  -- As `answer`, for an answer in plain text, in place of which {error = {…}} is a problem.
  function process.text_answer(question, patience)
    local text, problem = process.answer(question, patience)
    question.problem = text and error_in(json.decode(text)) or problem
    if question.problem then
      return nil, question.problem
    end
    return text
  end

  -- As `answer`, for an answer in JSON, in which {error = {…}} is a problem.
  function process.json_answer(question, patience)
    local text, problem = process.answer(question, patience)
    if not text then
      return nil, problem
    end
    local found = json.decode(text)
    if type(found) ~= "table" then
      problem = errors.new(
        "ANSWER_BROKEN",
        "Stemlift's program gave an answer that cannot be understood.",
        "Run `stemlift reaper install` again, so that scripts and program fit together."
      )
    elseif error_in(found) then
      problem = error_in(found)
    else
      return found
    end
    question.problem = problem
    return nil, problem
  end

  return process
end

-- Where things are: the program, the jobs, and whether this REAPER can do what is needed.

return function(use)
  local json = use("json")
  local files = use("files")
  local errors = use("errors")

  local paths = {}

  paths.VERSION = "0.1.0"
  paths.SCHEMA = 1
  paths.OLDEST_REAPER = 6.44
  paths.EXT = "Stemlift"

  local INSTALL_FILE = "Stemlift_install.json"

  -- Newer functions are asked for where they are used; without these nothing works.
  local NEEDED = {
    "ColorToNative",
    "EnumerateSubdirectories",
    "ExecProcess",
    "GetItemStateChunk",
    "GetMediaSourceParent",
    "GetProjExtState",
    "GetProjectPathEx",
    "RecursiveCreateDirectory",
    "SetItemStateChunk",
    "Undo_BeginBlock2",
    "Undo_CanUndo2",
    "ValidatePtr2",
  }

  -- A problem where this REAPER is too old; else nil.
  function paths.too_old()
    local version = tonumber(reaper.GetAppVersion():match("^%d+%.?%d*")) or 0
    local missing = {}
    for _, name in ipairs(NEEDED) do
      if not reaper.APIExists(name) then
        missing[#missing + 1] = name
      end
    end
    if version >= paths.OLDEST_REAPER and #missing == 0 then
      return nil
    end
    local lacks = #missing > 0 and " It lacks " .. table.concat(missing, ", ") .. "." or ""
    return errors.new(
      "REAPER_TOO_OLD",
      string.format(
        "Stemlift needs REAPER %.2f or newer; this is %s.%s",
        paths.OLDEST_REAPER,
        reaper.GetAppVersion(),
        lacks
      ),
      "Update REAPER: Help > Check for new version."
    )
  end

  -- Beside the scripts; scripts that came by ReaPack find it where the installer puts it.
  function paths.install_file()
    local beside = use("folder") .. INSTALL_FILE
    if files.exists(beside) then
      return beside
    end
    return files.join(reaper.GetResourcePath(), "Scripts/Stemlift/" .. INSTALL_FILE)
  end

  -- What the installer wrote: {version, program, windowless, launcher, jobs_folder, home}; or nil
  -- and a problem.
  function paths.install()
    local file = paths.install_file()
    local text = files.read(file)
    if not text then
      return nil,
        errors.new(
          "NOT_INSTALLED",
          "Stemlift's program is not connected to REAPER: " .. file .. " is missing.",
          "Run Stemlift_Setup and connect it, or `stemlift reaper install` in a terminal."
        )
    end
    local found = json.decode(text)
    local complete = type(found) == "table"
      and type(found.program) == "string"
      and type(found.jobs_folder) == "string"
    if not complete then
      return nil,
        errors.new(
          "INSTALL_FILE_BROKEN",
          file .. " cannot be understood.",
          "Run `stemlift reaper install` again; it writes the file anew."
        )
    end
    found.launcher = type(found.launcher) == "table" and found.launcher or {}
    -- Out of a sandbox the program cannot be seen.
    local sandboxed = #found.launcher > 0
    if not sandboxed and not files.exists(found.program) then
      return nil,
        errors.new(
          "PROGRAM_MISSING",
          "Stemlift's program is not there any more: " .. found.program,
          "If you moved or renewed it, run `stemlift reaper install` again; else install Stemlift."
        )
    end
    if type(found.windowless) ~= "string" or not (sandboxed or files.exists(found.windowless)) then
      found.windowless = found.program
    end
    return found
  end

  -- A sentence where scripts and program were not installed together; else nil.
  function paths.other_version(install)
    if install.version == nil or install.version == paths.VERSION then
      return nil
    end
    return string.format(
      "The scripts are of version %s, the program of version %s. "
        .. "Run `stemlift reaper install` to bring them together.",
      paths.VERSION,
      install.version
    )
  end

  -- The install, or nil after the problem was shown.
  function paths.ready()
    local problem = paths.too_old()
    local install
    if not problem then
      install, problem = paths.install()
    end
    if problem then
      errors.show(problem)
      return nil
    end
    return install
  end

  return paths
end

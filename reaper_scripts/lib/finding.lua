-- Where the program may be when nobody told the scripts: where pip, pipx and uv put programs.

return function(use)
  local files = use("files")

  local finding = {}

  local NAME = "stemlift-reaper"
  -- In which pip's folders for one user differ.
  local OLDEST_PYTHON, NEWEST_PYTHON = 11, 20

  local function variable(name)
    local value = os.getenv(name)
    return value ~= "" and value or nil
  end

  local function windows_folders()
    local found = {}
    local home = variable("USERPROFILE")
    if home then
      found[#found + 1] = home .. "\\.local\\bin"
    end
    for minor = NEWEST_PYTHON, OLDEST_PYTHON, -1 do
      local version = "Python3" .. minor
      for _, root in ipairs({ variable("APPDATA") or "", variable("LOCALAPPDATA") or "" }) do
        if root ~= "" then
          found[#found + 1] = root .. "\\Python\\" .. version .. "\\Scripts"
          found[#found + 1] = root .. "\\Programs\\Python\\" .. version .. "\\Scripts"
        end
      end
    end
    return found
  end

  local function other_folders()
    local found = {}
    local home = variable("HOME")
    if home then
      found[#found + 1] = home .. "/.local/bin"
      for minor = NEWEST_PYTHON, OLDEST_PYTHON, -1 do
        found[#found + 1] = home .. "/Library/Python/3." .. minor .. "/bin"
      end
    end
    found[#found + 1] = "/opt/homebrew/bin"
    found[#found + 1] = "/usr/local/bin"
    found[#found + 1] = "/usr/bin"
    return found
  end

  local function name()
    return files.is_windows() and NAME .. ".exe" or NAME
  end

  -- The program's path; nil where it is in none of these folders.
  function finding.program()
    local folders = files.is_windows() and windows_folders() or other_folders()
    for _, folder in ipairs(folders) do
      local path = files.join(folder, name())
      if files.exists(path) then
        return path
      end
    end
    return nil
  end

  -- The program that the user chooses; nil where it is another one, or none.
  function finding.ask()
    local chosen, path = reaper.GetUserFileNameForRead("", "Choose the program " .. name(), "")
    return chosen and files.name_of(path) == name() and path or nil
  end

  -- As `paths.install` gives it, to ask the program for more than that.
  function finding.as_install(program)
    local folder = files.join(reaper.GetResourcePath(), "Scripts/Stemlift")
    return { program = program, windowless = program, launcher = {}, jobs_folder = folder }
  end

  return finding
end

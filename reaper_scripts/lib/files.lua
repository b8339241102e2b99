-- Small files, paths and folders.

return function()
  local files = {}

  function files.is_windows()
    return reaper.GetOS():find("^Win") ~= nil
  end

  function files.join(folder, name)
    if folder:find("[/\\]$") then
      return folder .. name
    end
    local separator = files.is_windows() and folder:find("\\", 1, true) and "\\" or "/"
    return folder .. separator .. name
  end

  function files.folder_of(path)
    return path:match("^(.*)[/\\][^/\\]*$") or ""
  end

  function files.name_of(path)
    return path:match("([^/\\]*)$")
  end

  function files.is_absolute(path)
    return path:find("^[/\\]") ~= nil or path:find("^%a:[/\\]") ~= nil
  end

  -- Whether two spellings name one file, as far as the spelling tells.
  function files.same_path(one, other)
    if files.is_windows() then
      one, other = one:gsub("\\", "/"):lower(), other:gsub("\\", "/"):lower()
    end
    return one == other
  end

  -- The whole content; nil where there is none that can be read.
  function files.read(path)
    local file = io.open(path, "rb")
    if not file then
      return nil
    end
    local content = file:read("a")
    file:close()
    return content
  end

  -- True, or nil and the system's words.
  function files.write(path, content)
    local file, problem = io.open(path, "wb")
    if not file then
      return nil, problem
    end
    local written, why = file:write(content)
    local closed, why_not_closed = file:close()
    if written and closed then
      return true
    end
    return nil, why or why_not_closed
  end

  -- As `write`; where it fails, the old content stays.
  function files.replace(path, content)
    local new = path .. ".new"
    local written, why = files.write(new, content)
    if not written then
      os.remove(new)
      return nil, why
    end
    -- Windows renames nothing to a name that is taken.
    if files.is_windows() then
      os.remove(path)
    end
    return os.rename(new, path)
  end

  function files.exists(path)
    return reaper.file_exists(path)
  end

  function files.remove(path)
    os.remove(path)
  end

  function files.folders_in(folder)
    local names = {}
    -- -1: forget what REAPER remembers of the folder.
    reaper.EnumerateSubdirectories(folder, -1)
    local name = reaper.EnumerateSubdirectories(folder, 0)
    while name do
      names[#names + 1] = name
      name = reaper.EnumerateSubdirectories(folder, #names)
    end
    return names
  end

  -- Show it in the system's file manager; the path for the user where that is not to be had.
  function files.reveal(path)
    if reaper.APIExists("CF_LocateInExplorer") then
      return reaper.CF_LocateInExplorer(path)
    end
    local system = reaper.GetOS()
    local quoted = '"' .. path .. '"'
    local command
    if system:find("^Win") then
      -- ExecProcess does not look along PATH.
      local windows = os.getenv("SystemRoot") or "C:\\Windows"
      command = '"' .. windows .. '\\explorer.exe" /select,"' .. path:gsub("/", "\\") .. '"'
    elseif system:find("OSX") or system:find("mac") then
      command = "/usr/bin/open -R " .. quoted
    else
      command = '/usr/bin/xdg-open "' .. files.folder_of(path) .. '"'
    end
    reaper.ExecProcess(command, -1)
    return true
  end

  return files
end

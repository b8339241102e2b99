-- The stems of a result folder, as its stems.json names them: {"stems": [{"name", "file"}, …]} or
-- {"stems": {name: file, …}}, and {"source": {"path"}} where the song is told. No file outside of the
-- folder is taken: whoever wrote the list may be somebody else.

return function(use)
  local errors = use("errors")
  local files = use("files")
  local json = use("json")

  local manifest = {}

  manifest.FILE = "stems.json"

  local CHOOSE = "Choose the " .. manifest.FILE .. " of a result folder."

  local function slashed(path)
    return files.is_windows() and path:gsub("\\", "/") or path
  end

  -- Where in `folder` a file lies, as the list names it; nil where it lies elsewhere.
  local function place_in(folder, file)
    local home, path = slashed(folder) .. "/", slashed(file)
    if files.is_absolute(path) then
      if not files.same_path(path:sub(1, #home), home) then
        return nil
      end
      path = path:sub(#home + 1)
    elseif files.is_windows() and path:find(":", 1, true) then
      return nil
    end
    for part in path:gmatch("[^/]+") do
      if part == ".." then
        return nil
      end
    end
    return path ~= "" and files.join(folder, path) or nil
  end

  -- The stems as the list has them, each {key, value}: a list in its order, an object by name.
  local function entries(listed)
    local found = {}
    if json.is_array(listed) then
      for i, value in ipairs(listed) do
        found[i] = { i, value }
      end
    elseif type(listed) == "table" then
      for key, value in pairs(listed) do
        found[#found + 1] = { key, value }
      end
      table.sort(found, function(one, other)
        return one[1] < other[1]
      end)
    end
    return found
  end

  local function stem_of(folder, key, value)
    local file = type(value) == "table" and value.file or value
    local name = type(value) == "table" and value.name or key
    if type(file) ~= "string" then
      return nil
    end
    local path = place_in(folder, file)
    if not path then
      return nil,
        errors.new("STEM_OUTSIDE", "The list names a file outside of its folder: " .. file, CHOOSE)
    elseif not files.exists(path) then
      return nil,
        errors.new(
          "STEM_MISSING",
          "The file of a stem is not there: " .. path,
          "Separate the song again."
        )
    end
    return { name = tostring(name), path = path }
  end

  -- {path, song, stems}, each of these {name, path}; song: the path of what was separated, "" where
  -- that is not told. Or nil and a problem.
  function manifest.read(path)
    local found = json.decode(files.read(path) or "")
    found = type(found) == "table" and found or {}
    local stems = {}
    for _, entry in ipairs(entries(found.stems)) do
      local stem, problem = stem_of(files.folder_of(path), entry[1], entry[2])
      if problem then
        return nil, problem
      end
      stems[#stems + 1] = stem
    end
    if #stems == 0 then
      return nil, errors.new("MANIFEST_BROKEN", path .. " names no stems.", CHOOSE)
    end
    local source = found.source
    local song = type(source) == "table" and source.path or source
    return { path = path, song = type(song) == "string" and song or "", stems = stems }
  end

  return manifest
end

-- Whether an item is still what it was: state chunks compared without what means nothing.

return function(use)
  local files = use("files")

  local chunks = {}

  -- Of an item: whether it is selected, and its number in the project.
  local OF_ITEM = { SEL = true, IID = true }

  -- Of effects and envelopes: how they are shown.
  local OF_VIEW = {
    WINDOWRECT = true,
    SHOW = true,
    LASTSEL = true,
    DOCKED = true,
    FLOAT = true,
    FLOATPOS = true,
    VIS = true,
    LANEHEIGHT = true,
    ARM = true,
  }

  local OF_ID = { IGUID = true, GUID = true, FXID = true, EGUID = true }

  local function unquoted(text)
    local quote = text:match("^[\"'`]")
    if quote then
      return text:match("^.(.-)" .. quote) or text
    end
    return text:match("^%S*")
  end

  -- Paths of files become absolute: saving a project makes relative ones of them.
  local function file_line(line, base)
    local path = unquoted(line:match("^FILE%s+(.*)$") or "")
    if not files.is_absolute(path) and base ~= "" then
      path = files.join(base, path)
    end
    return "FILE " .. path:gsub("\\", "/")
  end

  -- base: the folder that relative paths start from.
  function chunks.normalised(chunk, base)
    local lines = {}
    local depth = 0
    for line in chunk:gmatch("[^\r\n]+") do
      line = line:match("^%s*(.-)%s*$")
      local key = line:match("^[%w_]+")
      local ignored = (depth == 1 and OF_ITEM[key]) or (depth == 2 and OF_VIEW[key])
      if line:find("^<") then
        depth = depth + 1
      elseif line == ">" then
        depth = depth - 1
      end
      if key == "FILE" then
        line = file_line(line, base)
      end
      if line ~= "" and not ignored then
        lines[#lines + 1] = line
      end
    end
    return table.concat(lines, "\n")
  end

  function chunks.same(one, base_of_one, other, base_of_other)
    return chunks.normalised(one, base_of_one) == chunks.normalised(other, base_of_other)
  end

  -- The files that a chunk names, as they are written in it.
  function chunks.files(chunk)
    local found = {}
    for line in chunk:gmatch("[^\r\n]+") do
      local path = line:match("^%s*FILE%s+(.*)$")
      if path then
        found[#found + 1] = unquoted(path)
      end
    end
    return found
  end

  -- The chunk with absolute paths, for another project than the one it was made for. wanted: of
  -- which paths, once they are absolute; of all where it is left out.
  function chunks.with_absolute_files(chunk, base, wanted)
    return (
      chunk:gsub("(\n%s*FILE%s+)([^\r\n]*)", function(key, written)
        local path = unquoted(written)
        if files.is_absolute(path) then
          return nil
        end
        path = files.join(base, path)
        if wanted and not wanted(path) then
          return nil
        end
        for _, quote in ipairs({ '"', "'", "`" }) do
          if not path:find(quote, 1, true) then
            return key .. quote .. path .. quote
          end
        end
        return nil
      end)
    )
  end

  -- The chunk with new ids, for an item that may be in the project already.
  function chunks.with_new_ids(chunk)
    return (
      chunk:gsub("(\n%s*(%u+)%s+)%b{}", function(before, key)
        return OF_ID[key] and before .. reaper.genGuid() or nil
      end)
    )
  end

  -- The chunk at another place: its POSITION moved by so many seconds.
  function chunks.moved(chunk, seconds)
    return (
      chunk:gsub("(\n%s*POSITION%s+)(%S+)", function(key, position)
        return key .. (string.format("%.14f", tonumber(position) + seconds):gsub(",", "."))
      end, 1)
    )
  end

  function chunks.position(chunk)
    return tonumber(chunk:match("\n%s*POSITION%s+(%S+)")) or 0
  end

  return chunks
end

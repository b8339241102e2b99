-- Text that fits a width: cut, or broken into lines. Widths are in pixels of the font that is set.

return function()
  local text = {}

  -- The first bytes that make `count` characters; bytes where it is not UTF-8.
  local function first(whole, count)
    local stop = utf8.len(whole) and utf8.offset(whole, count + 1) or count + 1
    return whole:sub(1, (stop or #whole + 1) - 1)
  end

  local function count_of(whole)
    return utf8.len(whole) or #whole
  end

  -- As many characters of `whole` as fit with `ending` after them, at least `least`.
  local function fitting(whole, width, ending, least)
    local low, high = least, count_of(whole)
    while low < high do
      local middle = (low + high + 1) // 2
      if gfx.measurestr(first(whole, middle) .. ending) <= width then
        low = middle
      else
        high = middle - 1
      end
    end
    return first(whole, low)
  end

  -- On one line; and whether something is missing.
  function text.cut(whole, width)
    if gfx.measurestr(whole) <= width then
      return whole, false
    end
    return fitting(whole, width, "…", 0) .. "…", true
  end

  -- A word that is too long for a line, as full lines and the rest.
  local function broken(word, width, lines)
    while gfx.measurestr(word) > width and count_of(word) > 1 do
      local part = fitting(word, width, "", 1)
      lines[#lines + 1] = part
      word = word:sub(#part + 1)
    end
    return word
  end

  -- As many lines as it needs, broken between words; within one only where it fills a line alone.
  function text.wrap(whole, width)
    local lines = {}
    for paragraph in (whole .. "\n"):gmatch("(.-)\r?\n") do
      local line = ""
      for gap, word in paragraph:gmatch("(%s*)(%S+)") do
        local longer = line .. (line == "" and #lines > 0 and "" or gap) .. word
        if line ~= "" and gfx.measurestr(longer) > width then
          lines[#lines + 1] = line
          longer = word
        end
        line = broken(longer, width, lines)
      end
      lines[#lines + 1] = line
    end
    return lines
  end

  return text
end

-- JSON (RFC 8259): text to tables and back.
-- An array is a table made by `json.array` or one with t[1]; every other table is an object.
-- null is `json.null` in arrays and at the top; an object just lacks the key.
-- Strings are UTF-8 and pass untouched; NaN and infinity are refused.

return function()
  local json = {}

  local ARRAY = {}
  local DEEPEST = 100

  json.null = setmetatable({}, {
    __tostring = function()
      return "null"
    end,
  })

  function json.array(items)
    return setmetatable(items or {}, ARRAY)
  end

  function json.is_array(value)
    return type(value) == "table"
      and value ~= json.null
      and (getmetatable(value) == ARRAY or value[1] ~= nil)
  end

  -- Writing

  local SHORT = {
    ['"'] = '\\"',
    ["\\"] = "\\\\",
    ["\b"] = "\\b",
    ["\f"] = "\\f",
    ["\n"] = "\\n",
    ["\r"] = "\\r",
    ["\t"] = "\\t",
  }

  local function escape(character)
    return SHORT[character] or string.format("\\u%04x", string.byte(character))
  end

  local function write_string(text)
    return '"' .. text:gsub('[%c"\\]', escape) .. '"'
  end

  local function write_number(number)
    if math.type(number) == "integer" then
      return string.format("%d", number)
    end
    if number ~= number or number == math.huge or number == -math.huge then
      error("JSON has no " .. tostring(number), 0)
    end
    local text
    for digits = 15, 17 do
      text = string.format("%." .. digits .. "g", number)
      if tonumber(text) == number then
        break
      end
    end
    -- A host may have set a locale with a decimal comma.
    text = text:gsub(",", ".")
    return text
  end

  local write

  local function write_array(items, depth)
    local parts = {}
    for i = 1, #items do
      parts[i] = write(items[i], depth)
    end
    return "[" .. table.concat(parts, ",") .. "]"
  end

  local function write_object(object, depth)
    local keys = {}
    for key in pairs(object) do
      if type(key) ~= "string" then
        error("a key of a JSON object is a string, not a " .. type(key), 0)
      end
      keys[#keys + 1] = key
    end
    -- In order, so that the same table gives the same text.
    table.sort(keys)
    for i, key in ipairs(keys) do
      keys[i] = write_string(key) .. ":" .. write(object[key], depth)
    end
    return "{" .. table.concat(keys, ",") .. "}"
  end

  function write(value, depth)
    if depth > DEEPEST then
      error("nested too deeply for JSON", 0)
    end
    local kind = type(value)
    if value == json.null or kind == "nil" then
      return "null"
    elseif kind == "string" then
      return write_string(value)
    elseif kind == "number" then
      return write_number(value)
    elseif kind == "boolean" then
      return tostring(value)
    elseif kind ~= "table" then
      error("JSON has no " .. kind, 0)
    elseif json.is_array(value) then
      return write_array(value, depth + 1)
    end
    return write_object(value, depth + 1)
  end

  -- Raises an error (a string) for what JSON cannot hold.
  function json.encode(value)
    return write(value, 0)
  end

  -- Reading

  local NAMED = {
    ['"'] = '"',
    ["\\"] = "\\",
    ["/"] = "/",
    b = "\b",
    f = "\f",
    n = "\n",
    r = "\r",
    t = "\t",
  }

  local function fail(what, at)
    error(string.format("no JSON: %s at byte %d", what, at), 0)
  end

  local function skip(text, at)
    return text:find("[^ \t\r\n]", at) or #text + 1
  end

  local function read_unicode(text, at)
    local digits = text:match("^%x%x%x%x", at)
    if not digits then
      fail("an incomplete \\u", at)
    end
    return tonumber(digits, 16)
  end

  -- The character after "\u" at `at`, and where reading goes on.
  local function read_escaped_unicode(text, at)
    local code = read_unicode(text, at)
    at = at + 4
    if code >= 0xD800 and code < 0xDC00 and text:sub(at, at + 1) == "\\u" then
      local low = read_unicode(text, at + 2)
      if low >= 0xDC00 and low < 0xE000 then
        return utf8.char(0x10000 + (code - 0xD800) * 0x400 + (low - 0xDC00)), at + 6
      end
    end
    if code >= 0xD800 and code < 0xE000 then
      code = 0xFFFD -- half a pair is no character
    end
    return utf8.char(code), at
  end

  -- `at` is after the opening quote.
  local function read_string(text, at)
    local parts = {}
    while true do
      local stop = text:find('[%c"\\]', at)
      if not stop then
        fail("a string without an end", at)
      end
      parts[#parts + 1] = text:sub(at, stop - 1)
      local found = text:sub(stop, stop)
      if found == '"' then
        return table.concat(parts), stop + 1
      elseif found == "\127" then
        parts[#parts + 1] = found
        at = stop + 1
      elseif found ~= "\\" then
        fail("a control character", stop)
      else
        local name = text:sub(stop + 1, stop + 1)
        if name == "u" then
          parts[#parts + 1], at = read_escaped_unicode(text, stop + 2)
        elseif NAMED[name] then
          parts[#parts + 1] = NAMED[name]
          at = stop + 2
        else
          fail("an unknown escape", stop)
        end
      end
    end
  end

  local function read_number(text, at)
    local whole, rest = text:match("^(%-?%d+)()", at)
    if not whole or whole:find("^%-?0%d") then
      fail("something unknown", at)
    end
    local fraction = text:match("^%.%d+()", rest)
    local exponent = text:match("^[eE][+-]?%d+()", fraction or rest)
    local stop = exponent or fraction or rest
    local number = tonumber(text:sub(at, stop - 1))
    if number == math.huge or number == -math.huge then
      fail("a number that is too large", at)
    end
    return number, stop
  end

  local read

  local function read_array(text, at, depth)
    local items = json.array()
    at = skip(text, at)
    if text:sub(at, at) == "]" then
      return items, at + 1
    end
    while true do
      items[#items + 1], at = read(text, at, depth)
      at = skip(text, at)
      local found = text:sub(at, at)
      if found == "]" then
        return items, at + 1
      elseif found ~= "," then
        fail("no comma in an array", at)
      end
      at = at + 1
    end
  end

  local function read_object(text, at, depth)
    local object = {}
    at = skip(text, at)
    if text:sub(at, at) == "}" then
      return object, at + 1
    end
    while true do
      at = skip(text, at)
      if text:sub(at, at) ~= '"' then
        fail("no key in an object", at)
      end
      local key, value
      key, at = read_string(text, at + 1)
      at = skip(text, at)
      if text:sub(at, at) ~= ":" then
        fail("no colon after a key", at)
      end
      value, at = read(text, at + 1, depth)
      if value == json.null then
        value = nil
      end
      object[key] = value
      at = skip(text, at)
      local found = text:sub(at, at)
      if found == "}" then
        return object, at + 1
      elseif found ~= "," then
        fail("no comma in an object", at)
      end
      at = at + 1
    end
  end

  local WORDS = { { "true", true }, { "false", false }, { "null", json.null } }

  function read(text, at, depth)
    if depth > DEEPEST then
      fail("nested too deeply", at)
    end
    at = skip(text, at)
    local found = text:sub(at, at)
    if found == "{" then
      return read_object(text, at + 1, depth + 1)
    elseif found == "[" then
      return read_array(text, at + 1, depth + 1)
    elseif found == '"' then
      return read_string(text, at + 1)
    end
    for _, word in ipairs(WORDS) do
      if text:sub(at, at + #word[1] - 1) == word[1] then
        return word[2], at + #word[1]
      end
    end
    return read_number(text, at)
  end

  -- The value, or nil and a sentence.
  function json.decode(text)
    local fine, value, stop = pcall(read, text, 1, 0)
    if not fine then
      return nil, value
    end
    local rest = skip(text, stop)
    if rest <= #text then
      return nil, string.format("no JSON: more after its end at byte %d", rest)
    end
    return value
  end

  return json
end

-- A gfx window that looks like REAPER: its colours, remembered place, dock, mouse and keys.
-- Drawn anew at every turn of the defer loop; a widget tells at once whether it was clicked.
-- Where text had to be cut, the whole of it shows while the mouse is on it.

return function(use)
  local paths = use("paths")
  local text = use("text")

  local Window = {}
  Window.__index = Window

  local FONT_SIZE = 15
  local ESC, ENTER = 27, 13
  local CLOSED = -1
  local LEFT_BUTTON, RIGHT_BUTTON = 1, 2
  local ASK, UNDOCKED, DOCKED = -1, 0, 1

  local FALLBACK = {
    background = { 51, 51, 51 },
    text = { 210, 210, 210 },
    field = { 38, 38, 38 },
    accent = { 74, 144, 121 },
    warning = { 214, 148, 60 },
  }

  local THEME_KEYS = {
    background = "col_main_bg2",
    text = "col_main_text2",
    field = "col_main_editbk",
    accent = "genlist_selbg",
  }

  local function luma(colour)
    return 0.299 * colour[1] + 0.587 * colour[2] + 0.114 * colour[3]
  end

  local function theme_colour(name)
    local key = THEME_KEYS[name]
    if key and reaper.APIExists("GetThemeColor") then
      local native = reaper.GetThemeColor(key, 0)
      if native >= 0 then
        return { reaper.ColorFromNative(native & 0xFFFFFF) }
      end
    end
    return FALLBACK[name]
  end

  -- The theme's colours; where text could not be read on them, ours.
  local function theme()
    local colours = {}
    for name in pairs(FALLBACK) do
      colours[name] = theme_colour(name)
    end
    for _, name in ipairs({ "background", "field" }) do
      if math.abs(luma(colours.text) - luma(colours[name])) < 60 then
        return FALLBACK
      end
    end
    return colours
  end

  local function remembered(key)
    local kept = reaper.GetExtState(paths.EXT, "place_" .. key)
    local dock, x, y, w, h = kept:match("^(%-?%d+),(%-?%d+),(%-?%d+),(%d+),(%d+)$")
    if not dock then
      return nil
    end
    return {
      dock = tonumber(dock),
      x = tonumber(x),
      y = tonumber(y),
      w = math.max(200, tonumber(w)),
      h = math.max(100, tonumber(h)),
    }
  end

  -- key: under which its place is remembered.
  function Window.open(key, title, width, height)
    local self = setmetatable({ key = key, is_open = true, scroll = 0 }, Window)
    local place = remembered(key) or { dock = 0, x = 200, y = 160, w = width, h = height }
    gfx.ext_retina = 1
    gfx.init(title, place.w, place.h, place.dock, place.x, place.y)
    self.colours = theme()
    self.was_down = false
    return self
  end

  local function remember(self)
    local dock, x, y, w, h = gfx.dock(ASK, 0, 0, 0, 0)
    local place = string.format(
      "%d,%d,%d,%d,%d",
      math.floor(dock or 0),
      math.floor(x or 0),
      math.floor(y or 0),
      math.floor(w or gfx.w),
      math.floor(h or gfx.h)
    )
    if place ~= self.place then
      self.place = place
      reaper.SetExtState(paths.EXT, "place_" .. self.key, place, true)
    end
  end

  function Window:close()
    if self.is_open then
      remember(self)
      self.is_open = false
      gfx.quit()
    end
  end

  function Window:colour(name, alpha)
    local colour = self.colours[name]
    gfx.set(colour[1] / 255, colour[2] / 255, colour[3] / 255, alpha or 1)
  end

  -- REAPER's own windows are docked from their menus, ours by a right click.
  local function offer_dock(self)
    local is_docked = math.floor(gfx.dock(ASK)) & DOCKED ~= 0
    if Window.menu({ { "Dock this window", is_docked } }) then
      gfx.dock(is_docked and UNDOCKED or DOCKED)
      remember(self)
    end
  end

  -- Begin a turn: read keys and mouse, clear. False where the user closed the window.
  function Window:begin()
    self.key_pressed = gfx.getchar()
    if self.key_pressed == CLOSED then
      self.is_open = false
      return false
    end
    remember(self)
    local retina = gfx.ext_retina or 1
    self.scale = retina > 1 and retina or 1
    self.escape = self.key_pressed == ESC
    self.enter = self.key_pressed == ENTER
    local buttons = math.floor(gfx.mouse_cap or 0)
    local down = buttons & LEFT_BUTTON ~= 0
    local asks = buttons & RIGHT_BUTTON ~= 0
    if asks and not self.was_asking then
      offer_dock(self)
    end
    self.was_asking = asks
    self.tip = nil
    self.pressed = down and not self.was_down
    self.released = self.was_down and not down
    if self.pressed then
      self.down_x, self.down_y = gfx.mouse_x, gfx.mouse_y
    end
    self.was_down = down
    if (gfx.mouse_wheel or 0) ~= 0 then
      self.scroll = math.max(0, self.scroll - gfx.mouse_wheel / 3)
      gfx.mouse_wheel = 0
    end
    self:colour("background")
    gfx.rect(0, 0, gfx.w, gfx.h, 1)
    gfx.setfont(1, "Arial", math.floor(FONT_SIZE * self.scale))
    local margin = self:px(12)
    self.left, self.right = margin, gfx.w - margin
    self.y = margin - self.scroll
    return true
  end

  -- Beside the mouse, above it where there is no room below.
  local function draw_tip(self)
    local edge = self:px(6)
    local lines = text.wrap(self.tip, self.right - self.left - 2 * edge)
    local height = #lines * self:line_height() + 2 * edge
    local y = gfx.mouse_y + self:px(20)
    if y + height > gfx.h then
      y = math.max(0, gfx.mouse_y - self:px(6) - height)
    end
    self:colour("field")
    gfx.rect(self.left, y, self.right - self.left, height, 1)
    self:colour("text")
    gfx.rect(self.left, y, self.right - self.left, height, 0)
    for i, line in ipairs(lines) do
      gfx.x, gfx.y = self.left + edge, y + edge + (i - 1) * self:line_height()
      gfx.drawstr(line)
    end
  end

  function Window:finish()
    if self.tip then
      draw_tip(self)
    end
    -- The wheel goes no further than the last line.
    self.scroll = math.min(self.scroll, math.max(0, self.y + self.scroll - gfx.h))
    gfx.update()
  end

  function Window:px(points)
    return math.floor(points * (self.scale or 1) + 0.5)
  end

  function Window:line_height()
    local _, height = gfx.measurestr("Mg")
    return height + self:px(4)
  end

  local function inside(x, y, box)
    return x and x >= box[1] and x < box[1] + box[3] and y >= box[2] and y < box[2] + box[4]
  end

  -- Pressed and released within it.
  function Window:clicked(x, y, w, h)
    local box = { x, y, w, h }
    return self.released
      and inside(self.down_x, self.down_y, box)
      and inside(gfx.mouse_x, gfx.mouse_y, box)
  end

  -- What there was room for; the whole of it is the tip while the mouse is in the box.
  local function shown(self, whole, width, box)
    local cut, is_cut = text.cut(whole, width)
    if is_cut and inside(gfx.mouse_x, gfx.mouse_y, box) then
      self.tip = whole
    end
    return cut
  end

  -- One line at a place, cut where it is too long.
  function Window:put(whole, x, y, width, colour)
    local cut = shown(self, whole, width, { x, y, width, self:line_height() })
    self:colour(colour or "text")
    gfx.x, gfx.y = x, y
    gfx.drawstr(cut)
  end

  -- A line of its own.
  function Window:line(whole, colour)
    self:put(whole, self.left, self.y, self.right - self.left, colour)
    self.y = self.y + self:line_height()
  end

  -- As many lines as it needs.
  function Window:paragraph(whole, colour)
    for _, line in ipairs(text.wrap(whole, self.right - self.left)) do
      self:colour(colour or "text")
      gfx.x, gfx.y = self.left, self.y
      gfx.drawstr(line)
      self.y = self.y + self:line_height()
    end
  end

  function Window:gap(points)
    self.y = self.y + self:px(points)
  end

  function Window:bar(fraction)
    local height = self:px(10)
    local width = self.right - self.left
    self:colour("field")
    gfx.rect(self.left, self.y, width, height, 1)
    self:colour("accent")
    gfx.rect(self.left, self.y, math.floor(width * math.max(0, math.min(1, fraction))), height, 1)
    self.y = self.y + height + self:px(4)
  end

  local function draw_button(self, label, x, y, w, h, lit)
    local box = { x, y, w, h }
    local hover = inside(gfx.mouse_x, gfx.mouse_y, box)
    self:colour(lit and "accent" or "field")
    gfx.rect(x, y, w, h, 1)
    self:colour("text", hover and 0.8 or 0.3)
    gfx.rect(x, y, w, h, 0)
    local cut = shown(self, label, w - self:px(8), box)
    local text_w, text_h = gfx.measurestr(cut)
    self:colour("text")
    gfx.x, gfx.y = x + math.floor((w - text_w) / 2), y + math.floor((h - text_h) / 2)
    gfx.drawstr(cut)
  end

  function Window:button_at(label, x, y, w, lit)
    local h = self:line_height() + self:px(6)
    draw_button(self, label, x, y, w, h, lit)
    return self:clicked(x, y, w, h), h
  end

  -- Buttons beside each other that break into lines; the label of the one that was clicked.
  -- labels: strings, or {label, lit}.
  function Window:buttons_row(labels, from)
    local x, height = from or self.left, 0
    local chosen = nil
    for _, each in ipairs(labels) do
      local label = type(each) == "table" and each[1] or each
      local lit = type(each) == "table" and each[2]
      local w = math.min(gfx.measurestr(label) + self:px(24), self.right - (from or self.left))
      if x + w > self.right and x > (from or self.left) then
        x = from or self.left
        self.y = self.y + height + self:px(6)
      end
      local clicked
      clicked, height = self:button_at(label, x, self.y, w, lit)
      if clicked then
        chosen = label
      end
      x = x + w + self:px(6)
    end
    self.y = self.y + height + self:px(6)
    return chosen
  end

  -- A label and a field with a value; true where the field was clicked.
  function Window:choice(label, value)
    local label_width = self:px(130)
    local x = self.left + label_width
    self:put(label, self.left, self.y + self:px(5), label_width - self:px(8))
    local clicked, height = self:button_at(value .. "  ▾", x, self.y, self.right - x)
    self.y = self.y + height + self:px(6)
    return clicked
  end

  -- A menu at the mouse; the number of the entry, nil where none was chosen.
  -- entries: {label, checked} each.
  function Window.menu(entries)
    local parts = {}
    for i, entry in ipairs(entries) do
      -- These signs mean something in a menu.
      local label = entry[1]:gsub("[|#!<>]", "/")
      parts[i] = (entry[2] and "!" or "") .. label
    end
    gfx.x, gfx.y = gfx.mouse_x, gfx.mouse_y
    local chosen = math.floor(gfx.showmenu(table.concat(parts, "|")))
    return chosen > 0 and chosen or nil
  end

  return Window
end

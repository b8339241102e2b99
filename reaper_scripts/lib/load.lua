-- Loads the modules of this folder by absolute path.
-- package.path is left alone: a resource path may hold ";" or "?", which mean something there.
-- Every module file returns a function of `use`, which gives the other modules.

return function(folder)
  local loaded = { folder = folder }

  local function use(name)
    if loaded[name] == nil then
      loaded[name] = dofile(folder .. "lib/" .. name .. ".lua")(use)
    end
    return loaded[name]
  end

  return use
end

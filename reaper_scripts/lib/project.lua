-- Projects, and finding them and their items again: pointers do not outlive a project, ids do.

return function(use)
  local paths = use("paths")
  local process = use("process")
  local files = use("files")

  local project = {}

  local ID = "id"

  -- The project in front, and the path of its file ("" while it is not saved).
  function project.current()
    return reaper.EnumProjects(-1)
  end

  function project.id(handle)
    local found, id = reaper.GetProjExtState(handle, paths.EXT, ID)
    return found > 0 and id or ""
  end

  -- The id, made where there is none. REAPER saves it with the project but does not count it as
  -- an unsaved change: a project closed without saving is found again by its path.
  function project.keep_id(handle)
    local id = project.id(handle)
    if id == "" then
      id = process.new_id()
      reaper.SetProjExtState(handle, paths.EXT, ID, id)
    end
    return id
  end

  function project.open_ones()
    local found = {}
    local handle, path = reaper.EnumProjects(0)
    while handle do
      found[#found + 1] = { handle = handle, path = path or "" }
      handle, path = reaper.EnumProjects(#found)
    end
    return found
  end

  -- The open project with this id; the one with this path where none has. In front comes first,
  -- since a copy saved under another name has the same id.
  function project.find(id, path)
    local front = project.current()
    local best, best_rank
    for _, open in ipairs(project.open_ones()) do
      local same_id = id ~= "" and project.id(open.handle) == id
      local same_path = path ~= "" and open.path == path
      local rank = (same_id and 4 or 0) + (same_path and 2 or 0)
      if rank > 0 and open.handle == front then
        rank = rank + 1
      end
      if rank > 0 and (not best or rank > best_rank) then
        best, best_rank = open, rank
      end
    end
    return best and best.handle or nil
  end

  -- The path of the project's file, "" while it is not saved.
  function project.path(handle)
    for _, open in ipairs(project.open_ones()) do
      if open.handle == handle then
        return open.path
      end
    end
    return ""
  end

  -- The folder that relative paths of its media start from.
  function project.base(handle)
    local path = project.path(handle)
    return path ~= "" and files.folder_of(path) or reaper.GetProjectPathEx(handle)
  end

  function project.item_guid(item)
    local _, guid = reaper.GetSetMediaItemInfo_String(item, "GUID", "", false)
    return guid
  end

  function project.items(handle)
    local found = {}
    for i = 0, reaper.CountMediaItems(handle) - 1 do
      found[#found + 1] = reaper.GetMediaItem(handle, i)
    end
    return found
  end

  function project.items_by_guid(handle)
    local found = {}
    for _, item in ipairs(project.items(handle)) do
      found[project.item_guid(item)] = item
    end
    return found
  end

  function project.tracks_by_guid(handle)
    local found = {}
    for i = 0, reaper.CountTracks(handle) - 1 do
      local track = reaper.GetTrack(handle, i)
      found[reaper.GetTrackGUID(track)] = track
    end
    return found
  end

  function project.chunk(item)
    local read, chunk = reaper.GetItemStateChunk(item, "", false)
    return read and chunk or nil
  end

  return project
end

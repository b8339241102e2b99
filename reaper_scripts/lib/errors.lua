-- What goes wrong, as every way into Stemlift says it: a reason, a sentence, what to do.

return function()
  local errors = {}

  local TITLE = "Stemlift"

  function errors.new(reason, message, remedy)
    return { reason = reason, message = message, remedy = remedy or "" }
  end

  function errors.text(problem)
    if problem.remedy and problem.remedy ~= "" then
      return problem.message .. "\n\n" .. problem.remedy
    end
    return problem.message
  end

  function errors.show(problem)
    reaper.ShowMessageBox(errors.text(problem), TITLE, 0)
  end

  function errors.say(text)
    reaper.ShowMessageBox(text, TITLE, 0)
  end

  -- True for yes.
  function errors.ask(text)
    return reaper.ShowMessageBox(text, TITLE, 4) == 6
  end

  -- "yes", "no" or "cancel".
  function errors.ask_three(text)
    local answer = reaper.ShowMessageBox(text, TITLE, 3)
    return answer == 6 and "yes" or answer == 7 and "no" or "cancel"
  end

  return errors
end

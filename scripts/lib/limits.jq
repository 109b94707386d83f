# In one line, what limits_json has.
def limits:
  "limits: \(.timeout_s) s and \(.memory_mb) MB an input, \(.run_s) s a run, "
  + "\(.replays) replays, \(.slice_s) s a turn, \(.jobs) jobs, "
  + "\(.shrink_s) s to make one smaller, \(.triage) crashes a turn";

# result.json, from which all other reports are made.
#
# A new finding (or a check that found what cannot be kept as one) makes the verdict "found" (1); without one, a check that could
# not be done makes it "error" (2).  A check is red through findings only when
# one of them is new.
def new: map(select(.known | not));

(($findings | new | length) + ([$checks[] | select(.unlisted)] | length))
  as $new
| (any($checks[]; .verdict == "error") or ($checks | length) == 0) as $error
| (if $new > 0 then 1 elif $error then 2 else 0 end) as $status
| {
    tool: $tool,
    format: 1,
    commit: $commit,
    ended: (now | todate),
    seconds: $seconds,
    budget_s: $budget,
    limits: $limits,
    status: $status,
    verdict: ["clean", "found", "error"][$status],
    executed: ([$checks[].executed // 0] | add // 0),
    executions: ([$checks[].executions // 0] | add // 0),
    checks: $checks,
    findings: $findings
  }

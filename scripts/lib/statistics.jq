# Of an array of numbers; null where there are none.
def mean: if . == [] then null else add / length end;
def median: sort | if . == [] then null
  elif length % 2 == 1 then .[length / 2 | floor]
  else (.[length / 2 - 1] + .[length / 2]) / 2 end;

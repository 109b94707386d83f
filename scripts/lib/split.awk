# A replay's output in two: -v session=FILE gets the input decoded, -v
# report=FILE all from the first line of a finding or a sanitizer on.  A line of
# the session that comes again and again is written twice and then counted.

function count_rest() {
    if (same > 2)
        printf "%19s… and %d more of these\n", "", same - 2 > session
}

/^executed [0-9]+ of/ { next }
/^input .*: [0-9]+ bytes$/ { sub(/^input .*: /, "input: ") }
/^=+$|^==[0-9]+==|^[A-Za-z]+Sanitizer:|sockfault: finding: |: runtime error: / {
    said = 1
}

said { print > report; next }
$0 == last { same++ }
$0 != last {
    count_rest()
    same = 1
}
same <= 2 { print > session }
{ last = $0 }
END { count_rest() }

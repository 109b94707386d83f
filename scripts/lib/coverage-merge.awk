# The rows of coverage-rows.jq, of all programs, as what was reached by any:
#
#   FILE LINE COLUMN WHAT STATE [WHY]
#
# WHAT: line; true, false (of a branch); condition N (MC/DC); exclusion.
# STATE: hit, missed, excluded (missed, and the source says why it cannot be
# reached); of an exclusion, used or stale (nothing is missed there).
#
# The source says so on the line, or in a comment above it that stands alone:
#
#   default: /* not covered: fm_format_init() lets no other kind in */
#
# Programs are looked at one by one because llvm-cov over several takes, of a
# static function that was compiled in two ways, the first alone; its counts
# in the other are lost.

BEGIN { FS = OFS = "\t" }

function item(name, line, column, what, count,    key)
{
    key = name FS line FS column FS what
    hits[key] = hits[key] || count > 0
    names[name] = 1
}

# Lines before `next_line` that no segment begins on are as the last one was.
function fill(next_line)
{
    while (++at < next_line)
        if (counted)
            item(file, at, 0, "line", count)
}

# A line on which segments begin.  It is as often reached as what begins on
# it, or what was open before, at most; what is open is of no account when it
# is a gap between two statements and something on the line goes on.
function end_line()
{
    if (!at || skipped || !(was_counted || entries))
        return
    if (was_gap && most == "" && resumed != "")
        most = resumed
    else if (most == "" || before > most)
        most = before
    item(file, at, 0, "line", most)
}

function begin_line(line)
{
    end_line()
    fill(line)
    at = line
    before = counted ? count : 0
    was_counted = counted
    was_gap = gap
    entries = 0
    most = resumed = ""
    skipped = !$4 && $5
}

$1 == "file" {
    end_line()
    file = $2
    at = counted = count = gap = 0
}

$1 == "segment" {
    if ($2 != at)
        begin_line($2)
    count = $3
    counted = $4
    gap = $6
    if (counted && $5)
        entries++
    if (counted && $5 && !gap && (most == "" || count > most))
        most = count
    if (counted && !$5 && (resumed == "" || count > resumed))
        resumed = count
}

$1 == "item" { item($2, $3, $4, $5, $6) }

# The exclusions that a source has: why[name, line], the line being where it
# begins, and about[name, line], the line of the one that is about this line.
function read_exclusions(name,    text, n, open, alone)
{
    while ((getline text <name) > 0) {
        n++
        if (match(text, /\/\* not covered: /)) {
            open = n
            alone = text ~ /^ *\/\*/
            text = substr(text, RSTART + RLENGTH)
        } else if (open) {
            sub(/^ *\*? */, " ", text)
        }
        if (open) {
            about[name, n] = open
            why[name, open] = why[name, open] text
        }
        if (open && sub(/ *\*\/.*/, "", why[name, open])) {
            if (alone)
                about[name, n + 1] = open
            open = 0
        }
    }
    close(name)
}

END {
    end_line()
    for (name in names)
        read_exclusions(name)
    for (key in hits) {
        split(key, part, FS)
        state = hits[key] ? "hit" : "missed"
        if (state == "missed" && (part[1], part[2]) in about) {
            used[part[1], about[part[1], part[2]]] = 1
            state = "excluded"
        }
        print key, state
    }
    for (place in why) {
        split(place, part, SUBSEP)
        print part[1], part[2], 0, "exclusion",
            place in used ? "used" : "stale", why[place]
    }
}

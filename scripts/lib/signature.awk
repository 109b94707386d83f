# What a report is about, in four lines: kind, up to five frames of ours that it
# goes through, its message, FILE:LINE of the first frame.  Two reports with the
# same kind and the same first three frames are the same finding.
#
# Reads what sanitizers, libFuzzer and sockfault print.  -v status is how the
# process ended, for a report that says nothing itself; -v project is where the
# sources are.  The stack is the first one.  Frames that are not the code under
# test (libc, sanitizers, the injector) are passed over; the fuzz target itself
# counts only where nothing else does.

function words(text, most,    n, i, part, out) {
    gsub(/[^A-Za-z ].*$/, "", text)
    n = split(text, part, " ")
    for (i = 1; i <= n && i <= most; i++)
        out = out (i > 1 ? "-" : "") part[i]
    return tolower(out)
}

# The most telling line wins: a monitor's word, then a sanitizer's, then an abort.
function take(rank, name, text) {
    if (rank > best) {
        best = rank
        kind = name
        message = text
    }
}

# A path in a stack, as symbolize.sh leaves it: FILE:LINE:COLUMN.
function ours(path,    line) {
    sub(/:[0-9:]+$/, "", path)
    if (path ~ /^(\/|\(|faultinject\/)/)
        return 0
    return (getline line <(project "/" path)) >= 0
}

# Behind what is opened there, where it is closed again.  In brackets of other
# kinds > is what is greater.
function behind(text, at,    inner, angles, c) {
    for (; at <= length(text); at++) {
        c = substr(text, at, 1)
        inner += (index("({[", c) > 0) - (index(")}]", c) > 0)
        if (!inner)
            angles += (c == "<") - (c == ">")
        if (!inner && !angles)
            return at + 1
    }
    return at
}

# One of C++ is told as faultinject/explore/cxx.c does, without what it takes,
# gives back and is made for.  It may give back a lot, so what has a space
# before its end begins behind the last one.
function plain(text,    out, at, c) {
    gsub(/\(anonymous namespace\)::|\047/, "", text)
    gsub(/\{lambda[^}]*\}/, "lambda", text)
    for (at = 1; at <= length(text); ) {
        c = substr(text, at, 1)
        if (substr(text, at) ~ /^operator[^A-Za-z0-9_]/ &&
            (at == 1 || substr(text, at - 1, 1) !~ /[A-Za-z0-9_]/)) {
            match(substr(text, at), /^operator(\(\)|[^(]*)/)
            c = substr(text, at, RLENGTH)
            gsub(/ /, "-", c)
            out = out c
            at += RLENGTH
        } else if (c == "(") {
            at = behind(text, at)
            if (substr(text, at, 6) == " const")
                at += 6
            if (substr(text, at, 2) != "::")
                break
        } else if (c == "<" || c == "[") {
            at = behind(text, at)
        } else {
            out = out c
            at++
        }
    }
    sub(/^.* /, "", out)
    return out
}

/sockfault: finding: / {
    text = $0
    sub(/^.*sockfault: finding: /, "", text)
    match(text, /^[a-z0-9-]*/)
    take(4, substr(text, 1, RLENGTH), text)
}

/: runtime error: / {
    text = $0
    sub(/^.*: runtime error: /, "", text)
    take(3, "ubsan-" words(text, 4), text)
}

/(ERROR|WARNING): [A-Za-z]+Sanitizer: / {
    text = $0
    sub(/^.*Sanitizer: /, "", text)
    if (text ~ /^(ABRT|SEGV|FPE|BUS|ILL)/) {
        sub(/ .*/, "", text)
        take(text == "ABRT" ? 1 : 2, tolower(text == "ABRT" ? "abort" : text), text)
    } else if (text ~ /^detected memory leaks/) {
        take(3, "leak", text)
    } else if (text ~ /hard rss limit|out.of.memory|requested allocation size/) {
        take(3, "oom", text)
    } else {
        sub(/ on (unknown )?address.*/, "", text)
        match(text, /^[A-Za-z-]+/)
        take(3, tolower(substr(text, 1, RLENGTH)), text)
    }
}

/^(READ|WRITE) of size / && best == 3 && message !~ /,/ {
    message = message ", " tolower($1) " of " $4 " bytes"
}

/ERROR: libFuzzer: timeout/ { take(5, "timeout", "too long for one input") }
/ERROR: libFuzzer: out-of-memory/ { take(3, "oom", "too much memory") }

/^ +#[0-9]+ / && !stack_over {
    in_stack = 1
    if (!ours($NF))
        next
    name = $0
    sub(/^ +#[0-9]+ +(0x[0-9a-f]+ +in +)?/, "", name)
    name = plain(substr(name, 1, length(name) - length($NF) - 1))
    if ($NF ~ /^fuzzers\// || name ~ /^(main|LLVMFuzzerTestOneInput)$/)
        entry = entry == "" ? name : entry
    else if (frames < 5) {
        if (frames++ == 0)
            top = $NF
        stack = stack (frames > 1 ? " " : "") name
    }
}
/^$/ && in_stack { stack_over = 1 }

END {
    if (status == 124 || status == 137)
        take(5, "timeout", "longer than the limit")
    else if (status >= 128)
        take(0.5, "signal-" (status - 128), "killed by signal " (status - 128))
    else if (status > 0)
        take(0.5, "exit-" status, "ended with status " status)
    sub(/:[0-9]+$/, "", top)
    printf "%s\n%s\n%s\n%s\n", kind, stack == "" ? entry : stack, message, top
}

# SPDX-License-Identifier: MIT
# The members of `struct NAME` (-v name=NAME) of a public header, each with what its comments say.

function comment(text) {
    gsub(/\n[ \t]*\* ?/, " ", text)
    gsub(/[ \t\n]+/, " ", text)
    sub(/^\/\* ?/, "", text)
    sub(/ ?\*\/$/, "", text)
    return text
}

# `type *(*name)(type a, type b)` as a function, anything else as a variable.
function heading(text,    parts, count, i, line) {
    gsub(/[ \t\n]+/, " ", text)
    if (match(text, /\(\*[a-z_0-9]+\)\(/)) {
        line = ".It Ft " argument(trimmed(substr(text, 1, RSTART - 1))) \
               " Fn " substr(text, RSTART + 2, RLENGTH - 4)
        text = substr(text, RSTART + RLENGTH)
        sub(/\)$/, "", text)
        count = split(text, parts, /, */)
        for (i = 1; i <= count; i++)
            line = line " " argument(parts[i])
        return line
    }
    match(text, /[a-z_0-9]+(, [a-z_0-9]+)*$/)
    return ".It Vt " argument(trimmed(substr(text, 1, RSTART - 1))) " Va " \
           argument(substr(text, RSTART))
}

function trimmed(text) { sub(/^ +/, "", text); sub(/ +$/, "", text); return text }

function begin_list() { if (!open++) print ".Bl -tag -width Ds" }
function end_list() { if (open) print ".El"; open = 0 }

function member(text, doc, after) {
    begin_list()
    print heading(text)
    if (doc != "")
        print plain(doc)
    if (after != "")
        print plain(after)
}

# Takes the next comment or declaration off the front of the body.
function next_part(    size, text, after) {
    sub(/^[ \t\n]+/, "", body)
    if (body ~ /^\/\* -+ /) {
        size = index(body, "*/") + 1
        text = comment(substr(body, 1, size))
        gsub(/-+/, "", text)
        end_list()
        print ".Ss " toupper(substr(trimmed(text), 1, 1)) substr(trimmed(text), 2)
    } else if (body ~ /^\/\*/) {
        size = index(body, "*/") + 1
        doc = comment(substr(body, 1, size))
    } else {
        size = index(body, ";")
        text = substr(body, 1, size - 1)
        body = substr(body, size + 1)
        size = 0
        if (match(body, /^[ \t]*\/\*/)) {
            sub(/^[ \t]*/, "", body)
            size = index(body, "*/") + 1
            after = comment(substr(body, 1, size))
        }
        member(text, doc, after)
        doc = ""
    }
    body = substr(body, size + 1)
}

$0 == "struct " name " {" { inside = 1; next }
inside && /^};/ { inside = 0 }
inside { body = body $0 "\n" }
END {
    while (body ~ /[^ \t\n]/)
        next_part()
    end_list()
}

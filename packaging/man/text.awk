# SPDX-License-Identifier: MIT
# Text for a manual page in mdoc.

# Text as it stands, in lines of at most 79 bytes: nothing in it is a request or an escape, a sentence ends
# its line, and a function is marked as one.
function plain(text,    words, count, i, line, lines) {
    gsub(/\\/, "\\e", text)
    count = split(text, words, " ")
    for (i = 1; i <= count; i++) {
        if (words[i] ~ /^[a-z_0-9]+\(\)[.,:;)]?$/) {
            lines = lines (line == "" ? "" : line "\n") called(words[i]) "\n"
            line = ""
            continue
        }
        if (line != "" && (line ~ /[.:]$/ && words[i] ~ /^[A-Z]/ ||
                           length(line) + 1 + length(words[i]) > 79)) {
            lines = lines line "\n"
            line = ""
        }
        if (line == "" && words[i] ~ /^[.']/)
            line = "\\&"
        else if (line != "")
            line = line " "
        line = line words[i]
    }
    text = lines line
    sub(/\n$/, "", text)
    return text
}

# `name()` with what follows it.
function called(word,    after) {
    after = word
    sub(/^[a-z_0-9]+\(\)/, "", after)
    sub(/\(.*/, "", word)
    return ".Fn " word (after == "" ? "" : " " after)
}

# Text as one argument of a macro.
function argument(text) {
    gsub(/\\/, "\\e", text)
    gsub(/"/, "\\(dq", text)
    return "\"" text "\""
}

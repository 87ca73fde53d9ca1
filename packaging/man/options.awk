# SPDX-License-Identifier: MIT
# From the text of `weir plugins NAME`, unfolded, what a manual page says: the part `part` of the plugin
# of the kind `kind`: its summary, its short form, its own options or those of the host.

# The list of options, whose members are lists within.
function open_list() { print ".Bl -tag -width Ds"; depth++ }
function close_lists(to) { for (; depth > to; depth--) print ".El" }

function option(    level, name) {
    match($0, /^ +/)
    level = (RLENGTH + 2) / 4
    name = substr($0, RLENGTH + 1)
    sub(/ .*/, "", name)
    close_lists(level)
    while (depth < level)
        open_list()
    print ".It Cm " name " No " argument(substr($0, index($0, "(")))
}

/^[a-z0-9_]+: (input|filter|output), version / {
    ours = index($0, ": " kind ", ") > 0
    wanted = ""
    next
}
!ours { next }
/^Options: none$/ { wanted = "own"; if (part == "own") print "It has none of its own." ; next }
/^Options$/ { wanted = "own"; next }
/^Options of every / { wanted = "host"; next }
wanted == "" && /^  Short form: / && part == "short" {
    split($0, quoted, "\"")
    printf ".Pp\nShort form:\n.Ql %s\nsets\n.Cm %s .\n", quoted[2], quoted[4]
}
wanted == "" && part == "summary" && !told++ { print plain(substr($0, 3)) }
wanted == "" || wanted != part || /^$/ { next }
/^ +[a-z][a-z0-9_]*  \(.*\)$/ { option(); next }
{ sub(/^ +/, ""); print plain($0) }
END { close_lists(0) }

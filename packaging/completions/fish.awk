# SPDX-License-Identifier: MIT
# For fish.
function quoted(text) {
    gsub(/'/, "\\'", text)
    return "'" text "'"
}

# True where the words so far are these.
function condition(command, name,    text) {
    text = "__fish_seen_subcommand_from " command
    if (name != "-")
        return text "; and __fish_seen_subcommand_from " name
    return command in subs ? text "; and not __fish_seen_subcommand_from" subs[command] : text
}

BEGIN {
    print "# fish completion of weir; made of its --help."
    print "complete -c weir -n '__fish_use_subcommand' -f"
}
$1 == "command" {
    printf "complete -c weir -n '__fish_use_subcommand' -a %s -d %s\n", $2, quoted($3)
    commands = commands " " $2
}
$1 == "sub" {
    if (!($2 in subs))
        parents[++parent_count] = $2
    subs[$2] = subs[$2] " " $3
}
$1 == "option" { lines[++count] = $0 }

END {
    printf "complete -c weir -n '__fish_seen_subcommand_from help' -f -a '%s'\n", substr(commands, 2)
    for (i = 1; i <= parent_count; i++)
        printf "complete -c weir -n '%s' -a '%s'\n", condition(parents[i], "-"), \
            substr(subs[parents[i]], 2)
    print "complete -c weir -n '" condition("plugins", "-") "' -f -a \"(weir plugins 2>/dev/null |" \
        " string replace -rf '^  (?:input|filter|output) +([a-z0-9_]+) .*' '\\$1')\""
    for (i = 1; i <= count; i++) {
        split(lines[i], part, "\t")
        printf "complete -c weir -n '%s' -l %s", condition(part[2], part[3]), substr(part[5], 3)
        if (part[4] != "-")
            printf " -s %s", substr(part[4], 2)
        if (part[7] != "-")
            printf " -x -a '%s'", part[7]
        else if (part[6] != "-")
            printf " -r -F"
        printf " -d %s\n", quoted(part[8])
    }
}

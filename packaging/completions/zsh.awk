# SPDX-License-Identifier: MIT
# For zsh.
function quoted(text) {
    gsub(/'/, "'\\''", text)
    return "'" text "'"
}

# A text within a specification of _arguments or _describe.
function plain(text) {
    gsub(/\[/, "\\[", text)
    gsub(/\]/, "\\]", text)
    gsub(/:/, "\\:", text)
    return text
}

function specification(short, long, argument, choices, text,    end) {
    end = "[" plain(text) "]"
    if (choices != "-")
        end = end ":" argument ":(" choices ")"
    else if (argument != "-")
        end = end ":" argument ":_files"
    if (short == "-")
        return quoted(long end)
    return "'(" short " " long ")'{" short "," long "}" quoted(end)
}

$1 == "command" { commands = commands "        " quoted($2 ":" plain($3)) "\n"; names[++name_count] = $2 }
$1 == "sub" { subs[$2] = subs[$2] " " $3 }
$1 == "option" {
    key = $3 == "-" ? $2 : $2 " " $3
    options[key] = options[key] " \\\n            " specification($4, $5, $6, $7, $8)
}

END {
    print "#compdef weir"
    print "# zsh completion of weir; made of its --help."
    print "_weir_plugins() {"
    print "    local -a found=($(weir plugins 2>/dev/null |" \
        " sed -n 's/^  \\(input\\|filter\\|output\\) *\\([a-z0-9_]*\\) .*/\\2/p'))"
    print "    compadd -a found"
    print "}"
    print "_weir() {"
    print "    local curcontext=$curcontext state line"
    print "    local -a commands=("
    printf "%s", commands
    print "    )"
    print "    _arguments -C '1:command:->command' '*::argument:->argument' && return"
    print "    case $state in"
    print "    command) _describe command commands; return ;;"
    print "    esac"
    print "    case $words[1] in"
    print "    help) _describe command commands ;;"
    for (i = 1; i <= name_count; i++) {
        name = names[i]
        if (!(name in options))
            continue
        printf "    %s)\n", name
        if (name in subs) {
            printf "        case $words[2] in\n"
            count = split(substr(subs[name], 2), words, " ")
            for (j = 1; j <= count; j++) {
                key = name " " words[j]
                printf "        %s) shift words; ((CURRENT--)); _arguments%s \\\n" \
                    "            '*:file:_files'; return ;;\n", words[j], \
                    (key in options ? options[key] : options[name])
            }
            printf "        esac\n"
            printf "        ((CURRENT == 2)) && compadd --%s\n", subs[name]
        }
        printf "        _arguments%s \\\n            '*:argument:%s' ;;\n", options[name], \
            (name == "plugins" ? "_weir_plugins" : "_files")
    }
    print "    esac"
    print "}"
    print "_weir \"$@\""
}

# SPDX-License-Identifier: MIT
# For bash. A word that follows an option with an argument is no subcommand.
function add_valued(option) {
    if (!(option in is_valued))
        valued = valued (valued == "" ? "" : " | ") option
    is_valued[option]
}

$1 == "command" { commands = commands " " $2 }
$1 == "sub" {
    subs[$2] = subs[$2] " " $3
    pairs[++pair_count] = $2 " " $3
}
$1 == "option" {
    key = $3 == "-" ? $2 : $2 " " $3
    if (!(key in options))
        keys[++key_count] = key
    options[key] = options[key] " " ($4 == "-" ? "" : $4 " ") $5
    if ($6 != "-") {
        add_valued($5)
        if ($4 != "-")
            add_valued($4)
        if ($7 != "-")
            choices[++choice_count] = key " " $5 ($4 == "-" ? "" : "' | '" key " " $4) "\t" $7
    }
}

END {
    print "# bash completion of weir; made of its --help."
    print "_weir() {"
    print "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}"
    print "    local command= key= subs= options= i word before="
    print "    for ((i = 1; i < COMP_CWORD; i++)); do"
    print "        word=${COMP_WORDS[i]}"
    print "        case $before in " valued ") before=; continue ;; esac"
    print "        before=$word"
    print "        case $word in -*) continue ;; esac"
    print "        if [ -z \"$command\" ]; then command=$word key=$word; continue; fi"
    print "        case \"$command $word\" in"
    for (i = 1; i <= pair_count; i++)
        printf "        '%s') [ \"$key\" != \"$command\" ] || key='%s' ;;\n", pairs[i], pairs[i]
    print "        esac"
    print "    done"
    print "    case \"$key\" in"
    printf "    '' | help) options='%s' ;;\n", substr(commands, 2)
    for (i = 1; i <= key_count; i++) {
        printf "    '%s') options='%s'", keys[i], substr(options[keys[i]], 2)
        if (keys[i] in subs)
            printf " subs='%s'", substr(subs[keys[i]], 2)
        print " ;;"
    }
    print "    esac"
    print "    case \"$key $prev\" in"
    for (i = 1; i <= choice_count; i++) {
        split(choices[i], words, "\t")
        printf "    '%s') COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", words[1], words[2]
    }
    print "    esac"
    print "    case $prev in " valued ") COMPREPLY=($(compgen -f -- \"$cur\")); return ;; esac"
    print "    case $key,$cur in"
    print "    ,* | help,* | *,-*) COMPREPLY=($(compgen -W \"$options\" -- \"$cur\")) ;;"
    print "    plugins,*) COMPREPLY=($(compgen -W \"$subs $(weir plugins 2>/dev/null |" \
        " sed -n 's/^  \\(input\\|filter\\|output\\) *\\([a-z0-9_]*\\) .*/\\2/p')\" -- \"$cur\")) ;;"
    print "    *) COMPREPLY=($(compgen -W \"$subs\" -- \"$cur\") $(compgen -f -- \"$cur\")) ;;"
    print "    esac"
    print "}"
    print "complete -o filenames -F _weir weir"
}

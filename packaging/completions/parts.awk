# SPDX-License-Identifier: MIT
# A help text as lines:
#   sub     COMMAND  SUB
#   option  COMMAND  SUB  SHORT  LONG  ARGUMENT  CHOICES  TEXT
# CHOICES are separated by blanks. A part that is not there is "-".
BEGIN { OFS = "\t"; if (sub_command == "") sub_command = "-" }

/^usage:/ { usage = 1 }
/^$/ { usage = 0 }

usage {
    word = $1 == "usage:" ? $4 : $3
    if (sub_command == "-" && word ~ /^[a-z][-a-z|]*$/) {
        count = split(word, words, "|")
        for (i = 1; i <= count; i++)
            print "sub", command, words[i]
    }
    line = $0
    while (match(line, /--[-a-z]+ [a-z]+\|[a-z|]+/)) {
        split(substr(line, RSTART, RLENGTH), words, " ")
        gsub(/\|/, " ", words[2])
        choices[words[1]] = words[2]
        line = substr(line, RSTART + RLENGTH)
    }
}

/^  (-[a-z], |    )--[a-z]/ {
    short = substr($0, 3, 1) == "-" ? substr($0, 3, 2) : "-"
    line = substr($0, 7)
    match(line, /^--[-a-z]+/)
    long = substr(line, 1, RLENGTH)
    line = substr(line, RLENGTH + 1)
    argument = "-"
    if (match(line, /^ [A-Z]+/)) {
        argument = substr(line, 2, RLENGTH - 1)
        line = substr(line, RLENGTH + 1)
    }
    sub(/^ */, "", line)
    print "option", command, sub_command, short, long, argument, \
        (long in choices ? choices[long] : "-"), line
}

# Completion of sockfault(1) for bash.  All words are asked of the command
# itself, so that there is nothing to keep up with.
# shellcheck shell=bash

_sockfault_verbs() {
    "$1" --help | sed -n 's/^[a-z: ]*sockfault \([a-z]*\) .*/\1/p
        s/^ *sockfault \(--[a-z]*\)$/\1/p'
}

_sockfault_options() {
    "$1" "$2" --help 2>/dev/null | grep -oE -- '^ +(-[a-zA-Z], )?--[a-z-]+' |
        grep -oE -- '--[a-z-]+'
}

# The words that can follow an option, nothing where anything can.
_sockfault_values() {
    case $2 in
    --profile | -P) echo linux posix hostile ;;
    --class) echo benign fatal ;;
    --monitor | --allow) "$1" list monitors | cut -d' ' -f1 ;;
    --without | --just) "$1" list faults | cut -d' ' -f1 && echo dying ;;
    list) "$1" --help | sed -n 's/.*sockfault list \([a-z|]*\)$/\1/p' | tr '|' ' ' ;;
    esac
}

# Does this option have an argument, so that a file may stand here?
_sockfault_takes() {
    "$1" "$2" --help 2>/dev/null | grep -qE -- "^ .*$3( |, --[a-z-]+ )[A-Z]"
}

_sockfault() {
    local tool=${COMP_WORDS[0]} verb=${COMP_WORDS[1]}
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local words

    if [[ $COMP_CWORD -eq 1 ]]; then
        words=$(_sockfault_verbs "$tool")
    elif [[ $word == -* ]]; then
        words=$(_sockfault_options "$tool" "$verb")
    else
        words=$(_sockfault_values "$tool" "$before")
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    if [[ ${#COMPREPLY[@]} -eq 0 && $verb =~ ^(run|explore)$ && $word != -* ]] &&
        ! _sockfault_takes "$tool" "$verb" "$before"; then
        mapfile -t COMPREPLY < <(compgen -c -- "$word")
    fi
}

complete -o default -F _sockfault sockfault

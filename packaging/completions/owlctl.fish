# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_owlctl_global_optspecs
    string join \n home= socket= context= json o/output= no-color timeout= h/help V/version
end

function __fish_owlctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_owlctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_owlctl_using_subcommand
    set -l cmd (__fish_owlctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c owlctl -n "__fish_owlctl_needs_command" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_needs_command" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_needs_command" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_needs_command" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_needs_command" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_needs_command" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_needs_command" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c owlctl -n "__fish_owlctl_needs_command" -s V -l version -d 'Print version'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "start" -d 'Starts the daemon in the background, unless one runs, and waits until it serves'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "stop" -d 'Ends the daemon: nothing new is accepted, what runs may finish'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "restart" -d 'Ends the daemon as `stop` does, lets it begin anew as it was started, and waits until it serves'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "drain" -d 'Ends the daemon once nothing runs, and shows what it waits for'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "wait" -d 'Waits until something holds; exit status 124 where `--timeout` passes first [default: 60]'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "status" -d 'Shows how the daemon is: gateway, configuration, storage, model servers, problems'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "health" -d 'Tells by its exit status whether the daemon serves: 0 ok, 5 degraded, 6 unready, 69 down'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "top" -d 'Shows what goes on: calls under way, models, the latest calls; on a terminal until Ctrl-C'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "benchmark" -d 'Measures models: time to the first token, total time, tokens a second'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "models" -d 'Lists the models that the daemon can route to, or sees whether one answers'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "usage" -d 'Shows tokens and calls so far'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "perf" -d 'Shows how fast and how reliable each model is'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "latency" -d 'Shows how long calls take, by the way that they came in'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "cost" -d 'Shows what the calls of each model cost, or would cost in electricity'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "cache" -d 'Shows the response cache, or empties it'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "recommend" -d 'Tells which model to take for what, and why'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "backends" -d 'Shows the model servers, asks one how it is, or lets it be asked again'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "inspect" -d 'Shows one call: where its time went and, where captures are on, what was said'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "traces" -d 'Lists the latest calls, or the slowest, with what took most of their time'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "captures" -d 'Lists the latest requests and answers, where `captures.enabled` keeps them, or shows one'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "audit" -d 'Shows the record of model calls; prompts and answers are not recorded'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "backup" -d 'Copies what the daemon keeps into an archive, or checks one'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "sessions" -d 'Lists the conversations, newest first, shows one, or deletes some'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "clients" -d 'Lists the clients that watch a conversation, or makes one stop'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "logs" -d 'Shows what the daemon logs: the latest lines, and with `-f` what comes'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "metrics" -d 'Prints the metrics that Prometheus scrapes'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "reload" -d 'Makes the daemon read its configuration anew, and waits for the verdict'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "token" -d 'Shows the token of the HTTP API, or puts a new one in its place'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "service" -d 'Installs the daemon as a service: the files of systemd or launchd, for you or for the machine'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "init" -d 'Writes a configuration from what the model servers of this machine list'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "validate" -d 'Tells everything that is wrong with the configuration, each with its line and code'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "doctor" -d 'Looks at everything that serving depends on, and tells what mends it'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "config" -d 'Shows, compares, rolls back, exports or rewrites the configuration'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "version" -d 'Prints the version of this program and of the daemon'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "completions" -d 'Prints what makes a shell complete `owlctl`'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "proxy" -d 'Carries between standard input and output and the control socket; `--context` runs it there'
complete -c owlctl -n "__fish_owlctl_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand start" -l config -d 'Configuration file [default: `config.json` in the data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand start" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand start" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand start" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand start" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand start" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand start" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand start" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand start" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand stop" -l grace -d 'How long what runs may take [default: `server.drainTimeoutMs` of the configuration]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand stop" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand stop" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand stop" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand stop" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand stop" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand stop" -l now -d 'Cut what runs: the same as `--grace 0`'
complete -c owlctl -n "__fish_owlctl_using_subcommand stop" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand stop" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand stop" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand restart" -l grace -d 'How long what runs may take [default: `server.drainTimeoutMs` of the configuration]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand restart" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand restart" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand restart" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand restart" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand restart" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand restart" -l now -d 'Cut what runs: the same as `--grace 0`'
complete -c owlctl -n "__fish_owlctl_using_subcommand restart" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand restart" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand restart" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand drain" -l grace -d 'How long what runs may take' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand drain" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand drain" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand drain" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand drain" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand drain" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand drain" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand drain" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand drain" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand wait" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand wait" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand wait" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand wait" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand wait" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand wait" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand wait" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand wait" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand status" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand status" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand status" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand status" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand status" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand status" -s w -l watch -d 'Go on looking: on a terminal in place, else one line, or one document, for each change'
complete -c owlctl -n "__fish_owlctl_using_subcommand status" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand status" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand status" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand health" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand health" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand health" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand health" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand health" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand health" -s q -l quiet -d 'Print nothing'
complete -c owlctl -n "__fish_owlctl_using_subcommand health" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand health" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand health" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand top" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand top" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand top" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand top" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand top" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand top" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand top" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand top" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand benchmark" -l runs -d 'Calls of each model' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand benchmark" -l max-tokens -d 'Most tokens of an answer' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand benchmark" -l prompt -d 'What the models are told' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand benchmark" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand benchmark" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand benchmark" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand benchmark" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand benchmark" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand benchmark" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand benchmark" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand benchmark" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and not __fish_seen_subcommand_from list probe help" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and not __fish_seen_subcommand_from list probe help" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and not __fish_seen_subcommand_from list probe help" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and not __fish_seen_subcommand_from list probe help" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and not __fish_seen_subcommand_from list probe help" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and not __fish_seen_subcommand_from list probe help" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and not __fish_seen_subcommand_from list probe help" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and not __fish_seen_subcommand_from list probe help" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and not __fish_seen_subcommand_from list probe help" -f -a "list" -d 'Lists the models that the daemon can route to'
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and not __fish_seen_subcommand_from list probe help" -f -a "probe" -d 'Calls one with a few words: whether it answers, and how fast'
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and not __fish_seen_subcommand_from list probe help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and __fish_seen_subcommand_from list" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and __fish_seen_subcommand_from list" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and __fish_seen_subcommand_from list" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and __fish_seen_subcommand_from list" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and __fish_seen_subcommand_from list" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and __fish_seen_subcommand_from list" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and __fish_seen_subcommand_from probe" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and __fish_seen_subcommand_from probe" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and __fish_seen_subcommand_from probe" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and __fish_seen_subcommand_from probe" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and __fish_seen_subcommand_from probe" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and __fish_seen_subcommand_from probe" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and __fish_seen_subcommand_from probe" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and __fish_seen_subcommand_from probe" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists the models that the daemon can route to'
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and __fish_seen_subcommand_from help" -f -a "probe" -d 'Calls one with a few words: whether it answers, and how fast'
complete -c owlctl -n "__fish_owlctl_using_subcommand models; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand usage" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand usage" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand usage" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand usage" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand usage" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand usage" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand usage" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand usage" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand perf" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand perf" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand perf" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand perf" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand perf" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand perf" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand perf" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand perf" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand latency" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand latency" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand latency" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand latency" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand latency" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand latency" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand latency" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand latency" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand cost" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand cost" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand cost" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand cost" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand cost" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand cost" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand cost" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand cost" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and not __fish_seen_subcommand_from stats clear help" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and not __fish_seen_subcommand_from stats clear help" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and not __fish_seen_subcommand_from stats clear help" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and not __fish_seen_subcommand_from stats clear help" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and not __fish_seen_subcommand_from stats clear help" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and not __fish_seen_subcommand_from stats clear help" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and not __fish_seen_subcommand_from stats clear help" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and not __fish_seen_subcommand_from stats clear help" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and not __fish_seen_subcommand_from stats clear help" -f -a "stats" -d 'Shows how full the cache is, and what it was good for; as without a word'
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and not __fish_seen_subcommand_from stats clear help" -f -a "clear" -d 'Forgets every answer'
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and not __fish_seen_subcommand_from stats clear help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and __fish_seen_subcommand_from stats" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and __fish_seen_subcommand_from stats" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and __fish_seen_subcommand_from stats" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and __fish_seen_subcommand_from stats" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and __fish_seen_subcommand_from stats" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and __fish_seen_subcommand_from stats" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and __fish_seen_subcommand_from stats" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and __fish_seen_subcommand_from stats" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and __fish_seen_subcommand_from clear" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and __fish_seen_subcommand_from clear" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and __fish_seen_subcommand_from clear" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and __fish_seen_subcommand_from clear" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and __fish_seen_subcommand_from clear" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and __fish_seen_subcommand_from clear" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and __fish_seen_subcommand_from clear" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and __fish_seen_subcommand_from clear" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "stats" -d 'Shows how full the cache is, and what it was good for; as without a word'
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "clear" -d 'Forgets every answer'
complete -c owlctl -n "__fish_owlctl_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand recommend" -l intent -d 'What the model is to be good for' -r -f -a "code\t''
analysis\t''
search\t''
chat\t''
general\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand recommend" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand recommend" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand recommend" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand recommend" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand recommend" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand recommend" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand recommend" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand recommend" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and not __fish_seen_subcommand_from list probe reset-breaker help" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and not __fish_seen_subcommand_from list probe reset-breaker help" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and not __fish_seen_subcommand_from list probe reset-breaker help" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and not __fish_seen_subcommand_from list probe reset-breaker help" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and not __fish_seen_subcommand_from list probe reset-breaker help" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and not __fish_seen_subcommand_from list probe reset-breaker help" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and not __fish_seen_subcommand_from list probe reset-breaker help" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and not __fish_seen_subcommand_from list probe reset-breaker help" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and not __fish_seen_subcommand_from list probe reset-breaker help" -f -a "list" -d 'Shows all of them: how they are, and what they have'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and not __fish_seen_subcommand_from list probe reset-breaker help" -f -a "probe" -d 'Asks one how it is, now, and waits for the verdict'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and not __fish_seen_subcommand_from list probe reset-breaker help" -f -a "reset-breaker" -d 'Closes the breakers of its models, so that the next call asks it again'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and not __fish_seen_subcommand_from list probe reset-breaker help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from list" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from list" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from list" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from list" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from list" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from list" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from probe" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from probe" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from probe" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from probe" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from probe" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from probe" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from probe" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from probe" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from reset-breaker" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from reset-breaker" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from reset-breaker" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from reset-breaker" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from reset-breaker" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from reset-breaker" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from reset-breaker" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from reset-breaker" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from help" -f -a "list" -d 'Shows all of them: how they are, and what they have'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from help" -f -a "probe" -d 'Asks one how it is, now, and waits for the verdict'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from help" -f -a "reset-breaker" -d 'Closes the breakers of its models, so that the next call asks it again'
complete -c owlctl -n "__fish_owlctl_using_subcommand backends; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand inspect" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand inspect" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand inspect" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand inspect" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand inspect" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand inspect" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand inspect" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand inspect" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand traces" -l limit -d 'At most this many' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand traces" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand traces" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand traces" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand traces" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand traces" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand traces" -l slowest -d 'The slowest since the daemon started, instead of the latest'
complete -c owlctl -n "__fish_owlctl_using_subcommand traces" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand traces" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand traces" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and not __fish_seen_subcommand_from list show clear help" -l limit -d 'At most this many' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and not __fish_seen_subcommand_from list show clear help" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and not __fish_seen_subcommand_from list show clear help" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and not __fish_seen_subcommand_from list show clear help" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and not __fish_seen_subcommand_from list show clear help" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and not __fish_seen_subcommand_from list show clear help" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and not __fish_seen_subcommand_from list show clear help" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and not __fish_seen_subcommand_from list show clear help" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and not __fish_seen_subcommand_from list show clear help" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and not __fish_seen_subcommand_from list show clear help" -f -a "list" -d 'Lists them, the latest first, as without a word'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and not __fish_seen_subcommand_from list show clear help" -f -a "show" -d 'Shows one: what the caller and the model servers sent and got'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and not __fish_seen_subcommand_from list show clear help" -f -a "clear" -d 'Forgets all of them'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and not __fish_seen_subcommand_from list show clear help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from list" -l limit -d 'At most this many' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from list" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from list" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from list" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from list" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from list" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from list" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from show" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from show" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from show" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from show" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from show" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from show" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from show" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from clear" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from clear" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from clear" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from clear" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from clear" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from clear" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from clear" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from clear" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists them, the latest first, as without a word'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from help" -f -a "show" -d 'Shows one: what the caller and the model servers sent and got'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from help" -f -a "clear" -d 'Forgets all of them'
complete -c owlctl -n "__fish_owlctl_using_subcommand captures; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l limit -d 'At most this many records' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l model -d 'Only calls of this model id' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l min-status -d 'Only calls with at least this HTTP status' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l status -d 'Only calls that ended so; 4xx is without 429 and without callers that left' -r -f -a "2xx\t''
4xx\t''
429\t''
5xx\t''
client_gone\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l min-duration -d 'Only calls that took so long, or longer: 5s, 2m' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l endpoint -d 'Only calls that this endpoint answered' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l session -d 'Only calls of this session' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l client -d 'Only calls of whom is recorded so: uid:1000, token, agent or daemon' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l since -d 'Only calls from this time on: 2h (ago), 2026-11-20, or 2026-11-20T08:00:00Z' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l until -d 'Only calls before this time' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l before -d 'Only records before this sequence number' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l after -d 'Only records after this sequence number' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l errors -d 'Only calls that failed: HTTP status 400 and above'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l oldest-first -d 'Oldest first'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -f -a "list" -d 'Lists calls, newest first; the same as without a verb'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -f -a "show" -d 'Shows everything that is recorded of one call'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -f -a "follow" -d 'Prints calls as they end, until Ctrl-C; goes on after a restart of the daemon'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -f -a "stats" -d 'Counts calls by model, endpoint, status, outcome and client, with their tokens, costs and times'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -f -a "export" -d 'Writes every call that matches, oldest first, and a manifest at the end'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -f -a "verify" -d 'Has the daemon read every record and look for losses; exit status 1 where something is wrong'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and not __fish_seen_subcommand_from list show follow stats export verify help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l limit -d 'At most this many records' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l model -d 'Only calls of this model id' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l min-status -d 'Only calls with at least this HTTP status' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l status -d 'Only calls that ended so; 4xx is without 429 and without callers that left' -r -f -a "2xx\t''
4xx\t''
429\t''
5xx\t''
client_gone\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l min-duration -d 'Only calls that took so long, or longer: 5s, 2m' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l endpoint -d 'Only calls that this endpoint answered' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l session -d 'Only calls of this session' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l client -d 'Only calls of whom is recorded so: uid:1000, token, agent or daemon' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l since -d 'Only calls from this time on: 2h (ago), 2026-11-20, or 2026-11-20T08:00:00Z' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l until -d 'Only calls before this time' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l before -d 'Only records before this sequence number' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l after -d 'Only records after this sequence number' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l errors -d 'Only calls that failed: HTTP status 400 and above'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l oldest-first -d 'Oldest first'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from show" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from show" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from show" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from show" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from show" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from show" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from show" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from follow" -l model -d 'Only calls of this model id' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from follow" -l min-status -d 'Only calls with at least this HTTP status' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from follow" -l status -d 'Only calls that ended so; 4xx is without 429 and without callers that left' -r -f -a "2xx\t''
4xx\t''
429\t''
5xx\t''
client_gone\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from follow" -l min-duration -d 'Only calls that took so long, or longer: 5s, 2m' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from follow" -l endpoint -d 'Only calls that this endpoint answered' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from follow" -l session -d 'Only calls of this session' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from follow" -l client -d 'Only calls of whom is recorded so: uid:1000, token, agent or daemon' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from follow" -l since -d 'Only calls from this time on: 2h (ago), 2026-11-20, or 2026-11-20T08:00:00Z' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from follow" -l until -d 'Only calls before this time' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from follow" -l after -d 'Begin after this sequence number [default: with what is recorded from now on]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from follow" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from follow" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from follow" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from follow" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from follow" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from follow" -l errors -d 'Only calls that failed: HTTP status 400 and above'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from follow" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from follow" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from follow" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from stats" -l model -d 'Only calls of this model id' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from stats" -l min-status -d 'Only calls with at least this HTTP status' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from stats" -l status -d 'Only calls that ended so; 4xx is without 429 and without callers that left' -r -f -a "2xx\t''
4xx\t''
429\t''
5xx\t''
client_gone\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from stats" -l min-duration -d 'Only calls that took so long, or longer: 5s, 2m' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from stats" -l endpoint -d 'Only calls that this endpoint answered' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from stats" -l session -d 'Only calls of this session' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from stats" -l client -d 'Only calls of whom is recorded so: uid:1000, token, agent or daemon' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from stats" -l since -d 'Only calls from this time on: 2h (ago), 2026-11-20, or 2026-11-20T08:00:00Z' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from stats" -l until -d 'Only calls before this time' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from stats" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from stats" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from stats" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from stats" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from stats" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from stats" -l errors -d 'Only calls that failed: HTTP status 400 and above'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from stats" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from stats" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from stats" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l format -d 'A JSON object a line, or a table whose cells no spreadsheet takes for formulas' -r -f -a "ndjson\t''
csv\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l out -d 'File to make, which must not be there yet [default: standard output]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l model -d 'Only calls of this model id' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l min-status -d 'Only calls with at least this HTTP status' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l status -d 'Only calls that ended so; 4xx is without 429 and without callers that left' -r -f -a "2xx\t''
4xx\t''
429\t''
5xx\t''
client_gone\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l min-duration -d 'Only calls that took so long, or longer: 5s, 2m' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l endpoint -d 'Only calls that this endpoint answered' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l session -d 'Only calls of this session' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l client -d 'Only calls of whom is recorded so: uid:1000, token, agent or daemon' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l since -d 'Only calls from this time on: 2h (ago), 2026-11-20, or 2026-11-20T08:00:00Z' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l until -d 'Only calls before this time' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l errors -d 'Only calls that failed: HTTP status 400 and above'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists calls, newest first; the same as without a verb'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "show" -d 'Shows everything that is recorded of one call'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "follow" -d 'Prints calls as they end, until Ctrl-C; goes on after a restart of the daemon'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "stats" -d 'Counts calls by model, endpoint, status, outcome and client, with their tokens, costs and times'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "export" -d 'Writes every call that matches, oldest first, and a manifest at the end'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Has the daemon read every record and look for losses; exit status 1 where something is wrong'
complete -c owlctl -n "__fish_owlctl_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and not __fish_seen_subcommand_from create verify help" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and not __fish_seen_subcommand_from create verify help" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and not __fish_seen_subcommand_from create verify help" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and not __fish_seen_subcommand_from create verify help" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and not __fish_seen_subcommand_from create verify help" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and not __fish_seen_subcommand_from create verify help" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and not __fish_seen_subcommand_from create verify help" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and not __fish_seen_subcommand_from create verify help" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and not __fish_seen_subcommand_from create verify help" -f -a "create" -d 'Makes an archive of the audit and of all conversations, while the daemon serves'
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and not __fish_seen_subcommand_from create verify help" -f -a "verify" -d 'Checks every line of an archive; needs no daemon'
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and not __fish_seen_subcommand_from create verify help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from create" -l out -d 'File to make [default: `owlcoda-backup-` and the time, in the working directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from create" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from create" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from create" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from create" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from create" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from create" -l force -d 'Replace a file that is there'
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from create" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from create" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from help" -f -a "create" -d 'Makes an archive of the audit and of all conversations, while the daemon serves'
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Checks every line of an archive; needs no daemon'
complete -c owlctl -n "__fish_owlctl_using_subcommand backup; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and not __fish_seen_subcommand_from list show export delete help" -l limit -d 'At most this many conversations' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and not __fish_seen_subcommand_from list show export delete help" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and not __fish_seen_subcommand_from list show export delete help" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and not __fish_seen_subcommand_from list show export delete help" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and not __fish_seen_subcommand_from list show export delete help" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and not __fish_seen_subcommand_from list show export delete help" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and not __fish_seen_subcommand_from list show export delete help" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and not __fish_seen_subcommand_from list show export delete help" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and not __fish_seen_subcommand_from list show export delete help" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and not __fish_seen_subcommand_from list show export delete help" -f -a "list" -d 'Lists them, as without a word'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and not __fish_seen_subcommand_from list show export delete help" -f -a "show" -d 'Prints what was said'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and not __fish_seen_subcommand_from list show export delete help" -f -a "export" -d 'Prints everything that happened as one JSON object'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and not __fish_seen_subcommand_from list show export delete help" -f -a "delete" -d 'Deletes conversations for good, with everything that was said in them; the audit stays'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and not __fish_seen_subcommand_from list show export delete help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from list" -l limit -d 'At most this many conversations' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from list" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from list" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from list" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from list" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from list" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from list" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from show" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from show" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from show" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from show" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from show" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from show" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from show" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from export" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from export" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from export" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from export" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from export" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from export" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from export" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from delete" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from delete" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from delete" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from delete" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from delete" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from delete" -s y -l yes -d 'Do not ask; where there is no terminal to ask at, nothing is deleted without it'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from delete" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from delete" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists them, as without a word'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from help" -f -a "show" -d 'Prints what was said'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from help" -f -a "export" -d 'Prints everything that happened as one JSON object'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Deletes conversations for good, with everything that was said in them; the audit stays'
complete -c owlctl -n "__fish_owlctl_using_subcommand sessions; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and not __fish_seen_subcommand_from list detach help" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and not __fish_seen_subcommand_from list detach help" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and not __fish_seen_subcommand_from list detach help" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and not __fish_seen_subcommand_from list detach help" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and not __fish_seen_subcommand_from list detach help" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and not __fish_seen_subcommand_from list detach help" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and not __fish_seen_subcommand_from list detach help" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and not __fish_seen_subcommand_from list detach help" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and not __fish_seen_subcommand_from list detach help" -f -a "list" -d 'Lists them, as without a word'
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and not __fish_seen_subcommand_from list detach help" -f -a "detach" -d 'Makes one stop; the conversation itself goes on'
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and not __fish_seen_subcommand_from list detach help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and __fish_seen_subcommand_from list" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and __fish_seen_subcommand_from list" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and __fish_seen_subcommand_from list" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and __fish_seen_subcommand_from list" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and __fish_seen_subcommand_from list" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and __fish_seen_subcommand_from list" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and __fish_seen_subcommand_from detach" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and __fish_seen_subcommand_from detach" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and __fish_seen_subcommand_from detach" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and __fish_seen_subcommand_from detach" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and __fish_seen_subcommand_from detach" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and __fish_seen_subcommand_from detach" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and __fish_seen_subcommand_from detach" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and __fish_seen_subcommand_from detach" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and __fish_seen_subcommand_from help" -f -a "list" -d 'Lists them, as without a word'
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and __fish_seen_subcommand_from help" -f -a "detach" -d 'Makes one stop; the conversation itself goes on'
complete -c owlctl -n "__fish_owlctl_using_subcommand clients; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand logs" -l since -d 'Only lines from this time on: 10m (ago), 2026-11-20, or 2026-11-20T08:00:00Z' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand logs" -l level -d 'Only lines of this importance or more' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand logs" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand logs" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand logs" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand logs" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand logs" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand logs" -s f -l follow -d 'Go on with lines that are yet to come, until Ctrl-C or the daemon\'s end'
complete -c owlctl -n "__fish_owlctl_using_subcommand logs" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand logs" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand logs" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand metrics" -l grep -d 'Only lines with this text; exit status 1 where there is none' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand metrics" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand metrics" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand metrics" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand metrics" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand metrics" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand metrics" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand metrics" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand metrics" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand reload" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand reload" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand reload" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand reload" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand reload" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand reload" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand reload" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand reload" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and not __fish_seen_subcommand_from show rotate help" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and not __fish_seen_subcommand_from show rotate help" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and not __fish_seen_subcommand_from show rotate help" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and not __fish_seen_subcommand_from show rotate help" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and not __fish_seen_subcommand_from show rotate help" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and not __fish_seen_subcommand_from show rotate help" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and not __fish_seen_subcommand_from show rotate help" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and not __fish_seen_subcommand_from show rotate help" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and not __fish_seen_subcommand_from show rotate help" -f -a "show" -d 'Prints the token that opens the HTTP API, and nothing else'
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and not __fish_seen_subcommand_from show rotate help" -f -a "rotate" -d 'Makes a new token and prints it; the one before it opens for a while longer'
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and not __fish_seen_subcommand_from show rotate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from show" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from show" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from show" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from show" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from show" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from show" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from show" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from rotate" -l grace -d 'How long the one before it still opens, at most a day' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from rotate" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from rotate" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from rotate" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from rotate" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from rotate" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from rotate" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from rotate" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from rotate" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "show" -d 'Prints the token that opens the HTTP API, and nothing else'
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "rotate" -d 'Makes a new token and prints it; the one before it opens for a while longer'
complete -c owlctl -n "__fish_owlctl_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and not __fish_seen_subcommand_from install uninstall status help" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and not __fish_seen_subcommand_from install uninstall status help" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and not __fish_seen_subcommand_from install uninstall status help" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and not __fish_seen_subcommand_from install uninstall status help" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and not __fish_seen_subcommand_from install uninstall status help" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and not __fish_seen_subcommand_from install uninstall status help" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and not __fish_seen_subcommand_from install uninstall status help" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and not __fish_seen_subcommand_from install uninstall status help" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and not __fish_seen_subcommand_from install uninstall status help" -f -a "install" -d 'Writes the files of the service, and says how to start it; files that were edited stay'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and not __fish_seen_subcommand_from install uninstall status help" -f -a "uninstall" -d 'Removes the files of the service; those that were edited stay'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and not __fish_seen_subcommand_from install uninstall status help" -f -a "status" -d 'Tells of each file whether it is there, and whether it was edited'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and not __fish_seen_subcommand_from install uninstall status help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from install" -l root -d 'Directory that stands for `/`, such as that of a package or an image' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from install" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from install" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from install" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from install" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from install" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from install" -l user -d 'Yours alone, under systemd; the default'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from install" -l system -d 'The machine\'s, under systemd: no tools, shut in, for the groups owlcoda and owlcoda-admin'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from install" -l launchd -d 'Yours alone, under launchd of macOS'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from install" -l print -d 'Print the files instead of writing them'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from install" -l force -d 'Replace files that were edited'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from install" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from install" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from install" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from uninstall" -l root -d 'Directory that stands for `/`, such as that of a package or an image' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from uninstall" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from uninstall" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from uninstall" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from uninstall" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from uninstall" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from uninstall" -l user -d 'Yours alone, under systemd; the default'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from uninstall" -l system -d 'The machine\'s, under systemd: no tools, shut in, for the groups owlcoda and owlcoda-admin'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from uninstall" -l launchd -d 'Yours alone, under launchd of macOS'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from uninstall" -l force -d 'Remove files that were edited, too'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from uninstall" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from uninstall" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from uninstall" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from status" -l root -d 'Directory that stands for `/`, such as that of a package or an image' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from status" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from status" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from status" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from status" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from status" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from status" -l user -d 'Yours alone, under systemd; the default'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from status" -l system -d 'The machine\'s, under systemd: no tools, shut in, for the groups owlcoda and owlcoda-admin'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from status" -l launchd -d 'Yours alone, under launchd of macOS'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from status" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from status" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from help" -f -a "install" -d 'Writes the files of the service, and says how to start it; files that were edited stay'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from help" -f -a "uninstall" -d 'Removes the files of the service; those that were edited stay'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from help" -f -a "status" -d 'Tells of each file whether it is there, and whether it was edited'
complete -c owlctl -n "__fish_owlctl_using_subcommand service; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand init" -l endpoint -d 'Model server to ask, instead of those on the usual ports; may be given several times' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand init" -l config -d 'Configuration file [default: `config.json` in the data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand init" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand init" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand init" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand init" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand init" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand init" -l force -d 'Replace a file that exists; it is kept beside the new one'
complete -c owlctl -n "__fish_owlctl_using_subcommand init" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand init" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand init" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand validate" -l config -d 'The same, as the other verbs have it' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand validate" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand validate" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand validate" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand validate" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand validate" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand validate" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand validate" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand validate" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand doctor" -l bundle -d 'Write a tar file with checks, configuration without keys, the end of the log and crashes' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand doctor" -l config -d 'Configuration file [default: `config.json` in the data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand doctor" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand doctor" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand doctor" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand doctor" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand doctor" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand doctor" -l fix -d 'Mend what can be mended without a question'
complete -c owlctl -n "__fish_owlctl_using_subcommand doctor" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand doctor" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and not __fish_seen_subcommand_from show get diff status rollback export migrate schema help" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and not __fish_seen_subcommand_from show get diff status rollback export migrate schema help" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and not __fish_seen_subcommand_from show get diff status rollback export migrate schema help" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and not __fish_seen_subcommand_from show get diff status rollback export migrate schema help" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and not __fish_seen_subcommand_from show get diff status rollback export migrate schema help" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and not __fish_seen_subcommand_from show get diff status rollback export migrate schema help" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and not __fish_seen_subcommand_from show get diff status rollback export migrate schema help" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and not __fish_seen_subcommand_from show get diff status rollback export migrate schema help" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and not __fish_seen_subcommand_from show get diff status rollback export migrate schema help" -f -a "show" -d 'Prints every value that a start would take and what it comes from; keys are never shown'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and not __fish_seen_subcommand_from show get diff status rollback export migrate schema help" -f -a "get" -d 'Prints a value that is in force in the daemon, or all below a key; keys of providers are never shown'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and not __fish_seen_subcommand_from show get diff status rollback export migrate schema help" -f -a "diff" -d 'Holds the files on disk against what is in force: exit status 0 alike, 1 not, 78 not valid'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and not __fish_seen_subcommand_from show get diff status rollback export migrate schema help" -f -a "status" -d 'Shows how the configuration stands: generation, files, what waits for a restart, what was rejected'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and not __fish_seen_subcommand_from show get diff status rollback export migrate schema help" -f -a "rollback" -d 'Puts the generation before the one in force in force again, in the daemon alone'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and not __fish_seen_subcommand_from show get diff status rollback export migrate schema help" -f -a "export" -d 'Prints a configuration that another machine can use, without keys'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and not __fish_seen_subcommand_from show get diff status rollback export migrate schema help" -f -a "migrate" -d 'Rewrites a file of an older version in the form of today; the old one is kept beside it'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and not __fish_seen_subcommand_from show get diff status rollback export migrate schema help" -f -a "schema" -d 'Prints the JSON Schema of the configuration\'s file, for editors'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and not __fish_seen_subcommand_from show get diff status rollback export migrate schema help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'Configuration file [default: `config.json` in the data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from show" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from show" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from show" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from show" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from show" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from show" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from get" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from get" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from get" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from get" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from get" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from get" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from get" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from diff" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from diff" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from diff" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from diff" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from diff" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from diff" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from diff" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from status" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from status" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from status" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from status" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from status" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from status" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from status" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from rollback" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from rollback" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from rollback" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from rollback" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from rollback" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from rollback" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from rollback" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from rollback" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from export" -l format -d 'What to print: a file for the other machine, variables for a shell, or what is in it' -r -f -a "json\t''
env\t''
text\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from export" -l config -d 'Configuration file [default: `config.json` in the data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from export" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from export" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from export" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from export" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from export" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from export" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from export" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from migrate" -l config -d 'Configuration file [default: `config.json` in the data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from migrate" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from migrate" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from migrate" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from migrate" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from migrate" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from migrate" -l dry-run -d 'Say what would change, and write nothing'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from migrate" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from migrate" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from migrate" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from schema" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from schema" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from schema" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from schema" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from schema" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from schema" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from schema" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from schema" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Prints every value that a start would take and what it comes from; keys are never shown'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "get" -d 'Prints a value that is in force in the daemon, or all below a key; keys of providers are never shown'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "diff" -d 'Holds the files on disk against what is in force: exit status 0 alike, 1 not, 78 not valid'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "status" -d 'Shows how the configuration stands: generation, files, what waits for a restart, what was rejected'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "rollback" -d 'Puts the generation before the one in force in force again, in the daemon alone'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "export" -d 'Prints a configuration that another machine can use, without keys'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "migrate" -d 'Rewrites a file of an older version in the form of today; the old one is kept beside it'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "schema" -d 'Prints the JSON Schema of the configuration\'s file, for editors'
complete -c owlctl -n "__fish_owlctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand version" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand version" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand version" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand version" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand version" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand version" -l client -d 'Do not ask the daemon'
complete -c owlctl -n "__fish_owlctl_using_subcommand version" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand version" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand version" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand completions" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand completions" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand completions" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand completions" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand completions" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand completions" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand completions" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand completions" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand proxy" -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand proxy" -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owlctl -n "__fish_owlctl_using_subcommand proxy" -l context -d 'A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand proxy" -s o -l output -d 'How to print: text for people, or one document for programs' -r -f -a "table\t''
json\t''
yaml\t''"
complete -c owlctl -n "__fish_owlctl_using_subcommand proxy" -l timeout -d 'Give up after this many seconds [default: 10; none for verbs that wait or follow]' -r
complete -c owlctl -n "__fish_owlctl_using_subcommand proxy" -l json -d 'Print one JSON object instead of text: the same as `-o json`'
complete -c owlctl -n "__fish_owlctl_using_subcommand proxy" -l no-color -d 'No colours; they are for terminals alone, and never where `NO_COLOR` is set'
complete -c owlctl -n "__fish_owlctl_using_subcommand proxy" -s h -l help -d 'Print help'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "start" -d 'Starts the daemon in the background, unless one runs, and waits until it serves'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "stop" -d 'Ends the daemon: nothing new is accepted, what runs may finish'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "restart" -d 'Ends the daemon as `stop` does, lets it begin anew as it was started, and waits until it serves'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "drain" -d 'Ends the daemon once nothing runs, and shows what it waits for'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "wait" -d 'Waits until something holds; exit status 124 where `--timeout` passes first [default: 60]'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "status" -d 'Shows how the daemon is: gateway, configuration, storage, model servers, problems'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "health" -d 'Tells by its exit status whether the daemon serves: 0 ok, 5 degraded, 6 unready, 69 down'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "top" -d 'Shows what goes on: calls under way, models, the latest calls; on a terminal until Ctrl-C'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "benchmark" -d 'Measures models: time to the first token, total time, tokens a second'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "models" -d 'Lists the models that the daemon can route to, or sees whether one answers'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "usage" -d 'Shows tokens and calls so far'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "perf" -d 'Shows how fast and how reliable each model is'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "latency" -d 'Shows how long calls take, by the way that they came in'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "cost" -d 'Shows what the calls of each model cost, or would cost in electricity'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "cache" -d 'Shows the response cache, or empties it'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "recommend" -d 'Tells which model to take for what, and why'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "backends" -d 'Shows the model servers, asks one how it is, or lets it be asked again'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "inspect" -d 'Shows one call: where its time went and, where captures are on, what was said'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "traces" -d 'Lists the latest calls, or the slowest, with what took most of their time'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "captures" -d 'Lists the latest requests and answers, where `captures.enabled` keeps them, or shows one'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "audit" -d 'Shows the record of model calls; prompts and answers are not recorded'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "backup" -d 'Copies what the daemon keeps into an archive, or checks one'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "sessions" -d 'Lists the conversations, newest first, shows one, or deletes some'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "clients" -d 'Lists the clients that watch a conversation, or makes one stop'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "logs" -d 'Shows what the daemon logs: the latest lines, and with `-f` what comes'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "metrics" -d 'Prints the metrics that Prometheus scrapes'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "reload" -d 'Makes the daemon read its configuration anew, and waits for the verdict'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "token" -d 'Shows the token of the HTTP API, or puts a new one in its place'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "service" -d 'Installs the daemon as a service: the files of systemd or launchd, for you or for the machine'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "init" -d 'Writes a configuration from what the model servers of this machine list'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "validate" -d 'Tells everything that is wrong with the configuration, each with its line and code'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "doctor" -d 'Looks at everything that serving depends on, and tells what mends it'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "config" -d 'Shows, compares, rolls back, exports or rewrites the configuration'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "version" -d 'Prints the version of this program and of the daemon'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "completions" -d 'Prints what makes a shell complete `owlctl`'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "proxy" -d 'Carries between standard input and output and the control socket; `--context` runs it there'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and not __fish_seen_subcommand_from start stop restart drain wait status health top benchmark models usage perf latency cost cache recommend backends inspect traces captures audit backup sessions clients logs metrics reload token service init validate doctor config version completions proxy help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from models" -f -a "list" -d 'Lists the models that the daemon can route to'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from models" -f -a "probe" -d 'Calls one with a few words: whether it answers, and how fast'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from cache" -f -a "stats" -d 'Shows how full the cache is, and what it was good for; as without a word'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from cache" -f -a "clear" -d 'Forgets every answer'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from backends" -f -a "list" -d 'Shows all of them: how they are, and what they have'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from backends" -f -a "probe" -d 'Asks one how it is, now, and waits for the verdict'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from backends" -f -a "reset-breaker" -d 'Closes the breakers of its models, so that the next call asks it again'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from captures" -f -a "list" -d 'Lists them, the latest first, as without a word'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from captures" -f -a "show" -d 'Shows one: what the caller and the model servers sent and got'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from captures" -f -a "clear" -d 'Forgets all of them'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "list" -d 'Lists calls, newest first; the same as without a verb'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "show" -d 'Shows everything that is recorded of one call'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "follow" -d 'Prints calls as they end, until Ctrl-C; goes on after a restart of the daemon'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "stats" -d 'Counts calls by model, endpoint, status, outcome and client, with their tokens, costs and times'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "export" -d 'Writes every call that matches, oldest first, and a manifest at the end'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "verify" -d 'Has the daemon read every record and look for losses; exit status 1 where something is wrong'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from backup" -f -a "create" -d 'Makes an archive of the audit and of all conversations, while the daemon serves'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from backup" -f -a "verify" -d 'Checks every line of an archive; needs no daemon'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from sessions" -f -a "list" -d 'Lists them, as without a word'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from sessions" -f -a "show" -d 'Prints what was said'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from sessions" -f -a "export" -d 'Prints everything that happened as one JSON object'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from sessions" -f -a "delete" -d 'Deletes conversations for good, with everything that was said in them; the audit stays'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from clients" -f -a "list" -d 'Lists them, as without a word'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from clients" -f -a "detach" -d 'Makes one stop; the conversation itself goes on'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from token" -f -a "show" -d 'Prints the token that opens the HTTP API, and nothing else'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from token" -f -a "rotate" -d 'Makes a new token and prints it; the one before it opens for a while longer'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from service" -f -a "install" -d 'Writes the files of the service, and says how to start it; files that were edited stay'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from service" -f -a "uninstall" -d 'Removes the files of the service; those that were edited stay'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from service" -f -a "status" -d 'Tells of each file whether it is there, and whether it was edited'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Prints every value that a start would take and what it comes from; keys are never shown'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "get" -d 'Prints a value that is in force in the daemon, or all below a key; keys of providers are never shown'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "diff" -d 'Holds the files on disk against what is in force: exit status 0 alike, 1 not, 78 not valid'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "status" -d 'Shows how the configuration stands: generation, files, what waits for a restart, what was rejected'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "rollback" -d 'Puts the generation before the one in force in force again, in the daemon alone'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "export" -d 'Prints a configuration that another machine can use, without keys'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "migrate" -d 'Rewrites a file of an older version in the form of today; the old one is kept beside it'
complete -c owlctl -n "__fish_owlctl_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "schema" -d 'Prints the JSON Schema of the configuration\'s file, for editors'

# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_owlcodad_global_optspecs
    string join \n h/help V/version
end

function __fish_owlcodad_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_owlcodad_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_owlcodad_using_subcommand
    set -l cmd (__fish_owlcodad_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c owlcodad -n "__fish_owlcodad_needs_command" -s h -l help -d 'Print help'
complete -c owlcodad -n "__fish_owlcodad_needs_command" -s V -l version -d 'Print version'
complete -c owlcodad -n "__fish_owlcodad_needs_command" -f -a "serve" -d 'Run in the foreground until SIGTERM or SIGINT; a second signal ends it at once'
complete -c owlcodad -n "__fish_owlcodad_needs_command" -f -a "init" -d 'Ask the model servers of this machine for their models, and write a configuration with them'
complete -c owlcodad -n "__fish_owlcodad_needs_command" -f -a "validate" -d 'Tell everything that is wrong with the configuration, each with its line and code'
complete -c owlcodad -n "__fish_owlcodad_needs_command" -f -a "doctor" -d 'Look at everything that serving depends on, and tell what mends it'
complete -c owlcodad -n "__fish_owlcodad_needs_command" -f -a "config" -d 'Show, export or rewrite the configuration'
complete -c owlcodad -n "__fish_owlcodad_needs_command" -f -a "storage" -d 'Verify, repair, export or restore the store while no daemon runs'
complete -c owlcodad -n "__fish_owlcodad_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand serve" -l config -d 'Configuration file. Default: config.json in the home, where there is one' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand serve" -l home -d 'Data directory. Default: $OWLCODA_HOME, else ~/.owlcoda' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand serve" -l socket -d 'Control socket. Default: run/control.sock in the home' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand serve" -l detach -d 'Leave the terminal: an own session, and log lines only in the log file [default: log/owlcodad.log in the home]. `owlctl start` does it so'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand serve" -l system -d 'Serve as a service of the machine: files in /var/lib/owlcoda and /etc/owlcoda, control socket in /run/owlcoda, open to the groups owlcoda (look) and owlcoda-admin'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand serve" -l dry-run -d 'Check the configuration, the port and the machine, and end'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand serve" -l json -d 'Print one JSON object instead of text; with --dry-run'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand serve" -s h -l help -d 'Print help'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand init" -l endpoint -d 'Model server to ask, instead of those on the usual ports; may be given several times' -r
complete -c owlcodad -n "__fish_owlcodad_using_subcommand init" -l config -d 'Configuration file. Default: config.json in the home, where there is one' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand init" -l home -d 'Data directory. Default: $OWLCODA_HOME, else ~/.owlcoda' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand init" -l force -d 'Replace a file that exists; it is kept beside the new one'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand init" -l json -d 'Print one JSON object instead of text'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand init" -s h -l help -d 'Print help'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand validate" -l config -d 'Configuration file. Default: config.json in the home, where there is one' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand validate" -l home -d 'Data directory. Default: $OWLCODA_HOME, else ~/.owlcoda' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand validate" -l json -d 'Print one JSON object instead of text'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand validate" -s h -l help -d 'Print help'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand doctor" -l config -d 'Configuration file. Default: config.json in the home, where there is one' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand doctor" -l home -d 'Data directory. Default: $OWLCODA_HOME, else ~/.owlcoda' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand doctor" -l socket -d 'Control socket. Default: run/control.sock in the home' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand doctor" -l bundle -d 'Write a tar file for whoever helps: checks, configuration without keys, end of the log, crashes' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand doctor" -l fix -d 'Mend what can be mended without a question: modes of our own files, a socket left behind'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand doctor" -l json -d 'Print one JSON object instead of text'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and not __fish_seen_subcommand_from show export migrate schema help" -s h -l help -d 'Print help'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and not __fish_seen_subcommand_from show export migrate schema help" -f -a "show" -d 'Print every value in force and what it comes from; keys are never shown'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and not __fish_seen_subcommand_from show export migrate schema help" -f -a "export" -d 'Print a configuration that another machine can use, without keys'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and not __fish_seen_subcommand_from show export migrate schema help" -f -a "migrate" -d 'Rewrite a file of an older version in the form of today; the old one is kept beside it'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and not __fish_seen_subcommand_from show export migrate schema help" -f -a "schema" -d 'Print the JSON Schema of the file, for editors'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and not __fish_seen_subcommand_from show export migrate schema help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'Configuration file. Default: config.json in the home, where there is one' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from show" -l home -d 'Data directory. Default: $OWLCODA_HOME, else ~/.owlcoda' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'Print one JSON object instead of text'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from export" -l format -d 'What to print: a file for the other machine, variables for a shell, or what is in it' -r -f -a "json\t''
env\t''
text\t''"
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from export" -l config -d 'Configuration file. Default: config.json in the home, where there is one' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from export" -l home -d 'Data directory. Default: $OWLCODA_HOME, else ~/.owlcoda' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from export" -l json -d 'Print one JSON object with the configuration, the variables that it needs and what is left out'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from migrate" -l config -d 'Configuration file. Default: config.json in the home, where there is one' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from migrate" -l home -d 'Data directory. Default: $OWLCODA_HOME, else ~/.owlcoda' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from migrate" -l dry-run -d 'Say what would change, and write nothing'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from migrate" -l json -d 'Print one JSON object instead of text'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from migrate" -s h -l help -d 'Print help'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from schema" -s h -l help -d 'Print help'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Print every value in force and what it comes from; keys are never shown'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "export" -d 'Print a configuration that another machine can use, without keys'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "migrate" -d 'Rewrite a file of an older version in the form of today; the old one is kept beside it'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "schema" -d 'Print the JSON Schema of the file, for editors'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and not __fish_seen_subcommand_from verify repair export verify-archive import restore help" -l home -d 'Data directory. Default: $OWLCODA_HOME, else ~/.owlcoda' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and not __fish_seen_subcommand_from verify repair export verify-archive import restore help" -l json -d 'Print one JSON object'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and not __fish_seen_subcommand_from verify repair export verify-archive import restore help" -s h -l help -d 'Print help'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and not __fish_seen_subcommand_from verify repair export verify-archive import restore help" -f -a "verify" -d 'Read every record and say what is wrong; changes nothing'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and not __fish_seen_subcommand_from verify repair export verify-archive import restore help" -f -a "repair" -d 'Mend what can be mended, set aside what cannot be opened, and verify'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and not __fish_seen_subcommand_from verify repair export verify-archive import restore help" -f -a "export" -d 'Write everything into an archive that needs no engine to be read'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and not __fish_seen_subcommand_from verify repair export verify-archive import restore help" -f -a "verify-archive" -d 'Read an archive from one end to the other and check every line; no store is needed'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and not __fish_seen_subcommand_from verify repair export verify-archive import restore help" -f -a "import" -d 'Make a store of an archive in a home that has none'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and not __fish_seen_subcommand_from verify repair export verify-archive import restore help" -f -a "restore" -d 'Put what is in an archive in the place of the store, which is kept'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and not __fish_seen_subcommand_from verify repair export verify-archive import restore help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from verify" -l home -d 'Data directory. Default: $OWLCODA_HOME, else ~/.owlcoda' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from verify" -l json -d 'Print one JSON object'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from repair" -l home -d 'Data directory. Default: $OWLCODA_HOME, else ~/.owlcoda' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from repair" -l json -d 'Print one JSON object'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from repair" -s h -l help -d 'Print help'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from export" -l home -d 'Data directory. Default: $OWLCODA_HOME, else ~/.owlcoda' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from export" -l json -d 'Print one JSON object'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from verify-archive" -l home -d 'Data directory. Default: $OWLCODA_HOME, else ~/.owlcoda' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from verify-archive" -l json -d 'Print one JSON object'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from verify-archive" -s h -l help -d 'Print help'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from import" -l home -d 'Data directory. Default: $OWLCODA_HOME, else ~/.owlcoda' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from import" -l json -d 'Print one JSON object'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from restore" -l home -d 'Data directory. Default: $OWLCODA_HOME, else ~/.owlcoda' -r -F
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from restore" -l json -d 'Print one JSON object'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from restore" -s h -l help -d 'Print help'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Read every record and say what is wrong; changes nothing'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from help" -f -a "repair" -d 'Mend what can be mended, set aside what cannot be opened, and verify'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from help" -f -a "export" -d 'Write everything into an archive that needs no engine to be read'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from help" -f -a "verify-archive" -d 'Read an archive from one end to the other and check every line; no store is needed'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from help" -f -a "import" -d 'Make a store of an archive in a home that has none'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from help" -f -a "restore" -d 'Put what is in an archive in the place of the store, which is kept'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand storage; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand help; and not __fish_seen_subcommand_from serve init validate doctor config storage help" -f -a "serve" -d 'Run in the foreground until SIGTERM or SIGINT; a second signal ends it at once'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand help; and not __fish_seen_subcommand_from serve init validate doctor config storage help" -f -a "init" -d 'Ask the model servers of this machine for their models, and write a configuration with them'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand help; and not __fish_seen_subcommand_from serve init validate doctor config storage help" -f -a "validate" -d 'Tell everything that is wrong with the configuration, each with its line and code'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand help; and not __fish_seen_subcommand_from serve init validate doctor config storage help" -f -a "doctor" -d 'Look at everything that serving depends on, and tell what mends it'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand help; and not __fish_seen_subcommand_from serve init validate doctor config storage help" -f -a "config" -d 'Show, export or rewrite the configuration'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand help; and not __fish_seen_subcommand_from serve init validate doctor config storage help" -f -a "storage" -d 'Verify, repair, export or restore the store while no daemon runs'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand help; and not __fish_seen_subcommand_from serve init validate doctor config storage help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Print every value in force and what it comes from; keys are never shown'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "export" -d 'Print a configuration that another machine can use, without keys'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "migrate" -d 'Rewrite a file of an older version in the form of today; the old one is kept beside it'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "schema" -d 'Print the JSON Schema of the file, for editors'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand help; and __fish_seen_subcommand_from storage" -f -a "verify" -d 'Read every record and say what is wrong; changes nothing'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand help; and __fish_seen_subcommand_from storage" -f -a "repair" -d 'Mend what can be mended, set aside what cannot be opened, and verify'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand help; and __fish_seen_subcommand_from storage" -f -a "export" -d 'Write everything into an archive that needs no engine to be read'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand help; and __fish_seen_subcommand_from storage" -f -a "verify-archive" -d 'Read an archive from one end to the other and check every line; no store is needed'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand help; and __fish_seen_subcommand_from storage" -f -a "import" -d 'Make a store of an archive in a home that has none'
complete -c owlcodad -n "__fish_owlcodad_using_subcommand help; and __fish_seen_subcommand_from storage" -f -a "restore" -d 'Put what is in an archive in the place of the store, which is kept'

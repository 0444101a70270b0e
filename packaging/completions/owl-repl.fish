complete -c owl-repl -l home -d 'Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]' -r -F
complete -c owl-repl -l socket -d 'Control socket of the daemon [default: `run/control.sock` in its data directory]' -r -F
complete -c owl-repl -l model -d 'Model id, alias or tier [default: the daemon\'s default model]' -r
complete -c owl-repl -l resume -d 'Go on with a conversation: its id, or `last`' -r
complete -c owl-repl -s p -l prompt -d 'Send this one prompt, print the answer and leave; `-` reads it from standard input' -r
complete -c owl-repl -s h -l help -d 'Print help (see more with \'--help\')'
complete -c owl-repl -s V -l version -d 'Print version'

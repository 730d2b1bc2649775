/* completion.c: `potline completion`: a script that has a shell complete command lines of potline.
 *
 * The scripts know nothing of the subcommands: they ask `potline completion words`, which goes by the same rows as
 * everything else (complete.h).
 */
#include <string.h>

#include "complete.h"

static const char bash[] =
    "# bash completion of potline; load it with: source <(potline completion bash)\n"
    "_potline() {\n"
    "    local current=\"${COMP_WORDS[COMP_CWORD]}\" line candidates=()\n"
    "    COMPREPLY=()\n"
    "    [[ \"$current\" == = ]] && current=\"\"\n"
    "    while IFS= read -r line; do\n"
    "        case \"$line\" in\n"
    "            :files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$current\") ;;\n"
    "            :folders) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$current\") ;;\n"
    "            :graphs)\n"
    "                compopt -o filenames\n"
    "                mapfile -t COMPREPLY < <(compgen -f -X '!*.y?(a)ml' -- \"$current\"; compgen -d -- \"$current\") "
    ";;\n"
    "            *) candidates+=(\"${line%%$'\\t'*}\") ;;\n"
    "        esac\n"
    "    done < <(\"${COMP_WORDS[0]}\" completion words -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
    "    ((${#candidates[@]})) || return 0\n"
    "    COMPREPLY=(\"${candidates[@]}\")\n"
    "    [[ ${#candidates[@]} == 1 && \"${candidates[0]}\" == *[.=] ]] && compopt -o nospace\n"
    "    return 0\n"
    "}\n"
    "shopt -s extglob # for :graphs\n"
    "complete -F _potline potline\n";

static const char zsh[] =
    "#compdef potline\n"
    "# zsh completion of potline; write it to a folder of $fpath as _potline, or: source <(potline completion zsh)\n"
    "_potline() {\n"
    "    local line word rest\n"
    "    local -a candidates open\n"
    "    while IFS= read -r line; do\n"
    "        case \"$line\" in\n"
    "            :files) _files ;;\n"
    "            :folders) _files -/ ;;\n"
    "            :graphs) _files -g '*.(yaml|yml)' ;;\n"
    "            *)\n"
    "                word=\"${line%%$'\\t'*}\" rest=\"${line#*$'\\t'}\"\n"
    "                if [[ \"$word\" == *[.=] ]]; then open+=(\"$word\");\n"
    "                elif [[ \"$rest\" == \"$line\" ]]; then candidates+=(\"${word//:/\\\\:}\");\n"
    "                else candidates+=(\"${word//:/\\\\:}:$rest\"); fi ;;\n"
    "        esac\n"
    "    done < <(\"${words[1]}\" completion words -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
    "    (( ${#open} )) && compadd -S '' -a open\n"
    "    (( ${#candidates} )) && _describe potline candidates\n"
    "}\n"
    "if [[ \"$funcstack[1]\" == _potline ]]; then _potline; else compdef _potline potline; fi\n";

static const char fish[] =
    "# fish completion of potline; write it to ~/.config/fish/completions/potline.fish, or: potline completion fish | "
    "source\n"
    "function __potline_words\n"
    "    set -l words (commandline -opc) (commandline -ct)\n"
    "    for line in ($words[1] completion words -- $words[2..-1] 2>/dev/null)\n"
    "        switch $line\n"
    "            case ':files'\n"
    "                __fish_complete_path (commandline -ct)\n"
    "            case ':folders'\n"
    "                __fish_complete_directories (commandline -ct)\n"
    "            case ':graphs'\n"
    "                __fish_complete_suffix .yaml\n"
    "            case '*'\n"
    "                echo $line\n"
    "        end\n"
    "    end\n"
    "end\n"
    "complete -c potline -f -a '(__potline_words)'\n";

static int print_completion(const struct pl_cli *cli) {
    static const char *const shells[] = {"bash", "zsh", "fish", "words", NULL};
    static const char *const scripts[] = {bash, zsh, fish};
    int chosen = pl_cli_choice(cli, "SHELL", pl_cli_operand(cli, 0), shells);
    if (chosen < 0) return PL_EXIT_USAGE;
    if (shells[chosen + 1]) {
        if (pl_cli_count(cli) > 1) return pl_cli_usage(cli, "\"%s\" is one argument too many", pl_cli_operand(cli, 1));
        fputs(scripts[chosen], stdout);
        return PL_EXIT_OK;
    }
    pl__complete(cli->all, cli->all_count, cli->operands + 1, cli->operand_count - 1, stdout);
    return PL_EXIT_OK;
}

const struct pl_subcommand pl_subcommand_completion = {
    .name = "completion",
    .operands = "bash|zsh|fish",
    .least = 1,
    .most = PL_CLI_ANY,
    .summary = "Print a script that has a shell complete commands of potline.",
    .doc = "bash: `source <(potline completion bash)` in ~/.bashrc. The scripts ask `potline completion words -- "
           "WORD...`\n"
           "what may stand in place of the last word.",
    .run = print_completion,
};

/* complete.h: what may stand at the end of a command line of `potline`, by the subcommands' rows: for a shell's script.
 *
 *     words: run  graphs/smelter.yaml  --reset  cle      ->  "clean"
 *
 * One candidate a line, behind a tab what it is; ":files", ":folders" and ":graphs" leave the rest to the shell.
 */
#ifndef POTLINE_CLI_COMPLETE_H
#define POTLINE_CLI_COMPLETE_H

#include "args.h"

/* `words` are those behind "potline"; the last one, which may be "", is completed. */
void pl__complete(const struct pl_subcommand *const *commands, unsigned command_count, const char *const *words,
                  int count, FILE *out);

#endif

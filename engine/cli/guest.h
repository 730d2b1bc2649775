/* guest.h: the subcommand that no person calls: this binary as the process of an isolated node (runtime/guest.h). */
#ifndef POTLINE_CLI_GUEST_H
#define POTLINE_CLI_GUEST_H

#include "runtime/guest.h"

enum { PL_GUEST_ARGUMENTS = 5 }; /* potline, the subcommand, ENDPOINT, PARENT, NAME */

int pl__cli_guest(char **argv);

#endif

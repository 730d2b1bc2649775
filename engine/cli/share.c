/* share.c: where the files are that come with this potline: the rule library and others.
 *
 * Graph files name them by ${POTLINE_SHARE}, which is set here unless the user has set it: BIN/../share/potline, in the
 * build tree as in an installed one.
 */
#include "args.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void pl__cli_share(void) {
    char exe[PATH_MAX], folder[PATH_MAX], real[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (length <= 0) return;
    exe[length] = 0;
    char *slash = strrchr(exe, '/');
    if (slash) *slash = 0;
    if (snprintf(folder, sizeof folder, "%s/../share/potline", exe) >= (int)sizeof folder) return;
    if (realpath(folder, real)) setenv("POTLINE_SHARE", real, 0);
}

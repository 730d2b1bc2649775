/* folder.h: folders that are made on the way to a file, and are there after a loss of power as that is.
 *
 *     pl_folders_make("/var/lib/potline/pots", &error)
 *
 * Threads: any.
 */
#ifndef POTLINE_STORE_FOLDER_H
#define POTLINE_STORE_FOLDER_H

#include <potline/error.h>

/* mkdir -p. What is made is private (0700), and the folder that it is in has been synced. */
enum pl_code pl_folders_make(const char *path, struct pl_error **error);

#endif

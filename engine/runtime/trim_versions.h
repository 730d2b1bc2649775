/* trim_versions.h: rows of the versions of a folder's zones (store/version.h) go by age as the live ones do.
 *
 * Sizes are not counted: a version is made by somebody, who drops it when there is no room for it.
 */
#ifndef POTLINE_TRIM_VERSIONS_H
#define POTLINE_TRIM_VERSIONS_H

#include "runtime/trim.h"

/* Of `options` the store, which may be open, and the settings. What somebody else writes is left for the next time. */
enum pl_code pl_trim_versions(const struct pl_trim_options *options, pl_time now, struct pl_error **error);

#endif

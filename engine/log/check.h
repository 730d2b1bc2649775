/* check.h: looking through the embedded log (store/check.h): every record, gaps between them, the time index, and the
 * barriers that the last checkpoint names.
 */
#ifndef POTLINE_LOG_CHECK_H
#define POTLINE_LOG_CHECK_H

#include "store/check.h"

enum pl_code pl_check_log(struct pl_check *check, struct pl_error **error);

#endif

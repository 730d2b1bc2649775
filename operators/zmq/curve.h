/* curve.h: CURVE keys (https://rfc.zeromq.org/spec/26) of a socket. A key is 32 bytes, written as 40 characters of Z85.
 */
#ifndef POTLINE_ZMQ_CURVE_H
#define POTLINE_ZMQ_CURVE_H

#include "link.h"

enum { PL__CURVE_TEXT = 40, PL__CURVE_BYTES = 32 };

bool pl__curve_is_key(const char *text);

/* Makes the socket a server (it binds) or a client (it connects). */
enum pl_code pl__curve_set_up(struct pl__link *link, const struct pl__link_options *options, struct pl_error **error);

#endif

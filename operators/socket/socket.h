/* socket.h: what both operators of the plugin say about their connections. */
#ifndef POTLINE_SOCKET_SOCKET_H
#define POTLINE_SOCKET_SOCKET_H

#include <potline/potline.h>

#include "link.h"

/* clang-format off */
#define PL_LINK_OPTIONS(S, at)                                                                                         \
    PL_OPT_STRING(S, at.listen, "listen", "", PL_FIXED,                                                                \
        "Address to listen on: 127.0.0.1:7001, :7001 for every address, [::1]:7001. Either this or connect."),         \
    PL_OPT_STRING(S, at.connect, "connect", "", PL_FIXED, "HOST:PORT to connect to, again and again."),                \
    PL_OPT_DURATION(S, at.backoff, "backoff", "100ms", "1ms", "1h", PL_FIXED,                                          \
        "Wait before the second attempt to connect; doubles with every further one."),                                 \
    PL_OPT_DURATION(S, at.backoff_max, "backoff_max", "10s", "1ms", "1d", PL_FIXED,                                    \
        "The longest wait between attempts to connect.")
/* clang-format on */

static inline void pl_link_check(const struct pl_link_options *options, struct pl_check *check) {
    bool listens = options->listen[0], connects = options->connect[0];
    if (listens == connects) pl_check_error(check, "listen", "give either listen or connect");
    if (listens && !pl_link_address(options->listen))
        pl_check_error(check, "listen", "\"%s\" is not an address; write 127.0.0.1:7001", options->listen);
    if (connects && !pl_link_address(options->connect))
        pl_check_error(check, "connect", "\"%s\" is not an address; write HOST:PORT", options->connect);
}

extern const struct pl_operator pl__source_socket, pl__sink_socket;

#endif

/* access.h: who has asked for what: a line of JSON for each request, in a file that turns over.
 *
 *     {"time":"2026-11-23T06:00:00.123Z","peer":"10.0.0.7","user":"anna","method":"POST","path":"/...","status":200,
 *      "bytes":120,"ms":1.25,"correlation":"plant-7"}
 *
 * `correlation` is that of the answer (x-request-id) and of the audit; `status` 0: the peer left without an answer. No
 * query, header or body is in it. FILE of PL_ACCESS_BYTES becomes FILE.1, and so on to FILE.4; when somebody else moves
 * it (logrotate) a new FILE is begun, without being told. Lines are written once a second, or when there are many; one
 * that cannot be written is left out. Threads: the server's.
 */
#ifndef POTLINE_HTTP_ACCESS_H
#define POTLINE_HTTP_ACCESS_H

#include <stddef.h>

#include <potline/error.h>

#include "http/exchange.h"

enum { PL_ACCESS_BYTES = 16 << 20, PL_ACCESS_FILES = 4 };

struct pl_access;

/* `bytes` of a file, at most. PL_IO: it cannot be written. */
enum pl_code pl_access_new(const char *path, size_t bytes, struct pl_access **access, struct pl_error **error);
void pl_access_free(struct pl_access *access); /* NULL is fine, also below */
void pl_access_put(struct pl_access *access, const struct pl_http_served *served);
void pl_access_flush(struct pl_access *access);

#endif

/* provider.h: the keys of the plant's identity provider (OIDC), as a JWKS from a file or from a URL.
 *
 *     code = pl_provider_new(&(struct pl_provider_options){server, "https://id.plant/keys"}, &provider, &error);
 *     ...
 *     if (pl_jwt_verify(token, pl_provider_keys(provider), ...) == PL_NOT_FOUND && pl_provider_ask(provider, now))
 *         come back in a moment
 *
 * What a URL gives is asked for as soon as the server runs, every five minutes, and when a token names a key that is
 * not known, on a thread of its own: nobody waits for it. Keys are believed for a day without having been heard of
 * again. Threads: the server's, but for the making and the end.
 */
#ifndef POTLINE_HTTP_PROVIDER_H
#define POTLINE_HTTP_PROVIDER_H

#include <potline/time.h>

#include "http/jwt.h"
#include "http/server.h"

struct pl_provider;

struct pl_provider_options { /* borrowed for its life */
    struct pl_http_server *server;
    const char *source; /* a file, https://, or http:// on this machine */
    const char *ca;     /* a file with certificates that such a host may have; NULL: those of the system */
};

/* PL_USAGE: the file holds no keys, or the URL is none. */
enum pl_code pl_provider_new(const struct pl_provider_options *options, struct pl_provider **provider,
                             struct pl_error **error);
void pl_provider_end(struct pl_provider *provider);  /* before the server's end; NULL is fine, also below */
void pl_provider_free(struct pl_provider *provider); /* behind it */

const struct pl_jwt_keys *pl_provider_keys(const struct pl_provider *provider); /* of NULL: none */
void pl_provider_tick(struct pl_provider *provider, pl_time now);               /* monotonic */

/* A key is not known: is it being asked for? No for a file, and a while behind an answer: then there is no such key. */
bool pl_provider_ask(struct pl_provider *provider, pl_time now);

#endif

/* rest.h: the REST interface of an engine: HTTPS, sign-in, and every command and query of it as resources.
 *
 *     pl_rest_new, pl_rest_listen               before the start of the server
 *     pl_rest_show(rest, engine, control)       an engine is there
 *     pl_rest_show(rest, NULL, NULL)            and no longer: returns when nobody is in it any more
 *     pl_rest_free                              behind the server's end
 *
 * It is a face of the control plane (control/ask.h): commands are asked for, with the identity of who has signed in,
 * and their rows become JSON. What takes a while is done on workers of its own; nothing of it is on the data path.
 */
#ifndef POTLINE_HTTP_REST_H
#define POTLINE_HTTP_REST_H

#include "control/control.h"
#include "http/identity.h"
#include "http/monitor.h"
#include "http/server.h"

struct pl_rest;

struct pl_rest_options { /* borrowed for its life */
    struct pl_http_server *server;
    struct pl_monitor *monitor; /* its pages are there too, for who is on this machine; NULL: they are not */
    const char *files;          /* the folder of the dashboard; NULL: none */
    const char *issuer;         /* whose tokens are taken besides our own; NULL: nobody's */
    const char *audience, *jwks, *role_claim; /* of those: a file or a URL with keys, and the claim that is the role */
    const char *ca;                           /* of that URL; NULL: the system's */
    const char *log;                          /* a file for a line a request (access.h); NULL: none */
};

enum pl_code pl_rest_new(const struct pl_rest_options *options, struct pl_rest **rest, struct pl_error **error);
/* `identity` NULL: in the clear, which only is for this machine. */
enum pl_code pl_rest_listen(struct pl_rest *rest, const char *address, const struct pl_identity_files *identity,
                            int *port, struct pl_error **error);
void pl_rest_show(struct pl_rest *rest, struct pl_engine *engine, struct pl_control *control); /* NULL rest is fine */
void pl_rest_end(struct pl_rest *rest);  /* before the server's end: no work is under way behind it */
void pl_rest_free(struct pl_rest *rest); /* behind it; NULL is fine */

#endif

/* address.h: whom to connect to and as whom: a connection string, with its host names looked up.
 *
 * PQconnectStart would look names up itself and wait for it. So they are looked up beforehand, on another thread, one
 * after the other, and libpq is given addresses beside the names, which TLS still checks:
 *
 *     pl__pg_address_reset(address);
 *     while ((name = pl__pg_address_next(address))) ... pl__pg_address_found(address, its addresses)
 *     PGconn *conn = pl__pg_address_connect(address);
 */
#ifndef POSTGRES_ADDRESS_H
#define POSTGRES_ADDRESS_H

#include <libpq-fe.h>
#include <netdb.h>
#include <stdbool.h>

#include <potline/error.h>

struct pl__pg_address;

/* No message holds any of the text, which may have a password in it. */
enum pl_code pl__pg_address_new(const char *url, struct pl__pg_address **address, struct pl_error **error);
void pl__pg_address_free(struct pl__pg_address *address); /* NULL is fine */

void pl__pg_address_reset(struct pl__pg_address *address);
const char *pl__pg_address_next(struct pl__pg_address *address); /* to be looked up; NULL: nothing more */

/* Of the name that `next` gave; a list without any is passed over. False without memory. */
bool pl__pg_address_found(struct pl__pg_address *address, const struct addrinfo *list);

bool pl__pg_address_reachable(const struct pl__pg_address *address);  /* there is somebody to connect to */
PGconn *pl__pg_address_connect(const struct pl__pg_address *address); /* begun; NULL without memory */

#endif

/* registry.h: a schema registry, asked from a node's loop, which never waits for it.
 *
 *     source   pl__registry_find(registry, id, &schema, &why) --> PL__SCHEMA_ASKED, and `changed` later: ask again
 *     sink     pl__registry_enter(registry, ...)              --> `changed`, until pl__registry_entered gives the id
 *
 * One question at a time. While the registry does not answer it is asked again, with pauses of up to 10 s, which is
 * said once and when it is over. Schemas never change under their id, so those at hand (PL__SCHEMAS_MAX, the ones used
 * last) are not asked for again; that one is unknown is believed when it has been said for 5 s, as another server of
 * the registry may know it, and then, or when it cannot be read, for half a minute. Thread: the loop's.
 */
#ifndef KAFKA_REGISTRY_H
#define KAFKA_REGISTRY_H

#include <potline/operator.h>

#include "schema.h"

enum { PL__SCHEMAS_MAX = 64 };

struct pl__registry_options {
    bool given;
    struct pl__rest_options rest;
    const char *subject;
    bool auto_register;
};

/* clang-format off */
#define PL__REGISTRY_OPTIONS(S, at)                                                                                     \
    PL_OPT_STRING(S, at.rest.url, "url", NULL, PL_FIXED, "Of the REST API of Confluent's Schema Registry, or of one that speaks it: https://HOST:PORT or with a path behind it."), \
    PL_OPT_STRING(S, at.rest.user, "user", "", PL_FIXED, "Who signs in (HTTP basic authentication); empty: nobody does."), \
    PL_OPT_SECRET(S, at.rest.password, "password", "", PL_FIXED, "Password of `user`."),                               \
    PL_OPT_FILE(S, at.rest.ca, "ca", "", PL_FIXED, "Certificates to trust, PEM; empty: those of the system."),         \
    PL_OPT_FILE(S, at.rest.certificate, "certificate", "", PL_FIXED, "Our own, for a registry that asks for it, PEM."), \
    PL_OPT_FILE(S, at.rest.key, "key", "", PL_FIXED, "Its private key, PEM."),                                         \
    PL_OPT_SECRET(S, at.rest.key_password, "key_password", "", PL_FIXED, "Of that key."),                              \
    PL_OPT_DURATION(S, at.rest.timeout, "timeout", "10s", "100ms", "1m", PL_FIXED, "How long an answer may take; then it is asked again.")
/* clang-format on */

void pl__registry_check(const struct pl__registry_options *options, struct pl_check *check);

struct pl__registry;

/* Options are borrowed. `changed` may be called at any time but from within these. NULL without memory. */
struct pl__registry *pl__registry_new(const struct pl__registry_options *options, struct pl_node *node,
                                      void (*changed)(void *user), void *user);
void pl__registry_free(struct pl__registry *registry); /* at once; NULL is fine */

/* A question whose answer says that this is a registry which lets us in; for who has no other one yet. */
void pl__registry_look(struct pl__registry *registry);
bool pl__registry_there(const struct pl__registry *registry); /* its last answer was one; NULL: nobody is missed */

enum pl__lookup { PL__SCHEMA_HERE, PL__SCHEMA_ASKED, PL__SCHEMA_NONE };

/* *schema and *why are good until the next call. NONE: *why says what is wrong with it. */
enum pl__lookup pl__registry_find(struct pl__registry *registry, uint32_t id, const struct pl__schema **schema,
                                  const char **why);

/* Once: `subject` gets the schema of such rows, or with auto_register: false is looked at for it. */
enum pl_code pl__registry_enter(struct pl__registry *registry, const char *topic, enum pl__schema_type type,
                                enum pl_kind kind, struct pl_error **error);
enum pl__lookup pl__registry_entered(const struct pl__registry *registry, uint32_t *id, const char **why);

#endif

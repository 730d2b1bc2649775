/* rest.h: one question to a schema registry over HTTP, and its answer. It waits: for another thread than the loop's.
 *
 * The REST API is that of Confluent's Schema Registry, which Apicurio, Karapace and Redpanda speak too. What comes back
 * is bytes of a stranger: its size, the depth of its JSON and the length of its words have limits.
 */
#ifndef KAFKA_REST_H
#define KAFKA_REST_H

#include <stddef.h>

#include <potline/option.h>

struct json_t;

enum { PL__ANSWER_MAX = 1 << 20 /* bytes */, PL__REST_WHY = 400 };

struct pl__rest_options {
    const char *url;
    const char *user, *password;
    const char *ca, *certificate, *key, *key_password;
    pl_time timeout;
};

/* The connection is kept from one question to the next. One thread at a time. */
struct pl__rest;

struct pl__rest *pl__rest_new(const struct pl__rest_options *options); /* copied; NULL without memory */
void pl__rest_free(struct pl__rest *rest);

struct pl__answer {
    long status;         /* of HTTP; 0: there is no answer */
    struct json_t *body; /* an object, owned; NULL: the answer is none */
    long error;          /* the registry's own number of what is wrong; 0: none */
    char why[PL__REST_WHY];
};

/* GET `path` (behind the URL, begins with '/'), or POST with a body of JSON. It is over soon after *gone. */
void pl__rest_ask(struct pl__rest *rest, const char *path, const char *body, const bool *gone,
                  struct pl__answer *answer);
void pl__answer_fini(struct pl__answer *answer);

#endif

/* rest.h: one question to a schema registry over HTTP, and its answer, which comes from the loop; nobody waits for it.
 *
 * The REST API is that of Confluent's Schema Registry, which Apicurio, Karapace and Redpanda speak too. What comes back
 * is bytes of a stranger: its size, the depth of its JSON and the length of its words have limits.
 */
#ifndef KAFKA_REST_H
#define KAFKA_REST_H

#include <stdbool.h>
#include <stddef.h>

#include <potline/option.h>

struct json_t;
struct uv_loop_s;

enum { PL__ANSWER_MAX = 4 << 20 /* bytes */, PL__REST_WHY = 400 };

struct pl__rest_options {
    const char *url;
    const char *user, *password;
    const char *ca, *certificate, *key, *key_password;
    pl_time timeout;
};

bool pl__rest_is_url(const char *url); /* with a host, and a port that is one */

struct pl__answer {
    long status;         /* of HTTP; 0: there is no answer */
    struct json_t *body; /* an object or an array, borrowed; NULL: the answer is none */
    bool too_long;       /* more than PL__ANSWER_MAX, so it has not been read */
    long error;          /* the registry's own number of what is wrong; 0: none */
    char why[PL__REST_WHY];
};

/* The connection is kept from one question to the next. Thread: the loop's. */
struct pl__rest;

/* Options are copied. `answered` may ask again, and free what it likes but this. NULL without memory. */
struct pl__rest *pl__rest_new(const struct pl__rest_options *options, struct uv_loop_s *loop,
                              void (*answered)(void *user, const struct pl__answer *answer), void *user);
void pl__rest_free(struct pl__rest *rest); /* at once; what is under way is not answered */

/* GET `path` (behind the URL, begins with '/'), or POST with a body of JSON, which stays until the answer; one at a
 * time. False: no request can be made of it. */
bool pl__rest_ask(struct pl__rest *rest, const char *path, const char *body);

#endif

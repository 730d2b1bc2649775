/* route.h: what the REST interface offers, as rows: one table drives parsing, roles, the OpenAPI document and help.
 *
 *     {PL_HTTP_POST, "alarms/{alarm}/ack", .name = "acknowledgeAlarm", .roles = PL_MAY_OPERATE,
 *      .command = "alarms ack", .fields = alarm_reason, .answer = PL_REST_DONE, ...}
 *
 * A route is carried out by a command of the engine (control/command.h), whose table checks the role once more, or by
 * `run`. A command of an operator is there when the running graph has a node of it, whose plugin brings it; without one
 * lists are empty, one resource is not there (404), and what is to be done cannot be (409); the text says whose
 * nodes would have it. Paths are below the base; a segment in braces is a field of the same name. Versions of the
 * interface are tables side by side.
 */
#ifndef POTLINE_HTTP_ROUTE_H
#define POTLINE_HTTP_ROUTE_H

#include <jansson.h>

#include <potline/command.h>

#include "http/exchange.h"

#define PL_REST_BASE "/industrial-automation/smelting-ops/"

enum { PL_REST_FIELDS = 16, PL_REST_SEGMENTS = 8, PL_REST_SEGMENT = 256 };

enum pl_rest_place { PL_REST_PATH, PL_REST_QUERY, PL_REST_BODY };

enum pl_rest_type {
    PL_REST_TEXT,
    PL_REST_NUMBER,
    PL_REST_WHOLE,
    PL_REST_FLAG,
    PL_REST_TIME,   /* RFC 3339 */
    PL_REST_SPAN,   /* 90s, 2h */
    PL_REST_OBJECT, /* handed on as it is: `run` looks at it */
    PL_REST_LIST,   /* of objects, the same */
    PL_REST_TEXTS
};

struct pl_rest_field {
    const char *name;           /* ends an array when NULL */
    const char *argument;       /* the command's; NULL: none of it */
    const char *const *choices; /* of a TEXT; ends in NULL */
    const char *without;        /* characters that a TEXT has none of */
    const char *with;           /* another field of the body that it needs beside it; NULL: none */
    double low, high;           /* of numbers, where low < high */
    const char *doc, *example;  /* the example as JSON; of a path and a query as text */
    enum pl_rest_place place;
    enum pl_rest_type type;
    unsigned longest; /* bytes of a TEXT; 0: 256 */
    bool required;    /* of a path always */
};

enum pl_rest_answer {
    PL_REST_ROWS,     /* an array of what the command tells, by pages */
    PL_REST_ROW,      /* the one that the path names */
    PL_REST_FIRST,    /* the only one */
    PL_REST_DONE,     /* that it is done, with what the command tells */
    PL_REST_CREATED,  /* 201: there is another resource */
    PL_REST_ACCEPTED, /* 202: it is being done */
    PL_REST_GONE,     /* 204 */
    PL_REST_EVENTS,   /* a stream */
    PL_REST_TEXT_ROW  /* one text */
};

struct pl__call;

struct pl_rest_route {
    enum pl_http_method method;
    const char *path; /* below the version; ends a table when NULL */
    const char *name; /* of the operation, unique */
    const char *doc;  /* one sentence */
    const char *command;
    const char *operators; /* "alarms": whose nodes have that command; NULL: the engine has it by itself */
    const struct pl_rest_field *fields;
    const char *key;    /* the column of a row that names its resource; NULL: rows are none */
    const char *schema; /* of the answer, in the OpenAPI document; NULL: rows */
    void (*run)(struct pl__call *call);
    /* What a body may be, more narrowly than its fields say, for the document: one of these schemas; `plain` is theirs.
     */
    json_t *(*bodies)(const json_t *plain);
    enum pl_rest_answer answer;
    unsigned roles;
    unsigned also; /* a status besides the usual ones, for the document */
    bool open;     /* without sign-in */
    bool places;   /* its cursors are places in a zone */
};

struct pl_rest_version {
    const char *name; /* "v1"; ends an array when NULL */
    const struct pl_rest_route *routes;
};

extern const struct pl_rest_route pl__rest_v1[];

struct pl_rest_match {
    const struct pl_rest_version *version;
    const struct pl_rest_route *route; /* NULL: not with this method */
    unsigned methods;                  /* that the path has, as bits */
    unsigned values;
    char value[PL_REST_SEGMENTS][PL_REST_SEGMENT]; /* of the segments in braces, in order */
};

/* False: nothing has this path. HEAD is GET. Where several paths fit, the one with the fewest segments in braces is
 * meant, whatever its methods, as in OpenAPI. */
bool pl_rest_match(const struct pl_rest_version *versions, enum pl_http_method method, const char *path,
                   struct pl_rest_match *match);

/* Is it below the base? */
bool pl_rest_is_below(const char *path);

#endif

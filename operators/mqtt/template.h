/* template.h: topics and the names of tags, each made of the other.
 *
 *     topic  plant/{line}/pot{pot}/{signal}     matches plant/line1/pot07/voltage: line, pot and signal are variables
 *     tag    {line}.pot{pot}.{signal}           expands to line1.pot07.voltage
 *
 * A level of a pattern holds at most one variable, which stands for one or more characters; a last level '#' stands for
 * all that follows, and is the variable '#', whose slashes become dots. Variables point into the topic. Pure.
 */
#ifndef MQTT_TEMPLATE_H
#define MQTT_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PL_TEMPLATE_LEVELS = 32, PL_TEMPLATE_VARIABLES = 32 };

struct pl_span {
    const char *text;
    size_t length;
};

struct pl_variable {
    struct pl_span name, value;
};

struct pl_variables {
    struct pl_variable item[PL_TEMPLATE_VARIABLES];
    unsigned count;
};

struct pl_pattern {
    struct {
        struct pl_span before, name, behind; /* name of no length: `before` is all of it */
    } level[PL_TEMPLATE_LEVELS];
    unsigned count;
    bool rest; /* '#' follows */
};

/* `text` is borrowed. NULL: it is one; else what is wrong, a constant. */
const char *pl_pattern_parse(struct pl_pattern *pattern, const char *text);

/* The filter of a subscription to it, ended with 0; false when it does not fit. */
bool pl_pattern_filter(const struct pl_pattern *pattern, char *filter, size_t size);
bool pl_pattern_match(const struct pl_pattern *pattern, const char *topic, struct pl_variables *variables);
bool pl_pattern_has(const struct pl_pattern *pattern, const char *name, size_t length);

/* The text of a template with its variables put in; dots instead of the slashes of '#'. Returns its length, without a 0
 * behind it; 0: it does not fit, or a variable is not there. */
size_t pl_template_expand(const char *text, const struct pl_variables *variables, char *out, size_t size);

/* The next variable of a template from *at on; false: there is none. *why is set when the text is no template. */
bool pl_template_next(const char **at, struct pl_span *name, const char **why);

#endif

/* field.h: `potline run GRAPH --field FILE`: the field side, an engine of its own in a supervised process.
 *
 * It is started beside the engine, started again when it dies, and stopped with it when the engine ends in good order.
 * When the engine dies it goes on; the next one finds it at work on its data folder and leaves it there.
 */
#ifndef POTLINE_CLI_FIELD_H
#define POTLINE_CLI_FIELD_H

#include "cli.h"

#define PL_CLI_FIELD                                                                                                   \
    {"field", "FILE", "Run this graph, the field side, in a process of its own that outlives this one's death.", 0}, { \
        "field-data", "DIR", "Its data folder (default: that of GRAPH, with .field behind it).", 0                     \
    }

struct pl_field;

/* Starts to look after it. `data`: the engine's own folder. NULL without --field, or after an error. Owned by the
 * caller. */
enum pl_code pl_field_begin(const struct pl_cli *cli, const char *data, struct pl_field **field,
                            struct pl_error **error);

/* The engine has ended: the field side does too, if that was in good order; else it goes on. NULL is fine. */
void pl_field_end(struct pl_field *field, bool orderly);

#endif

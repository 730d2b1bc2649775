/* tap_where.h: a condition over the rows of a tap: `value > 4.8`, and of events `severity > 500 and body.value > 20`.
 *
 * Numbers of an event's body are called body.NAME; where an event has none of that name it is no number, and no
 * comparison with it holds.
 */
#ifndef POTLINE_CONTROL_TAP_WHERE_H
#define POTLINE_CONTROL_TAP_WHERE_H

#include <potline/batch.h>
#include <potline/error.h>

struct pl_where;

/* PL_OK with *made NULL for no condition (""). */
enum pl_code pl_where_new(const char *text, enum pl_kind kind, struct pl_where **made, struct pl_error **error);
void pl_where_free(struct pl_where *where);                                                    /* NULL is fine */
bool pl_where_holds(const struct pl_where *where, const struct pl_batch *batch, uint32_t row); /* of NULL: true */

/* The columns that a condition may name, behind each other. */
enum { PL_WHERE_COLUMNS_TEXT = 256 };
void pl_where_columns(enum pl_kind kind, const char *between, char text[PL_WHERE_COLUMNS_TEXT]);

#endif

/* arena.h: memory of one life: everything that a graph is made of is taken from its arena and freed with it.
 *
 * The first failure sticks: pl__arena_code tells at the end whether all was well, so code in between only has to
 * survive a NULL. The limit stops a small file from becoming a large graph.
 */
#ifndef POTLINE_GRAPH_ARENA_H
#define POTLINE_GRAPH_ARENA_H

#include <potline/error.h>

struct pl_arena;

struct pl_arena *pl__arena_new(size_t limit); /* bytes in all; NULL without memory */
void pl__arena_free(struct pl_arena *arena);  /* NULL is fine */

void *pl__arena_alloc(struct pl_arena *arena, size_t size); /* zeroed, aligned for any type; NULL: see pl__arena_code */
char *pl__arena_text(struct pl_arena *arena, const char *text, size_t length); /* a copy that ends in 0 */
char *pl__arena_print(struct pl_arena *arena, const char *format, ...) PL_PRINTF(2, 3);

enum pl_code pl__arena_code(const struct pl_arena *arena);      /* PL_OK, PL_NO_MEMORY or PL_LIMIT */
void pl__arena_fail(struct pl_arena *arena, enum pl_code code); /* memory that a library asked for elsewhere */

#define PL__ARENA_NEW(arena, type) ((type *)pl__arena_alloc((arena), sizeof(type)))

#endif

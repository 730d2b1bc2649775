/* tally.h: how often each of a few names came up.
 *
 *     struct pl_tally by_user;
 *     pl_tally_init(&by_user, 100);
 *     pl_tally_add(&by_user, "anna");
 *     pl_tally_sort(&by_user);
 *     ... by_user.entries[0].name, .count ...
 *     pl_tally_fini(&by_user);
 *
 * Past the limit a new name counts among the others; without memory too, and `failed` says so. For one thread.
 */
#ifndef POTLINE_BASE_TALLY_H
#define POTLINE_BASE_TALLY_H

#include <stdbool.h>
#include <stdint.h>

struct pl_tally_entry {
    char *name;
    uint64_t count;
};

struct pl_tally {
    struct pl_tally_entry *entries; /* in order of appearance, or as pl_tally_sort left them */
    unsigned count, limit;
    unsigned latest; /* the entry of the last name: it mostly comes again */
    uint64_t others;
    bool failed;
};

void pl_tally_init(struct pl_tally *tally, unsigned limit); /* takes no memory yet */
void pl_tally_fini(struct pl_tally *tally);
void pl_tally_add(struct pl_tally *tally, const char *name);
void pl_tally_sort(struct pl_tally *tally); /* the most frequent first, then by name */

#endif

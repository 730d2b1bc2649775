/* What the manual says: the command meant, the nearest to one that is none, and help. */
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "control/command.h"
#include "shell_manual.h"
#include "shell_shown.h"

static const struct pl_manual_entry *list_of(const struct pl_manual *manual, const char *word) {
    const char *const words[] = {word, "list"};
    for (unsigned i = 0; i < manual->count; i++)
        if (pl_command_words(manual->entries[i].name, words, 2) == 2) return &manual->entries[i];
    return NULL;
}

const struct pl_manual_entry *pl_manual_find(const struct pl_manual *manual, const char *const *words, unsigned count,
                                             unsigned *used) {
    const struct pl_manual_entry *best = NULL;
    *used = 0;
    for (unsigned i = 0; i < manual->count; i++) {
        unsigned matched = pl_command_words(manual->entries[i].name, words, count);
        if (matched <= *used) continue;
        *used = matched;
        best = &manual->entries[i];
    }
    bool alone = count == 1 || (count > 1 && words[1][0] == '-');
    if (!best && alone && (best = list_of(manual, words[0]))) *used = 1;
    return best;
}

/* Two words are held against whole names; one also against the first words of names. */
const char *pl_manual_nearest(const struct pl_manual *manual, const char *const *words, unsigned count) {
    char said[128], *firsts = NULL;
    const char **names = pl_alloc((manual->count + 1) * sizeof *names), *nearest = NULL;
    if (!names || !count) goto done;
    for (unsigned i = 0; i < manual->count; i++)
        names[i] = manual->entries[i].name;
    if (count > 1) {
        snprintf(said, sizeof said, "%s %s", words[0], words[1]);
        nearest = pl_text_nearest(said, names, manual->count);
    }
    if (!nearest) nearest = pl_text_nearest(words[0], names, manual->count);
    for (unsigned i = 0; !nearest && i < manual->count; i++) {
        firsts = pl_strndup(names[i], strcspn(names[i], " "));
        if (firsts && pl_text_nearest(words[0], (const char *const[]){firsts}, 1)) nearest = names[i];
        pl_free(firsts);
    }
done:
    pl_free(names);
    return nearest;
}

/* ---- Help ---- */

static void put_usage(struct pl_buffer *out, const struct pl_manual_entry *entry) {
    pl_buffer_puts(out, entry->name);
    for (unsigned i = 0; i < entry->arg_count; i++) {
        const struct pl_manual_arg *arg = &entry->args[i];
        const char *open = arg->required ? "" : "[", *close = arg->required ? "" : "]";
        const char *more = pl_manual_is_list(arg) ? "..." : "";
        if (pl_manual_is_switch(arg))
            pl_buffer_printf(out, " [--%s]", arg->name);
        else
            pl_buffer_printf(out, " %s%s%s%s", open, arg->name, more, close);
    }
    pl_buffer_putc(out, '\n');
}

static void put_arg(struct pl_buffer *out, const struct pl_manual_arg *arg, unsigned names, unsigned width) {
    static const char before[] = "  --";
    struct pl_buffer text;
    unsigned indent = names + (unsigned)strlen(before) + 2;
    pl_buffer_init(&text, 8 * PL_GRID_VALUE_MAX);
    pl_buffer_printf(&text, "%s (%s", arg->doc, arg->type);
    if (arg->range[0]) pl_buffer_printf(&text, ", %s", arg->range);
    if (arg->required) pl_buffer_puts(&text, ", required");
    if (arg->fallback[0]) pl_buffer_printf(&text, ", default %s", arg->fallback);
    pl_buffer_puts(&text, ")");
    pl_buffer_putc(&text, 0);
    pl_buffer_puts(out, before);
    pl_shown_fit(out, arg->name, names, false);
    pl_buffer_puts(out, "  ");
    pl_shown_wrap(out, pl_buffer_failed(&text) ? arg->doc : text.data, width, indent, indent);
    pl_buffer_putc(out, '\n');
    pl_buffer_fini(&text);
}

static void put_paragraph(struct pl_buffer *out, const char *text, unsigned width) {
    pl_shown_wrap(out, text, width, 0, 0);
    pl_buffer_putc(out, '\n');
}

static void put_entry(struct pl_buffer *out, const struct pl_manual_entry *entry, unsigned width) {
    unsigned names = 0;
    for (unsigned i = 0; i < entry->arg_count; i++) {
        unsigned wide = pl_shown_width(entry->args[i].name, strlen(entry->args[i].name));
        if (wide > names) names = wide;
    }
    put_usage(out, entry);
    put_paragraph(out, entry->doc, width);
    for (unsigned i = 0; i < entry->arg_count; i++)
        put_arg(out, &entry->args[i], names, width);
    if (entry->roles[0]) pl_buffer_printf(out, "for: %s\n", entry->roles);
    if (entry->changes) put_paragraph(out, "It changes something: the audit keeps it; --reason says why.", width);
}

/* Do the words begin the name, word by word? */
static bool begins(const char *name, const char *const *words, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        size_t length = strcspn(name, " ");
        if (strlen(words[i]) != length || memcmp(words[i], name, length) != 0) return false;
        name += length;
        name += strspn(name, " ");
    }
    return true;
}

static void put_line(struct pl_buffer *out, const struct pl_manual_entry *entry, unsigned names,
                     const struct pl_grid_style *style) {
    unsigned width = names + 2;
    if (style->colour) pl_buffer_puts(out, PL_TONE_BOLD);
    pl_shown_fit(out, entry->name, names, false);
    if (style->colour) pl_buffer_puts(out, PL_TONE_OFF);
    pl_buffer_puts(out, "  ");
    unsigned whole = pl_shown_width(entry->doc, strlen(entry->doc));
    bool cut = style->width > width && whole > style->width - width;
    pl_shown_fit_words(out, entry->doc, cut ? style->width - width : whole);
    pl_buffer_putc(out, '\n');
}

bool pl_manual_put_help(struct pl_buffer *out, const struct pl_manual *manual, const char *const *words, unsigned count,
                        const struct pl_grid_style *style) {
    unsigned names = 0, found = 0;
    const struct pl_manual_entry *only = NULL;
    for (unsigned i = 0; i < manual->count; i++) {
        const struct pl_manual_entry *entry = &manual->entries[i];
        unsigned width = pl_shown_width(entry->name, strlen(entry->name));
        if (!begins(entry->name, words, count)) continue;
        if (width > names) names = width;
        if (!only || pl_command_words(entry->name, words, count) == count) only = entry;
        found++;
    }
    bool meant = count && only && (found == 1 || pl_command_words(only->name, words, count) == count);
    if (meant) put_entry(out, only, style->width);
    for (unsigned i = 0; found > 1 && i < manual->count; i++)
        if (begins(manual->entries[i].name, words, count) && !(meant && &manual->entries[i] == only))
            put_line(out, &manual->entries[i], names, style);
    return found > 0;
}

#include "roff.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* Of the text around the tables: pages need one, and the same sources are to give the same pages. */
static const char date[] = "2026-11-26";

static void put_span(FILE *out, const char *text, size_t length) {
    bool code = false, begin = true;
    for (const char *end = text + length; text < end; text++) {
        if (begin && (*text == '.' || *text == '\'')) fputs("\\&", out);
        begin = *text == '\n';
        if (*text == '`') {
            code = !code;
            fputs(code ? "\\fB" : "\\fR", out);
        } else if (*text == '\\') {
            fputs("\\e", out);
        } else if (*text == '-') {
            fputs("\\-", out);
        } else {
            putc(*text, out);
        }
    }
    if (code) fputs("\\fR", out);
    putc('\n', out);
}

void pl_roff_text(FILE *out, const char *text) {
    put_span(out, text, strlen(text));
}

void pl_roff_paragraphs(FILE *out, const char *text) {
    while (*text) {
        const char *end = strstr(text, "\n\n");
        size_t length = end ? (size_t)(end - text) : strlen(text);
        fputs(".PP\n", out);
        put_span(out, text, length);
        text += length;
        text += strspn(text, "\n");
    }
}

void pl_roff_head(FILE *out, const char *name, int section, const char *summary) {
    fputs(".\\\" Made by tools/generate from the tables of options: do not edit.\n.TH ", out);
    for (const char *c = name; *c; c++)
        putc(toupper((unsigned char)*c), out);
    fprintf(out, " %d %s \"potline %s\" \"Potline\"\n.SH NAME\n", section, date, POTLINE_VERSION);
    for (const char *c = name; *c; c++)
        *c == '-' ? fputs("\\-", out) : putc(*c, out);
    fputs(" \\- ", out);
    size_t length = strcspn(summary, "\n");
    if (length && summary[length - 1] == '.') length--;
    if (length) putc(tolower((unsigned char)summary[0]), out);
    put_span(out, summary + (length > 0), length - (length > 0));
}

/* roff.h: text as pages of the manual have it: `code` becomes bold, and no line begins with a control character. */
#ifndef POTLINE_BASE_ROFF_H
#define POTLINE_BASE_ROFF_H

#include <stdio.h>

/* One or more lines, with a line end behind the last one. */
void pl_roff_text(FILE *out, const char *text);

/* Paragraphs that are parted by empty lines, each behind a .PP. */
void pl_roff_paragraphs(FILE *out, const char *text);

/* .TH and NAME of the page `name` of section `section`; `summary` is one sentence. */
void pl_roff_head(FILE *out, const char *name, int section, const char *summary);

#endif

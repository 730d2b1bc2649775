/* csv.h: the operators of this plugin. */
#ifndef POTLINE_CSV_H
#define POTLINE_CSV_H

#include <potline/operator.h>

extern const struct pl_operator pl__source_csv;
extern const struct pl_operator pl__sink_csv;

#endif

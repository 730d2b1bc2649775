/* units.h: durations and times as people write them on the command line. */
#ifndef PLANT_UNITS_H
#define PLANT_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "90", "90s", "1.5h", "250ms", "30d", "1h30m": ns. Without a unit: seconds. */
bool plant_duration_parse(const char *text, int64_t *ns);

/* "now", "2025-01-01", "2025-01-01T06:00:00Z", "@1735689600" (s), or ns since 1970 as a plain number. */
bool plant_instant_parse(const char *text, int64_t *ns);

void plant_instant_format(char *out, size_t size, int64_t ns); /* 2025-01-01T06:00:00Z */

#endif

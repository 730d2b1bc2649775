/* robust.h: rows to learn a correlation from, without those that spoil it.
 *
 * The minimum covariance determinant (Rousseeuw and Van Driessen 1999): the three quarters of the rows that are nearest
 * to a centre and scatter give a better centre and scatter, until they are the same rows. It begins with the distance
 * from medians in median deviations, so the answer is the same for the same rows. Then every row counts again that is
 * not farther off than one normal row in ten thousand, so that nothing is taken from the tails of good ones. Up to a
 * quarter of the rows may be anything.
 */
#ifndef POTLINE_DETECT_ROBUST_H
#define POTLINE_DETECT_ROBUST_H

#include <stdbool.h>
#include <stdint.h>

/* Of rows [*count][stride] those that are no outliers go to `kept`, in order; *count says how many. False without
 * memory. Fewer rows than a scatter takes are all kept. */
bool robust_rows(const double *rows, uint32_t *count, uint32_t signals, uint32_t stride, double *kept);

#endif

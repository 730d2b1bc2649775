/* fit.h: free constants of an experiment from its data (see potline/model.h). */
#ifndef TWIN_FIT_H
#define TWIN_FIT_H

#include <potline/model.h>

enum pl_code fit_run(struct pl_fit *fit, struct pl_error **error);
void fit_release(struct pl_fit *fit);

#endif

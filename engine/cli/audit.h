/* audit.h: what the verbs of `potline audit` share; a file each. */
#ifndef POTLINE_CLI_AUDIT_H
#define POTLINE_CLI_AUDIT_H

#include "cli.h"
#include "store/audit.h"

int pl__audit_verify(const struct pl_cli *cli);
int pl__audit_report(const struct pl_cli *cli);

/* The folder of --data, for reading. */
enum pl_code pl__audit_folder(const struct pl_cli *cli, struct pl_store **store, struct pl_error **error);

/* Says why on standard error; PL_EXIT_FAILED. Frees the error. */
int pl__audit_failed(struct pl_error *error);

#endif

/* note.h: the audit record of what somebody did at the command line, in a folder that no engine holds. */
#ifndef POTLINE_CLI_NOTE_H
#define POTLINE_CLI_NOTE_H

#include "store/audit.h"

/* Appends the record after filling in when, who (of this system) and where. */
enum pl_code pl_cli_note(struct pl_store *store, struct pl_audit_record *record, struct pl_error **error);

#endif

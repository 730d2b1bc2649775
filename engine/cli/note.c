#include "note.h"

#include <pwd.h>
#include <unistd.h>

#include "base/clock.h"

enum pl_code pl_cli_note(struct pl_store *store, struct pl_audit_record *record, struct pl_error **error) {
    struct passwd *person = getpwuid(getuid());
    struct pl_audit *audit;
    struct pl_clock wall;
    pl_clock_init(&wall, PL_CLOCK_WALL, 0);
    record->time = pl_clock_now(&wall);
    record->user = person ? person->pw_name : "unknown";
    record->origin = "cli";
    enum pl_code code = pl_audit_open(store, &audit, error);
    if (code) return code;
    code = pl_audit_append(audit, record, error);
    pl_audit_close(audit);
    return code;
}

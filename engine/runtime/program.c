/* program.c: what operators that are programs have in common (potline/program.h). */
#include <potline/program.h>

#include <string.h>
#include <unistd.h>

const char *const pl_program_formats[] = {
    [PL_CAPNP] = "capnp",
    [PL_MSGPACK] = "msgpack",
    NULL,
};

const struct pl_option pl_program_limits[] = {
    PL_OPT_SIZE(struct pl_program, memory, "memory", "0", "0", "1TiB", PL_FIXED,
                "Data that it may hold (RLIMIT_DATA); 0: no limit."),
    PL_OPT_DURATION(
        struct pl_program, cpu, "cpu", "0s", "0s", "3650d", PL_FIXED,
        "Processor time that one process of it may use in its life (RLIMIT_CPU), before the next one; 0: no "
        "limit."),
    PL_OPT_INT(struct pl_program, files, "files", "256", "16", "1048576", PL_FIXED,
               "Files and sockets that it may have open (RLIMIT_NOFILE)."),
    PL_OPT_SIZE(struct pl_program, state, "state", "256MiB", "0", "1TiB", PL_FIXED,
                "Keys and values of its state, all together; 0: no limit."),
    PL_OPT_END,
};

static bool is_variable(const char *name) {
    return *name && !strchr(name, '=');
}

void pl_program_check(void *self, struct pl_check *check) {
    const struct pl_program *program = self;
    const struct pl_pair *pairs = program->environment.items;
    if (!program->command.count || !*program->command.items[0])
        pl_check_error(check, "command", "names no program; write command: [python3, mine.py]");
    else if (*program->command.items[0] == '/' && access(program->command.items[0], X_OK))
        pl_check_warning(check, "command", "%s: no program here that this user may run", program->command.items[0]);
    for (uint32_t i = 0; i < program->environment.count; i++) {
        if (!is_variable(pairs[i].name))
            pl_check_error(check, "env", "\"%s\" is no name of a variable", pairs[i].name);
        else if (strncmp(pairs[i].name, "POTLINE_", 8) == 0)
            pl_check_error(check, "env", "%s: names that begin with POTLINE_ are the engine's", pairs[i].name);
    }
}

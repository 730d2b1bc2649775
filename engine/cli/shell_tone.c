#include "shell_tone.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const char *const columns[] = {"state",   "status", "severity", "priority",
                                      "quality", "health", "outcome",  "result"};

static const struct {
    const char *value;
    enum pl_tone tone;
} tones[] = {
    {"good", PL_TONE_GOOD},
    {"ok", PL_TONE_GOOD},
    {"running", PL_TONE_GOOD},
    {"normal", PL_TONE_GOOD},
    {"ready", PL_TONE_GOOD},
    {"active", PL_TONE_GOOD},
    {"loaded", PL_TONE_GOOD},
    {"done", PL_TONE_GOOD},
    {"low", PL_TONE_WARN},
    {"medium", PL_TONE_WARN},
    {"warning", PL_TONE_WARN},
    {"uncertain", PL_TONE_WARN},
    {"paused", PL_TONE_WARN},
    {"draining", PL_TONE_WARN},
    {"stopping", PL_TONE_WARN},
    {"shelved", PL_TONE_WARN},
    {"suppressed", PL_TONE_WARN},
    {"blocked", PL_TONE_WARN},
    {"acknowledged", PL_TONE_WARN},
    {"acked", PL_TONE_WARN},
    {"returned", PL_TONE_WARN},
    {"idle", PL_TONE_PLAIN},
    {"bad", PL_TONE_BAD},
    {"failed", PL_TONE_BAD},
    {"error", PL_TONE_BAD},
    {"high", PL_TONE_BAD},
    {"critical", PL_TONE_BAD},
    {"urgent", PL_TONE_BAD},
    {"unacknowledged", PL_TONE_BAD},
    {"unacked", PL_TONE_BAD},
    {"raised", PL_TONE_BAD},
    {"lost", PL_TONE_BAD},
    {"refused", PL_TONE_BAD},
    {"disabled", PL_TONE_BAD},
};

/* Compounds count by their first word: "bad|missing", "high (2)". */
static bool is_word(const char *value, const char *word) {
    size_t length = strlen(word);
    if (strncasecmp(value, word, length) != 0) return false;
    char next = value[length];
    return next == 0 || strchr(" ,|/(:+", next) != NULL;
}

enum pl_tone pl_tone_of(const char *column, const char *value) {
    bool tells = false;
    for (size_t i = 0; i < sizeof columns / sizeof *columns && !tells; i++)
        tells = strcasecmp(column, columns[i]) == 0;
    for (size_t i = 0; tells && i < sizeof tones / sizeof *tones; i++)
        if (is_word(value, tones[i].value)) return tones[i].tone;
    return PL_TONE_PLAIN;
}

const char *pl_tone_on(enum pl_tone tone) {
    static const char *const codes[] = {
        [PL_TONE_PLAIN] = "", [PL_TONE_GOOD] = "\x1b[32m", [PL_TONE_WARN] = "\x1b[33m", [PL_TONE_BAD] = "\x1b[31m"};
    return codes[tone];
}

bool pl_tone_wanted(int fd) {
    const char *none = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(fd) && !(none && *none) && terminal && *terminal && strcmp(terminal, "dumb") != 0;
}
